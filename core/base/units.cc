#include "core/base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "heald/time_text.h"

namespace heald {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array<Unit, 8> kDurationUnits{{{"ns", 1},
                                              {"us", 1e3},
                                              {"ms", 1e6},
                                              {"s", 1e9},
                                              {"m", 6e10},
                                              {"h", 3.6e12},
                                              {"d", 8.64e13},
                                              {"w", 6.048e14}}};
constexpr std::array<Unit, 14> kSizeUnits{{{"", 1},
                                           {"B", 1},
                                           {"k", 1e3},
                                           {"kB", 1e3},
                                           {"KB", 1e3},
                                           {"KiB", 1024},
                                           {"M", 1e6},
                                           {"MB", 1e6},
                                           {"MiB", 1048576},
                                           {"G", 1e9},
                                           {"GB", 1e9},
                                           {"GiB", 1073741824},
                                           {"TB", 1e12},
                                           {"TiB", 1099511627776.0}}};

template <size_t N>
const Unit* FindUnit(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units)
    if (unit.name == name) return &unit;
  return nullptr;
}

// Reads a non-negative number and the letters after it; moves `text` behind both.
bool TakeNumberAndUnit(std::string_view* text, double* number, std::string_view* unit) {
  const auto [end, code] =
      std::from_chars(text->data(), text->data() + text->size(), *number, std::chars_format::fixed);
  if (code != std::errc() || !std::isfinite(*number) || *number < 0) return false;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  size_t n = 0;
  while (n < text->size() && (((*text)[n] | 0x20) >= 'a' && ((*text)[n] | 0x20) <= 'z')) ++n;
  *unit = text->substr(0, n);
  text->remove_prefix(n);
  return true;
}

Error Bad(std::string_view what, std::string_view text, std::string_view hint) {
  return MakeError(Code::kInvalid, "'" + std::string(text) + "' is not a " + std::string(what) +
                                       ": " + std::string(hint));
}

std::string Trimmed(double value, const char* unit) {
  char buffer[48];
  const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value);
  std::string text = buffer;
  if (text.find('.') != std::string::npos) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  return text + " " + unit;
}

}  // namespace

Result<int64_t> ParseDuration(std::string_view text) {
  if (text == "0") return int64_t{0};
  std::string_view rest = text;
  double total = 0;
  do {
    double number = 0;
    std::string_view name;
    if (!TakeNumberAndUnit(&rest, &number, &name))
      return Bad("duration", text, "write 30s, 5m or 1h30m");
    const Unit* unit = FindUnit(kDurationUnits, name);
    if (unit == nullptr) return Bad("duration", text, "units are ns, us, ms, s, m, h, d, w");
    total += number * unit->factor;
  } while (!rest.empty());
  if (total >= 9.2e18) return Bad("duration", text, "it is longer than 290 years");
  return static_cast<int64_t>(std::llround(total));
}

Result<int64_t> ParseSize(std::string_view text) {
  std::string_view rest = text;
  double number = 0;
  std::string_view name;
  if (!TakeNumberAndUnit(&rest, &number, &name) || !rest.empty())
    return Bad("size", text, "write 64MiB or 1GB");
  const Unit* unit = FindUnit(kSizeUnits, name);
  if (unit == nullptr) return Bad("size", text, "units are B, kB, KiB, MB, MiB, GB, GiB, TB, TiB");
  const double bytes = number * unit->factor;
  if (bytes >= 9.2e18) return Bad("size", text, "it is too large");
  return static_cast<int64_t>(std::llround(bytes));
}

Result<double> ParseRatio(std::string_view text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, number);
  if (code != std::errc() || !std::isfinite(number)) return Bad("ratio", text, "write 50% or 0.5");
  if (at == end) return number;
  if (at + 1 == end && *at == '%') return number / 100;
  return Bad("ratio", text, "write 50% or 0.5");
}

std::string FormatDuration(int64_t ns) {
  if (ns == 0) return "0s";
  std::string out = ns < 0 ? "-" : "";
  uint64_t rest = ns < 0 ? 0 - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  constexpr std::array<std::pair<const char*, uint64_t>, 7> kUnits{{{"d", 86'400'000'000'000},
                                                                    {"h", 3'600'000'000'000},
                                                                    {"m", 60'000'000'000},
                                                                    {"s", 1'000'000'000},
                                                                    {"ms", 1'000'000},
                                                                    {"us", 1'000},
                                                                    {"ns", 1}}};
  for (const auto& [name, factor] : kUnits) {
    if (rest >= factor) out += std::to_string(rest / factor) + name;
    rest %= factor;
  }
  return out;
}

std::string FormatElapsed(int64_t ns) {
  const double seconds = static_cast<double>(ns) / 1e9;
  if (seconds < 0) return "-" + FormatElapsed(-ns);
  if (seconds < 1e-3) return Trimmed(seconds * 1e6, "us");
  if (seconds < 0.1) return Trimmed(seconds * 1e3, "ms");
  if (seconds < 120) return Trimmed(seconds, "s");
  if (seconds < 7200) return Trimmed(seconds / 60, "min");
  if (seconds < 172800) return Trimmed(seconds / 3600, "h");
  return Trimmed(seconds / 86400, "d");
}

std::string FormatTime(int64_t ns) {
  return sdk::FormatTimeText(ns);
}

Result<int64_t> ParseTime(std::string_view text) {
  int64_t ns = 0;
  if (const char* hint = sdk::ParseTimeText(text, &ns)) return Bad("time", text, hint);
  return ns;
}

}  // namespace heald
