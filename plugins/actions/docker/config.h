// What the docker action can be told. Thread rule: plain values.
#pragma once

#include <optional>
#include <string>
#include <tuple>

#include "heald/config.h"
#include "plugins/support/http_config.h"

namespace heald::docker {

enum class Operation { kRestart, kStop, kStart, kPause, kScale, kRollingRestart };
inline constexpr std::string_view kOperationWords[] = {"restart", "stop",  "start",
                                                       "pause",   "scale", "rolling_restart"};

struct Config : support::HttpConfig {
  Config() { url = "unix:///var/run/docker.sock"; }

  Operation operation = Operation::kRestart;
  std::string container;
  std::string label;
  std::string compose_project;
  std::string compose_service;
  std::string swarm_service;
  sdk::Duration stop_timeout = sdk::Seconds(10);
  sdk::Duration stable_for = sdk::Seconds(3);
  std::optional<int64_t> max_targets;
  std::optional<int64_t> replicas;
  std::optional<int64_t> scale_up_by;
  int64_t max_replicas = 10;

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        std::tuple(
            Field("url", &Config::url, "The Engine: unix:///path, tcp://host:port or https://…"),
            Field("operation", &Config::operation, "What to do", {.one_of = kOperationWords}),
            Field("container", &Config::container, "Name or id of the container",
                  {.runtime = true}),
            Field("label", &Config::label, "Containers with this label, name=value or name",
                  {.runtime = true}),
            Field("compose_project", &Config::compose_project,
                  "Containers of this compose project; with compose_service", {.runtime = true}),
            Field("compose_service", &Config::compose_service, "… and of this service of it",
                  {.runtime = true}),
            Field("swarm_service", &Config::swarm_service, "Swarm service to scale",
                  {.runtime = true}),
            Field("stop_timeout", &Config::stop_timeout, "From the stop signal to SIGKILL",
                  {.min = 0}),
            Field("stable_for", &Config::stable_for,
                  "Uptime that shows a container without health check to be well", {.min = 0}),
            Field("max_targets", &Config::max_targets,
                  "Refuse when more containers match; they are taken one after the other. 1 if "
                  "absent, 10 for rolling_restart",
                  {.min = 1}),
            Field("replicas", &Config::replicas, "scale: to this many", {.min = 1}),
            Field("scale_up_by", &Config::scale_up_by, "scale: by this many more", {.min = 1}),
            Field("max_replicas", &Config::max_replicas, "scale: never beyond this", {.min = 1})),
        HttpConfig::ConnectionFields());
  }
};

inline int64_t MaxTargets(const Config& config) {
  return config.max_targets.value_or(config.operation == Operation::kRollingRestart ? 10 : 1);
}

}  // namespace heald::docker
