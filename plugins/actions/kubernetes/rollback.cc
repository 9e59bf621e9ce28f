// rollback: puts the template of an earlier revision back. Deployments keep theirs in ReplicaSets,
// StatefulSets and DaemonSets in ControllerRevisions. Whether it was done is told by the template.
#include <algorithm>
#include <utility>

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
using support::Number;
using support::Text;

constexpr const char* kRevision = "/metadata/annotations/deployment.kubernetes.io~1revision";
// On the workload: what heald has rolled back from, so that the next rollback goes further back
// instead of to the very revision that was bad.
constexpr const char* kRolledBackFrom = "heald.io/rolled-back-from";
constexpr const char* kRolledBackFromPath = "/metadata/annotations/heald.io~1rolled-back-from";

struct Revision {
  int64_t number = 0;
  std::string name;  // of the object that keeps it
  Json pod_template;
};

const Resource& KeptIn(const Resource& workload) {
  return workload == kDeployments ? kReplicaSets : kControllerRevisions;
}

Revision ReadRevision(const Json& kept, const Resource& workload) {
  Revision revision;
  revision.name = Text(kept, "/metadata/name");
  if (workload == kDeployments) {
    revision.number = std::atoll(Text(kept, kRevision).c_str());
    revision.pod_template = At(kept, "/spec/template");
    if (Json* labels = revision.pod_template.contains("/metadata/labels"_json_pointer)
                           ? &revision.pod_template["metadata"]["labels"]
                           : nullptr)
      labels->erase("pod-template-hash");
  } else {
    revision.number = Number(kept, "/revision");
    revision.pod_template = At(kept, "/data/spec/template");
    revision.pod_template.erase("$patch");
  }
  return revision;
}

class Rollback : public OperationBase {
 public:
  using OperationBase::OperationBase;

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;
  Effect Undo(const Plan& plan) override;

 private:
  // The latest first.
  std::vector<Revision> RevisionsOf(const Workload& workload);
  const Revision& Pick(const Workload& workload, const std::vector<Revision>& revisions) const;
  Revision Kept(const Json& before, const char* which);
  Json Change(const Json& before, bool dry_run);
  std::string EvictStuck(const Json& before);
};

std::vector<Revision> Rollback::RevisionsOf(const Workload& workload) {
  const std::string uid = Text(workload.object, "/metadata/uid");
  std::vector<Revision> revisions;
  for (const Json& kept : context_.client().List(
           {KeptIn(workload.resource), workload.ref().name_space},
           {.label_selector = SelectorText(At(workload.object, "/spec/selector"))}))
    if (ControllerOf(kept).uid == uid) revisions.push_back(ReadRevision(kept, workload.resource));
  std::sort(revisions.begin(), revisions.end(),
            [](const Revision& a, const Revision& b) { return a.number > b.number; });
  return revisions;
}

const Revision& Rollback::Pick(const Workload& workload,
                               const std::vector<Revision>& revisions) const {
  const std::string shown = Shown(workload.object, workload.resource);
  const Config& params = context_.params;
  std::string numbers;
  for (const Revision& revision : revisions)
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(revision.number);
  const std::string bad = "," + Text(workload.object, kRolledBackFromPath) + ",";
  size_t back = 1;
  while (back < revisions.size() &&
         (params.to_revision ? revisions[back].number != *params.to_revision
                             : bad.find("," + revisions[back].name + ",") != std::string::npos))
    ++back;
  if (params.to_revision && !revisions.empty() && revisions[0].number == *params.to_revision)
    throw Failure(HEALD_CONFLICT,
                  shown + " is at revision " + std::to_string(*params.to_revision) + " already");
  if (back >= revisions.size())
    throw Failure(
        HEALD_NOT_FOUND,
        shown +
            (params.to_revision ? " has no revision " + std::to_string(*params.to_revision)
                                : std::string(" has no earlier revision to go back to")) +
            (numbers.empty() ? "" : ": it keeps " + numbers));
  if (static_cast<int64_t>(back) > params.max_revisions_back)
    throw Failure(HEALD_FULL, "revision " + std::to_string(revisions[back].number) + " of " +
                                  shown + " is " + std::to_string(back) +
                                  " revisions back (max_revisions_back " +
                                  std::to_string(params.max_revisions_back) + ")");
  return revisions[back];
}

Plan Rollback::MakePlan() {
  const Workload workload = FindWorkload(context_);
  const std::string shown = Shown(workload.object, workload.resource);
  if (const std::string why = WhyNotRolled(workload.object, workload.resource); !why.empty())
    throw Failure(HEALD_CONFLICT, why).Retryable();
  // An unfinished rollout is what one rolls back; but not one that has just been asked for.
  if (!WasSeen(workload.object))
    throw Failure(HEALD_CONFLICT, shown + " is being changed: its controller has yet to see it")
        .Retryable();
  const std::vector<Revision> revisions = RevisionsOf(workload);
  const Revision& to = Pick(workload, revisions);
  if (to.pod_template == At(workload.object, "/spec/template"))
    throw Failure(HEALD_CONFLICT, shown + " has the template of revision " +
                                      std::to_string(to.number) + " already");
  Json before = BeforeOf(word(), workload);
  before["from"] = revisions[0].name;
  before["to"] = to.name;
  Plan plan;
  plan.summary = "roll " + shown + " back from revision " + std::to_string(revisions[0].number) +
                 " to " + std::to_string(to.number) + " (uid " + Text(before, "/uid") +
                 ", generation " + std::to_string(Number(before, "/generation")) + ")";
  plan.reversible = true;
  plan.target_uid = Text(before, "/uid");
  plan.effect_within = {
      RolloutWithinNs(workload.object, workload.resource, context_.params.ready_within.ns)};
  plan.before = before.dump();
  return plan;
}

