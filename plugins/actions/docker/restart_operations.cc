// restart and rolling_restart: of one container, or of several one after the other. Which ones are
// done is told by the Engine's StartedAt alone, so nothing is restarted twice under one plan.
#include <algorithm>
#include <span>
#include <utility>

#include "plugins/actions/docker/docker_action.h"
#include "plugins/actions/docker/targets.h"
#include "plugins/support/clock.h"

namespace heald::docker {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using sdk::Plan;

using support::kSecond;

std::string Names(std::span<const Target> targets) {
  std::string names;
  for (const Target& target : targets) names += (names.empty() ? "" : ", ") + target.name;
  return names;
}

class RestartOperations : public Operations {
 public:
  RestartOperations(const Context& context, sdk::Part part) : context_(context), part_(part) {}

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;
  Effect Undo(const Plan&) override {
    throw Failure(HEALD_UNSUPPORTED, "a restart can't be undone");
  }

 private:
  bool rolling() const { return context_.params.operation == Operation::kRollingRestart; }
  void CheckDeadline(const std::vector<Container>& found) const;
  // Of all the plan's targets those that this call is about.
  std::span<const Target> PartOf(const std::vector<Target>& targets) const;
  bool IsUntouched(const Target& target);
  Effect Judge(const Target& target);
  Effect Settled(const Target& target) {
    return Settle(context_, target, [&] { return Judge(target); });
  }
  Effect OneByOne(std::span<const Target> targets);

  Context context_;
  const sdk::Part part_;
};

Plan RestartOperations::MakePlan() {
  const std::vector<Container> found = SelectTargets(
      context_, [](const Container& c) { return c.running() || c.status == "restarting"; });
  Plan plan;
  const bool one = found.size() == 1;
  if (rolling() && !one) {
    CheckDeadline(found);
    plan.can_canary = true;
    plan.summary =
        "rolling restart of " + std::to_string(found.size()) + " containers, one after the other: ";
  } else {
    plan.summary = one ? "restart container " : "restart containers ";
  }
  plan.summary += NamesAndIds(found);
  plan.effect_within = {kMarginNs};
  for (const Container& container : found)
    plan.effect_within.ns +=
        context_.params.stop_timeout.ns + UpWithinNs(container, context_.params.stable_for.ns);
  SetTargets(found, context_.params, &plan);
  return plan;
}

// What can't be done in time had better not begin: a service half of which is restarted.
void RestartOperations::CheckDeadline(const std::vector<Container>& found) const {
  int64_t least_ns = 0;
  for (size_t i = 0; i + 1 < found.size(); ++i)
    if (!found[i].has_health_check) least_ns += context_.params.stable_for.ns;
  const int64_t left_ns = context_.deadline_ns - context_.host.MonotonicNs();
  if (least_ns < left_ns) return;
  throw Failure(HEALD_INVALID, "restarting " + std::to_string(found.size()) +
                                   " containers one after the other takes at least " +
                                   std::to_string(least_ns / kSecond) + " s (stable_for " +
                                   std::to_string(context_.params.stable_for.ns / kSecond) +
                                   " s each), and this action's deadline is " +
                                   std::to_string((left_ns + kSecond / 2) / kSecond) +
                                   " s: raise deadline: of the action, or lower stable_for");
}

std::span<const Target> RestartOperations::PartOf(const std::vector<Target>& targets) const {
  const std::span<const Target> all(targets);
  if (part_ == sdk::Part::kAll) return all;
  if (targets.size() < 2)
    throw Failure(
        HEALD_UNSUPPORTED,
        "a canary needs at least two containers, and the plan is for " + Names(all) + " alone");
  return part_ == sdk::Part::kCanary ? all.first(1) : all.subspan(1);
}

Effect RestartOperations::DryRun(const Plan& plan) {
  const std::vector<Target> targets = TargetsOf(plan);
  for (const Target& target : PartOf(targets)) {
    const Container now = ReadTarget(context_.engine, target);
    if (now.status == "removing" || now.status == "dead")
      return {EffectState::kFailed, now.name + " is " + now.status + ": the Engine would refuse"};
  }
  return {EffectState::kDone, "would " + plan.summary};
}

bool RestartOperations::IsUntouched(const Target& target) {
  const Container now = ReadTarget(context_.engine, target);
  return now.status == target.status && now.started_at == target.started_at;
}

Effect RestartOperations::Execute(const Plan& plan) {
  const std::vector<Target> targets = TargetsOf(plan);
  const std::span<const Target> part = PartOf(targets);
  // Done by an execution that was cut off, or by someone else: not a second time.
  if (std::none_of(part.begin(), part.end(), [this](const Target& t) { return IsUntouched(t); }))
    throw Failure(HEALD_CONFLICT,
                  part.front().name + " was started or stopped since the plan was made");
  if (part_ == sdk::Part::kRest)
    if (const Effect canary = Settled(targets.front()); canary.state != EffectState::kDone)
      return {EffectState::kFailed,
              "the canary isn't well: " + canary.detail + "; " + Names(part) + " left alone"};
  if (Effect stopped = OneByOne(part); stopped.state == EffectState::kFailed) return stopped;
  return {EffectState::kPending, part_ == sdk::Part::kCanary
                                     ? "restarted " + part.front().name + " as the canary"
                                     : plan.summary};
}

// The next one's turn comes when the one before is well; the last is left to Observe.
Effect RestartOperations::OneByOne(std::span<const Target> targets) {
  for (size_t i = 0; i < targets.size(); ++i) {
    const Target& target = targets[i];
    const std::span<const Target> others = targets.subspan(i + 1);
    if (IsUntouched(target)) context_.engine.Restart(target.id, StopSeconds(context_.params));
    if (others.empty()) break;
    if (const Effect effect = Settled(target); effect.state != EffectState::kDone)
      return {EffectState::kFailed, effect.detail + "; " + Names(others) + " left alone"};
  }
  return {EffectState::kPending, ""};
}

Effect RestartOperations::Judge(const Target& target) {
  const Json inspect = context_.engine.InspectIfExists(target.id);
  if (inspect.empty()) return {EffectState::kFailed, target.name + " is gone"};
  const Container now = ReadContainer(inspect);
  if (now.started_at == target.started_at)
    return {EffectState::kAbsent, now.name + " was not restarted"};
  return JudgeUp(now, context_.engine.now_s(), context_.params.stable_for.ns);
}

Effect RestartOperations::Observe(const Plan& plan) {
  const std::vector<Target> targets = TargetsOf(plan);
  const std::span<const Target> part = PartOf(targets);
  size_t done = 0;
  size_t absent = 0;
  std::string well;
  std::string other;
  for (const Target& target : part) {
    Effect one = Judge(target);
    if (one.state == EffectState::kFailed) return one;
    done += one.state == EffectState::kDone ? 1 : 0;
    absent += one.state == EffectState::kAbsent ? 1 : 0;
    std::string& into = one.state == EffectState::kDone ? well : other;
    into += (into.empty() ? "" : ", ") + one.detail;
  }
  if (done == part.size()) return {EffectState::kDone, well};
  // Absent would mean: plan anew, and restart those again that are done.
  if (absent == part.size()) return {EffectState::kAbsent, other};
  if (part.size() == 1) return {EffectState::kPending, other};
  return {EffectState::kPending, std::to_string(part.size() - absent) + " of " +
                                     std::to_string(part.size()) + " restarted: " + other};
}

}  // namespace

std::unique_ptr<Operations> MakeRestartOperations(const Context& context, sdk::Part part) {
  return std::make_unique<RestartOperations>(context, part);
}

}  // namespace heald::docker
