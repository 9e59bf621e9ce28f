// A clock for waiting: it goes on whatever is done to the machine's time.
// Thread rule: a pure function.
#pragma once

#include <cstdint>

#include "core/base/clock.h"

namespace heald {

inline int64_t SteadyNs() {
  return SystemClock().MonotonicNs();
}

}  // namespace heald
