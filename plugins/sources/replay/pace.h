// When a recorded moment is played, and which time it then has. Thread rule: one thread.
#pragma once

#include <cstdint>

#include "plugins/sources/replay/settings.h"

namespace heald::replay {

class Pace {
 public:
  // speed 0: all at once.
  Pace(double speed, Shift shift) : speed_(speed), shift_(shift) {}

  // From here on: what was recorded at recorded_ns is played at now_ns of the wall clock, which is
  // monotonic_ns of the other one. At speed 0 `recorded_ns` is the recording's end.
  void Begin(int64_t recorded_ns, int64_t now_ns, int64_t monotonic_ns);
  bool begun() const { return begun_; }
  // By the monotonic clock.
  bool IsDue(int64_t recorded_ns, int64_t monotonic_ns) const;
  int64_t TimeOf(int64_t recorded_ns) const;

 private:
  // Since Begin, by the clocks of today.
  int64_t Played(int64_t recorded_ns) const;

  const double speed_;
  const Shift shift_;
  bool begun_ = false;
  int64_t recorded_ns_ = 0;
  int64_t now_ns_ = 0;
  int64_t monotonic_ns_ = 0;
};

}  // namespace heald::replay
