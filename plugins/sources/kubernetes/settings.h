// The configuration of a kubernetes source. Thread rule: plain values and pure functions.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "plugins/support/kubernetes/config.h"
#include "plugins/support/kubernetes/resource.h"

namespace heald::kubernetes {

struct SourceConfig : ClusterConfig {
  std::vector<std::string> resources = {"pods",        "nodes",        "events",
                                        "deployments", "statefulsets", "daemonsets"};
  std::vector<std::string> namespaces;
  std::vector<std::string> exclude_namespaces;
  std::string label_selector;
  sdk::Duration interval = sdk::Seconds(10);
  sdk::Duration window = sdk::Minutes(10);
  sdk::Duration settle = sdk::Minutes(1);
  sdk::Duration pending_for = sdk::Minutes(5);
  sdk::Duration ready_within = sdk::Minutes(5);
  sdk::Duration not_ready_for = sdk::Minutes(2);
  int64_t repeated_events = 3;
  int64_t max_objects = 50'000;

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        std::tuple(
            Field("resources", &SourceConfig::resources,
                  "What to watch: pods, nodes, events, deployments, statefulsets, daemonsets"),
            Field("namespaces", &SourceConfig::namespaces,
                  "Only these; by default all, which needs a ClusterRole"),
            Field("exclude_namespaces", &SourceConfig::exclude_namespaces, "All but these"),
            Field("label_selector", &SourceConfig::label_selector,
                  "Only pods and workloads with these labels: app in (web,api),!canary"),
            Field("interval", &SourceConfig::interval,
                  "Time between two rounds of samples; findings come at once", {.min = 1e9}),
            Field("window", &SourceConfig::window,
                  "So far back restarts, OOM kills and warning events are counted", {.min = 1e9}),
            Field("settle", &SourceConfig::settle,
                  "So long a state must be over before its finding clears: what crashes in a loop "
                  "runs in between",
                  {.min = 0}),
            Field("pending_for", &SourceConfig::pending_for,
                  "So long a pod may wait for a node before that is a finding", {.min = 0}),
            Field("ready_within", &SourceConfig::ready_within,
                  "So long a new pod may fail its probes before that counts", {.min = 0}),
            Field("not_ready_for", &SourceConfig::not_ready_for,
                  "So long a node may be not ready before that is a finding: one that is restarted "
                  "or new",
                  {.min = 0}),
            Field("repeated_events", &SourceConfig::repeated_events,
                  "A warning event that came so often within window is a finding; 0: never",
                  {.min = 0}),
            Field("max_objects", &SourceConfig::max_objects,
                  "Most pods, nodes, workloads and events that are kept; others are left out and "
                  "counted",
                  {.min = 1})),
        ClusterConfig::ClusterFields());
  }
};

std::vector<support::HttpConfigProblem> CheckConfig(const SourceConfig& config);

// The resources of config.resources.
std::vector<Resource> WatchedResources(const SourceConfig& config);

// Every metric there may be.
std::vector<std::string> OutputNames(const SourceConfig& config);

// What watching each of them needs to be allowed, for `heald rbac`.
std::string SourceRbacJson();

}  // namespace heald::kubernetes

template <>
inline std::string heald::sdk::ConfigSchema<heald::kubernetes::SourceConfig>() {
  std::string out = "{";
  detail::AppendObject(out, heald::kubernetes::SourceConfig{});
  return out + ",\"x-rbac\":" + heald::kubernetes::SourceRbacJson() + "}";
}
