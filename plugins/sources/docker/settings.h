// The configuration of a docker source. Thread rule: plain values and pure functions.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "heald/config.h"
#include "plugins/support/http_config.h"

namespace heald::docker {

struct SourceConfig : support::HttpConfig {
  SourceConfig() { url = "unix:///var/run/docker.sock"; }

  sdk::Duration interval = sdk::Seconds(10);
  std::vector<std::string> containers_with;
  std::string service_label;
  std::map<std::string, std::string> labels;
  sdk::Duration window = sdk::Minutes(10);
  bool usage = true;
  int64_t max_concurrency = 64;

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        std::tuple(
            Field("url", &SourceConfig::url,
                  "The Engine: unix:///path, tcp://host:port or https://…"),
            Field("interval", &SourceConfig::interval, "Time between two looks at all containers",
                  {.min = 1e9}),
            Field("containers_with", &SourceConfig::containers_with,
                  "Only containers that have all these labels, name=value or name"),
            Field("service_label", &SourceConfig::service_label,
                  "Container label that is the service; by default that of compose or Swarm, else "
                  "the container's name"),
            Field("labels", &SourceConfig::labels,
                  "More labels for the series, by their name: the container label that they are"),
            Field("window", &SourceConfig::window,
                  "So far back crashes, restarts and oom_kills are counted", {.min = 1e9}),
            Field("usage", &SourceConfig::usage, "Ask for processor, memory, network and disk too"),
            Field("max_concurrency", &SourceConfig::max_concurrency, "Containers asked at once",
                  {.min = 1, .max = 1024})),
        HttpConfig::ConnectionFields());
  }
};

std::vector<support::HttpConfigProblem> CheckConfig(const SourceConfig& config);

// Every metric there may be.
std::vector<std::string> OutputNames(const SourceConfig& config);

}  // namespace heald::docker
