// What one series usually does, in few bytes, and how far its newest sample is from that. No host,
// no labels, no findings: plugin.cc adds those, Stage says when it is enough. README.md explains
// the rules. Thread rule: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "plugins/detectors/baseline/season.h"

namespace heald::baseline {

enum class Direction { kBoth, kAbove, kBelow };

struct Habits {
  float forget = 7e-5F;  // share of the newest sample, once it is no longer young
  int64_t min_samples = 30;
  Direction direction = Direction::kBoth;
  double min_deviation = 0;        // in the metric's unit
  double min_deviation_ratio = 0;  // of the mean
  bool season = true;
};

// What is looked at.
enum class Feature : uint8_t { kValue, kStep, kDrift, kUnrest, kSeason };

struct Surprise {
  float amount = 0;  // half the squared distance in deviations, at most Series::kCap
  float named = 0;   // … where moves that are small beside the range count less: ranks the causes
};

// A number of samples in one byte: exact up to 15, then within an eighth. There may be a million.
class Tally {
 public:
  // turn: one more at each call, so that each step takes as many calls as it is wide.
  void Add(uint32_t turn) {
    if (bits_ < kMost && (turn & (Width() - 1)) == 0) ++bits_;
  }
  uint32_t count() const { return bits_ < 8 ? bits_ : (8U + bits_ % 8U) * Width(); }

  template <typename Visit>
  void Persist(Visit&& visit) {
    visit(bits_);
  }

 private:
  static constexpr uint8_t kMost = 223;  // 15 · 2²⁶
  // A power of two.
  uint32_t Width() const { return bits_ < 16 ? 1U : 1U << (bits_ / 8U - 1); }

  uint8_t bits_ = 0;
};

class Series {
 public:
  static constexpr float kCap = 300;

  // Judges `value` (not NaN) and learns from it. `hold`: it is part of an incident, so it teaches
  // as slowly as anything ever will, also a series that is young and learns fast.
  Surprise Next(const Habits& habits, const TimeOfDay& time, double value, bool hold);

  bool Learning(const Habits& habits) const {
    return static_cast<int64_t>(count_) < habits.min_samples;
  }
  // From now on its present level and unrest are what is usual.
  void Rebaseline();

  // What is usual at ts_ns, and one deviation, in the metric's unit.
  double Expected(const Habits& habits, int64_t ts_ns) const;
  double Deviation(const Habits& habits) const;
  bool Seasonal() const;
  // It stands still at a level that isn't the usual one.
  bool Settled() const;
  // It moves neither more nor less than it usually does.
  bool UsuallyRestless(const Habits& habits) const;
  // It was silent for long: the next value is no step from the last one, nor part of an unrest.
  void Resume();
  // With what is usual of the value as it was before the latest sample.
  Series WithoutLatest(const Habits& habits) const;
  // The latest value is within `deviations` of what is usual at ts_ns.
  bool Within(const Habits& habits, int64_t ts_ns, float deviations) const;
  double Lowest() const { return Outside(low_); }  // of what was seen lately
  double Level() const { return Outside(fast_); }

  template <typename Visit>
  void Persist(Visit&& visit) {
    for (double* number : {&origin_, &scale_}) visit(*number);
    for (float* number : {&low_, &high_, &last_, &fast_, &slow_, &unrest_}) visit(*number);
    for (int i = 0; i < kFeatures; ++i) {
      visit(mean_[i]);
      visit(variance_[i]);
    }
    visit(count_);
    in_season_.Persist(visit);
    season_.Persist(visit);
  }

 private:
  static constexpr int kFeatures = 5;

  double Outside(float inside) const { return origin_ + scale_ * static_cast<double>(inside); }
  float Reach(const Habits& habits) const;  // the smallest deviation that counts
  void Start(const Habits& habits, double value);
  bool AlwaysZero() const { return origin_ == 0 && low_ == 0 && high_ == 0; }
  void Widen(const Habits& habits, float value, bool hold);
  void Return(const Habits& habits, const TimeOfDay& time, float now);
  void Reframe();
  using Seen = std::array<float, kFeatures>;
  // How far each feature is from what it usually is.
  struct Distance {
    Seen off;
    Seen square;
    Seen variance;  // … of what is usual, and the least that counts
  };
  Distance From(const Seen& seen, float least_variance) const;
  // Of the feature that is furthest out.
  Surprise Furthest(const Habits& habits, const Distance& from) const;
  float Named(const Seen& amount, const Distance& from) const;
  void Learn(const Habits& habits, const Distance& from, bool hold, float least_variance);

  // Numbers are kept relative to this frame, in which the usual range is about 1 wide; so float is
  // enough for them, and 1e300 is as good as 1e-300.
  double origin_ = 0;
  double scale_ = 0;
  float low_ = 0;  // range of what was seen, forgotten slowly
  float high_ = 0;
  float last_ = 0;    // NaN: it was silent for long
  float fast_ = 0;    // mean of about 7 samples
  float slow_ = 0;    // … 65
  float unrest_ = 0;  // mean absolute step of about 50
  Seen mean_{};       // what each feature usually is
  Seen variance_{};
  uint32_t count_ = 0;
  // There may be a million of these: what follows goes into the padding.
  [[no_unique_address]] Season season_;
  Tally in_season_{};  // samples for which this hour's usual was known
};

}  // namespace heald::baseline
