// What heald itself is made of, so that it doesn't act on it: its own process and listener, its
// store, the servers its samples come from. Known by address, host name, container and process id.
// Used by the engine; the agent adds what only the process knows. Thread rule: plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/model/incident.h"
#include "core/pipeline/spec.h"

namespace heald::remedy {

struct Self {
  struct Part {
    std::string what;                      // "heald itself", "its metrics source prom"
    std::vector<std::string> addresses{};  // host:port; 127.0.0.1 and the like as localhost
    std::vector<std::string> hosts{};      // as a target may be called: container, service, pod
    std::vector<std::string> ids{};        // whole ids of containers and processes
  };
  std::vector<Part> parts;

  // "heald itself (instance 127.0.0.1:8080)"; empty: no part of it.
  std::string Find(const Labels& incident_target, const Finding& finding, const Plan& plan) const;
};

// What a process knows of itself beside its configuration.
struct ProcessIdentity {
  std::string pid;
  std::string container;  // id; empty: in none
  std::string host;
};
Self SelfOf(const AgentSpec& agent, const std::vector<NodeSpec>& nodes,
            const ProcessIdentity& process);

}  // namespace heald::remedy
