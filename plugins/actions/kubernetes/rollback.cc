// rollback: puts the template of an earlier revision back. Deployments keep theirs in ReplicaSets,
// StatefulSets and DaemonSets in ControllerRevisions. Whether it was done is told by the template.
#include <algorithm>
#include <iterator>
#include <utility>

#include "plugins/actions/kubernetes/argocd_owner.h"
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
// On the workload: which templates heald has rolled back from, so that the next rollback goes
// further back instead of to the very one that was bad: "hash@revision,…". Whoever rolls such a
// template out again gives it a higher revision, and means it to be good.
constexpr const char* kRolledBackFrom = "heald.io/rolled-back-from";
constexpr const char* kRolledBackFromPath = "/metadata/annotations/heald.io~1rolled-back-from";

struct Revision {
  int64_t number = 0;
  std::string name;  // of the object that keeps it
  int64_t made_ns = 0;
  Json pod_template;
  Json meaning;
};

void DropNulls(Json* json) {
  if (json->is_array())
    for (Json& item : *json) DropNulls(&item);
  if (!json->is_object()) return;
  for (auto at = json->begin(); at != json->end();) {
    DropNulls(&*at);
    at = at->is_null() ? json->erase(at) : std::next(at);
  }
}

// What is the same in templates that run the same: a restart is no other revision, and servers
// write members that mean nothing in one version and leave them out in the next.
Json MeaningOf(Json pod_template) {
  DropNulls(&pod_template);
  if (!pod_template.is_object() || !pod_template.contains("metadata")) return pod_template;
  Json& metadata = pod_template["metadata"];
  metadata.erase("creationTimestamp");
  if (const auto annotations = metadata.find("annotations"); annotations != metadata.end()) {
    for (auto at = annotations->begin(); at != annotations->end();)
      at = at.key() == kRestartedAt || at.key().starts_with("heald.io/") ? annotations->erase(at)
                                                                         : std::next(at);
    if (annotations->empty()) metadata.erase("annotations");
  }
  return pod_template;
}

bool WasBad(const Revision& revision, const std::string& rolled_back_from) {
  const std::string hash = HashOf(revision.meaning) + "@";
  for (size_t at = rolled_back_from.find(hash); at != std::string::npos;
       at = rolled_back_from.find(hash, at + 1))
    if (revision.number <= std::atoll(rolled_back_from.c_str() + at + hash.size())) return true;
  return false;
}

const Resource& KeptIn(const Resource& workload) {
  return workload == kDeployments ? kReplicaSets : kControllerRevisions;
}

Revision ReadRevision(const Json& kept, const Resource& workload) {
  Revision revision;
  revision.name = Text(kept, "/metadata/name");
  revision.made_ns = TimeNs(kept, "/metadata/creationTimestamp");
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
  revision.meaning = MeaningOf(revision.pod_template);
  return revision;
}

// What the plan says where that can't be told.
std::string ArgocdWarning(const Workload& workload) {
  const std::string name = PossibleArgocdApplication(workload.object);
  return name.empty() ? ""
                      : "; if Argo CD deploys it (label app.kubernetes.io/instance: " + name +
                            "), a sync will bring the bad revision back";
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
  void CheckAge(const Workload& workload, const std::vector<Revision>& revisions) const;
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
  const std::string bad = Text(workload.object, kRolledBackFromPath);
  // What really differs, the present one first.
  std::vector<const Json*> passed;
  const auto was_passed = [&](const Revision& revision) {
    return std::any_of(passed.begin(), passed.end(),
                       [&](const Json* meaning) { return *meaning == revision.meaning; });
  };
  const Revision* to = nullptr;
  std::string numbers;
  for (const Revision& revision : revisions) {
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(revision.number);
    const bool again = was_passed(revision);
    if (to == nullptr && (params.to_revision ? revision.number == *params.to_revision
                                             : !passed.empty() && !again && !WasBad(revision, bad)))
      to = &revision;
    if (to == nullptr && !again) passed.push_back(&revision.meaning);
  }
  if (to == nullptr)
    throw Failure(
        HEALD_NOT_FOUND,
        shown +
            (params.to_revision ? " has no revision " + std::to_string(*params.to_revision)
                                : std::string(" has no earlier revision to go back to")) +
            (numbers.empty() ? "" : ": it keeps " + numbers));
  if (to->meaning == MeaningOf(At(workload.object, "/spec/template")))
    throw Failure(HEALD_CONFLICT, shown + " has the template of revision " +
                                      std::to_string(to->number) + " already");
  if (static_cast<int64_t>(passed.size()) > params.max_revisions_back)
    throw Failure(HEALD_FULL, "revision " + std::to_string(to->number) + " of " + shown + " is " +
                                  std::to_string(passed.size()) +
                                  " revisions back (max_revisions_back " +
                                  std::to_string(params.max_revisions_back) + ")");
  return *to;
}

