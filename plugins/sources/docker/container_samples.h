// What a container's state is worth as samples, and the labels of its series. Part of the docker
// source. Thread rule: pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heald/host.h"
#include "plugins/sources/docker/settings.h"
#include "plugins/support/docker/container.h"

namespace heald::docker {

using NamedValues = std::vector<std::pair<std::string_view, double>>;

// own: the container's labels, maybe among others.
sdk::LabelSet LabelsOf(const SourceConfig& config, const std::string& name,
                       const nlohmann::json& own);

// `docker compose run`: a command by hand, not a service.
bool IsOneOff(const nlohmann::json& own);

// What an inspect shows beyond docker::Container.
struct State {
  Container container;
  int64_t started_ns = 0;
  int64_t finished_ns = 0;
  int64_t restart_count = 0;
  bool oom_killed = false;
  bool started_again = false;  // the Engine does it whatever the exit code was
};
State ReadState(const nlohmann::json& inspect);

// running, healthy, exit_code, restart_count: those that there are.
NamedValues StateSamples(const State& state);

// What one event alone shows; health_status and die among others.
NamedValues EventSamples(std::string_view action, int64_t exit_code);

}  // namespace heald::docker
