// Scaling a compose service: the Engine has no call for it, so one of its containers is cloned, or
// those with the highest numbers are removed. Used by the docker action.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "plugins/support/docker/container.h"

namespace heald::docker {

// The container's number within its service; 0 where it has none.
int64_t NumberOf(const nlohmann::json& labels);

// The numbers a service should have to get from `present` to `replicas` containers: the lowest free
// ones are added, the highest removed. Sorted.
std::vector<int64_t> WantedNumbers(std::vector<int64_t> present, int64_t replicas);

// Why a container can't be cloned: fixed host port, container_name, fixed address; empty when it
// can. inspect: GET /containers/{id}/json.
std::string WhyNotCloned(const nlohmann::json& inspect);

struct Clone {
  std::string name;
  nlohmann::json body;  // of POST /containers/create
  // The networks beyond the first, which create can't take: name and endpoint settings.
  std::vector<std::pair<std::string, nlohmann::json>> more_networks;
};

// The request that makes container `number` like the inspected one.
Clone MakeClone(const nlohmann::json& inspect, int64_t number);

}  // namespace heald::docker
