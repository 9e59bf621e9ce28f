// restart, stop, start and pause of one or a few containers.
#include <algorithm>
#include <utility>
#include <vector>

#include "plugins/actions/docker/compose.h"
#include "plugins/actions/docker/docker_action.h"
#include "plugins/actions/docker/verify.h"

namespace heald::docker {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using sdk::Plan;

constexpr const char* kKind = "containers";
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kPollNs = 200'000'000;
constexpr int64_t kMarginNs = 5 * kSecond;

// A container as it was when the plan was made.
struct Target {
  std::string id;
  std::string name;
  std::string status;
  std::string started_at;
  int64_t up_within_ns = 0;
};

std::vector<Target> TargetsOf(const Plan& plan) {
  std::vector<Target> targets;
  const Json before = ReadBefore(plan, kKind);
  for (const Json& target : before.at("targets"))
    targets.push_back({target.at("id").get<std::string>(), target.at("name").get<std::string>(),
                       target.at("status").get<std::string>(),
                       target.at("started_at").get<std::string>(),
                       target.at("up_within_ns").get<int64_t>()});
  return targets;
}

class ContainerOperations : public Operations {
 public:
  explicit ContainerOperations(const Context& context) : context_(context) {}

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;
  Effect Undo(const Plan& plan) override;

 private:
  Operation operation() const { return context_.params.operation; }
  int64_t StopSeconds() const { return (context_.params.stop_timeout.ns + kSecond - 1) / kSecond; }
  std::vector<Container> Select();
  Container Read(const Target& target);
  // Whether there is something to do for a container in this state.
  bool Concerns(const Container& container) const;
  void Act(const Target& target);
  Effect Judge(const Target& target);
  Effect Settle(const Target& target);

