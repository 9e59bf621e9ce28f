// restart_pod: evicts one pod, and is content when another one is well in its place. Whether it was
// done is told by the pod's uid.
#include <algorithm>
#include <utility>

#include "plugins/actions/kubernetes/pods.h"
#include "plugins/actions/kubernetes/workload.h"
#include "plugins/support/clock.h"
#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using sdk::Plan;
using support::Text;

using support::kSecond;
constexpr int64_t kMostGraceS = 365 * 86'400;  // some write the largest number there is

class RestartPod : public OperationBase {
 public:
  using OperationBase::OperationBase;

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override {
    return JudgeReplacement(context_, FromJson(Before(plan).at("pod")));
  }
  Effect Undo(const Plan&) override {
    throw Failure(HEALD_UNSUPPORTED, "a restart can't be undone");
  }
};

Plan RestartPod::MakePlan() {
  const Json pod = FindPod(context_);
  const std::string shown = Shown(pod, kPods);
  if (IsEnding(pod)) throw Failure(HEALD_CONFLICT, shown + " is ending already").Retryable();
  const Owner owner = ControllerOf(pod);
  if (!owner)
    throw Failure(HEALD_UNSUPPORTED, shown + " has no controller: nothing would replace it");
  if (owner.kind == "Node")
    throw Failure(HEALD_UNSUPPORTED, shown + " is a static pod of its node: restart it there");
  const Workload workload = WorkloadBehind(context_, Text(pod, "/metadata/namespace"), owner);
  if (!workload.object.is_null())
    if (const std::string why = WhyBusy(workload.object, workload.resource); !why.empty())
      throw Failure(HEALD_CONFLICT, why).Retryable();
  const Replaced replaced = ReadReplaced(context_, pod, owner);
  Plan plan;
  plan.summary = "restart " + shown + " of " +
                 (workload.object.is_null() ? owner.kind + " " + owner.name
                                            : Shown(workload.object, workload.resource)) +
                 " by evicting it (uid " + replaced.uid + ")";
  // With what it is a pod of, whose next one may have another name or the same: limits count for
  // both, and nobody rolls it out at the same time.
  plan.target_uid =
      replaced.uid + "," +
      (workload.object.is_null() ? owner.uid : Text(workload.object, "/metadata/uid"));
  const int64_t grace_s =
      context_.params.grace_period
          ? context_.params.grace_period->ns / kSecond
          : std::min(NumberOr(pod, "/spec/terminationGracePeriodSeconds", 30), kMostGraceS);
  plan.effect_within = {grace_s * kSecond + context_.params.ready_within.ns +
                        context_.params.stable_for.ns};
  plan.before = Json{{"operation", word()}, {"pod", ToJson(replaced)}}.dump();
  return plan;
}

Effect RestartPod::DryRun(const Plan& plan) {
  const Replaced replaced = FromJson(Before(plan).at("pod"));
  const Json pod = context_.client().Get(replaced.ref);
  if (Text(pod, "/metadata/uid") != replaced.uid)
    return {EffectState::kFailed, replaced.ref.Shown() + " is another one by now"};
  DeleteOptions options = EvictionOptions(context_.params, replaced.uid);
  options.dry_run = true;
  try {
    context_.client().Evict(replaced.ref, options);
  } catch (const ApiError& error) {
    if (!error.DisruptionBudget()) throw;
    return {EffectState::kFailed, error.what()};
  }
  return {EffectState::kDone, "would " + plan.summary};
}

Effect RestartPod::Execute(const Plan& plan) {
  const Replaced replaced = FromJson(Before(plan).at("pod"));
  const std::optional<Json> pod = context_.client().Find(replaced.ref);
  if (const auto refused = Evict(context_, replaced.ref, replaced.uid))
    return {EffectState::kFailed, replaced.ref.Shown() + " was not evicted: " + *refused};
  if (pod) Tell(context_, *pod, "HealdRestartedPod", plan.summary);
  return {EffectState::kPending, plan.summary};
}

}  // namespace

std::unique_ptr<Operations> MakeRestartPod(const Context& context) {
  return std::make_unique<RestartPod>(context);
}

}  // namespace heald::kubernetes