Revision Rollback::Kept(const Json& before, const char* which) {
  const Ref ref = RefIn(before);
  return ReadRevision(
      context_.client().Get({KeptIn(ref.resource), ref.name_space, Text(before, which)}),
      ref.resource);
}

Json TemplatePatch(const Json& object, const Json& pod_template, const std::string& rolled_back) {
  Json patch =
      Json::array({{{"op", "replace"}, {"path", "/spec/template"}, {"value", pod_template}}});
  if (At(object, "/metadata/annotations").is_null())
    patch.push_back({{"op", "add"},
                     {"path", "/metadata/annotations"},
                     {"value", {{kRolledBackFrom, rolled_back}}}});
  else
    patch.push_back({{"op", "add"}, {"path", kRolledBackFromPath}, {"value", rolled_back}});
  return patch;
}

Json Rollback::Change(const Json& before, bool dry_run) {
  const Revision to = Kept(before, "/to");
  return context_.client().Edit(RefIn(before), PatchType::kJson,
                                [&](const Json& now) -> std::optional<Json> {
                                  if (At(now, "/spec/template") == to.pod_template)
                                    return std::nullopt;  // a lost answer
                                  CheckUnchanged(now, before);
                                  const std::string former = Text(now, kRolledBackFromPath);
                                  return TemplatePatch(
                                      now, to.pod_template,
                                      (former.empty() ? "" : former + ",") + Text(before, "/from"));
                                },
                                {.dry_run = dry_run});
}

Effect Rollback::DryRun(const Plan& plan) {
  Change(Before(plan), true);
  return {EffectState::kDone, "would " + plan.summary};
}

Effect Rollback::Execute(const Plan& plan) {
  const Json before = Before(plan);
  const Json changed = Change(before, false);
  Tell(context_, changed, "HealdRollback", plan.summary);
  return {EffectState::kPending, plan.summary + EvictStuck(before)};
}

// A StatefulSet waits for a sick pod of the revision that is left before it replaces it, for ever.
std::string Rollback::EvictStuck(const Json& before) {
  const Ref ref = RefIn(before);
  if (ref.resource != kStatefulSets) return "";
  std::string told;
  for (const Json& pod :
       PodsOf(context_, ref.name_space, {"StatefulSet", ref.name, Text(before, "/uid")})) {
    if (IsReady(pod) || IsEnding(pod) ||
        Text(pod, "/metadata/labels/controller-revision-hash") != Text(before, "/from"))
      continue;
    const std::string name = Text(pod, "/metadata/name");
    try {
      context_.client().Evict({kPods, ref.name_space, name},
                              EvictionOptions(context_.params, Text(pod, "/metadata/uid")));
      told += "; evicted " + name + ", which was stuck";
    } catch (const ApiError& error) {
      if (!error.NotFound())
        told += "; " + name + " is stuck and can't be evicted: " + error.what();
    }
  }
  return told;
}

Effect Rollback::Observe(const Plan& plan) {
  const Json before = Before(plan);
  const Ref ref = RefIn(before);
  const Json now = context_.client().Get(ref);
  if (Text(now, "/metadata/uid") != Text(before, "/uid"))
    return {EffectState::kFailed, ref.Shown() + " is another one by now"};
  if (Number(now, "/metadata/generation") == Number(before, "/generation"))
    return {EffectState::kAbsent, ref.Shown() + " was not rolled back"};
  const Json& present = At(now, "/spec/template");
  if (present == Kept(before, "/to").pod_template)
    return JudgeRolloutAndPods(context_, now, ref.resource);
  if (present == Kept(before, "/from").pod_template)
    return {EffectState::kAbsent, ref.Shown() + " has the template of before"};
  return {EffectState::kFailed, ref.Shown() + " was given another template by someone else"};
}

Effect Rollback::Undo(const Plan& plan) {
  const Json before = Before(plan);
  const Ref ref = RefIn(before);
  const Revision from = Kept(before, "/from");
  const Revision to = Kept(before, "/to");
  bool others = false;
  const Json changed =
      context_.client().Edit(ref, PatchType::kJson, [&](const Json& now) -> std::optional<Json> {
        others = At(now, "/spec/template") != to.pod_template;
        if (others) return std::nullopt;
        // Ours is the last in the list.
        const std::string bad = Text(now, kRolledBackFromPath);
        const size_t comma = bad.rfind(',');
        return TemplatePatch(now, from.pod_template,
                             comma == std::string::npos ? "" : bad.substr(0, comma));
      });
  if (others)
    return {EffectState::kDone, ref.Shown() +
                                    " isn't at the revision that it was rolled back to: "
                                    "nothing to take back"};
  const std::string told =
      ref.Shown() + " goes forward again to revision " + std::to_string(from.number);
  Tell(context_, changed, "HealdRollbackUndone", told);
  return {EffectState::kDone, told};
}

}  // namespace

std::unique_ptr<Operations> MakeRollback(const Context& context) {
  return std::make_unique<Rollback>(context);
}

}  // namespace heald::kubernetes
