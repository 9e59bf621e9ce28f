#include "plugins/support/words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "heald/naming.h"
#include "heald/unit.h"

namespace heald::support {
namespace {

std::string_view View(heald_str text) {
  return text.len == 0 ? std::string_view() : std::string_view(text.ptr, text.len);
}

}  // namespace

std::string Sparkline(std::span<const double> values, size_t width) {
  constexpr std::array<std::string_view, 8> kBars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  values = values.last(std::min(values.size(), width));
  double low = HUGE_VAL;
  double high = -HUGE_VAL;
  size_t known = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
    ++known;
  }
  if (known < 2) return {};
  std::string out;
  for (const double value : values) {
    if (!std::isfinite(value)) {
      out += ' ';
      continue;
    }
    // Halved first: the span of two finite numbers may be infinite.
    const double part = high > low ? (value / 2 - low / 2) / (high / 2 - low / 2) : 0;
    out += kBars[static_cast<size_t>(std::lround(part * (kBars.size() - 1)))];
  }
  return out;
}

std::string ExpectedText(const heald_finding& finding) {
  const bool low = !std::isnan(finding.expected_low);
  const bool high = !std::isnan(finding.expected_high);
  const std::string_view unit = View(finding.unit);
  if (low && high)
    return sdk::FormatValue(finding.expected_low, unit) + " to " +
           sdk::FormatValue(finding.expected_high, unit);
  if (high) return "at most " + sdk::FormatValue(finding.expected_high, unit);
  if (low) return "at least " + sdk::FormatValue(finding.expected_low, unit);
  return {};
}

std::string TargetName(heald_labels target) {
  std::string all;
  for (const std::string_view name : sdk::kNamingLabels)
    for (uint64_t i = 0; i < target.count; ++i)
      if (View(target.items[i].name) == name) return std::string(View(target.items[i].value));
  for (uint64_t i = 0; i < target.count; ++i) {
    if (i != 0) all += ", ";
    ((all += View(target.items[i].name)) += '=') += View(target.items[i].value);
  }
  return all.empty() ? "-" : all;
}

std::string UtcText(int64_t ns) {
  const std::time_t seconds = ns / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

std::string Shortened(std::string_view text, size_t most) {
  size_t characters = 0;
  size_t keep = 0;  // bytes of the first most-1 characters
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
    if (characters + 1 == most) keep = i;
    if (++characters > most) return std::string(text.substr(0, keep)) + "…";
  }
  return std::string(text);
}

}  // namespace heald::support
