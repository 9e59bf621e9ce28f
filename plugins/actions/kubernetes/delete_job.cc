// delete_job: removes a Job with its pods, so that its CronJob or whoever made it can begin anew.
// Whether it was done is told by the Job's uid.
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

bool HasFailed(const Json& job) {
  const Json& conditions = At(job, "/status/conditions");
  if (conditions.is_array())
    for (const Json& condition : conditions)
      if (Text(condition, "/type") == "Failed" && Text(condition, "/status") == "True") return true;
  return false;
}

class DeleteJob : public OperationBase {
 public:
  using OperationBase::OperationBase;

  Plan MakePlan() override {
    const Json job = FindJob(context_);
    const std::string shown = Shown(job, kJobs);
    if (context_.params.only_failed && !HasFailed(job))
      throw Failure(HEALD_CONFLICT, shown + " hasn't failed: only_failed keeps it").Retryable();
    const Owner owner = ControllerOf(job);
    Plan plan;
    plan.target_uid = Text(job, "/metadata/uid");
    plan.summary = "delete " + shown +
                   (owner ? " of " + owner.kind + " " + owner.name : std::string()) +
                   " and its pods (uid " + plan.target_uid + ")";
    plan.before = Json{{"operation", word()},
                       {"kind", kJobs.kind},
                       {"namespace", Text(job, "/metadata/namespace")},
                       {"name", Text(job, "/metadata/name")},
                       {"uid", plan.target_uid}}
                      .dump();
    return plan;
  }

  Effect DryRun(const Plan& plan) override {
    Delete(Before(plan), true);
    return {EffectState::kDone, "would " + plan.summary};
  }

  Effect Execute(const Plan& plan) override {
    const Json before = Before(plan);
    const std::optional<Json> job = context_.client().Find(RefIn(before));
    if (!job || Text(*job, "/metadata/uid") != Text(before, "/uid"))
      throw Failure(HEALD_CONFLICT, RefIn(before).Shown() + " was deleted since the plan was made");
    Delete(before, false);
    Tell(context_, *job, "HealdDeletedJob", plan.summary);
    return {EffectState::kPending, plan.summary};
  }

  Effect Observe(const Plan& plan) override {
    const Json before = Before(plan);
    const std::optional<Json> job = context_.client().Find(RefIn(before));
    const std::string shown = RefIn(before).Shown();
    if (!job || Text(*job, "/metadata/uid") != Text(before, "/uid"))
      return {EffectState::kDone, shown + " is gone"};
    if (!Text(*job, "/metadata/deletionTimestamp").empty())
      return {EffectState::kPending, shown + " is being deleted"};
    return {EffectState::kAbsent, shown + " was not deleted"};
  }

  Effect Undo(const Plan&) override {
    throw Failure(HEALD_UNSUPPORTED, "a deleted Job can't be brought back");
  }

 private:
  void Delete(const Json& before, bool dry_run) {
    context_.client().Delete(
        RefIn(before),
        {.dry_run = dry_run, .uid = Text(before, "/uid"), .propagation = "Background"});
  }
};

}  // namespace

std::unique_ptr<Operations> MakeDeleteJob(const Context& context) {
  return std::make_unique<DeleteJob>(context);
}

}  // namespace heald::kubernetes
