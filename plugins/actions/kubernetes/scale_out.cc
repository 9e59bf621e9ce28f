// scale_out: raises the lower bound of the HorizontalPodAutoscaler where there is one, else the
// number of replicas itself. Whether it was done is told by that number, and so is whether it may
// be taken back.
#include <algorithm>
#include <utility>

#include "plugins/actions/kubernetes/argocd_owner.h"
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
using support::Number;
using support::Text;

constexpr int64_t kDefaultPercent = 50;
constexpr int64_t kWhole = 100;
constexpr int64_t kHpaPeriodNs = 15'000'000'000;

class ScaleOut : public OperationBase {
 public:
  using OperationBase::OperationBase;

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;
  Effect Undo(const Plan& plan) override;

 private:
  std::optional<Json> FindHpa(const Workload* workload);
  // Throws Failure(HEALD_FULL) where there is no room.
  int64_t Wanted(int64_t from, int64_t most, const std::string& whose_limit) const;
  std::string CheckOwner(const Json& object, const Resource& resource, const char* field) const;
  Json Set(const Json& before, const char* from, const char* to, bool dry_run);
};

bool ByHpa(const Json& before) {
  return before.contains("hpa");
}
// The object and the field that are changed.
Ref ChangedIn(const Json& before) {
  if (ByHpa(before))
    return {kHorizontalPodAutoscalers, Text(before, "/namespace"), Text(before, "/hpa")};
  Ref ref = RefIn(before);
  ref.subresource = "scale";
  return ref;
}
const char* FieldOf(const Json& before) {
  return ByHpa(before) ? "/spec/minReplicas" : "/spec/replicas";
}

// One of the same name that was made anew is its maker's: an answer for a Scale has its workload's
// uid.
bool IsSame(const Json& now, const Json& before) {
  return Text(now, "/metadata/uid") == Text(before, ByHpa(before) ? "/hpa_uid" : "/uid");
}

std::optional<Json> ScaleOut::FindHpa(const Workload* workload) {
  const Config& params = context_.params;
  if (workload == nullptr) {
    const std::string name =
        params.hpa.empty() ? FromLabels(context_, params.labels.hpa) : params.hpa;
    return context_.client().Get({kHorizontalPodAutoscalers, NamespaceOf(context_), name});
  }
  for (Json& hpa : context_.client().List(
           {kHorizontalPodAutoscalers, Text(workload->object, "/metadata/namespace")})) {
    const Json& target = At(hpa, "/spec/scaleTargetRef");
    if (Text(target, "/kind") == workload->resource.kind &&
        Text(target, "/name") == Text(workload->object, "/metadata/name"))
      return std::move(hpa);
  }
  return std::nullopt;
}

int64_t ScaleOut::Wanted(int64_t from, int64_t most, const std::string& whose_limit) const {
  const int64_t percent = context_.params.scale_up_percent.value_or(kDefaultPercent);
  const int64_t more = context_.params.scale_up_by
                           ? *context_.params.scale_up_by
                           : std::max<int64_t>((from * percent + kWhole - 1) / kWhole, 1);
  const int64_t limit = std::min(most, context_.params.max_replicas);
  if (limit <= from)
    throw Failure(HEALD_FULL, "it has " + std::to_string(from) + " replicas already (" +
                                  (most < context_.params.max_replicas
                                       ? whose_limit
                                       : "max_replicas " + std::to_string(limit)) +
                                  ")");
  return std::min(from + more, limit);
}

Plan ScaleOut::MakePlan() {
  const Config& params = context_.params;
  const bool names_hpa =
      !params.hpa.empty() ||
      (params.deployment.empty() && params.statefulset.empty() && params.workload.empty() &&
       params.pod.empty() && !FromLabels(context_, params.labels.hpa).empty());
  std::optional<Workload> workload;
  if (!names_hpa) workload = FindWorkload(context_);
  const std::optional<Json> hpa = FindHpa(workload ? &*workload : nullptr);
  if (!workload) {
    const std::string kind = Text(*hpa, "/spec/scaleTargetRef/kind");
    const Resource* const resource = FindKind(kind);
    if (resource == nullptr || (*resource != kDeployments && *resource != kStatefulSets))
      throw Failure(HEALD_UNSUPPORTED, "a HorizontalPodAutoscaler of a " + kind + " can't be used");
    workload =
        Workload{*resource, context_.client().Get({*resource, NamespaceOf(context_),
                                                   Text(*hpa, "/spec/scaleTargetRef/name")})};
  }
  const std::string shown = Shown(workload->object, workload->resource);
  if (workload->resource == kDaemonSets)
    throw Failure(HEALD_UNSUPPORTED, shown + " runs one pod on each node: it has no replicas");
  const int64_t replicas = WantedReplicas(workload->object, workload->resource);
  if (replicas == 0)
    throw Failure(HEALD_CONFLICT, shown + " was scaled to nothing by someone: it is left so");
  Json before = BeforeOf(word(), *workload);
  Plan plan;
  if (hpa) {
    const std::string name = Text(*hpa, "/metadata/name");
    const int64_t most = NumberOr(*hpa, "/spec/maxReplicas", replicas);
    const int64_t least = NumberOr(*hpa, "/spec/minReplicas", 1);
    before["hpa"] = name;
    before["hpa_uid"] = Text(*hpa, "/metadata/uid");
    before["was"] = least;
    before["wanted"] =
        Wanted(std::max(replicas, least), most,
               "maxReplicas of HorizontalPodAutoscaler " + name + ": raising it is for a person");
    plan.target_uid = Text(before, "/uid") + "," + Text(before, "/hpa_uid");
    plan.summary = "scale " + shown + " out from " + std::to_string(replicas) + " to " +
                   std::to_string(Number(before, "/wanted")) +
                   " replicas: minReplicas of HorizontalPodAutoscaler " + name + " from " +
                   std::to_string(least) + " (max " + std::to_string(most) + ")" +
                   CheckOwner(*hpa, kHorizontalPodAutoscalers, FieldOf(before));
  } else {
    if (const std::string why = WhyBusy(workload->object, workload->resource); !why.empty())
      throw Failure(HEALD_CONFLICT, why).Retryable();
    before["was"] = replicas;
    before["wanted"] = Wanted(replicas, params.max_replicas, "");
    plan.target_uid = Text(before, "/uid");
    plan.summary = "scale " + shown + " out from " + std::to_string(replicas) + " to " +
                   std::to_string(Number(before, "/wanted")) + " replicas (uid " + plan.target_uid +
                   ")" + CheckOwner(workload->object, workload->resource, FieldOf(before));
  }
  plan.reversible = true;
  plan.effect_within = {params.ready_within.ns + kHpaPeriodNs};
  plan.before = before.dump();
  return plan;
}

