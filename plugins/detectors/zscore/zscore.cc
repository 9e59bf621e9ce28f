#include "plugins/detectors/zscore/zscore.h"

#include <algorithm>
#include <cmath>

namespace heald::zscore {

namespace {

// Differences below this share of the mean are rounding, not change.
constexpr double kRounding = 1e-12;

bool Fits(double value) {
  return std::fabs(value) <= RollingWindow::kLimit;
}

Spread Floored(const Config& config, Spread spread) {
  const double ratio = std::max(config.min_deviation_ratio.value, kRounding);
  spread.deviation =
      std::max({spread.deviation, config.min_deviation, ratio * std::fabs(spread.center)});
  return spread;
}

double Score(const Spread& spread, double distance) {
  if (distance == 0) return 0;
  return std::min(distance / spread.deviation, Series::kScoreCap);
}

bool Counts(const Config& config, bool above) {
  return config.direction == Direction::kBoth || (config.direction == Direction::kAbove) == above;
}

}  // namespace

int64_t MinSamples(const Config& config) {
  constexpr int64_t kDefault = 10;
  return config.min_samples.value_or(std::min(config.window, kDefault));
}

double Confidence(uint32_t n, double score) {
  const double bound =
      ((n - 1.0) / (score * score) + 1) / std::sqrt(static_cast<double>(n) * (n + 1.0));
  return std::clamp(1 - bound, 0.0, 1.0);
}

double ScoreOf(const Config& config, const Outcome& outcome, double value) {
  if (outcome.step <= Step::kLearning || outcome.step == Step::kGap) return 0;
  const double center = outcome.spread.center;
  return Counts(config, value > center) ? Score(outcome.spread, std::fabs(value - center)) : 0;
}

Series::Series(const Config& config)
    : window_(static_cast<uint32_t>(config.window), config.robust) {}

Outcome Series::Next(const Config& config, int64_t ts_ns, double value, bool open) {
  if (std::isnan(value) || ts_ns <= last_ns_) return {};
  const bool gap = last_ns_ != 0 && ts_ns - last_ns_ > config.max_gap.ns;
  last_ns_ = ts_ns;
  if (gap) {
    StartAnew(value);
    return {open ? Step::kGap : Step::kLearning, {}, 0};
  }
  if (window_.size() < MinSamples(config)) {
    if (Fits(value)) window_.Push(value);
    return {Step::kLearning, {}, 0};
  }
  Outcome outcome{Step::kNormal,
                  Floored(config, config.robust ? window_.Robust() : window_.Moments()), 0};
  const double distance = std::fabs(value - outcome.spread.center);
  const bool above = value > outcome.spread.center;
  const bool far = distance > 0 && distance >= config.sensitivity * outcome.spread.deviation;
  // Most samples are normal and nobody asks for their score.
  if (far || open) outcome.score = Score(outcome.spread, distance);
  if (Counts(config, above) && far) {
    above_ = above;
    return OnAnomaly(config, value, open, outcome);
  }
  return OnNormal(config, value, open, outcome);
}

Outcome Series::OnAnomaly(const Config& config, double value, bool open, Outcome outcome) {
  normal_ = 0;
  if (anomalous_ == 0 && !open) began_ns_ = last_ns_;
  ++anomalous_;
  if (!open) {
    if (anomalous_ >= config.confirm) outcome.step = Step::kOpened;
  } else if (last_ns_ - began_ns_ >= config.max_hold.ns) {
    StartAnew(value);
    outcome.step = Step::kRebaselined;
  } else {
    outcome.step = Step::kOngoing;
  }
  return outcome;
}

Outcome Series::OnNormal(const Config& config, double value, bool open, Outcome outcome) {
  // A streak too short for a finding was noise, and noise belongs to what is normal; but it may
  // move the window no further than a sample at the edge would.
  if (anomalous_ > 0 && !open) {
    const double reach = config.sensitivity * outcome.spread.deviation;
    window_.Push(std::clamp(outcome.spread.center + (above_ ? reach : -reach),
                            -RollingWindow::kLimit, RollingWindow::kLimit));
  }
  anomalous_ = 0;
  if (Fits(value)) window_.Push(value);
  if (!open) return outcome;
  outcome.step = Step::kRecovering;
  if (++normal_ >= config.clear_after) {
    normal_ = 0;
    outcome.step = Step::kCleared;
  }
  return outcome;
}

void Series::StartAnew(double value) {
  window_.Clear();
  anomalous_ = normal_ = 0;
  if (Fits(value)) window_.Push(value);
}

void Series::Save(sdk::SnapshotWriter& out) const {
  out.I64(last_ns_);
  out.I64(began_ns_);
  out.U32(anomalous_);
  out.U32(normal_);
  out.U32(above_ ? 1 : 0);
  out.U32(window_.size());
  for (uint32_t i = 0; i < window_.size(); ++i) out.F64(window_[i]);
}

Series Series::Load(const Config& config, sdk::SnapshotReader& in) {
  Series series(config);
  series.last_ns_ = in.I64();
  series.began_ns_ = in.I64();
  series.anomalous_ = in.U32();
  series.normal_ = in.U32();
  series.above_ = in.U32() != 0;
  for (uint32_t left = in.U32(); left > 0; --left) {
    const double value = in.F64();
    if (!Fits(value)) sdk::SnapshotReader::Refuse("a window holds a value out of range");
    series.window_.Push(value);
  }
  return series;
}

}  // namespace heald::zscore
