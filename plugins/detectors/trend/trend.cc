#include "plugins/detectors/trend/trend.h"

#include <algorithm>
#include <cmath>

#include "plugins/detectors/trend/ramp.h"

namespace heald::trend {

namespace {

uint32_t SamplesPerBucket(const Config& config) {
  return static_cast<uint32_t>(std::max<int64_t>(std::lround(config.window / 16.0), 1));
}

bool Beyond(const Config& config, double value) {
  return (config.above && value >= *config.above) || (config.below && value <= *config.below);
}

// A jump that towers above the noise and above all that came before it, with calm on both sides: a
// restart, a deploy. A steep line has jumps on both sides, and stairs are jumps of like size the
// same way: memory that leaks in blocks.
bool Jumped(const Buckets& buckets, uint32_t straight) {
  constexpr uint32_t kAfter = 2;
  constexpr uint32_t kBefore = 32;
  const uint32_t count = std::min(buckets.size(), straight);
  if (count < kAfter + 4) return false;
  const double jump = buckets[1] - buckets[2];
  const uint32_t end = std::min(count, kAfter + kBefore);
  double low = buckets[kAfter], high = low, noise = 0;
  for (uint32_t i = kAfter; i + 1 < end; ++i) {
    low = std::min(low, buckets[i + 1]);
    high = std::max(high, buckets[i + 1]);
    noise += std::fabs(buckets[i] - buckets[i + 1]);
  }
  noise /= end - kAfter - 1;
  const double size = std::fabs(jump);
  const double last = straight < buckets.size() ? buckets[straight - 1] - buckets[straight] : 0;
  const bool stairs = last * jump > 0 && size < 2 * std::fabs(last);
  return !stairs && size > 0 && size > 6 * noise && size > high - low &&
         std::fabs(buckets[0] - buckets[1]) < size / 4 &&
         std::fabs(buckets[2] - buckets[3]) < size / 4;
}

// Of 8 neighbours, or what there is of them; needs one.
double Mean(const Buckets& buckets, uint32_t from) {
  const uint32_t count = std::min(LengthAt(0), buckets.size() - from);
  double sum = 0;
  for (uint32_t i = from; i < from + count; ++i) sum += buckets[i] / count;
  return sum;
}

// The highest mean of 8 neighbours; sign -1: of the values turned over.
double Highest(const Buckets& buckets, double sign) {
  double highest = sign * buckets[0];
  for (uint32_t i = 0; i + LengthAt(0) <= buckets.size(); ++i)
    highest = std::max(highest, sign * Mean(buckets, i));
  return highest;
}

}  // namespace

Series::Series(const Config& config) : buckets_(SamplesPerBucket(config)) {}

Step Series::Next(const Config& config, int64_t ts_ns, double value, bool predict, bool open) {
  if (!(std::fabs(value) <= Buckets::kLimit) || ts_ns <= last_ns_) return Step::kSkipped;
  const bool gap = last_ns_ != 0 && ts_ns - last_ns_ > config.max_gap.ns;
  last_ns_ = ts_ns;
  if (gap) Restart();
  const int completed = buckets_.Add(ts_ns, value);
  if (gap || completed == Buckets::kStartedAnew) {
    forecast_ = {};
    return open ? Step::kGap : Step::kLearning;
  }
  if (completed > 0) OnBuckets(config, completed, predict, open);
  beyond_ = Beyond(config, value);
  const bool fell = sign_ * (half_ - value) > 0;
  if (!open) {
    // A line whose level is there already predicts nothing: it was a jump.
    const bool likely = forecast_.ahead ? !fell && !beyond_
                                        : forecast_.probability >= config.probability.value &&
                                              !fell && forecast_.in > 0;
    likely_ = likely ? likely_ + 1 : 0;
    unlikely_ = 0;
    if (predict && likely_ >= config.confirm) return Step::kOpened;
    return ready_ ? Step::kNormal : Step::kLearning;
  }
  likely_ = 0;
  if (!fresh_) return Step::kNormal;
  if (beyond_) falls_ = 0;
  const bool unlikely = !forecast_.held && forecast_.probability < config.probability.value / 2;
  const bool over = !beyond_ && (fell || unlikely);
  unlikely_ = over ? unlikely_ + 1 : 0;
  if (unlikely_ < config.clear_after) return Step::kOngoing;
  unlikely_ = 0;
  // A prediction that came to nothing is learnt: such levels are usual here. After a fall nobody
  // knows whether somebody prevented it; only when it happens again and again it is a habit.
  constexpr uint32_t kByItself = 3;
  if (fell) ++falls_;
  if (buckets_.size() > 0 && (!fell || falls_ >= kByItself))
    LearnLevel(config, fell ? sign_ * Highest(buckets_, sign_) : Mean(buckets_, 0));
  if (fell) Restart();
  return Step::kCleared;
}

bool Series::Failed(const Config& config) const {
  return beyond_ && buckets_.size() > 0 && Beyond(config, buckets_[0]);
}

// The newest jump led back to what is usual, so what came before it was harmless. After any other
// jump the rise may go on.
bool Series::FellBack(const Config& config) const {
  const double now = (buckets_[0] + buckets_[1]) / 2;
  const double before = (buckets_[2] + buckets_[3]) / 2;
  const bool down = config.above && now < before && !(now > habits_.highest());
  const bool up = config.below && now > before && !(now < habits_.lowest());
  return down || up;
}

// A level beyond the threshold is a failure, not a habit.
void Series::LearnLevel(const Config& config, double level) {
  if (Beyond(config, level)) return;
  habits_.LearnLevel(level, last_ns_, config.memory.ns);
}

void Series::Restart() {
  buckets_.Clear();
  forecast_ = {};
  likely_ = unlikely_ = 0;
}

void Series::OnBuckets(const Config& config, int completed, bool predict, bool open) {
  if (!predict) {  // its past is what counts
    ready_ = true;
    return;
  }
  straight_ = std::min(straight_ + static_cast<uint32_t>(completed), Buckets::kCapacity);
  if (Jumped(buckets_, straight_)) {
    for (uint32_t i = 2; !open && FellBack(config) && i + LengthAt(0) <= buckets_.size();
         i += LengthAt(0) / 2)
      LearnLevel(config, Mean(buckets_, i));
    straight_ = 2;
  }
  forecast_ = {};
  const Lines lines = LinesOf(buckets_, straight_);
  if (lines.count == 0) return;
  ready_ = true;
  Forecast best;
  for (const double sign : {1.0, -1.0}) {
    const auto& threshold = sign > 0 ? config.above : config.below;
    if (!threshold || (open && sign != sign_)) continue;
    const Forecast forecast = Judge(config, lines, sign, open);
    if (forecast.buckets == 0 || forecast.probability < best.probability) continue;
    best = forecast;
    sign_ = sign;
  }
  forecast_ = best;
  fresh_ = true;
  if (!open || best.held || best.probability >= config.probability.value / 2)
    half_ = best.level - best.slope * best.buckets / 2;
  if (open) return;
  const bool suspicious =
      forecast_.held || (forecast_.significance > 3 && forecast_.probability > 0.1);
  if (suspicious) return;
  for (int i = 0; i < completed; ++i) habits_.LearnSlopes(lines);
  if (buckets_.size() < Buckets::kCapacity) return;
  LearnLevel(config, Mean(buckets_, Buckets::kCapacity - LengthAt(0)));
  LearnNoise(config, completed);
}

// From the buckets that are about to be dropped: a ramp that began since isn't in them.
void Series::LearnNoise(const Config& config, int completed) {
  constexpr uint32_t kOldest = Buckets::kCapacity - 1;
  const auto count = static_cast<uint32_t>(std::min<int64_t>(completed, Buckets::kMostMissing + 1));
  for (uint32_t i = count; i > 0; --i)
    if (const double value = buckets_[kOldest - i]; !Beyond(config, value))
      noise_.Learn(value, buckets_[kOldest - i + 1]);
}

// What a line says, and where a ramp is found, when that is to reach the threshold.
Forecast Series::Judge(const Config& config, const Lines& lines, double sign, bool open) const {
  const double threshold = sign > 0 ? *config.above : *config.below;
  const double horizon =
      static_cast<double>(config.horizon.ns) / static_cast<double>(buckets_.step_ns()) + 0.5;
  Forecast forecast = ForecastOf(buckets_, lines, habits_, threshold, sign, horizon, open);
  const Ramp ramp = RampOf(buckets_, noise_, threshold, sign, horizon);
  const double known = sign > 0 ? habits_.highest() : habits_.lowest();
  // Above all that is known, by some of the way that is left from there.
  constexpr double kShare = 0.1;
  const bool usual = sign * (ramp.level - known) <= kShare * sign * (threshold - known);
  forecast.ahead = ramp.found && !usual;
  forecast.held = forecast.ahead || (open && ramp.held);
  if (!forecast.held) return forecast;
  if (forecast.buckets == 0) {
    forecast.noise = ramp.noise;
    forecast.confidence = ramp.confidence;
  }
  forecast.buckets = ramp.buckets;
  forecast.level = ramp.level;
  forecast.slope = ramp.slope;
  forecast.in = ramp.in;
  forecast.in_low = std::max(ramp.in_low - 0.5, 0.0);
  forecast.in_high = ramp.in_high + 0.5;
  // Each is too sure of itself in another way; together they are calibrated.
  if (forecast.ahead) forecast.probability = (forecast.probability + ramp.probability) / 2;
  return forecast;
}

int64_t Series::TimeNs(double in_buckets) const {
  constexpr double kMost = 3e17;  // ten years
  const double in_ns = in_buckets * static_cast<double>(buckets_.step_ns());
  return buckets_.newest_ns() + static_cast<int64_t>(std::clamp(in_ns, -kMost, kMost));
}

int64_t Series::OnsetNs() const {
  return TimeNs(1.0 - forecast_.buckets);
}

void Series::Save(sdk::SnapshotWriter& out) const {
  buckets_.Save(out);
  habits_.Save(out);
  noise_.Save(out);
  out.I64(last_ns_);
  out.F64(sign_);
  out.F64(half_);
  out.U32(likely_);
  out.U32(unlikely_);
  out.U32(falls_);
  out.U32(ready_ ? 1 : 0);
  out.U32(straight_);
}

// The forecast comes anew with the next bucket.
Series Series::Load(const Config& config, sdk::SnapshotReader& in) {
  Series series;
  series.buckets_ = Buckets::Load(SamplesPerBucket(config), in);
  series.habits_.Load(in);
  series.noise_.Load(in);
  series.last_ns_ = in.I64();
  series.sign_ = in.F64() < 0 ? -1 : 1;
  series.half_ = in.F64();
  series.likely_ = in.U32();
  series.unlikely_ = in.U32();
  series.falls_ = in.U32();
  series.ready_ = in.U32() != 0;
  series.straight_ = in.U32();
  return series;
}

}  // namespace heald::trend
