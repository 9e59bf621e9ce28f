// sync, refresh and terminate.
#include "plugins/actions/argocd/argocd_action.h"

namespace heald::argocd {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using sdk::Plan;

constexpr const char* kSyncKind = "sync";
constexpr const char* kRefreshKind = "refresh";
constexpr const char* kTerminateKind = "terminate";

std::string StartOf(const Application& app) {
  return app.operation ? app.operation->started_at : "";
}

class Sync : public Operations {
 public:
  explicit Sync(const Context& context) : context_(context) {}

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override { return Judge(ReadPlanned(context_, plan), plan); }

 private:
  SyncOrder Order(bool dry_run) const;
  void RefuseRolledBack(const Application& app) const;
  Effect Judge(const Application& app, const Plan& plan) const;

  Context context_;
};

SyncOrder Sync::Order(bool dry_run) const {
  return {context_.params.revision, context_.params.prune, dry_run,
          std::string(context_.request.decision)};
}

// What was rolled back, by heald or a person, isn't deployed again by a policy.
void Sync::RefuseRolledBack(const Application& app) const {
  if (app.auto_sync) return;
  const std::optional<Debt> debt = context_.debts.Find(context_.app);
  if (debt && !debt->give_back)
    throw Failure(HEALD_CONFLICT, "heald has rolled " + app.name + " back from " +
                                      debt->move.from.Shown() + " to " + debt->move.to.Shown() +
                                      ": whether Git is right now is for a person to say; " +
                                      debt->Reminder());
  const std::string& revision = context_.params.revision;
  const Deployment* const left = RolledBackFrom(app);
  if (left != nullptr && !app.several_sources &&
      left->what.value("revision", "") == (revision.empty() ? app.sync_revision : revision))
    throw Failure(HEALD_CONFLICT, app.name + " was rolled back from " + left->Shown() + " to " +
                                      app.Running() + ", and a sync would deploy that again: " +
                                      "revert it in Git, or sync it by hand");
}

Plan Sync::MakePlan() {
  const Application app = context_.client.Get(context_.app);
  const std::string& revision = context_.params.revision;
  if (app.deleting) throw Failure(HEALD_CONFLICT, "application " + app.name + " is being deleted");
  RefuseBusy(app);
  RefuseRolledBack(app);
  if (app.auto_sync && !revision.empty() && revision != app.tracked)
    throw Failure(HEALD_INVALID, "auto-sync of " + app.name + " is on, so Argo CD syncs it to " +
                                     app.tracked + " only, not to " + revision +
                                     ": leave revision out, or use operation: rollback");
  Plan plan;
  plan.summary = "sync " + app.name + " (" + app.sync + ", " + app.health + ") to " +
                 (revision.empty() ? app.tracked : revision) +
                 (context_.params.prune ? ", pruning what Git doesn't have" : "");
  plan.target_uid = app.uid;
  plan.before =
      Json{{"kind", kSyncKind}, {"latest_id", app.latest_id()}, {"op_started", StartOf(app)}}
          .dump();
  plan.effect_within = context_.params.healthy_within;
  return plan;
}

Effect Sync::DryRun(const Plan& plan) {
  RefuseBusy(ReadPlanned(context_, plan));
  context_.client.Sync(context_.app, Order(true));
  return AwaitDryRun(context_, plan);
}

Effect Sync::Execute(const Plan& plan) {
  const Application app = ReadPlanned(context_, plan);
  if (Effect begun = Judge(app, plan); begun.state != EffectState::kAbsent) return begun;
  RefuseBusy(app);
  RefuseRolledBack(app);
  context_.client.Sync(context_.app, Order(false));
  return {EffectState::kPending, "Argo CD has taken the order to sync " + app.name};
}

Effect Sync::Judge(const Application& app, const Plan& plan) const {
  const Json before = ReadBefore(plan, kSyncKind);
  const std::string not_synced = app.name + " was not synced";
  if (!app.operation || app.operation->dry_run) return {EffectState::kAbsent, not_synced};
  const LatestOperation& operation = *app.operation;
  if (operation.decision != context_.request.decision) {
    if (app.Busy()) return {EffectState::kAbsent, not_synced + " by heald: " + operation.Shown()};
    if (operation.started_at == before.at("op_started") ||
        app.latest_id() == before.at("latest_id"))
      return {EffectState::kAbsent, not_synced};
    return {EffectState::kFailed, "another operation has followed on " + app.name + ", a " +
                                      operation.Shown() + ", so what this one came to isn't known"};
  }
  if (operation.running)
    return {EffectState::kPending, app.name + ": " + operation.Shown() + " is " +
                                       (operation.phase.empty() ? "Pending" : operation.phase) +
                                       (operation.message.empty() ? "" : ": " + operation.message)};
  if (operation.phase != "Succeeded")
    return {EffectState::kFailed,
            "Argo CD couldn't sync " + app.name + ": " + WhyFailed(operation)};
  return JudgeHealth(app);
}

class RefreshOperation : public Operations {
 public:
  explicit RefreshOperation(const Context& context)
      : context_(context), kind_(kRefreshWords[static_cast<size_t>(context.params.refresh)]) {}

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override {
    ReadPlanned(context_, plan);
    return {EffectState::kDone, "would " + plan.summary};
  }
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;

