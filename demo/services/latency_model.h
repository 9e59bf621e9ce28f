// The time a healthy request takes: a log-normal draw around a median, cut at a maximum so that the
// p99 is stable. Used by HttpApp.
// Thread rule: all functions from any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>

#include "demo/services/profile.h"

namespace heald::demo {

class LatencyModel {
 public:
  LatencyModel(const ServiceProfile& profile, uint64_t seed);
  int64_t Draw();  // nanoseconds

 private:
  const double max_ms_;
  std::mutex mutex_;
  std::mt19937_64 random_;                          // guarded by mutex_
  std::lognormal_distribution<double> latency_ms_;  // guarded by mutex_
};

}  // namespace heald::demo
