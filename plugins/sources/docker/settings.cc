#include "plugins/sources/docker/settings.h"

#include <algorithm>

#include "plugins/support/docker/engine.h"

namespace heald::docker {
namespace {

bool IsLabelName(const std::string& name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

}  // namespace

std::vector<support::HttpConfigProblem> CheckConfig(const SourceConfig& config) {
  std::vector<support::HttpConfigProblem> problems = CheckEngineConfig(config);
  for (const auto& [name, label] : config.labels) {
    if (!IsLabelName(name) || name.starts_with("__"))
      problems.push_back(
          {"/labels", "'" + name + "' can't name a label: use letters, digits and '_'"});
    else if (name == "container" || name == "service" || name == "project")
      problems.push_back({"/labels/" + name, "'" + name + "' is there already" +
                                                 (name == "service" ? ": set service_label" : "")});
    else if (label.empty())
      problems.push_back({"/labels/" + name, "name the container label that it is"});
  }
  for (size_t i = 0; i < config.containers_with.size(); ++i)
    if (config.containers_with[i].empty() || config.containers_with[i][0] == '=')
      problems.push_back({"/containers_with/" + std::to_string(i),
                          "a label is needed: name=value, or name alone"});
  return problems;
}

std::vector<std::string> OutputNames(const SourceConfig& config) {
  std::vector<std::string> names = {"running",  "healthy", "exit_code", "restart_count",
                                    "restarts", "crashes", "oom_kills"};
  if (config.usage)
    names.insert(names.end(),
                 {"cpu_ratio", "memory_bytes", "memory_ratio", "network_received_bytes_per_second",
                  "network_sent_bytes_per_second", "disk_read_bytes_per_second",
                  "disk_written_bytes_per_second", "pids"});
  return names;
}

}  // namespace heald::docker
