// Times as text and back, read and written the same way by the agent and by plugins that read files
// made by people or by the agent. Thread rule: pure functions.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>

namespace heald::sdk {

// RFC 3339 with any offset, the same with a blank and without a zone (UTC), or epoch seconds.
// Null: done; otherwise what is expected instead.
inline const char* ParseTimeText(std::string_view text, int64_t* ns) {
  constexpr int64_t kSecondNs = 1'000'000'000;
  constexpr double kMostSeconds = 9.2e9;  // what fits, in the years 1678 to 2261
  constexpr const char* kExpected = "write 2026-11-21T20:14:03Z or epoch seconds";
  double epoch = 0;
  if (const auto [at, code] = std::from_chars(text.data(), text.data() + text.size(), epoch);
      code == std::errc() && at == text.data() + text.size()) {
    if (!std::isfinite(epoch)) return kExpected;
    if (!(std::fabs(epoch) < kMostSeconds)) return "epoch seconds are expected, not milliseconds";
    // Apart, as a double doesn't hold so many nanoseconds.
    const double whole = std::floor(epoch);
    *ns = static_cast<int64_t>(whole) * kSecondNs +
          static_cast<int64_t>(std::llround((epoch - whole) * 1e9));
    return nullptr;
  }
  const std::string copy(text);
  tm parts{};
  double seconds = 0;
  int consumed = 0;
  char separator = 0;
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2d%c%2d:%2d:%lf%n", &parts.tm_year, &parts.tm_mon,
                  &parts.tm_mday, &separator, &parts.tm_hour, &parts.tm_min, &seconds,
                  &consumed) != 7 ||
      (separator != 'T' && separator != 't' && separator != ' ') || parts.tm_mon < 1 ||
      parts.tm_mon > 12 || parts.tm_mday < 1 || parts.tm_hour < 0 || parts.tm_hour > 23 ||
      parts.tm_min < 0 || parts.tm_min > 59 || !(seconds >= 0 && seconds < 61))
    return kExpected;
  const std::string_view zone = text.substr(static_cast<size_t>(consumed));
  int64_t offset_s = 0;
  if (!zone.empty() && zone != "Z" && zone != "z") {
    int hours = 0;
    int minutes = 0;
    char sign = 0;
    if (zone.size() != 6 ||
        std::sscanf(copy.c_str() + consumed, "%c%2d:%2d", &sign, &hours, &minutes) != 3 ||
        (sign != '+' && sign != '-'))
      return "the zone is Z or +01:00";
    offset_s = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  const int day = parts.tm_mday;
  const int64_t whole = timegm(&parts);
  // It makes March 1st of February 30th.
  if (parts.tm_mday != day) return "there is no such day";
  if (!(std::fabs(static_cast<double>(whole)) < kMostSeconds))
    return "the years 1680 to 2260 are understood";
  *ns = (whole - offset_s) * kSecondNs + static_cast<int64_t>(std::llround(seconds * 1e9));
  return nullptr;
}

// RFC 3339 in UTC with milliseconds: "2026-11-21T20:14:03.250Z".
inline std::string FormatTimeText(int64_t ns) {
  constexpr int64_t kSecondNs = 1'000'000'000;
  const int64_t rest_ns = (ns % kSecondNs + kSecondNs) % kSecondNs;
  const time_t seconds = (ns - rest_ns) / kSecondNs;
  tm parts{};
  gmtime_r(&seconds, &parts);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(rest_ns / 1'000'000));
  return buffer;
}

}  // namespace heald::sdk
