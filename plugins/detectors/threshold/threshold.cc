#include "plugins/detectors/threshold/threshold.h"

#include <algorithm>
#include <cmath>

namespace heald::threshold {

namespace {

constexpr double kScoreCap = 1e6;

// Lower bounds are upper bounds of the negated value.
sdk::Severity SideSeverity(const Bounds& bounds, double value, double sign) {
  const auto beyond = [&](const std::optional<double>& level) {
    return level && sign * value > sign * *level;
  };
  if (beyond(bounds.critical)) return sdk::Severity::kCritical;
  if (beyond(bounds.warning)) return sdk::Severity::kWarning;
  if (beyond(bounds.info)) return sdk::Severity::kInfo;
  return sdk::Severity::kNormal;
}

bool SideCleared(const Bounds& bounds, double value, double sign) {
  const std::optional<double> level = bounds.clear ? bounds.clear : bounds.Mildest();
  return !level || sign * value <= sign * *level;
}

double SideScore(const Bounds& bounds, double value, double sign) {
  const std::optional<double> level = bounds.Mildest();
  if (!level || sign * value <= sign * *level) return 0;
  const double distance = std::fabs(value - *level);
  return std::min(*level == 0 ? distance : distance / std::fabs(*level), kScoreCap);
}

}  // namespace

sdk::Severity Judge(const Config& config, double value) {
  return std::max(SideSeverity(config.above, value, 1), SideSeverity(config.below, value, -1));
}

double Score(const Config& config, double value) {
  return std::max(SideScore(config.above, value, 1), SideScore(config.below, value, -1));
}

Outcome Series::Next(const Config& config, int64_t ts_ns, double value, bool open) {
  if (std::isnan(value) || ts_ns <= last_ns_) return {};
  const bool gap = last_ns_ != 0 && ts_ns - last_ns_ > config.max_gap.ns;
  if (last_ns_ != 0) NoteStep(ts_ns - last_ns_);
  last_ns_ = ts_ns;
  Remember(value);
  Outcome outcome{Step::kNormal, Judge(config, value)};
  if (outcome.severity == sdk::Severity::kNormal) {
    if (!open) {
      began_ns_ = 0;
    } else if (SideCleared(config.above, value, 1) && SideCleared(config.below, value, -1)) {
      began_ns_ = 0;
      outcome.step = Step::kCleared;
    } else {
      outcome.step = Step::kRecovering;
    }
    return outcome;
  }
  if (open) {
    outcome.step = Step::kOngoing;
    return outcome;
  }
  if (began_ns_ == 0 || gap) began_ns_ = ts_ns;
  if (ts_ns - began_ns_ >= config.hold_for.ns) outcome.step = Step::kOpened;
  return outcome;
}

void Series::Remember(double value) {
  recent_[recent_next_] = value;
  recent_next_ = (recent_next_ + 1) % kRecent;
  recent_count_ = std::min(recent_count_ + 1, kRecent);
}

void Series::NoteStep(int64_t step_ns) {
  const int64_t off_ns = step_ns > step_ns_ ? step_ns - step_ns_ : step_ns_ - step_ns;
  steady_ = off_ns <= step_ns_ / 10 ? std::min(steady_ + 1, kRecent) : 1;
  step_ns_ = step_ns;
}

std::vector<double> Series::Recent() const {
  std::vector<double> recent;
  for (uint32_t i = 0; i < recent_count_; ++i)
    recent.push_back(recent_[(recent_next_ + kRecent - recent_count_ + i) % kRecent]);
  return recent;
}

void Series::Save(sdk::SnapshotWriter& out) const {
  out.I64(last_ns_);
  out.I64(began_ns_);
  const std::vector<double> recent = Recent();
  out.U32(static_cast<uint32_t>(recent.size()));
  for (const double value : recent) out.F64(value);
}

Series Series::Load(sdk::SnapshotReader& in) {
  Series series;
  series.last_ns_ = in.I64();
  series.began_ns_ = in.I64();
  for (uint32_t left = in.U32(); left > 0; --left) series.Remember(in.F64());
  return series;
}

}  // namespace heald::threshold
