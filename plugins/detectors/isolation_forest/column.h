// One series as its entity's forest sees it: a value, and the unrest of its last samples. Numbers
// are kept relative to the first value, so that float is enough for them. Used by Model and
// Detector. Thread rule: plain values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "heald/abi/records.h"

namespace heald::isolation_forest {

// Numbers of one series in a row: the value, the mean absolute step of about 10 samples.
inline constexpr size_t kAspects = 2;

class Column {
 public:
  // value: not NaN, and not infinite where it is the first.
  void Next(int64_t ts_ns, double value, bool resumed) {
    const bool fresh = last_ns == 0;
    if (fresh) {
      origin_ = value;
      scale_ = std::fabs(value);
    } else if (scale_ == 0) {
      scale_ = std::isfinite(value) ? std::fabs(value) : 1;  // all values so far were 0
    }
    const float inside = Inside(value);
    if (!fresh && !resumed) unrest_ += kShare * (std::min(Apart(inside, inside_), most_) - unrest_);
    inside_ = inside;
    last_ns = ts_ns;
    last = value;
  }
  float inside() const { return inside_; }
  float unrest() const { return unrest_; }
  double Outside(float inside) const {
    return origin_ + (scale_ > 0 ? scale_ : 1) * static_cast<double>(inside);
  }
  // What a forest learnt last as this series' greatest unrest: one step adds no more than that, or
  // it would show for hundreds of samples. 0: it was always quiet, so nothing is known.
  void Limit(float greatest) {
    constexpr float kTimes = 3;
    most_ = greatest > 0 ? kTimes * greatest / kShare : kNoLimit;
  }

  // It was silent for long: what its unrest was before says nothing of the next samples.
  void Rest(float usual) { unrest_ = usual; }

  template <typename Visit>
  void Persist(Visit&& visit) {
    visit(last_ns);
    visit(last);
    visit(origin_);
    visit(scale_);
    for (float* number : {&inside_, &unrest_, &most_}) visit(*number);
  }

  std::string identity{};                   // its labels
  heald_series series = HEALD_SERIES_NONE;  // none: it has ended, or hasn't come back yet
  int64_t last_ns = 0;                      // 0: no sample yet
  double last = 0;
  uint32_t moment = 0;  // of its entity, in which it reported last

 private:
  static constexpr float kShare = 0.15F;  // of the newest step
  static constexpr float kMost = 1e18F;   // so that neither differences nor sums overflow
  static constexpr float kNoLimit = 1e18F;

  static float Apart(float a, float b) { return std::fabs(a - b); }
  float Inside(double value) const {
    const double inside = (value - origin_) / (scale_ > 0 ? scale_ : 1);
    return static_cast<float>(std::clamp(inside, -static_cast<double>(kMost), double{kMost}));
  }

  double origin_ = 0;
  double scale_ = 0;
  float inside_ = 0;
  float unrest_ = 0;
  float most_ = kNoLimit;
};

}  // namespace heald::isolation_forest
