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

std::vector<std::pair<std::string, std::string>> CheckConfig(const AlertmanagerConfig& config) {
  std::vector<std::pair<std::string, std::string>> problems;
  if (config.severity_label.empty())
    problems.emplace_back("/severity_label",
                          "is empty: name the label that says how bad an alert is; where there is "
                          "none, leave it out and set default_severity");
  for (size_t i = 0; i < config.drop_labels.size(); ++i)
    if (const std::string& label = config.drop_labels[i]; label == "alertname" || label.empty())
      problems.emplace_back("/drop_labels/" + std::to_string(i),
                            label.empty() ? "is empty: name a label"
                                          : "is the alert's name, which is its finding's metric: "
                                            "it is never part of the target");
  return problems;
}

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
