#include "plugins/detectors/zscore/rolling_window.h"

#include <algorithm>
#include <cmath>

namespace heald::zscore {

namespace {
// Beyond these the squares of values near 1e±150 would leave the range of a double.
constexpr double kLarge = 1e100;
constexpr double kSmall = 1e-100;
constexpr double kUnderflow = 1e-280;  // no sum of squares in a fitting unit is this small but 0
// Rolling sums lose as many digits as squares_ fell since they were computed: at most eight.
constexpr double kFall = 1e-8;
constexpr double kMadToDeviation = 1.4826;  // of a normal distribution
}  // namespace

RollingWindow::RollingWindow(uint32_t capacity, bool sorted)
    : values_(std::make_unique<double[]>(capacity)),
      sorted_(sorted ? std::make_unique<double[]>(capacity) : nullptr),
      capacity_(capacity) {}

void RollingWindow::Clear() {
  size_ = 0;
  next_ = 0;
  unit_ = per_unit_ = 1;
  mean_ = squares_ = peak_ = 0;
}

void RollingWindow::Push(double value) {
  const bool full = size_ == capacity_;
  const double old = values_[next_];
  if (sorted_ != nullptr) PushSorted(value, full ? &old : nullptr);
  values_[next_] = value;
  if (++next_ == capacity_) next_ = 0;
  if (!full) ++size_;
  if (sorted_ != nullptr) return;

  const double y = value * per_unit_;
  const bool moved = y != (full ? old * per_unit_ : mean_);
  if (full) {
    const double y_old = old * per_unit_;
    const double before = mean_;
    mean_ += (y - y_old) / size_;
    squares_ += (y - y_old) * ((y - mean_) + (y_old - before));
  } else {
    const double from_mean = y - mean_;
    mean_ += from_mean / size_;
    squares_ += from_mean * (y - mean_);
  }
  peak_ = std::max(peak_, squares_);
  // Once a turn of the ring the sums are taken anew, so that rounding can't pile up.
  if (next_ == 0 || squares_ < peak_ * kFall || std::fabs(y) > kLarge ||
      (moved && squares_ < kUnderflow))
    Recompute();
}

void RollingWindow::Recompute() {
  double largest = 0;
  for (uint32_t i = 0; i < size_; ++i) largest = std::max(largest, std::fabs(values_[i]));
  unit_ = per_unit_ = 1;
  if (largest != 0 && (largest > kLarge || largest < kSmall)) {
    const int exponent = std::clamp(std::ilogb(largest), -1000, 1000);
    unit_ = std::ldexp(1.0, exponent);
    per_unit_ = std::ldexp(1.0, -exponent);
  }
  double sum = 0;
  for (uint32_t i = 0; i < size_; ++i) sum += values_[i] * per_unit_;
  mean_ = sum / size_;
  double residue = 0;
  double squares = 0;
  for (uint32_t i = 0; i < size_; ++i) {
    const double d = values_[i] * per_unit_ - mean_;
    residue += d;
    squares += d * d;
  }
  mean_ += residue / size_;
  squares_ = peak_ = std::max(0.0, squares - residue * residue / size_);
}

void RollingWindow::PushSorted(double added, const double* dropped) {
  double* const begin = sorted_.get();
  double* end = begin + size_;
  if (dropped != nullptr) {
    double* const at = std::lower_bound(begin, end, *dropped);
    std::copy(at + 1, end, at);
    --end;
  }
  double* const at = std::upper_bound(begin, end, added);
  std::copy_backward(at, end, end + 1);
  *at = added;
}

Spread RollingWindow::Moments() const {
  return {mean_ * unit_, std::sqrt(squares_ / (size_ - 1)) * unit_};
}

Spread RollingWindow::Robust() const {
  const uint32_t n = size_;
  const auto middle = [](double a, double b) { return a + (b - a) / 2; };
  const double median = n % 2 != 0 ? sorted_[n / 2] : middle(sorted_[n / 2 - 1], sorted_[n / 2]);
  // Distances from the median grow outwards on both sides: walk out from the middle.
  uint32_t left = n / 2;  // the values below it are left to take
  uint32_t right = n / 2;
  double last = 0;
  double last_but_one = 0;
  for (uint32_t taken = 0; taken <= n / 2; ++taken) {
    last_but_one = last;
    if (right == n || (left > 0 && median - sorted_[left - 1] <= sorted_[right] - median))
      last = median - sorted_[--left];
    else
      last = sorted_[right++] - median;
  }
  const double mad = n % 2 != 0 ? last : middle(last_but_one, last);
  return {median, mad * kMadToDeviation};
}

}  // namespace heald::zscore
