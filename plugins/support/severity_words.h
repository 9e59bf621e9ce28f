// How bad something is, in the words that alerts use. Thread rule: pure.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "heald/host.h"

namespace heald::support {

// Of "critical", "page", "error", "warning", "none"…, in any case; nothing for other words.
inline std::optional<sdk::Severity> SeverityByWord(std::string_view word) {
  using sdk::Severity;
  constexpr std::pair<std::string_view, Severity> kWords[] = {
      {"critical", Severity::kCritical}, {"crit", Severity::kCritical},
      {"page", Severity::kCritical},     {"emergency", Severity::kCritical},
      {"fatal", Severity::kCritical},    {"error", Severity::kCritical},
      {"high", Severity::kCritical},     {"major", Severity::kCritical},
      {"warning", Severity::kWarning},   {"warn", Severity::kWarning},
      {"medium", Severity::kWarning},    {"minor", Severity::kWarning},
      {"info", Severity::kInfo},         {"informational", Severity::kInfo},
      {"notice", Severity::kInfo},       {"low", Severity::kInfo},
      {"none", Severity::kInfo},         {"normal", Severity::kInfo},
  };
  for (const auto& [known, severity] : kWords)
    if (std::equal(word.begin(), word.end(), known.begin(), known.end(), [](char a, char b) {
          return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b;
        }))
      return severity;
  return std::nullopt;
}

}  // namespace heald::support
