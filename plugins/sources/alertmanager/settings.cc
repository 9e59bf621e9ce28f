#include "plugins/sources/alertmanager/settings.h"

#include "plugins/support/severity_words.h"

namespace heald::alertmanager {
namespace {

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
  return support::SeverityByWord(value).value_or(ToSeverity(config.default_severity));
}

}  // namespace heald::alertmanager
