// stop, start and pause of one or a few containers.
#include <vector>

#include "plugins/actions/docker/docker_action.h"
#include "plugins/actions/docker/targets.h"
#include "plugins/support/clock.h"

namespace heald::docker {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Plan;

using support::kSecond;

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
  Container Read(const Target& target) { return ReadTarget(context_.engine, target); }
  // Whether there is something to do for a container in this state.
  bool Concerns(const Container& container) const;
  void Act(const Target& target);
  Effect Judge(const Target& target);

  Context context_;
};

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
  const std::vector<Container> found =
      SelectTargets(context_, [this](const Container& c) { return Concerns(c); });
  Plan plan;
  plan.summary = std::string(kOperationWords[static_cast<size_t>(operation())]) +
                 (found.size() == 1 ? " container " : " containers ") + NamesAndIds(found);
  plan.reversible = true;
  plan.effect_within = {kMarginNs};
  for (const Container& container : found) {
    if (operation() != Operation::kPause)
      plan.effect_within.ns +=
          context_.params.stop_timeout.ns + UpWithinNs(container, context_.params.stable_for.ns);
    // A container that removes itself is gone after a stop.
    if (operation() == Operation::kStop && container.auto_remove) plan.reversible = false;
  }
  SetTargets(found, context_.params, &plan);
  return plan;
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
  if (operation() == Operation::kStop)
    return context_.engine.Stop(target.id, StopSeconds(context_.params));
  if (operation() == Operation::kStart) return context_.engine.Start(target.id);
  context_.engine.Pause(target.id);
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
    if (const Effect effect = Settle(context_, target, [&] { return Judge(target); });
        effect.state != EffectState::kDone)
      return {EffectState::kFailed, effect.detail + "; the other " +
                                        std::to_string(targets.size() - i - 1) +
                                        " were left alone"};
  }
  if (changed_before == targets.size())
    throw sdk::Failure(HEALD_CONFLICT,
                       targets.front().name + " was started or stopped since the plan was made");
  return {EffectState::kPending, plan.summary};
}

Effect ContainerOperations::Judge(const Target& target) {
  const Json inspect = context_.engine.InspectIfExists(target.id);
  if (inspect.empty()) {
    if (operation() == Operation::kStop) return {EffectState::kDone, target.name + " is gone"};
    return {EffectState::kFailed, target.name + " is gone"};
  }
  const Container now = ReadContainer(inspect);
  const std::string is = now.name + " is " + now.status;
  if (operation() == Operation::kStop) {
    if (!now.running() && now.status != "restarting") return {EffectState::kDone, is};
    return {EffectState::kAbsent, is};
  }
  if (operation() == Operation::kPause)
    return {now.status == "paused" ? EffectState::kDone : EffectState::kAbsent, is};
  if (now.started_at == target.started_at && !now.running()) return {EffectState::kAbsent, is};
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
      context_.engine.Stop(target.id, StopSeconds(context_.params));
    }
  }
  return {EffectState::kDone, "undone: " + plan.summary};
}

}  // namespace

std::unique_ptr<Operations> MakeContainerOperations(const Context& context) {
  return std::make_unique<ContainerOperations>(context);
}

}  // namespace heald::docker
