// Values with their units as people write them, and the unit of a metric, guessed from its name.
// Thread rule: pure functions.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>

namespace heald::sdk {

// UCUM-like: "s", "By", "1" (a ratio), "%", "1/s"…; empty where the name doesn't say. Prometheus
// names end in their base unit (node_memory_free_bytes, http_request_duration_seconds); query names
// often say it in a word (latency_p99). The last word with a unit counts; words are separated by
// '_', ':' or '.'; "_per_second" makes it a rate.
inline std::string GuessUnit(std::string_view metric) {
  struct Word {
    std::string_view word;
    std::string_view unit;
  };
  constexpr Word kWords[] = {{"seconds", "s"},  {"milliseconds", "ms"}, {"latency", "s"},
                             {"duration", "s"}, {"bytes", "By"},        {"ratio", "1"},
                             {"percent", "%"},  {"celsius", "Cel"},     {"volts", "V"},
                             {"joules", "J"},   {"meters", "m"},        {"amperes", "A"}};
  constexpr std::string_view kRate = "_per_second";
  const size_t rate = metric.find(kRate);
  std::string_view rest = metric.substr(0, rate);
  std::string unit;
  while (!rest.empty()) {
    const size_t end = rest.find_first_of("_:.");
    for (const Word& known : kWords)
      if (rest.substr(0, end) == known.word) unit = known.unit;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  if (rate != std::string_view::npos) return (unit.empty() ? "1" : unit) + "/s";
  return unit;
}

// "1.84 s", "512 MiB", "73 %": three significant digits with the unit; "unknown" for NaN.
inline std::string FormatValue(double value, std::string_view unit) {
  if (std::isnan(value)) return "unknown";
  char buffer[64];
  if (unit == "By" && std::isfinite(value)) {
    constexpr const char* kNames[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t i = 0;
    while (std::fabs(value) >= 1024 && i < 4) {
      value /= 1024;
      ++i;
    }
    std::snprintf(buffer, sizeof buffer, "%.3g %s", value, kNames[i]);
    return buffer;
  }
  if (unit == "1" && std::fabs(value) <= 1.5) {  // a ratio
    std::snprintf(buffer, sizeof buffer, "%.3g %%", value * 100);
    return buffer;
  }
  std::snprintf(buffer, sizeof buffer,
                std::fabs(value) >= 1000 && std::fabs(value) < 1e9 ? "%.0f" : "%.3g", value);
  std::string out = buffer;
  if (!unit.empty() && unit != "1") out += " " + std::string(unit == "1/s" ? "/s" : unit);
  return out;
}

}  // namespace heald::sdk
