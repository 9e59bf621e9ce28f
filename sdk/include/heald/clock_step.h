// A wall clock that is set back: what was stamped before lies in the future then, and whoever takes
// only what is later than the latest would take nothing for as long as it went back. Used by
// whatever keeps the time of a series' latest sample. Thread rule: pure.
#pragma once

#include <cstdint>

namespace heald::sdk {

// To stand for that time then: not 0, which is none at all; and what comes is as after a gap.
inline constexpr int64_t kLongAgoNs = 1;

// Of a sample that isn't later than the latest of its series: whether the latest is from before the
// clock was set back, and this one from now. Replayed and out of order samples are neither.
constexpr bool ClockWentBack(int64_t last_ns, int64_t ts_ns, int64_t now_ns) {
  constexpr int64_t kAheadNs = 10'000'000'000;  // clocks differ
  constexpr int64_t kOldNs = 300'000'000'000;   // what may still be called now
  return ts_ns <= last_ns && last_ns > now_ns + kAheadNs && ts_ns <= now_ns + kAheadNs &&
         ts_ns >= now_ns - kOldNs;
}

}  // namespace heald::sdk
