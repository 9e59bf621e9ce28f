#include "plugins/sources/replay/pace.h"

#include <cmath>

namespace heald::replay {

void Pace::Begin(int64_t recorded_ns, int64_t now_ns, int64_t monotonic_ns) {
  recorded_ns_ = recorded_ns;
  now_ns_ = now_ns;
  monotonic_ns_ = monotonic_ns;
  begun_ = true;
}

int64_t Pace::Played(int64_t recorded_ns) const {
  const int64_t since_ns = recorded_ns - recorded_ns_;
  // In whole numbers where possible: a double doesn't hold months of nanoseconds.
  if (speed_ == 0 || speed_ == 1) return since_ns;
  return std::llround(static_cast<double>(since_ns) / speed_);
}

bool Pace::IsDue(int64_t recorded_ns, int64_t monotonic_ns) const {
  return speed_ == 0 || Played(recorded_ns) <= monotonic_ns - monotonic_ns_;
}

int64_t Pace::TimeOf(int64_t recorded_ns) const {
  return shift_ == Shift::kOriginal ? recorded_ns : now_ns_ + Played(recorded_ns);
}

}  // namespace heald::replay
