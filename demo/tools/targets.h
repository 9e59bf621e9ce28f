// Where the three services are, and whether they answer. Used by every verb.
// Thread rule: plain values; calls block.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "demo/support/http_client.h"

namespace heald::demo {

// For one call to a service.
inline constexpr int64_t kCallTimeout_ns = 2'000'000'000;

struct Target {
  std::string service;
  std::string url;  // no slash at the end
};

// `ports` are "orders=8001,users=8002"; `urls` are "payments=http://host:port". What is not named
// keeps its default port on this machine.
Result<std::vector<Target>> ParseTargets(const std::vector<std::string>& ports,
                                         const std::vector<std::string>& urls);

// Those of `all` that `services` names; all of them when it is empty.
std::vector<Target> Select(const std::vector<Target>& all,
                           const std::vector<std::string>& services);

// A message that says which service, where, why, and what to do.
std::string Unreachable(const Target& target, const Error& error);
// Fails on the first target that does not answer /health.
Status CheckReachable(HttpClient* client, const std::vector<Target>& targets);

}  // namespace heald::demo
