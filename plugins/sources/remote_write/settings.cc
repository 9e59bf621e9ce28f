#include "plugins/sources/remote_write/settings.h"

namespace heald::remote_write {
namespace {

Rule Compile(const std::string& name, const MetricConfig& metric, std::vector<Problem>* problems) {
  const std::string at = "/metrics/" + support::PointerToken(name);
  Rule rule{name, !metric.rate.empty(), {}};
  if (!support::IsMetricName(name))
    problems->push_back({at, "a metric's name is of letters, digits, '_' and ':'"});
  if (metric.gauge.empty() == metric.rate.empty()) {
    problems->push_back({at, "needs exactly one of gauge and rate"});
    return rule;
  }
  const std::string& text = rule.rate ? metric.rate : metric.gauge;
  if (const std::string error = support::ParseSelectors(text, &rule.of); !error.empty())
    problems->push_back(
        {at + (rule.rate ? "/rate" : "/gauge"), "'" + text + "' is not a selector: " + error});
  return rule;
}

}  // namespace

std::vector<Problem> CheckConfig(const RemoteWriteConfig& config) {
  std::vector<Problem> problems;
  if (config.metrics.empty())
    problems.push_back({"/metrics", "name at least one: {up: {gauge: up}} takes the series up"});
  for (const auto& [name, metric] : config.metrics) Compile(name, metric, &problems);
  for (size_t i = 0; i < config.drop_labels.size(); ++i)
    if (const std::string& label = config.drop_labels[i];
        !support::IsLabelName(label) || label == "__name__")
      problems.push_back({"/drop_labels/" + std::to_string(i),
                          "'" + label + "' is not a label that can be left out"});
  return problems;
}

std::vector<Rule> RulesOf(const RemoteWriteConfig& config) {
  std::vector<Problem> problems;
  std::vector<Rule> rules;
  for (const auto& [name, metric] : config.metrics)
    rules.push_back(Compile(name, metric, &problems));
  return rules;
}

}  // namespace heald::remote_write
