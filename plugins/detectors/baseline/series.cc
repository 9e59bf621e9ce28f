#include "plugins/detectors/baseline/series.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "plugins/detectors/baseline/learn.h"

namespace heald::baseline {

namespace {

constexpr float kFastShare = 0.25F;
constexpr float kSlowShare = 0.03F;
constexpr float kUnrestShare = 0.04F;
// A deviation counts as at least this share of the range seen: less is a flat line's ripple.
constexpr float kRangeShare = 0.005F;
// Where causes are named, a deviation counts as at least this share of it, unrest half of that:
// what a reader of a chart wouldn't see is hardly the cause.
constexpr float kNamedShare = 0.025F;
// Unrest within as many deviations is usual again.
constexpr float kWithin = 4;
// Series within two deviations are no cause.
constexpr float kUsual = 2;
// One sample may widen the range by this many times its width.
constexpr float kWidening = 8;
// … while something is wrong: what an incident shows isn't the range of what is usual.
constexpr float kWideningHeld = 0.1F;
// Changes below this share of the value are rounding.
constexpr double kRounding = 1e-9;
// Below this width a frame is refined.
constexpr float kNarrow = 1.0F / 256;
// Where floats still have digits.
constexpr float kFar = 1e6F;
// The time of day explains a series where it leaves less than this share of the variance.
constexpr float kExplained = 0.3F;
// What a frame can hold, and how wide it can be.
constexpr double kLargest = std::numeric_limits<double>::max() / 16;
constexpr int kValueAt = static_cast<int>(Feature::kValue);
constexpr int kStepAt = static_cast<int>(Feature::kStep);
constexpr int kDriftAt = static_cast<int>(Feature::kDrift);
constexpr int kUnrestAt = static_cast<int>(Feature::kUnrest);
constexpr int kSeasonAt = static_cast<int>(Feature::kSeason);
// Of the squared distances: half of each, and unrest is a mean of many samples and wanders less
// than the others.
constexpr float kWeight[] = {0.5F, 0.5F, 0.5F, 1.3F / 2, 0.5F};

// 1 / scale, at once: a scale is a power of two, so its bits are an exponent and nothing else.
double Inverse(double scale) {
  constexpr uint64_t kTwiceOne = 0x7fe0'0000'0000'0000;
  return std::bit_cast<double>(kTwiceOne - std::bit_cast<uint64_t>(scale));
}

}  // namespace

// Where the frame is, and how wide: a thousandth of the first value. A series that was always zero
// has none: the smallest deviation that counts says it, else the first value that isn't zero.
void Series::Start(const Habits& habits, double value) {
  const double known = std::clamp(value, -kLargest, kLargest);
  if (count_ == 0) origin_ = known;
  double ripple = std::max(std::fabs(origin_) * 1e-3, habits.min_deviation);
  if (ripple == 0) ripple = std::fabs(known) * 1e-3;
  scale_ = std::exp2(std::ceil(std::log2(std::clamp(ripple, 1e-300, kLargest))));
}

float Series::Reach(const Habits& habits) const {
  const double level = std::fabs(Outside(mean_[kValueAt]));
  const double outside =
      std::max(habits.min_deviation, std::max(habits.min_deviation_ratio, kRounding) * level);
  return std::max(static_cast<float>(std::min(outside * Inverse(scale_), 1e6)),
                  kRangeShare * (high_ - low_));
}

void Series::Widen(const Habits& habits, float value, bool hold) {
  if (value <= high_ && value >= low_) return;
  const float known = std::max(high_ - low_, Reach(habits));
  const float most =
      known > 0 ? (hold ? kWideningHeld : kWidening) * known : std::numeric_limits<float>::max();
  if (value > high_) high_ = std::min(value, high_ + most);
  if (value < low_) low_ = std::max(value, low_ - most);
}

// The range may grow to many frames or shrink to a corner of one; both cost digits.
void Series::Reframe() {
  const float width = high_ - low_;
  const float middle = low_ + width / 2;
  const bool far = std::fabs(middle) > 64 * std::max(width, 1.0F);
  if (width <= 4 && width >= kNarrow && !far) return;
  double factor = 1;
  while (width * factor > 4 && scale_ / factor < kLargest / 16) factor /= 16;
  while (width > 0 && width * factor < kNarrow && scale_ / factor > 1e-300 && factor < 1e18)
    factor *= 16;
  if (factor == 1 && !far) return;
  const float shift = far ? middle : 0;
  origin_ += scale_ * static_cast<double>(shift);
  scale_ /= factor;
  const auto f = static_cast<float>(factor);
  const auto place = [&](float& number) { number = (number - shift) * f; };
  for (float* number : {&low_, &high_, &last_, &fast_, &slow_}) place(*number);
  unrest_ *= f;
  place(mean_[kValueAt]);
  for (int i = 1; i < kFeatures; ++i) mean_[i] *= f;
  for (float& variance : variance_) variance *= f * f;
  season_.Reframe(f, -shift * f);
}

Series::Distance Series::From(const Seen& seen, float least_variance) const {
  Distance from;
  for (int i = 0; i < kFeatures; ++i) {
    from.off[i] = seen[i] - mean_[i];
    from.square[i] = from.off[i] * from.off[i];
    from.variance[i] = variance_[i] + least_variance;
  }
  return from;
}

Surprise Series::Furthest(const Habits& habits, const Distance& from) const {
  Seen amount;
  for (int i = 0; i < kFeatures; ++i) amount[i] = kWeight[i] * (from.square[i] / from.variance[i]);
  amount[Seasonal() ? kValueAt : kSeasonAt] = 0;
  if (habits.direction != Direction::kBoth) {
    const float sign = habits.direction == Direction::kAbove ? 1 : -1;
    const int level = Seasonal() && !std::isnan(from.off[kSeasonAt]) ? kSeasonAt : kValueAt;
    const float usual = last_ - from.off[level];
    // The way back from the other side is none to this one: a move counts as far as it leads
    // beyond what is usual.
    const auto limit = [&](int i, float beyond) {
      const float off = std::max(std::min(sign * from.off[i], sign * beyond), 0.0F);
      amount[i] = kWeight[i] * (off * off / from.variance[i]);
    };
    if (!(sign * from.off[level] > 0)) amount[level] = 0;
    limit(kStepAt, from.off[level]);
    limit(kDriftAt, fast_ - usual);
    amount[kUnrestAt] = 0;  // has no side
  }
  float most = 0;
  for (const float one : amount) most = std::max(most, one);
  return {std::min(most, kCap), most > kUsual ? Named(amount, from) : 0};
}

float Series::Named(const Seen& amount, const Distance& from) const {
  float most = 0;
  for (int i = 0; i < kFeatures; ++i) {
    const float least = (i == kUnrestAt ? kNamedShare / 2 : kNamedShare) * (high_ - low_);
    const float variance = from.variance[i];
    most = std::max(most, amount[i] * variance / (variance + least * least));
  }
  return std::min(most, kCap);
}

// Four features at once. The hour's only where it is known, which is a day later: it is as young as
// the samples are few that it was known for.
void Series::Learn(const Habits& habits, const Distance& from, bool hold, float least_variance) {
  const float least = Learning(habits) ? std::numeric_limits<float>::infinity() : least_variance;
  const auto meet = [&](int i, float share) {
    baseline::Learn(mean_[i], variance_[i], from.off[i], share, habits.forget, least);
  };
  const auto share_of = [&](uint32_t count) {
    return std::max(habits.forget, (hold ? kHeld : 1) * ShareOf(habits.forget, count));
  };
  const float share = share_of(count_);
  // Together where all are believed, as they mostly are: the compiler makes vectors of it.
  bool believed = true;
  for (int i = 0; i < kSeasonAt; ++i)
    believed &= from.square[i] <= kBelieved * kBelieved * from.variance[i];
  if (believed) {
    for (int i = 0; i < kSeasonAt; ++i) {
      mean_[i] += share * from.off[i];
      variance_[i] = (1 - share) * (variance_[i] + share * from.square[i]);
    }
  } else {
    for (int i = 0; i < kSeasonAt; ++i) meet(i, share);
  }
  low_ += share * (mean_[kValueAt] - low_) / 2;
  high_ += share * (mean_[kValueAt] - high_) / 2;
  if (std::isnan(from.off[kSeasonAt])) return;
  meet(kSeasonAt, share_of(in_season_.count()));
  in_season_.Add(count_);
}

// The first sample after a long silence. Where it is some usual steps from its usual level it goes
// on there, so that its noise is no drift; elsewhere it begins anew.
void Series::Return(const Habits& habits, const TimeOfDay& time, float now) {
  constexpr float kSteps = 3;
  const float usual =
      habits.season && Seasonal() ? season_.Expected(time) + mean_[kSeasonAt] : mean_[kValueAt];
  last_ = now;
  fast_ = slow_ = std::fabs(now - usual) <= kSteps * mean_[kUnrestAt] ? usual : now;
}

// Every sample of every series comes through here.
[[gnu::flatten]] Surprise Series::Next(const Habits& habits, const TimeOfDay& time, double value,
                                       bool hold) {
  if (count_ == 0 || (AlwaysZero() && value != 0)) Start(habits, value);
  const auto wanted =
      static_cast<float>(std::clamp<double>((value - origin_) * Inverse(scale_), -kFar, kFar));
  if (count_ == 0) low_ = high_ = last_ = fast_ = slow_ = mean_[kValueAt] = wanted;
  Widen(habits, wanted, hold);
  const float now = std::clamp(wanted, low_, high_);
  if (std::isnan(last_)) Return(habits, time, now);
  const float least = 1.0F / static_cast<float>(count_ + 1);
  const float step = now - last_;
  last_ = now;
  Move(fast_, now, std::max(kFastShare, least));
  Move(slow_, now, std::max(kSlowShare, least));
  Move(unrest_, std::fabs(step), std::max(kUnrestShare, least));
  const float usual_now =
      habits.season ? season_.Expected(time) : std::numeric_limits<float>::quiet_NaN();
  const float reach = Reach(habits);
  const float least_variance = reach * reach + std::numeric_limits<float>::min();
  const Distance from = From({now, step, fast_ - slow_, unrest_, now - usual_now}, least_variance);
  Surprise most;
  if (!Learning(habits)) most = Furthest(habits, from);
  Learn(habits, from, hold, least_variance);
  if (habits.season && !hold) season_.Learn(time, now);
  ++count_;
  Reframe();
  return most;
}

double Series::Expected(const Habits& habits, int64_t ts_ns) const {
  if (habits.season && Seasonal()) {
    const float usual_now = season_.Expected(TimeOfDay(ts_ns));
    if (!std::isnan(usual_now)) return Outside(usual_now + mean_[kSeasonAt]);
  }
  return Outside(mean_[kValueAt]);
}

double Series::Deviation(const Habits& habits) const {
  const bool seasonal = habits.season && Seasonal();
  const float variance = variance_[seasonal ? kSeasonAt : kValueAt];
  const float reach = Reach(habits);
  return scale_ * std::sqrt(static_cast<double>(variance + reach * reach));
}

Series Series::WithoutLatest(const Habits& habits) const {
  Series before = *this;
  const float share = std::max(habits.forget, 1 / static_cast<float>(std::max(count_, 1U)));
  if (share >= 1) return before;
  const float reach = Reach(habits);
  Unlearn(before.mean_[kValueAt], before.variance_[kValueAt], last_, share, habits.forget,
          reach * reach + std::numeric_limits<float>::min());
  return before;
}

bool Series::Within(const Habits& habits, int64_t ts_ns, float deviations) const {
  return std::fabs(Outside(last_) - Expected(habits, ts_ns)) <= deviations * Deviation(habits);
}

bool Series::Settled() const {
  return std::fabs(fast_ - slow_) <=
             2 * std::sqrt(variance_[kDriftAt]) + kRangeShare * (high_ - low_) &&
         unrest_ <= mean_[kUnrestAt] + 2 * std::sqrt(variance_[kUnrestAt]);
}

bool Series::UsuallyRestless(const Habits& habits) const {
  const float reach = Reach(habits);
  return std::fabs(unrest_ - mean_[kUnrestAt]) <=
         kWithin * std::sqrt(variance_[kUnrestAt] + reach * reach);
}

void Series::Resume() {
  last_ = std::numeric_limits<float>::quiet_NaN();
  unrest_ = mean_[kUnrestAt];
}

void Series::Rebaseline() {
  const float shift = fast_ - mean_[kValueAt];
  mean_[kValueAt] += shift;
  season_.Reframe(1, shift);
  slow_ = fast_;
  mean_[kUnrestAt] = unrest_;
}

// What one day was like says nothing of the next: as much as was learnt before must bear it out.
bool Series::Seasonal() const {
  const float left = variance_[kSeasonAt];
  return left > 0 && left < kExplained * variance_[kValueAt] && in_season_.count() >= count_ / 2;
}

}  // namespace heald::baseline