// Throws where what runs now has run for long: something else is wrong then. A restart makes no
// rollout younger.
void Rollback::CheckAge(const Workload& workload, const std::vector<Revision>& revisions) const {
  const auto other = std::find_if(revisions.begin(), revisions.end(), [&](const Revision& each) {
    return each.meaning != revisions[0].meaning;
  });
  // Not before it was made, nor before those with a lower number were.
  int64_t since_ns = std::prev(other)->made_ns;
  for (auto at = other; at != revisions.end(); ++at) since_ns = std::max(since_ns, at->made_ns);
  if (other - revisions.begin() == 1) since_ns = std::max(since_ns, RolledOutNs(workload.object));
  const int64_t age_ns = context_.host.NowNs() - since_ns;
  const int64_t most_ns = context_.params.max_age.ns;
  if (most_ns == 0 || since_ns == 0 || age_ns <= most_ns) return;
  constexpr int64_t kHourNs = 3'600'000'000'000;
  throw Failure(HEALD_UNSUPPORTED,
                "revision " + std::to_string(revisions[0].number) + " of " +
                    Shown(workload.object, workload.resource) + " has run for " +
                    std::to_string(age_ns / kHourNs) + " h, longer than max_age (" +
                    std::to_string(most_ns / kHourNs) +
                    " h): it was well for so long, so something else is wrong now");
}

Plan Rollback::MakePlan() {
  const Workload workload = FindWorkload(context_);
  const std::string shown = Shown(workload.object, workload.resource);
  if (const std::string app = ArgocdApplication(workload.object, workload.resource);
      !app.empty() && !context_.params.argocd_owned)
    throw Failure(HEALD_UNSUPPORTED,
                  shown + " is deployed by Argo CD (application " + app +
                      "), which would deploy the bad revision again: roll the application back, "
                      "with an action argocd of operation: rollback, or set argocd_owned: true");
  if (const std::string why = WhyNotRolled(workload.object, workload.resource); !why.empty())
    throw Failure(HEALD_CONFLICT, why).Retryable();
  // An unfinished rollout is what one rolls back; but not one that has just been asked for.
  if (!WasSeen(workload.object))
    throw Failure(HEALD_CONFLICT, shown + " is being changed: its controller has yet to see it")
        .Retryable();
  const std::vector<Revision> revisions = RevisionsOf(workload);
  const Revision& to = Pick(workload, revisions);
  CheckAge(workload, revisions);
  Json before = BeforeOf(word(), workload);
  before["from"] = revisions[0].name;
  before["to"] = to.name;
  before["mark"] = HashOf(revisions[0].meaning) + "@" + std::to_string(revisions[0].number);
  before["rests_on"] = {{"template", HashOf(At(workload.object, "/spec/template"))},
                        {"from", revisions[0].name},
                        {"to", to.name}};
  Plan plan;
  plan.summary = "roll " + shown + " back from revision " + std::to_string(revisions[0].number) +
                 " to " + std::to_string(to.number) + " (uid " + Text(before, "/uid") + ")" +
                 (context_.params.argocd_owned ? "" : ArgocdWarning(workload));
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
  const bool noted = !At(object, kRolledBackFromPath).is_null();
  if (rolled_back.empty()) {
    if (noted) patch.push_back({{"op", "remove"}, {"path", kRolledBackFromPath}});
  } else if (At(object, "/metadata/annotations").is_null()) {
    patch.push_back({{"op", "add"},
                     {"path", "/metadata/annotations"},
                     {"value", {{kRolledBackFrom, rolled_back}}}});
  } else {
    patch.push_back({{"op", "add"}, {"path", kRolledBackFromPath}, {"value", rolled_back}});
  }
  return patch;
}

Json Rollback::Change(const Json& before, bool dry_run) {
  const Revision to = Kept(before, "/to");
  return context_.client().Edit(RefIn(before), PatchType::kJson,
                                [&](const Json& now) -> std::optional<Json> {
                                  if (MeaningOf(At(now, "/spec/template")) == to.meaning)
                                    return std::nullopt;  // a lost answer
                                  CheckUnchanged(now, before);
                                  const std::string former = Text(now, kRolledBackFromPath);
                                  return TemplatePatch(
                                      now, to.pod_template,
                                      (former.empty() ? "" : former + ",") + Text(before, "/mark"));
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
  if (HasTemplateOf(now, before))
    return {EffectState::kAbsent, ref.Shown() + " was not rolled back"};
  const Json present = MeaningOf(At(now, "/spec/template"));
  if (present == Kept(before, "/to").meaning)
    return JudgeRolloutAndPods(context_, now, ref.resource);
  if (present == Kept(before, "/from").meaning)
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
        others = MeaningOf(At(now, "/spec/template")) != to.meaning;
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
