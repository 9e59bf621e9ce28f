// The verbs of demo/chaos. Each returns the exit code: 0 done, 1 a service does not answer.
// Used by main.
// Thread rule: one verb per process; Interrupt may come from a signal handler.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "demo/tools/targets.h"

namespace heald::demo {

struct VerbOptions {
  std::vector<Target> targets;
  double rate = 0;          // requests per second and service; spike: share of requests
  int64_t requests = 0;     // 0: no limit
  int64_t duration_ns = 0;  // 0: no limit
  int64_t latency_ns = 0;   // spike
  double leak_mib_s = 0;    // leak
  int connections = 16;     // load
  uint64_t seed = 1;
  std::vector<std::string> faults;  // chaos
  std::string fault;                // break: of NamedFaults
};

int RunHealth(const VerbOptions& options);
int RunTraffic(const char* what, const VerbOptions& options);  // load and steady
int RunSpike(const VerbOptions& options);
int RunLeak(const VerbOptions& options);
int RunBreak(const VerbOptions& options);
int RunChaos(const VerbOptions& options);
int RunClear(const VerbOptions& options);

// Ends traffic early; the summary is still printed and chaos still cleans up.
void Interrupt();

}  // namespace heald::demo
