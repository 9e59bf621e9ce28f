// The unit of a metric, guessed from its name. Prometheus names end in their base unit
// (node_memory_free_bytes, http_request_duration_seconds); query names often say it in a word
// (latency_p99). Thread rule: a pure function.
#pragma once

#include <string>
#include <string_view>

namespace heald::sdk {

// UCUM-like: "s", "By", "1" (a ratio), "%", "1/s"…; empty where the name doesn't say. The last word
// with a unit counts; words are separated by '_', ':' or '.'; "_per_second" makes it a rate.
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

}  // namespace heald::sdk
