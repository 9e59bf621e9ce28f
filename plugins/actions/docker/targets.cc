#include "plugins/actions/docker/targets.h"

#include <algorithm>
#include <utility>

#include "plugins/actions/docker/compose.h"
#include "plugins/support/clock.h"

namespace heald::docker {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;

constexpr const char* kKind = "containers";
using support::kSecond;
constexpr int64_t kPollNs = 200'000'000;

std::vector<Container> FindByLabel(Engine& engine, const std::vector<std::string>& labels) {
  std::vector<std::pair<int64_t, Container>> found;
  for (const Json& listed : engine.List(labels)) {
    const Json own = listed.value("Labels", Json::object());
    if (own.is_object() && own.value(std::string(kOneOffLabel), "") == "True") continue;
    const Json inspect = engine.InspectIfExists(listed.at("Id").get<std::string>());
    if (!inspect.empty()) found.emplace_back(NumberOf(own), ReadContainer(inspect));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first, std::string_view(a.second.name)) <
           std::pair(b.first, std::string_view(b.second.name));
  });
  std::vector<Container> containers;
  for (auto& [number, container] : found) containers.push_back(std::move(container));
  return containers;
}

}  // namespace

std::vector<Container> SelectTargets(const Context& context,
                                     const std::function<bool(const Container&)>& concerned) {
  const Config& params = context.params;
  if (!params.container.empty()) return {ReadContainer(context.engine.Inspect(params.container))};
  std::vector<std::string> labels;
  if (params.label.empty())
    labels = {std::string(kProjectLabel) + "=" + params.compose_project,
              std::string(kServiceLabel) + "=" + params.compose_service};
  else
    labels = {params.label};
  std::vector<Container> found = FindByLabel(context.engine, labels);
  if (found.empty()) {
    std::string wanted;
    for (const std::string& label : labels) wanted += (wanted.empty() ? "" : " and ") + label;
    throw Failure(HEALD_NOT_FOUND, "docker: no container with label " + wanted);
  }
  // Stopped replicas of a running service are left alone, unless there is nothing else.
  const auto first_idle = std::stable_partition(found.begin(), found.end(), concerned);
  if (first_idle != found.begin()) found.erase(first_idle, found.end());
  const int64_t max_targets = MaxTargets(params);
  if (static_cast<int64_t>(found.size()) > max_targets) {
    std::string names;
    for (const Container& container : found) names += (names.empty() ? "" : ", ") + container.name;
    throw Failure(HEALD_INVALID, std::to_string(found.size()) + " containers match (" + names +
                                     "), max_targets is " + std::to_string(max_targets) +
                                     ": name one, or raise max_targets");
  }
  return found;
}

std::string NamesAndIds(const std::vector<Container>& containers) {
  std::string text;
  for (const Container& container : containers)
    text += (text.empty() ? "" : ", ") + NameAndId(container);
  return text;
}

void SetTargets(const std::vector<Container>& containers, const Config& params, sdk::Plan* plan) {
  Json targets = Json::array();
  for (const Container& container : containers) {
    plan->target_uid += (targets.empty() ? "" : ",") + container.id;
    targets.push_back({{"id", container.id},
                       {"name", container.name},
                       {"status", container.status},
                       {"started_at", container.started_at},
                       {"up_within_ns", UpWithinNs(container, params.stable_for.ns)}});
  }
  plan->before = Json{{"kind", kKind}, {"targets", std::move(targets)}}.dump();
}

std::vector<Target> TargetsOf(const sdk::Plan& plan) {
  std::vector<Target> targets;
  const Json before = ReadBefore(plan, kKind);
  for (const Json& target : before.at("targets"))
    targets.push_back({target.at("id").get<std::string>(), target.at("name").get<std::string>(),
                       target.at("status").get<std::string>(),
                       target.at("started_at").get<std::string>(),
                       target.at("up_within_ns").get<int64_t>()});
  return targets;
}

Container ReadTarget(Engine& engine, const Target& target) {
  const Json inspect = engine.InspectIfExists(target.id);
  if (inspect.empty())
    throw Failure(HEALD_NOT_FOUND, "docker: container " + target.name + " is gone");
  return ReadContainer(inspect);
}

Effect Settle(const Context& context, const Target& target, const std::function<Effect()>& judge) {
  for (;;) {
    Effect effect = judge();
    if (effect.state != EffectState::kPending) return effect;
    if (context.host.MonotonicNs() + kPollNs > context.deadline_ns)
      return {EffectState::kFailed, "no time left: " + effect.detail};
    if (!context.engine.Sleep(kPollNs))
      throw Failure(HEALD_CANCELLED, "cancelled while waiting for " + target.name);
  }
}

int64_t StopSeconds(const Config& params) {
  return (params.stop_timeout.ns + kSecond - 1) / kSecond;
}

}  // namespace heald::docker
