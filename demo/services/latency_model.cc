#include "demo/services/latency_model.h"

#include <algorithm>
#include <cmath>

namespace heald::demo {

LatencyModel::LatencyModel(const ServiceProfile& profile, uint64_t seed)
    : max_ms_(profile.base_max_ms),
      random_(seed),
      latency_ms_(std::log(profile.base_latency_ms), kBaseSpread) {}

int64_t LatencyModel::Draw() {
  std::lock_guard lock(mutex_);
  return static_cast<int64_t>(std::min(max_ms_, latency_ms_(random_)) * 1e6);
}

}  // namespace heald::demo
