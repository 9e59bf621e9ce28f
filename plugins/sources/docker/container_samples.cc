#include "plugins/sources/docker/container_samples.h"

#include "plugins/support/docker/json.h"

namespace heald::docker {
namespace {

using nlohmann::json;

constexpr std::string_view kSwarmServiceLabel = "com.docker.swarm.service.name";

// Keys have dots and slashes, so no pointers here.
std::string LabelOf(const json& own, std::string_view key) {
  if (!own.is_object()) return "";
  const auto at = own.find(key);
  return at != own.end() && at->is_string() ? at->get<std::string>() : "";
}

}  // namespace

sdk::LabelSet LabelsOf(const SourceConfig& config, const std::string& name, const json& own) {
  std::string service;
  if (!config.service_label.empty()) {
    service = LabelOf(own, config.service_label);
  } else {
    service = LabelOf(own, kServiceLabel);
    if (service.empty()) service = LabelOf(own, kSwarmServiceLabel);
  }
  sdk::LabelSet labels{{"container", name}, {"service", service.empty() ? name : service}};
  if (const std::string project = LabelOf(own, kProjectLabel); !project.empty())
    labels.Set("project", project);
  for (const auto& [label, key] : config.labels)
    if (const std::string value = LabelOf(own, key); !value.empty()) labels.Set(label, value);
  return labels;
}

bool IsOneOff(const json& own) {
  return LabelOf(own, kOneOffLabel) == "True";
}

State ReadState(const json& inspect) {
  State state;
  state.container = ReadContainer(inspect);
  state.started_ns = ParseTimeNs(state.container.started_at);
  state.finished_ns = ParseTimeNs(Text(inspect, "/State/FinishedAt"));
  state.restart_count = Number(inspect, "/RestartCount");
  state.oom_killed = At(inspect, "/State/OOMKilled") == true;
  const std::string policy = Text(inspect, "/HostConfig/RestartPolicy/Name");
  state.started_again = policy == "always" || policy == "unless-stopped";
  return state;
}

NamedValues StateSamples(const State& state) {
  const Container& container = state.container;
  const std::string& status = container.status;
  NamedValues samples;
  if (status == "created" || status == "removing" || status == "paused" || status.empty())
    return samples;
  samples.emplace_back("restart_count", static_cast<double>(state.restart_count));
  if (status == "running") {
    samples.emplace_back("running", 1);
    if (container.health == "healthy") samples.emplace_back("healthy", 1);
    if (container.health == "unhealthy") samples.emplace_back("healthy", 0);
    return samples;
  }
  samples.emplace_back("exit_code", static_cast<double>(container.exit_code));
  // A job that has done its work is no service that is down.
  if (container.exit_code != 0 || state.started_again) samples.emplace_back("running", 0);
  return samples;
}

NamedValues EventSamples(std::string_view action, int64_t exit_code) {
  if (action == "start" || action == "unpause") return {{"running", 1}};
  if (action == "health_status: healthy") return {{"healthy", 1}};
  if (action == "health_status: unhealthy") return {{"healthy", 0}};
  if (action != "die") return {};
  NamedValues samples{{"exit_code", static_cast<double>(exit_code)}};
  // Whether an end without an error is one that matters shows with the next look at it.
  if (exit_code != 0) samples.emplace_back("running", 0);
  return samples;
}

}  // namespace heald::docker
