#include "demo/tools/targets.h"

#include <algorithm>
#include <charconv>

#include "core/base/units.h"
#include "demo/services/profile.h"

namespace heald::demo {
namespace {

constexpr int64_t kHealthTimeout_ns = 2 * kSecond;

// Splits "service=value" and finds the service.
Result<Target*> Named(const std::string& text, const char* option, std::vector<Target>* targets,
                      std::string* value) {
  const size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  for (Target& target : *targets) {
    if (equals == std::string::npos || target.service != name) continue;
    *value = text.substr(equals + 1);
    return &target;
  }
  return MakeError(Code::kInvalid, std::string(option) + ": '" + text +
                                       "' does not start with orders=, users= or payments=");
}

Status SetPort(const std::string& text, std::vector<Target>* targets) {
  std::string value;
  const auto target = Named(text, "--ports", targets, &value);
  if (!target) return target.error();
  int port = 0;
  const char* end = value.data() + value.size();
  const auto [at, code] = std::from_chars(value.data(), end, port);
  if (code != std::errc() || at != end || port < 1 || port > 65535)
    return MakeError(Code::kInvalid, "--ports: '" + text + "' needs a port from 1 to 65535");
  (*target)->url = "http://127.0.0.1:" + value;
  return {};
}

Status SetUrl(const std::string& text, std::vector<Target>* targets) {
  std::string value;
  const auto target = Named(text, "--url", targets, &value);
  if (!target) return target.error();
  while (value.ends_with('/')) value.pop_back();
  if (!value.starts_with("http://") || value.size() <= 7)
    return MakeError(Code::kInvalid,
                     "--url: '" + text + "' needs a URL such as http://127.0.0.1:8003");
  (*target)->url = value;
  return {};
}

}  // namespace

Result<std::vector<Target>> ParseTargets(const std::vector<std::string>& ports,
                                         const std::vector<std::string>& urls) {
  std::vector<Target> targets;
  targets.reserve(kProfiles.size());
  for (const ServiceProfile& profile : kProfiles)
    targets.push_back(
        {std::string(profile.name), "http://127.0.0.1:" + std::to_string(profile.port)});
  for (const std::string& port : ports)
    if (const Status status = SetPort(port, &targets); !status) return status.error();
  for (const std::string& url : urls)
    if (const Status status = SetUrl(url, &targets); !status) return status.error();
  return targets;
}

std::vector<Target> Select(const std::vector<Target>& all,
                           const std::vector<std::string>& services) {
  if (services.empty()) return all;
  std::vector<Target> chosen;
  std::copy_if(all.begin(), all.end(), std::back_inserter(chosen), [&](const Target& target) {
    return std::find(services.begin(), services.end(), target.service) != services.end();
  });
  return chosen;
}

std::string Unreachable(const Target& target, const Error& error) {
  return target.service + " does not answer at " + target.url + ": " + error.message +
         "\n  Start the services with ./demo/run, or say where it is with --ports " +
         target.service + "=PORT or --url " + target.service + "=URL";
}

Status CheckReachable(HttpClient* client, const std::vector<Target>& targets) {
  for (const Target& target : targets) {
    const auto reply = client->Send("GET", target.url + "/health", "", kHealthTimeout_ns);
    if (!reply) return MakeError(Code::kUnavailable, Unreachable(target, reply.error()));
    if (reply->status != 200)
      return MakeError(
          Code::kUnavailable,
          Unreachable(target, MakeError(Code::kUnavailable,
                                        "/health answered " + std::to_string(reply->status))));
  }
  return {};
}

}  // namespace heald::demo
