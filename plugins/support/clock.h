// What several parts of plugins measure waiting with.
// Thread rule: pure functions.
#pragma once

#include <chrono>
#include <cstdint>

namespace heald::support {

inline constexpr int64_t kSecond = 1'000'000'000;

// Goes on whatever is done to the machine's clock, and to the host's.
inline int64_t SteadyNs() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

}  // namespace heald::support
