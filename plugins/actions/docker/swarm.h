// Scaling a Swarm service, and what its tasks say about it. Used by the docker action.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "heald/plugin.h"

namespace heald::docker {

struct SwarmService {
  std::string id;
  std::string name;
  uint64_t version = 0;  // goes up with every change, by anyone
  int64_t replicas = 0;
  int64_t previous = -1;  // replicas before the latest update; -1: not known
  nlohmann::json spec;
};

// service: the body of GET /services/{id}. Throws Failure(HEALD_INVALID) for a service that isn't
// replicated.
SwarmService ReadService(const nlohmann::json& service);

nlohmann::json SpecWithReplicas(const SwarmService& service, int64_t replicas);

// Do `replicas` tasks run? tasks: GET /tasks of those that should run.
sdk::Effect JudgeTasks(const std::string& name, const nlohmann::json& tasks, int64_t replicas);

}  // namespace heald::docker