  Context context_;
};

std::vector<Container> ContainerOperations::Select() {
  const Config& params = context_.params;
  if (!params.container.empty()) return {ReadContainer(context_.engine.Inspect(params.container))};
  std::vector<std::string> labels;
  if (params.label.empty())
    labels = {std::string(kProjectLabel) + "=" + params.compose_project,
              std::string(kServiceLabel) + "=" + params.compose_service};
  else
    labels = {params.label};
  std::vector<Container> found;
  for (const Json& listed : context_.engine.List(labels)) {
    const Json own = listed.value("Labels", Json::object());
    if (own.is_object() && own.value(std::string(kOneOffLabel), "") == "True") continue;
    const Json inspect = context_.engine.InspectIfExists(listed.at("Id").get<std::string>());
    if (!inspect.empty()) found.push_back(ReadContainer(inspect));
  }
  if (found.empty()) {
    std::string wanted;
    for (const std::string& label : labels) wanted += (wanted.empty() ? "" : " and ") + label;
    throw Failure(HEALD_NOT_FOUND, "docker: no container with label " + wanted);
  }
  std::sort(found.begin(), found.end(),
            [](const Container& a, const Container& b) { return a.name < b.name; });
  // Stopped replicas of a running service are left alone, unless there is nothing else.
  const auto first_idle = std::stable_partition(found.begin(), found.end(),
                                                [this](const Container& c) { return Concerns(c); });
  if (first_idle != found.begin()) found.erase(first_idle, found.end());
  if (static_cast<int64_t>(found.size()) > params.max_targets) {
    std::string names;
    for (const Container& container : found) names += (names.empty() ? "" : ", ") + container.name;
    throw Failure(HEALD_INVALID, std::to_string(found.size()) + " containers match (" + names +
                                     "), max_targets is " + std::to_string(params.max_targets) +
                                     ": name one, or raise max_targets");
  }
  return found;
}

bool ContainerOperations::Concerns(const Container& container) const {
  switch (operation()) {
    case Operation::kStart:
      return !container.running() && container.status != "restarting";
    case Operation::kPause:
      return container.status == "running";
    default:
      return container.running() || container.status == "restarting";
  }
}

Plan ContainerOperations::MakePlan() {
  const std::vector<Container> found = Select();
  const std::string verb(kOperationWords[static_cast<size_t>(operation())]);
  Plan plan;
  plan.summary = verb + (found.size() == 1 ? " container " : " containers ");
  plan.reversible = operation() != Operation::kRestart;
  plan.effect_within = {kMarginNs};
  Json targets = Json::array();
  for (const Container& container : found) {
    const bool first = targets.empty();
    plan.summary += (first ? "" : ", ") + NameAndId(container);
    plan.target_uid += (first ? "" : ",") + container.id;
    const int64_t up_within_ns = UpWithinNs(container, context_.params.stable_for.ns);
    if (operation() != Operation::kPause)
      plan.effect_within.ns += context_.params.stop_timeout.ns + up_within_ns;
    // A container that removes itself is gone after a stop.
    if (operation() == Operation::kStop && container.auto_remove) plan.reversible = false;
    targets.push_back({{"id", container.id},
                       {"name", container.name},
                       {"status", container.status},
                       {"started_at", container.started_at},
                       {"up_within_ns", up_within_ns}});
  }
  plan.before = Json{{"kind", kKind}, {"targets", std::move(targets)}}.dump();
  return plan;
}

Container ContainerOperations::Read(const Target& target) {
  const Json inspect = context_.engine.InspectIfExists(target.id);
  if (inspect.empty())
    throw Failure(HEALD_NOT_FOUND, "docker: container " + target.name + " is gone");
  return ReadContainer(inspect);
}

Effect ContainerOperations::DryRun(const Plan& plan) {
  for (const Target& target : TargetsOf(plan)) {
    const Container now = Read(target);
    const std::string is = now.name + " is " + now.status;
    if (now.status == "removing" || now.status == "dead")
      return {EffectState::kFailed, is + ": the Engine would refuse"};
    if (operation() == Operation::kPause && now.status != "running")
      return {EffectState::kFailed, is + ": only a running container can be paused"};
    if (operation() == Operation::kStart && now.status == "paused")
      return {EffectState::kFailed, is + ": the Engine starts no paused container, unpause it"};
  }
  return {EffectState::kDone, "would " + plan.summary};
}

void ContainerOperations::Act(const Target& target) {
  switch (operation()) {
    case Operation::kStop:
      return context_.engine.Stop(target.id, StopSeconds());
    case Operation::kStart:
      return context_.engine.Start(target.id);
    case Operation::kPause:
      return context_.engine.Pause(target.id);
    default:
      return context_.engine.Restart(target.id, StopSeconds());
  }
}

Effect ContainerOperations::Execute(const Plan& plan) {
  const std::vector<Target> targets = TargetsOf(plan);
  size_t changed_before = 0;
  for (size_t i = 0; i < targets.size(); ++i) {
    const Target& target = targets[i];
    // Done by an execution that was cut off, or by someone else: not a second time.
    if (const Container now = Read(target);
        now.status != target.status || now.started_at != target.started_at) {
      ++changed_before;
      continue;
    }
    Act(target);
    if (i + 1 == targets.size()) break;
    if (const Effect effect = Settle(target); effect.state != EffectState::kDone)
      return {EffectState::kFailed, effect.detail + "; the other " +
                                        std::to_string(targets.size() - i - 1) +
                                        " were left alone"};
  }
  if (changed_before == targets.size())
    throw Failure(HEALD_CONFLICT,
                  targets.front().name + " was started or stopped since the plan was made");
  return {EffectState::kPending, plan.summary};
}

// One at a time: the next container's turn comes when this one is well.
Effect ContainerOperations::Settle(const Target& target) {
  for (;;) {
    Effect effect = Judge(target);
    if (effect.state != EffectState::kPending) return effect;
    if (context_.host.MonotonicNs() + kPollNs > context_.deadline_ns)
      return {EffectState::kFailed, "no time left: " + effect.detail};
    if (!context_.engine.Sleep(kPollNs))
      throw Failure(HEALD_CANCELLED, "cancelled while waiting for " + target.name);
  }
}

Effect ContainerOperations::Judge(const Target& target) {
  const Json inspect = context_.engine.InspectIfExists(target.id);
  if (inspect.empty()) {
    if (operation() == Operation::kStop) return {EffectState::kDone, target.name + " is gone"};
    return {EffectState::kFailed, target.name + " is gone"};
  }
  const Container now = ReadContainer(inspect);
  const std::string is = now.name + " is " + now.status;
  switch (operation()) {
    case Operation::kStop:
      if (!now.running() && now.status != "restarting") return {EffectState::kDone, is};
      return {EffectState::kAbsent, is};
    case Operation::kPause:
      return {now.status == "paused" ? EffectState::kDone : EffectState::kAbsent, is};
    case Operation::kStart:
      if (now.started_at == target.started_at && !now.running()) return {EffectState::kAbsent, is};
      break;
    default:
      if (now.started_at == target.started_at)
        return {EffectState::kAbsent, now.name + " was not restarted"};
  }
  return JudgeUp(now, context_.engine.now_s(), context_.params.stable_for.ns);
}

Effect ContainerOperations::Observe(const Plan& plan) {
  Effect sum{EffectState::kDone, ""};
  for (const Target& target : TargetsOf(plan)) {
    Effect one = Judge(target);
    if (one.state == EffectState::kFailed) return one;
    // The least advanced speaks for all: absent, then pending, then done.
    const bool worse = one.state == EffectState::kAbsent ||
                       (one.state == EffectState::kPending && sum.state == EffectState::kDone);
    if (worse) sum = {one.state, ""};
    if (one.state == sum.state) sum.detail += (sum.detail.empty() ? "" : ", ") + one.detail;
  }
  return sum;
}

Effect ContainerOperations::Undo(const Plan& plan) {
  for (const Target& target : TargetsOf(plan)) {
    const Container now = Read(target);
    const bool was_running = target.status == "running" || target.status == "restarting";
    const bool was_paused = target.status == "paused";
    if (operation() == Operation::kPause) {
      if (was_running && now.status == "paused") context_.engine.Unpause(target.id);
    } else if (operation() == Operation::kStop) {
      if ((was_running || was_paused) && !now.running()) context_.engine.Start(target.id);
      if (was_paused) context_.engine.Pause(target.id);
    } else if (!was_running && !was_paused && now.running()) {
      context_.engine.Stop(target.id, StopSeconds());
    }
  }
  return {EffectState::kDone, "undone: " + plan.summary};
}

}  // namespace

std::unique_ptr<Operations> MakeContainerOperations(const Context& context) {
  return std::make_unique<ContainerOperations>(context);
}

}  // namespace heald::docker
