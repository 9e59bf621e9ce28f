#include "plugins/detectors/isolation_forest/judge.h"

namespace heald::isolation_forest {

Step Judge::Next(const Limits& limits, int64_t ts_ns, double score) {
  smoothed_ += (smoothed_ == 0 ? 1 : kShare) * (score - smoothed_);
  if (!open_) {
    if (smoothed_ < limits.clear) {
      began_ns_ = 0;
      rearm_ = 0;
    } else if (began_ns_ == 0) {
      began_ns_ = ts_ns;
    }
    if (smoothed_ < limits.warning || smoothed_ < rearm_) return Step::kNormal;
    open_ = true;
    opened_ns_ = ts_ns;
    normal_ = 0;
    return Step::kOpened;
  }
  if (smoothed_ < limits.clear) {
    if (++normal_ < limits.clear_after) return Step::kRecovering;
    open_ = false;
    began_ns_ = 0;
    return Step::kCleared;
  }
  normal_ = 0;
  if (ts_ns - opened_ns_ < limits.max_hold_ns) return Step::kOngoing;
  // What was adopted may still look odd for a while: only what is worse opens another finding.
  constexpr double kWorse = 1.05;
  open_ = false;
  rearm_ = kWorse * smoothed_;
  began_ns_ = 0;
  return Step::kRebaselined;
}

}  // namespace heald::isolation_forest
