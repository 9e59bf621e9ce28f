#include "plugins/sources/kubernetes/settings.h"

#include <algorithm>

namespace heald::kubernetes {
namespace {

constexpr Resource kWatchable[] = {kPods,        kNodes,        kEvents,
                                   kDeployments, kStatefulSets, kDaemonSets};

// A connection and a thread for each resource of each of them.
constexpr size_t kMostNamespaces = 20;

const Resource* FindWatchable(const std::string& name) {
  const auto* at = std::find_if(std::begin(kWatchable), std::end(kWatchable),
                                [&](const Resource& each) { return each.plural == name; });
  return at == std::end(kWatchable) ? nullptr : at;
}

bool Has(const SourceConfig& config, const Resource& resource) {
  return std::find(config.resources.begin(), config.resources.end(), resource.plural) !=
         config.resources.end();
}

}  // namespace

std::vector<support::HttpConfigProblem> CheckConfig(const SourceConfig& config) {
  std::vector<support::HttpConfigProblem> problems = CheckClusterConfig(config);
  if (config.resources.empty())
    problems.push_back({"/resources", "nothing would be watched: name at least one"});
  for (size_t i = 0; i < config.resources.size(); ++i) {
    const std::string pointer = "/resources/" + std::to_string(i);
    const std::string& name = config.resources[i];
    if (FindWatchable(name) == nullptr)
      problems.push_back({pointer, "'" + name +
                                       "' can't be watched: write pods, nodes, events, "
                                       "deployments, statefulsets or daemonsets"});
    else if (std::find(config.resources.begin(), config.resources.begin() + i, name) !=
             config.resources.begin() + i)
      problems.push_back({pointer, "'" + name + "' is there already"});
  }
  for (size_t i = 0; i < config.namespaces.size(); ++i)
    if (config.namespaces[i].empty())
      problems.push_back({"/namespaces/" + std::to_string(i), "a namespace's name is needed"});
  if (config.namespaces.size() > kMostNamespaces)
    problems.push_back({"/namespaces", "each is watched for itself, and " +
                                           std::to_string(kMostNamespaces) +
                                           " are the most: leave it out to watch all, and name "
                                           "those that don't matter in exclude_namespaces"});
  if (!config.namespaces.empty() && !config.exclude_namespaces.empty())
    problems.push_back(
        {"/exclude_namespaces", "namespaces says already which: remove one of the two"});
  return problems;
}

std::vector<Resource> WatchedResources(const SourceConfig& config) {
  std::vector<Resource> resources;
  for (const std::string& name : config.resources)
    if (const Resource* resource = FindWatchable(name)) resources.push_back(*resource);
  return resources;
}

std::vector<std::string> OutputNames(const SourceConfig& config) {
  std::vector<std::string> names;
  if (Has(config, kPods))
    names.insert(names.end(), {"pod_ready", "pod_waiting", "restarts", "oom_kills"});
  if (Has(config, kNodes))
    names.insert(names.end(), {"node_ready", "node_schedulable", "node_disk_pressure",
                               "node_memory_pressure", "node_pid_pressure"});
  if (Has(config, kDeployments) || Has(config, kStatefulSets) || Has(config, kDaemonSets))
    names.insert(names.end(),
                 {"replicas_desired", "replicas_ready", "rollout_failed", "rollout_behind"});
  if (Has(config, kEvents)) names.emplace_back("warning_events");
  return names;
}

std::string SourceRbacJson() {
  std::string rules;
  for (const Resource& resource : kWatchable)
    rules += (rules.empty() ? "\"" : ",\"") + std::string(resource.plural) +
             "\":[{\"apiGroups\":[\"" + std::string(resource.group) + "\"],\"resources\":[\"" +
             std::string(resource.plural) + "\"],\"verbs\":[\"list\",\"watch\"],\"scope\":\"" +
             (resource.namespaced ? "namespace" : "cluster") + "\"}]";
  return "{\"key\":\"resources\",\"namespace_key\":\"namespaces\",\"everywhere\":true,"
         "\"rules\":{" +
         rules + "}}";
}

}  // namespace heald::kubernetes
