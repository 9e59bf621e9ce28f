#include "core/remedy/self.h"

#include <algorithm>
#include <cctype>

namespace heald::remedy {
namespace {

constexpr std::string_view kOwnMetrics = "heald_";
constexpr const char* kPod = "pod:";
constexpr size_t kContainerId = 12;  // as Docker shows containers

bool Holds(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool IsLocal(std::string_view host) {
  return host == "localhost" || host.starts_with("127.") || host == "::1" || host == "0.0.0.0" ||
         host == "::";
}

bool IsAddress(std::string_view host) {
  return host.find(':') != std::string_view::npos ||
         std::all_of(host.begin(), host.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0 || c == '.'; });
}

struct Address {
  std::string host;
  std::string port;
};

// Of "host:port", "[::1]:port", "http://user@host:port/path".
Address AddressOf(std::string_view url) {
  std::string_view port = "80";
  if (const size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    if (url.starts_with("https")) port = "443";
    if (url.starts_with("postgres")) port = "5432";
    url.remove_prefix(scheme + 3);
  }
  url = url.substr(0, url.find_first_of("/?#"));
  if (const size_t at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  std::string_view host = url;
  const size_t colon = url.rfind(':');
  const bool bracketed = url.ends_with(']');
  if (colon != std::string_view::npos && !bracketed) {
    host = url.substr(0, colon);
    port = url.substr(colon + 1);
  }
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {std::string(host), std::string(port)};
}

// One spelling for all that mean this machine.
std::string Canonical(const Address& address, const std::string& own_host) {
  const bool local = IsLocal(address.host) || (!own_host.empty() && address.host == own_host);
  return (local ? "localhost" : address.host) + ":" + address.port;
}

Self::Part PartAt(std::string what, std::string_view url, const std::string& own_host) {
  Self::Part part{std::move(what)};
  const Address address = AddressOf(url);
  if (address.host.empty()) return part;
  part.addresses.push_back(Canonical(address, own_host));
  if (IsLocal(address.host) || IsAddress(address.host) || address.host == own_host) return part;
  part.hosts.push_back(address.host);
  const std::string first = address.host.substr(0, address.host.find('.'));
  if (first != address.host) part.hosts.push_back(first);
  return part;
}

// The ids that a plan acts on: "a,b".
std::vector<std::string_view> Uids(std::string_view uids) {
  std::vector<std::string_view> out;
  while (!uids.empty()) {
    const size_t comma = std::min(uids.find(','), uids.size());
    out.push_back(uids.substr(0, comma));
    uids.remove_prefix(std::min(comma + 1, uids.size()));
  }
  return out;
}

bool SameId(std::string_view a, std::string_view b) {
  if (a == b) return true;
  const bool long_enough = a.size() >= kContainerId && b.size() >= kContainerId;
  return long_enough && (a.starts_with(b) || b.starts_with(a));
}

// How a part of heald appears among a target's labels; empty: not at all. On the agent's own
// machine there is more than the agent.
std::string Among(const Self::Part& part, const Labels& labels, bool own) {
  constexpr std::string_view kNames[] = {"service", "container", "pod",  "deployment",
                                         "job",     "host",      "node", "app"};
  for (const auto& [name, value] : labels.pairs()) {
    const Address address = AddressOf(value);
    const bool has_port = value.find(':') != std::string::npos;
    const std::string canonical =
        (IsLocal(address.host) ? "localhost" : address.host) + ":" + address.port;
    const bool named = std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
    const bool by_name = named && !(own && (name == "host" || name == "node"));
    if ((has_port && Holds(part.addresses, canonical)) || (by_name && Holds(part.hosts, value)) ||
        (name == "pod" && Holds(part.ids, kPod + value)))
      return name + " " + value;
    if (named || name.ends_with("id"))
      for (const std::string& id : part.ids)
        if (SameId(id, name == "pid" ? "pid:" + value : value)) return name + " " + value;
  }
  return "";
}

}  // namespace

std::string Self::Find(const Labels& incident_target, const Finding& finding,
                       const Plan& plan) const {
  for (const Part& part : parts) {
    for (const Labels* labels : {&finding.target, &incident_target})
      if (const std::string how = Among(part, *labels, &part == &parts.front()); !how.empty())
        return part.what + " (" + how + ")";
    for (const std::string_view uid : Uids(plan.target_uid))
      for (const std::string& id : part.ids)
        if (SameId(id, uid)) return part.what + " (" + std::string(uid) + ")";
  }
  if (finding.metric.starts_with(kOwnMetrics) && !parts.empty())
    return parts.front().what + " (" + finding.metric + " is its own metric)";
  return "";
}

Self SelfOf(const AgentSpec& agent, const std::vector<NodeSpec>& nodes,
            const ProcessIdentity& process) {
  Self self;
  Self::Part own = PartAt("heald itself", agent.listen, process.host);
  own.hosts = {"heald"};  // the name in our charts and images
  if (!agent.public_url.empty())
    own.addresses.push_back(Canonical(AddressOf(agent.public_url), process.host));
  if (!process.host.empty() && !own.addresses.empty() &&
      own.addresses.front().starts_with("localhost:"))
    own.addresses.push_back(process.host + own.addresses.front().substr(9));
  if (!process.container.empty()) own.ids.push_back(process.container);
  if (!process.host.empty()) own.ids.push_back(kPod + process.host);  // in Kubernetes its pod
  if (!process.pid.empty()) own.ids.push_back("pid:" + process.pid);
  self.parts.push_back(std::move(own));
  if (agent.store.find("://") != std::string::npos)
    self.parts.push_back(PartAt("heald's store", agent.store, process.host));
  // A source with one `url` asks a server for what it has collected; others read those they watch.
  for (const NodeSpec& node : nodes) {
    const Value* const url = node.kind == Kind::kSource ? node.config.Find("url") : nullptr;
    if (url != nullptr && url->AsString() != nullptr)
      self.parts.push_back(
          PartAt("heald's metrics source " + node.name, *url->AsString(), process.host));
  }
  return self;
}

}  // namespace heald::remedy