// Throws where Argo CD would set back what is changed in `object`; else what the plan says of that.
std::string ScaleOut::CheckOwner(const Json& object, const Resource& resource,
                                 const char* field) const {
  if (context_.params.argocd_owned || !ArgocdSets(object, field)) return "";
  const std::string shown = Shown(object, resource);
  if (const std::string app = ArgocdApplication(object, resource); !app.empty())
    throw Failure(HEALD_UNSUPPORTED,
                  std::string(field) + " of " + shown + " is deployed by Argo CD (application " +
                      app +
                      "), which would set it back: leave it out in Git, or let the application "
                      "ignore it (ignoreDifferences, with RespectIgnoreDifferences=true) and set "
                      "argocd_owned: true");
  const std::string name = PossibleArgocdApplication(object);
  return name.empty() ? ""
                      : "; if Argo CD deploys it (label app.kubernetes.io/instance: " + name +
                            "), a sync may set it back";
}

// Sets the number, where it still is what it should be.
Json ScaleOut::Set(const Json& before, const char* from, const char* to, bool dry_run) {
  const Ref ref = ChangedIn(before);
  return context_.client().Edit(
      ref, PatchType::kMerge,
      [&](const Json& now) -> std::optional<Json> {
        if (!IsSame(now, before))
          throw Failure(HEALD_CONFLICT, ref.Shown() + " is another one by now");
        const int64_t present = NumberOr(now, FieldOf(before), 1);
        if (present == Number(before, to)) return std::nullopt;  // an answer that got lost
        if (present != Number(before, from))
          throw Failure(HEALD_CONFLICT,
                        ref.Shown() + " was scaled by someone else to " + std::to_string(present));
        Json patch;
        patch[Json::json_pointer(FieldOf(before))] = Number(before, to);
        return patch;
      },
      {.dry_run = dry_run});
}

Effect ScaleOut::DryRun(const Plan& plan) {
  Set(Before(plan), "/was", "/wanted", true);
  return {EffectState::kDone, "would " + plan.summary};
}

Effect ScaleOut::Execute(const Plan& plan) {
  const Json before = Before(plan);
  const Json changed = Set(before, "/was", "/wanted", false);
  Tell(context_, ByHpa(before) ? changed : context_.client().Get(RefIn(before)), "HealdScaledOut",
       plan.summary);
  return {EffectState::kPending, plan.summary};
}

Effect ScaleOut::Observe(const Plan& plan) {
  const Json before = Before(plan);
  const Ref ref = ChangedIn(before);
  const int64_t wanted = Number(before, "/wanted");
  const Json object = context_.client().Get(ref);
  if (!IsSame(object, before))
    return {EffectState::kFailed, ref.Shown() + " is another one by now"};
  const int64_t now = NumberOr(object, FieldOf(before), 1);
  if (now == Number(before, "/was")) return {EffectState::kAbsent, ref.Shown() + " was not scaled"};
  if (now != wanted)
    return {EffectState::kFailed,
            ref.Shown() + " was scaled by someone else to " + std::to_string(now)};
  const Json workload = context_.client().Get(RefIn(before));
  const int64_t up =
      NumberOr(workload, "/status/availableReplicas", Number(workload, "/status/readyReplicas"));
  const std::string ready = RefIn(before).Shown() + ": " + std::to_string(up) + " of " +
                            std::to_string(wanted) + " replicas available";
  return {up >= wanted ? EffectState::kDone : EffectState::kPending, ready};
}

Effect ScaleOut::Undo(const Plan& plan) {
  const Json before = Before(plan);
  const Ref ref = ChangedIn(before);
  const std::optional<Json> object = context_.client().Find(ref);
  if (!object || !IsSame(*object, before))
    return {EffectState::kDone, ref.Shown() + (object ? " is another one by now" : " is gone") +
                                    ": nothing to take back"};
  const int64_t now = NumberOr(*object, FieldOf(before), 1);
  if (now != Number(before, "/wanted"))
    return {EffectState::kDone, ref.Shown() + " was set to " + std::to_string(now) +
                                    " meanwhile: nothing to take back"};
  const Json changed = Set(before, "/wanted", "/was", false);
  const std::string told = std::string(FieldOf(before)).substr(6) + " of " + ref.Shown() + " is " +
                           std::to_string(Number(before, "/was")) + " again";
  Tell(context_, ByHpa(before) ? changed : context_.client().Get(RefIn(before)), "HealdScaledBack",
       told);
  return {EffectState::kDone, told};
}

}  // namespace

std::unique_ptr<Operations> MakeScaleOut(const Context& context) {
  return std::make_unique<ScaleOut>(context);
}

}  // namespace heald::kubernetes
