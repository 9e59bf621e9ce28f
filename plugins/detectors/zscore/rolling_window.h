// The latest values of one series with their mean and deviation, or median and MAD. Part of zscore;
// knows nothing of findings. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <memory>

namespace heald::zscore {

struct Spread {
  double center = 0;
  double deviation = 0;
};

class RollingWindow {
 public:
  // Values beyond ±kLimit don't fit: the difference of two of them could overflow.
  static constexpr double kLimit = 8e307;

  RollingWindow() = default;
  // sorted: also keep the values in order, for Robust().
  RollingWindow(uint32_t capacity, bool sorted);

  // |value| <= kLimit. The oldest value leaves a full window. Constant time on average; with
  // `sorted`, proportional to the capacity.
  void Push(double value);
  void Clear();
  uint32_t size() const { return size_; }
  // 0 is the oldest.
  double operator[](uint32_t i) const {
    const uint32_t at = (size_ == capacity_ ? next_ : 0) + i;
    return values_[at < capacity_ ? at : at - capacity_];
  }

  // Mean and sample deviation (n - 1); needs two values. Constant time.
  Spread Moments() const;
  // Median and 1.4826 × median absolute deviation; needs `sorted` and one value. O(size).
  Spread Robust() const;

 private:
  void Recompute();
  void PushSorted(double added, const double* dropped);

  std::unique_ptr<double[]> values_;  // a ring
  std::unique_ptr<double[]> sorted_;
  uint32_t capacity_ = 0;
  uint32_t size_ = 0;
  uint32_t next_ = 0;  // where the next value goes
  // The rolling sums are those of value / unit_, a power of two that keeps squares within range.
  double unit_ = 1;
  double per_unit_ = 1;
  double mean_ = 0;
  double squares_ = 0;  // sum of squared distances from the mean
  double peak_ = 0;     // the largest squares_ since it was last computed from the values
};

}  // namespace heald::zscore
