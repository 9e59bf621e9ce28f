// The faults a service suffers on purpose. A first set comes from the environment; GET/PUT/DELETE
// /chaos change it at run time, in memory only, so that a restart is a cure. A new fault is one
// member of Faults, one row in the fault table (chaos_state.cc) and the place where it bites.
// Used by HttpApp.
// Thread rule: all functions from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "demo/services/field.h"

namespace heald::demo {

struct Faults {
  double latency_ms = 0;      // added to a request
  double latency_rate = 1;    // share of requests it is added to
  double failure_rate = 0;    // share of requests answered with 500
  bool hang = false;          // business requests block, /health answers
  bool crash = false;         // the process exits with code 1
  double leak_mib_s = 0;      // memory lost per second, up to kLeakMostMiB, until the process ends
  double cpu_cores = 0;       // kept busy for nobody
  double pool_loss_rate = 0;  // share of requests that never give their database connection back
  double disk_mib_s = 0;      // that the disk fills up with

  // What happens once, to what a service keeps in its data folder: no restart cures it.
  bool crash_loop = false;
  bool drift = false;
  double certificate_days = -1;  // -1: it stays as it is

  bool Any() const {
    return latency_ms > 0 || failure_rate > 0 || hang || crash || leak_mib_s > 0 || cpu_cores > 0 ||
           pool_loss_rate > 0 || disk_mib_s > 0;
  }
  bool NeedData() const { return disk_mib_s > 0 || crash_loop || drift || certificate_days >= 0; }
};

// Reads CHAOS_ENABLED, FAILURE_RATE and LATENCY_SPIKE_RATE; `get` returns null for an unset name.
// Bad values are errors even while CHAOS_ENABLED is off.
Result<Faults> FaultsFromEnvironment(const std::function<const char*(const char*)>& get,
                                     double spike_latency_ms);

class ChaosState {
 public:
  ChaosState(Faults from_environment, uint64_t seed);

  // The body of PUT /chaos.
  static const std::vector<Field>& Fields();
  // What such a body asks for.
  static Faults Asked(const nlohmann::json& body, bool lasting_only = false);
  // Replaces all faults; `body` has passed CheckBody(Fields()). duration_s brings the environment's
  // faults back after that time. What happens once is the caller's.
  void Set(const nlohmann::json& body);
  // No faults at all until the next Set or restart.
  void Clear();

  Faults Current() const;
  nlohmann::json Describe() const;
  // Each is one draw for one request.
  int64_t DrawLatency();  // nanoseconds
  bool DrawFailure();
  bool DrawLostConnection();

 private:
  using Clock = std::chrono::steady_clock;
  void Expire() const;

  const Faults from_environment_;
  mutable std::mutex mutex_;
  mutable Faults faults_;                         // guarded by mutex_
  mutable std::string source_;                    // guarded by mutex_
  mutable std::optional<Clock::time_point> end_;  // guarded by mutex_
  std::mt19937_64 random_;                        // guarded by mutex_
};

}  // namespace heald::demo
