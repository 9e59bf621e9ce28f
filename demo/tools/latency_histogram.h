// Latencies in constant memory: logarithmic buckets 2 % wide from 0.1 ms to over a minute.
// Used by the load engine for its summary.
// Thread rule: one thread.
#pragma once

#include <array>
#include <cstdint>

namespace heald::demo {

class LatencyHistogram {
 public:
  void Add(int64_t latency_ns);
  int64_t count() const { return count_; }
  // Nanoseconds, up to 2 % too high; 0 when empty. `quantile` is from 0 to 1.
  int64_t Quantile(double quantile) const;

 private:
  std::array<int64_t, 700> buckets_{};
  int64_t count_ = 0;
};

}  // namespace heald::demo
