// rolling_restart: a new annotation in the template, as `kubectl rollout restart` writes it; the
// controller does the rest. Its canary is one pod that is evicted: a restart has no new template to
// try, so the first pod's fate in the old one is what can be learnt. Whether it was done is told by
// that annotation.
#include <algorithm>
#include <utility>

#include "heald/time_text.h"
#include "plugins/actions/kubernetes/pods.h"
#include "plugins/actions/kubernetes/targets.h"
#include "plugins/actions/kubernetes/workload.h"
#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using sdk::Plan;
using support::At;
using support::Text;

class RollingRestart : public OperationBase {
 public:
  using OperationBase::OperationBase;

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;
  Effect Undo(const Plan&) override {
    throw Failure(HEALD_UNSUPPORTED, "a restart can't be undone");
  }

 private:
  std::optional<Json> PickCanary(const Workload& workload);
  Json Patch() const;
  Effect RestartAll(const Plan& plan, const Json& before);
};

std::string WhyNotNow(const Json& workload, const Resource& resource) {
  if (const std::string why = WhyNotRolled(workload, resource); !why.empty()) return why;
  if (const std::string why = WhyBusy(workload, resource); !why.empty()) return why;
  const std::string failed = WhyRolloutFailed(workload, resource);
  return failed.empty() ? "" : failed + " Roll it back instead";
}

Plan RollingRestart::MakePlan() {
  const Workload workload = FindWorkload(context_);
  const Json& object = workload.object;
  if (const std::string why = WhyNotNow(object, workload.resource); !why.empty())
    throw Failure(HEALD_CONFLICT, why).Retryable();
  const int64_t replicas = WantedReplicas(object, workload.resource);
  if (replicas == 0)
    throw Failure(HEALD_CONFLICT, Shown(object, workload.resource) + " has no pods to restart");
  Json before = BeforeOf(word(), workload);
  before["restarted_at"] = RestartedAt(object);
  before["rests_on"] = {{"template", HashOf(At(object, "/spec/template"))}};
  Plan plan;
  plan.summary = "rolling restart of " + Shown(object, workload.resource) + ", " +
                 std::to_string(replicas) + (replicas == 1 ? " pod" : " pods") + " (uid " +
                 Text(before, "/uid") + ")";
  if (const std::optional<Json> pod = replicas > 1 ? PickCanary(workload) : std::nullopt) {
    plan.can_canary = true;
    plan.summary += "; a canary would be " + Text(*pod, "/metadata/name");
    before["canary"] = ToJson(ReadReplaced(context_, *pod, ControllerOf(*pod)));
  }
  plan.target_uid = Text(before, "/uid");
  plan.effect_within = {
      RolloutWithinNs(object, workload.resource, context_.params.ready_within.ns)};
  plan.before = before.dump();
  return plan;
}

// The pod that is complained about, else the oldest one.
std::optional<Json> RollingRestart::PickCanary(const Workload& workload) {
  const Ref ref = workload.ref();
  std::vector<Json> pods = context_.client().List(
      {kPods, ref.name_space},
      {.label_selector = SelectorText(workload.object.at("spec").at("selector"))});
  const bool through_sets = workload.resource == kDeployments;
  std::erase_if(pods, [&](const Json& pod) {
    const Owner owner = ControllerOf(pod);
    const bool own = through_sets ? owner.kind == kReplicaSets.kind
                                  : owner.uid == Text(workload.object, "/metadata/uid");
    return IsEnding(pod) || IsFinished(pod) || !own;
  });
  if (pods.size() < 2) return std::nullopt;
  const std::string named = context_.params.pod.empty()
                                ? FromLabels(context_, context_.params.labels.pod)
                                : context_.params.pod;
  const auto rank = [&](const Json& pod) {
    const std::string name = Text(pod, "/metadata/name");
    return std::tuple(name != named, Text(pod, "/metadata/creationTimestamp"), name);
  };
  return *std::min_element(pods.begin(), pods.end(),
                           [&](const Json& a, const Json& b) { return rank(a) < rank(b); });
}

Json RollingRestart::Patch() const {
  // Whole seconds, as kubectl writes them.
  constexpr size_t kToTheSecond = 19;
  const std::string now = sdk::FormatTimeText(context_.host.NowNs()).substr(0, kToTheSecond) + "Z";
  return {{"spec", {{"template", {{"metadata", {{"annotations", {{kRestartedAt, now}}}}}}}}}};
}

Effect RollingRestart::DryRun(const Plan& plan) {
  const Json before = Before(plan);
  const Ref ref = RefIn(before);
  const Json now = context_.client().Get(ref);
  CheckUnchanged(now, before);
  if (const std::string why = WhyNotNow(now, ref.resource); !why.empty())
    return {EffectState::kFailed, why};
  context_.client().Patch(ref, PatchType::kStrategic, Patch(), {.dry_run = true});
  return {EffectState::kDone, "would " + plan.summary};
}

Effect RollingRestart::Execute(const Plan& plan) {
  const Json before = Before(plan);
  if (context_.request.part == sdk::Part::kAll) return RestartAll(plan, before);
  if (!before.contains("canary"))
    throw Failure(HEALD_UNSUPPORTED, "the plan has no canary: " + plan.summary);
  const Replaced canary = FromJson(before.at("canary"));
  if (context_.request.part == sdk::Part::kRest) {
    if (const Effect well = JudgeReplacement(context_, canary); well.state != EffectState::kDone)
      return {EffectState::kFailed,
              "the canary isn't well: " + well.detail + "; the rest was left alone"};
    return RestartAll(plan, before);
  }
  if (const auto refused = Evict(context_, canary.ref, canary.uid))
    return {EffectState::kFailed,
            "the canary " + canary.ref.Shown() + " was not evicted: " + *refused};
  Tell(context_, context_.client().Get(RefIn(before)), "HealdRestartedCanary",
       "restarted " + canary.ref.name + " as the canary of a rolling restart");
  return {EffectState::kPending, "restarted " + canary.ref.name + " as the canary"};
}

Effect RollingRestart::RestartAll(const Plan& plan, const Json& before) {
  const Ref ref = RefIn(before);
  const Json now = context_.client().Get(ref);
  // Done by an execution that was cut off, or changed by someone else: not a second time.
  CheckUnchanged(now, before);
  if (const std::string why = WhyNotRolled(now, ref.resource); !why.empty())
    throw Failure(HEALD_CONFLICT, why);
  const Json changed = context_.client().Patch(ref, PatchType::kStrategic, Patch());
  Tell(context_, changed, "HealdRollingRestart", plan.summary);
  return {EffectState::kPending, plan.summary};
}

Effect RollingRestart::Observe(const Plan& plan) {
  const Json before = Before(plan);
  if (context_.request.part == sdk::Part::kCanary)
    return JudgeReplacement(context_, FromJson(before.at("canary")));
  const Ref ref = RefIn(before);
  const Json now = context_.client().Get(ref);
  if (Text(now, "/metadata/uid") != Text(before, "/uid"))
    return {EffectState::kFailed, ref.Shown() + " is another one by now"};
  if (RestartedAt(now) == before.at("restarted_at"))
    return {EffectState::kAbsent, ref.Shown() + " was not restarted"};
  return JudgeRolloutAndPods(context_, now, ref.resource);
}

}  // namespace

std::unique_ptr<Operations> MakeRollingRestart(const Context& context) {
  return std::make_unique<RollingRestart>(context);
}

}  // namespace heald::kubernetes
