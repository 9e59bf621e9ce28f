#include "demo/tools/latency_histogram.h"

#include <algorithm>
#include <cmath>

namespace heald::demo {
namespace {

constexpr double kFirst_ns = 1e5;
constexpr double kGrowth = 1.02;

}  // namespace

void LatencyHistogram::Add(int64_t latency_ns) {
  const double ratio = std::max(1.0, static_cast<double>(latency_ns) / kFirst_ns);
  const auto index = static_cast<size_t>(std::ceil(std::log(ratio) / std::log(kGrowth)));
  ++buckets_[std::min(index, buckets_.size() - 1)];
  ++count_;
}

int64_t LatencyHistogram::Quantile(double quantile) const {
  if (count_ == 0) return 0;
  const auto rank =
      std::max<int64_t>(1, static_cast<int64_t>(std::ceil(quantile * static_cast<double>(count_))));
  int64_t seen = 0;
  size_t index = 0;
  while (index + 1 < buckets_.size() && (seen += buckets_[index]) < rank) ++index;
  return static_cast<int64_t>(kFirst_ns * std::pow(kGrowth, static_cast<double>(index)));
}

}  // namespace heald::demo
