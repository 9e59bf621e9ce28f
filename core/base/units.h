// Durations, sizes, ratios and times as text, and back. Used by config, API, CLI and messages.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace heald {

inline constexpr int64_t kNanosecond = 1;
inline constexpr int64_t kMicrosecond = 1'000;
inline constexpr int64_t kMillisecond = 1'000'000;
inline constexpr int64_t kSecond = 1'000'000'000;
inline constexpr int64_t kMinute = 60 * kSecond;
inline constexpr int64_t kHour = 60 * kMinute;
inline constexpr int64_t kDay = 24 * kHour;

// "30s", "1m30s", "250ms", "1.5h", "7d", "0". Needs a unit unless it is 0.
Result<int64_t> ParseDuration(std::string_view text);
// "64MiB", "1.5GB", "512B", "1024" (bytes).
Result<int64_t> ParseSize(std::string_view text);
// "50%" or "0.5".
Result<double> ParseRatio(std::string_view text);

// Shortest exact form: "1m30s", "250ms", "0s".
std::string FormatDuration(int64_t ns);
// For people: three significant digits at most: "0.9 s", "4 min", "2.5 h".
std::string FormatElapsed(int64_t ns);
// RFC 3339 in UTC with milliseconds: "2026-11-21T20:14:03.250Z".
std::string FormatTime(int64_t ns);
// RFC 3339 with any offset, or epoch seconds.
Result<int64_t> ParseTime(std::string_view text);

}  // namespace heald
