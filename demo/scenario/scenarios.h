// One fault, unattended: heald has to notice, act and verify, and somebody else than heald checks
// that the service is well. Used by main; the list also by tests.
// Thread rule: the main thread.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "demo/tools/named_faults.h"

namespace heald::demo {

// A metric on the service's own page, and the open range that it must be in.
struct Bounds {
  std::string metric;  // empty: anything goes
  double above = 0;
  double below = 0;
};

struct Scenario {
  std::string name;
  std::string service;
  std::string fault;  // for people
  nlohmann::json body;
  std::string expected;
  bool by_restart = true;  // else the process that had the fault must still run
  int decisions = 1;       // as many as the cure takes
  Bounds meanwhile = {};   // from the fault to the end
  Bounds afterwards = {};
};

const std::vector<Scenario>& Scenarios();
const Scenario* FindScenario(std::string_view name);

// Times since the fault of the first event of each kind that counts, and what is missing.
struct ScenarioResult {
  std::map<std::string, int64_t>
      reached_ns;        // finding, incident, decision, issued, ready, verified
  std::string missing;   // empty: healed
  bool stopped = false;  // by the user
};

struct ScenarioOptions {
  std::string pipeline;
  int64_t limit_ns = 60'000'000'000;  // from the fault to the end of the incident
  bool quiet = false;                 // no timeline
};

ScenarioResult RunScenario(const Scenario& scenario, const ScenarioOptions& options);
// Steady load without a fault; what was decided or done, which should be nothing, else empty.
std::string RunSilence(int64_t duration_ns, const std::string& pipeline);

}  // namespace heald::demo
