#include "plugins/sources/alertmanager/settings.h"

#include <algorithm>
#include <cctype>

namespace heald::alertmanager {
namespace {

constexpr std::pair<std::string_view, Level> kUsual[] = {
    {"critical", Level::kCritical},  {"crit", Level::kCritical},   {"page", Level::kCritical},
    {"emergency", Level::kCritical}, {"fatal", Level::kCritical},  {"error", Level::kCritical},
    {"high", Level::kCritical},      {"warning", Level::kWarning}, {"warn", Level::kWarning},
    {"medium", Level::kWarning},     {"info", Level::kInfo},       {"informational", Level::kInfo},
    {"notice", Level::kInfo},        {"low", Level::kInfo},        {"none", Level::kInfo},
};

sdk::Severity ToSeverity(Level level) {
  switch (level) {
    case Level::kInfo:
      return sdk::Severity::kInfo;
    case Level::kWarning:
      return sdk::Severity::kWarning;
    default:
      return sdk::Severity::kCritical;
  }
}

}  // namespace

sdk::Severity SeverityOf(const AlertmanagerConfig& config, std::string_view value) {
  if (const auto at = config.severities.find(std::string(value)); at != config.severities.end())
    return ToSeverity(at->second);
  std::string lower(value);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [word, level] : kUsual)
    if (word == lower) return ToSeverity(level);
  return ToSeverity(config.default_severity);
}

}  // namespace heald::alertmanager
