// Drives traffic at the services over kept connections: one thread, libcurl's multi interface.
// With a rate it is open-loop, so a slow service does not slow the arrivals. Used by load, steady
// and chaos.
// Thread rule: one thread; only `stop` is set from elsewhere (also from a signal handler).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "demo/tools/latency_histogram.h"
#include "demo/tools/targets.h"

namespace heald::demo {

inline constexpr int64_t kRequestTimeout_ns = 5'000'000'000;
// For a constant rate: enough for a service that doesn't answer before the time-out.
inline constexpr int kOpenLoopConnections = 160;

struct LoadPlan {
  std::vector<Target> targets;
  double rate_per_s = 0;     // per service; 0: as fast as `connections` allow
  int connections = 16;      // per service, most requests in flight
  int64_t max_requests = 0;  // over all services; 0: no limit
  int64_t duration_ns = 0;   // 0: no limit
  uint64_t seed = 1;
};

struct ServiceReport {
  int64_t requests = 0;  // answered or failed
  int64_t errors = 0;    // 5xx and no answer at all
  int64_t skipped = 0;   // due while all connections were busy
  LatencyHistogram latency;
  std::string last_error;
};

struct LoadReport {
  std::map<std::string, ServiceReport> services;
  int64_t elapsed_ns = 0;
};

// `progress` is called about ten times a second. Ends at the plan's limits or at `stop`; requests
// in flight are then waited for, up to their own deadline.
Result<LoadReport> RunLoad(const LoadPlan& plan, const std::atomic<bool>& stop,
                           const std::function<void(const LoadReport&)>& progress);

}  // namespace heald::demo