 private:
  static Effect Refreshed(const Application& app);

  Context context_;
  std::string kind_;
};

Plan RefreshOperation::MakePlan() {
  const Application app = context_.client.Get(context_.app);
  Plan plan;
  plan.summary = "refresh " + app.name + (kind_ == "hard" ? " (hard)" : "");
  plan.target_uid = app.uid;
  plan.before = Json{{"kind", kRefreshKind}, {"reconciled_at", app.reconciled_at}}.dump();
  plan.effect_within = context_.params.healthy_within;
  return plan;
}

Effect RefreshOperation::Refreshed(const Application& app) {
  if (!app.trouble.empty())
    return {EffectState::kFailed, app.name + " was refreshed, but " + app.trouble};
  return {EffectState::kDone,
          app.name + " was refreshed: it is " + app.sync + " and " + app.health};
}

Effect RefreshOperation::Execute(const Plan& plan) {
  ReadBefore(plan, kRefreshKind);
  // Argo CD answers when it is done.
  const Application app = context_.client.Get(context_.app, kind_);
  if (app.refreshing) return {EffectState::kPending, "Argo CD refreshes " + app.name};
  return Refreshed(app);
}

Effect RefreshOperation::Observe(const Plan& plan) {
  const Json before = ReadBefore(plan, kRefreshKind);
  const Application app = ReadPlanned(context_, plan);
  if (app.refreshing) return {EffectState::kPending, "Argo CD refreshes " + app.name};
  if (app.reconciled_at != before.at("reconciled_at")) return Refreshed(app);
  return {EffectState::kAbsent, app.name + " was not refreshed"};
}

class Terminate : public Operations {
 public:
  explicit Terminate(const Context& context) : context_(context) {}

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override {
    return {EffectState::kDone,
            "would " + plan.summary + ", which is " + ReadRunning(plan).operation->phase};
  }
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;

 private:
  static bool IsPlanned(const Application& app, const Plan& plan) {
    return app.Busy() && StartOf(app) == ReadBefore(plan, kTerminateKind).at("op_started");
  }
  Application ReadRunning(const Plan& plan) const;

  Context context_;
};

Plan Terminate::MakePlan() {
  const Application app = context_.client.Get(context_.app);
  if (!app.Busy() || StartOf(app).empty())
    throw Failure(HEALD_NOT_FOUND, "no operation on " + app.name + " is under way");
  Plan plan;
  plan.summary = "end the operation on " + app.name + ": " + app.operation->Shown() +
                 ", begun at " + StartOf(app);
  plan.target_uid = app.uid;
  plan.before = Json{{"kind", kTerminateKind}, {"op_started", StartOf(app)}}.dump();
  return plan;
}

Application Terminate::ReadRunning(const Plan& plan) const {
  Application app = ReadPlanned(context_, plan);
  if (!IsPlanned(app, plan))
    throw Failure(HEALD_CONFLICT, "the operation on " + app.name + " has ended by itself");
  return app;
}

Effect Terminate::Execute(const Plan& plan) {
  const Application app = ReadRunning(plan);
  if (app.operation->phase == "Running") context_.client.Terminate(context_.app);
  return {EffectState::kPending, "Argo CD has taken the order to end it"};
}

Effect Terminate::Observe(const Plan& plan) {
  const Application app = ReadPlanned(context_, plan);
  if (!IsPlanned(app, plan))
    return {EffectState::kDone, "the operation on " + app.name + " has ended"};
  const std::string state = "the operation on " + app.name + " is " + app.operation->phase;
  return {app.operation->phase == "Running" ? EffectState::kAbsent : EffectState::kPending, state};
}

}  // namespace

std::unique_ptr<Operations> MakeSync(const Context& context) {
  return std::make_unique<Sync>(context);
}

std::unique_ptr<Operations> MakeRefresh(const Context& context) {
  return std::make_unique<RefreshOperation>(context);
}

std::unique_ptr<Operations> MakeTerminate(const Context& context) {
  return std::make_unique<Terminate>(context);
}

}  // namespace heald::argocd
