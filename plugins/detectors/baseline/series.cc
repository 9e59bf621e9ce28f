#include "plugins/detectors/baseline/series.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heald::baseline {

namespace {

constexpr float kFastShare = 0.25F;
constexpr float kSlowShare = 0.03F;
constexpr float kUnrestShare = 0.04F;
// A deviation counts as at least this share of the range seen: less is a flat line's ripple.
constexpr float kRangeShare = 0.005F;
// One sample may widen the range by this many times its width.
constexpr float kWidening = 8;
// Changes below this share of the value are rounding.
constexpr double kRounding = 1e-9;
// A young series learns fast; while something is wrong this share of it.
constexpr float kHeld = 0.25F;
// Where floats still have digits.
constexpr float kFar = 1e6F;
// The time of day explains a series where it leaves less than this share of the variance.
constexpr float kExplained = 0.3F;
constexpr int kValueAt = static_cast<int>(Feature::kValue);
constexpr int kSeasonAt = static_cast<int>(Feature::kSeason);

void Move(float& mean, float value, float share) {
  mean += share * (value - mean);
}

}  // namespace

float Series::Inside(double value) const {
  const double inside = (value - origin_) / scale_;
  return static_cast<float>(std::clamp<double>(inside, -kFar, kFar));
}

void Series::Start(double value) {
  constexpr double kLargest = std::numeric_limits<double>::max() / 16;
  origin_ = std::clamp(value, -kLargest, kLargest);
  const double ripple = std::max(std::fabs(origin_) * 1e-3, 1e-300);
  scale_ = std::exp2(std::ceil(std::log2(ripple)));
}

float Series::Reach(const Habits& habits) const {
  const double level = std::fabs(origin_ + scale_ * static_cast<double>(usual_[0].mean));
  const double outside =
      std::max({habits.min_deviation, std::max(habits.min_deviation_ratio, kRounding) * level});
  return std::max(static_cast<float>(std::min(outside / scale_, 1e6)),
                  kRangeShare * (high_ - low_));
}

void Series::Widen(const Habits& habits, float value) {
  const float most = kWidening * std::max(high_ - low_, Reach(habits));
  if (value > high_) high_ = std::min(value, high_ + most);
  if (value < low_) low_ = std::max(value, low_ - most);
}

// The range may grow to many frames or shrink to a corner of one; both cost digits.
void Series::Reframe() {
  const float width = high_ - low_;
  const float middle = low_ + width / 2;
  double factor = 1;
  while (width * factor > 4) factor /= 16;
  while (width > 0 && width * factor < 1.0 / 256 && scale_ / factor > 1e-300 && factor < 1e18)
    factor *= 16;
  const bool far = std::fabs(middle) > 64 * std::max(width, 1.0F);
  if (factor == 1 && !far) return;
  const float shift = far ? middle : 0;
  origin_ += scale_ * static_cast<double>(shift);
  scale_ /= factor;
  const auto f = static_cast<float>(factor);
  const auto place = [&](float& number) { number = (number - shift) * f; };
  for (float* number : {&low_, &high_, &last_, &fast_, &slow_}) place(*number);
  unrest_ *= f;
  place(usual_[0].mean);
  for (size_t i = 1; i < usual_.size(); ++i) usual_[i].mean *= f;
  for (Moments& moments : usual_) moments.variance *= f * f;
  season_.Reframe(f, -shift * f);
}

Surprise Series::Next(const Habits& habits, int64_t ts_ns, double value, bool hold) {
  if (count_ == 0) Start(value);
  const float wanted = Inside(value);
  if (count_ == 0) low_ = high_ = last_ = fast_ = slow_ = usual_[0].mean = wanted;
  Widen(habits, wanted);
  const float now = std::clamp(wanted, low_, high_);
  if (resumed_) {
    last_ = fast_ = slow_ = now;
    resumed_ = false;
  }
  const float least = 1.0F / static_cast<float>(count_ + 1);
  const float step = now - last_;
  last_ = now;
  Move(fast_, now, std::max(kFastShare, least));
  Move(slow_, now, std::max(kSlowShare, least));
  Move(unrest_, std::fabs(step), std::max(kUnrestShare, least));
  const float usual_now =
      habits.season ? season_.Expected(ts_ns) : std::numeric_limits<float>::quiet_NaN();
  const bool seasonal = Seasonal();
  const std::array<float, kFeatures> seen = {now, step, fast_ - slow_, unrest_, now - usual_now};
  const float reach = Reach(habits);
  const float floor = reach * reach + std::numeric_limits<float>::min();
  const float share = std::max(habits.forget, hold ? kHeld * least : least);
  const bool judged = !Learning(habits);
  const int features = std::isnan(usual_now) ? kFeatures - 1 : kFeatures;
  Surprise most;
  for (int i = 0; i < features; ++i) {
    Moments& usual = usual_[i];
    const float off = seen[i] - usual.mean;
    // Unrest has no side; that of the value is meant.
    const float side = i == static_cast<int>(Feature::kUnrest) ? now - usual_[kValueAt].mean : off;
    const bool counts = habits.direction == Direction::kBoth ||
                        (habits.direction == Direction::kAbove) == (side > 0);
    if (judged && counts && i != (seasonal ? kValueAt : kSeasonAt)) {
      const float amount = off * off / (usual.variance + floor) / 2;
      if (amount > most.amount) most = {amount, static_cast<Feature>(i)};
    }
    usual.mean += share * off;
    usual.variance = (1 - share) * (usual.variance + share * off * off);
  }
  if (habits.season && !hold) season_.Learn(ts_ns, now);
  low_ += share * (usual_[kValueAt].mean - low_) / 2;
  high_ += share * (usual_[kValueAt].mean - high_) / 2;
  ++count_;
  Reframe();
  most.amount = std::min(most.amount, kCap);
  return most;
}

double Series::Expected(const Habits& habits, int64_t ts_ns) const {
  if (habits.season && Seasonal()) {
    const float usual_now = season_.Expected(ts_ns);
    if (!std::isnan(usual_now)) return Outside(usual_now + usual_[kSeasonAt].mean);
  }
  return Outside(usual_[kValueAt].mean);
}

double Series::Deviation(const Habits& habits) const {
  const bool seasonal = habits.season && Seasonal();
  const float variance = usual_[seasonal ? kSeasonAt : kValueAt].variance;
  const float reach = Reach(habits);
  return scale_ * std::sqrt(static_cast<double>(variance + reach * reach));
}

bool Series::Within(const Habits& habits, int64_t ts_ns, float deviations) const {
  return std::fabs(Outside(last_) - Expected(habits, ts_ns)) <= deviations * Deviation(habits);
}

bool Series::Settled() const {
  const Moments& drift = usual_[static_cast<int>(Feature::kDrift)];
  const Moments& unrest = usual_[static_cast<int>(Feature::kUnrest)];
  return std::fabs(fast_ - slow_) <= 2 * std::sqrt(drift.variance) + kRangeShare * (high_ - low_) &&
         unrest_ <= unrest.mean + 2 * std::sqrt(unrest.variance);
}

void Series::Rebaseline() {
  const float shift = fast_ - usual_[kValueAt].mean;
  usual_[kValueAt].mean += shift;
  season_.Reframe(1, shift);
  slow_ = fast_;
  usual_[static_cast<int>(Feature::kUnrest)].mean = unrest_;
}

bool Series::Seasonal() const {
  const float left = usual_[static_cast<int>(Feature::kSeason)].variance;
  return left > 0 && left < kExplained * usual_[0].variance;
}

}  // namespace heald::baseline
