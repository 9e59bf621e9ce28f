#include "plugins/actions/docker/compose.h"

#include <algorithm>
#include <charconv>

namespace heald::docker {
namespace {

using nlohmann::json;

std::string TextOf(const json& object, std::string_view key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

std::string NameOf(const json& inspect) {
  const std::string name = TextOf(inspect, "Name");
  return name.starts_with('/') ? name.substr(1) : name;
}

// What stands before the number in the name that compose gave it: "shop-web-" of compose v2,
// "shop_web_" of v1; empty where the name was given by hand.
std::string NamePrefix(const json& inspect) {
  const json& labels = inspect.at("Config").at("Labels");
  const std::string name = NameOf(inspect);
  for (const char* separator : {"-", "_"}) {
    std::string prefix =
        TextOf(labels, kProjectLabel) + separator + TextOf(labels, kServiceLabel) + separator;
    if (name == prefix + TextOf(labels, kNumberLabel)) return prefix;
  }
  return "";
}

// The first port that was chosen by hand; empty where the Engine chooses. hosts: one port's
// bindings.
std::string FixedHostPort(const json& hosts) {
  if (!hosts.is_array()) return "";
  for (const json& host : hosts)
    if (std::string port = TextOf(host, "HostPort"); !port.empty() && port != "0") return port;
  return "";
}

// The settings of one network that a second container can share.
json EndpointOf(const json& network, const json& inspect) {
  json endpoint = json::object();
  for (const char* key : {"Links", "DriverOpts"})
    if (network.contains(key) && !network[key].is_null()) endpoint[key] = network[key];
  const std::string own_id = TextOf(inspect, "Id").substr(0, 12);
  json aliases = json::array();
  if (network.contains("Aliases") && network["Aliases"].is_array())
    for (const json& alias : network["Aliases"])
      if (alias != own_id && alias != NameOf(inspect)) aliases.push_back(alias);
  if (!aliases.empty()) endpoint["Aliases"] = aliases;
  return endpoint;
}

}  // namespace

int64_t NumberOf(const json& labels) {
  const std::string text = TextOf(labels, kNumberLabel);
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::vector<int64_t> WantedNumbers(std::vector<int64_t> present, int64_t replicas) {
  std::sort(present.begin(), present.end());
  for (int64_t next = 1; static_cast<int64_t>(present.size()) < replicas; ++next)
    if (!std::binary_search(present.begin(), present.end(), next))
      present.insert(std::lower_bound(present.begin(), present.end(), next), next);
  present.resize(static_cast<size_t>(replicas));
  return present;
}

std::string WhyNotCloned(const json& inspect) {
  const std::string name = NameOf(inspect);
  if (NamePrefix(inspect).empty())
    return name +
           " has a container_name of its own, so there can be only one: remove "
           "container_name from the compose file";
  const json bindings = inspect.at("HostConfig").value("PortBindings", json::object());
  for (const auto& [port, hosts] : bindings.items())
    if (const std::string fixed = FixedHostPort(hosts); !fixed.empty())
      return std::string(name)
          .append(" publishes ")
          .append(port)
          .append(" on the fixed host port ")
          .append(fixed)
          .append(", which a second container can't have: let the Engine choose the host port");
  const json networks = inspect.at("NetworkSettings").value("Networks", json::object());
  for (const auto& [network, settings] : networks.items()) {
    const json address = settings.value("IPAMConfig", json());
    if (address.is_object() &&
        (!TextOf(address, "IPv4Address").empty() || !TextOf(address, "IPv6Address").empty()))
      return std::string(name)
          .append(" has a fixed address in network ")
          .append(network)
          .append(", which a second container can't have: remove it from the compose file");
  }
  return "";
}

Clone MakeClone(const json& inspect, int64_t number) {
  Clone clone;
  clone.name = NamePrefix(inspect) + std::to_string(number);
  json& body = clone.body;
  body = inspect.at("Config");
  body["Labels"][std::string(kNumberLabel)] = std::to_string(number);
  body["Labels"].erase("com.docker.compose.replace");
  // The Engine names a container's host after its id, unless it was told otherwise.
  const std::string mode = inspect.at("HostConfig").value("NetworkMode", "");
  if (mode == "host" || mode.starts_with("container:") ||
      TextOf(body, "Hostname") == TextOf(inspect, "Id").substr(0, 12))
    body.erase("Hostname");
  body.erase("MacAddress");
  body["HostConfig"] = inspect.at("HostConfig");
  body["HostConfig"].erase("ContainerIDFile");
  if (mode == "host" || mode == "none" || mode.starts_with("container:")) return clone;
  const json networks = inspect.at("NetworkSettings").value("Networks", json::object());
  for (const auto& [network, settings] : networks.items()) {
    // The default network takes no settings.
    json endpoint = network == "bridge" ? json::object() : EndpointOf(settings, inspect);
    if (network == mode || (mode == "default" && network == "bridge"))
      body["NetworkingConfig"]["EndpointsConfig"][network] = std::move(endpoint);
    else
      clone.more_networks.emplace_back(network, std::move(endpoint));
  }
  return clone;
}

}  // namespace heald::docker
