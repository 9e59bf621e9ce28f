// rollback: to a former deployment, with auto-sync switched off first where it is on. It stays off,
// since Argo CD would deploy again at once what was rolled back from; that is a debt (debts.h).
#include <algorithm>

#include "plugins/actions/argocd/argocd_action.h"
#include "plugins/actions/argocd/move.h"

namespace heald::argocd {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using sdk::Plan;

constexpr const char* kKind = "rollback";

class Rollback : public Operations {
 public:
  explicit Rollback(const Context& context) : context_(context) {}

  Plan MakePlan() override;
  Effect DryRun(const Plan& plan) override;
  Effect Execute(const Plan& plan) override;
  Effect Observe(const Plan& plan) override;
  Effect Undo(const Plan& plan) override;

 private:
  static Move MoveOf(const Plan& plan) { return ReadMove(ReadBefore(plan, kKind).at("move")); }
  void SwitchOff(const Application& app, const Move& move);
  // The rollback surely didn't happen, so auto-sync is switched on again; says what came of that.
  std::string GiveBack();
  Effect Judge(const Application& app, const Move& move) const;
  std::optional<Debt> OwnDebt() const;
  void MarkSeen();
  Application AwaitIdle(const Plan& plan, const Move& move);

  Context context_;
};

std::optional<Debt> Rollback::OwnDebt() const {
  std::optional<Debt> debt = context_.debts.Find(context_.app);
  if (debt && debt->decision != context_.request.decision) debt.reset();
  return debt;
}

Plan Rollback::MakePlan() {
  const Config& params = context_.params;
  const Application app = context_.client.Get(context_.app);
  if (app.deleting) throw Failure(HEALD_CONFLICT, "application " + app.name + " is being deleted");
  RefuseBusy(app);
  Move move;
  move.to = PickRollback(app, params.history_id, params.max_revisions_back);
  move.from = app.history.back();
  move.latest_id = app.latest_id();
  if (app.operation) move.op_started = app.operation->started_at;
  // One that was cut off before the rollback had switched it off already.
  const std::optional<Debt> debt = context_.debts.Find(context_.app);
  const bool switches = app.auto_sync || (debt && !debt->rolled_back);
  if (switches && !params.disable_auto_sync)
    throw Failure(HEALD_INVALID, "auto-sync of " + app.name +
                                     " is on, so Argo CD refuses a rollback: set "
                                     "disable_auto_sync: true, or switch it off (`argocd app set " +
                                     app.name + " --sync-policy none`)");
  Plan plan;
  plan.summary = "roll back " + app.name + " from " + move.from.Shown() + " to " + move.to.Shown();
  if (switches) plan.summary += ", switching auto-sync off first";
  if (switches && !app.owner.empty())
    plan.summary += " (ApplicationSet " + app.owner + " may switch it on again)";
  plan.reversible = true;
  plan.target_uid = app.uid;
  plan.before = Json{{"kind", kKind}, {"move", ToJson(move)}}.dump();
  plan.effect_within = params.healthy_within;
  return plan;
}

Effect Rollback::DryRun(const Plan& plan) {
  const Move move = MoveOf(plan);
  const Application app = ReadPlanned(context_, plan);
  RefuseBusy(app);
  if (!app.auto_sync) {
    context_.client.Rollback(context_.app, move.to.id, context_.params.prune, true);
    return AwaitDryRun(context_, plan);
  }
  // With auto-sync on, Argo CD refuses even the rollback's dry run; that of a sync does the same.
  if (app.several_sources)
    return {EffectState::kDone, "would " + plan.summary +
                                    "; checked without Argo CD's dry run, which it refuses while "
                                    "auto-sync is on"};
  context_.client.Sync(context_.app, {move.to.what.value("revision", ""), context_.params.prune,
                                      true, std::string(context_.request.decision)});
  return AwaitDryRun(context_, plan);
}

void Rollback::SwitchOff(const Application& app, const Move& move) {
  Debt debt;
  debt.app = context_.app;
  debt.decision = context_.request.decision;
  debt.automated = app.automated;
  debt.since_ns = context_.host.NowNs();
  debt.move = move;
  debt.git_revision = app.sync_revision;
  debt.reenable = context_.params.reenable_auto_sync;
  debt.reenable_after_ns = context_.params.reenable_after.ns;
  context_.debts.Write(debt);
  try {
    context_.client.SetAutomated(context_.app, nullptr);
  } catch (const CallFailure& failure) {
    if (!failure.sent()) context_.debts.Drop(context_.app);
    throw;
  }
}

std::string Rollback::GiveBack() {
  std::optional<Debt> debt = OwnDebt();
  if (!debt) return "";
  debt->give_back = true;
  context_.debts.Write(*debt);
  try {
    SwitchOn(context_.client, context_.debts, *debt);
    return "; auto-sync is on again";
  } catch (const Failure& failure) {
    return std::string("; auto-sync is off and will be switched on again as soon as that works: ") +
           failure.what();
  }
}

Effect Rollback::Execute(const Plan& plan) {
  const Move move = MoveOf(plan);
  const DebtBook::Claim claim = context_.debts.Take(context_.app);
  const Application app = ReadPlanned(context_, plan);
  if (Effect begun = Judge(app, move); begun.state != EffectState::kAbsent) return begun;
  if (app.latest_id() != move.latest_id)
    throw Failure(
        HEALD_CONFLICT,
        app.name + " was deployed anew since the plan was made: it runs " + app.Running());
  RefuseBusy(app);
  if (app.auto_sync) {
    if (!context_.params.disable_auto_sync)
      throw Failure(HEALD_CONFLICT,
                    "auto-sync of " + app.name + " was switched on since the plan was made");
    SwitchOff(app, move);
  }
  try {
    context_.client.Rollback(context_.app, move.to.id, context_.params.prune, false);
  } catch (const CallFailure& failure) {
    // What may have been done all the same is seen by Observe, and by the keeper.
    if (failure.sent()) throw;
    throw CallFailure(failure.code(), failure.what() + GiveBack(), false);
  }
  MarkSeen();
  return {EffectState::kPending, "Argo CD has taken the order to roll back " + app.name};
}

void Rollback::MarkSeen() {
  std::optional<Debt> debt = OwnDebt();
  if (!debt || debt->rolled_back) return;
  debt->rolled_back = true;
  context_.debts.Write(*debt);
}

Effect Rollback::Judge(const Application& app, const Move& move) const {
  switch (StageOf(app, move)) {
    case Stage::kAbsent:
      break;
    case Stage::kRunning:
      return {EffectState::kPending,
              app.name + ": " + app.operation->Shown() + " is under way" +
                  (app.operation->message.empty() ? "" : ": " + app.operation->message)};
    case Stage::kDeployed:
      return JudgeHealth(app);
    case Stage::kFailed:
      return {EffectState::kFailed,
              "Argo CD couldn't roll back " + app.name + ": " + WhyFailed(*app.operation)};
    case Stage::kReplaced:
      return {EffectState::kFailed,
              app.name + " was rolled back, and then " + app.Running() + " was deployed over it"};
    case Stage::kLeaving:
      return {EffectState::kPending, app.name + " goes back to " + move.from.Revision()};
    case Stage::kBack:
      return {EffectState::kAbsent, app.name + " runs " + app.Running() + " again"};
  }
  return {EffectState::kAbsent, app.name + " runs " + app.Running()};
}

Effect Rollback::Observe(const Plan& plan) {
  const Move move = MoveOf(plan);
  const Application app = ReadPlanned(context_, plan);
  Effect effect = Judge(app, move);
  const DebtBook::Claim claim = context_.debts.Take(context_.app);
  const std::optional<Debt> debt = OwnDebt();
  if (!debt) return effect;
  if (debt->give_back && effect.state == EffectState::kAbsent)
    return {EffectState::kPending, effect.detail + ", but auto-sync isn't on again yet"};
  if (effect.state == EffectState::kAbsent) return effect;
  MarkSeen();
  if (effect.state != EffectState::kPending) effect.detail += "; " + debt->Reminder();
  return effect;
}

// An operation that hangs keeps every other one out, also the one that takes it back.
Application Rollback::AwaitIdle(const Plan& plan, const Move& move) {
  Application app = ReadPlanned(context_, plan);
  if (!app.Busy() || !app.operation->target.Same(move.to)) return app;
  context_.client.Terminate(context_.app);
  for (int64_t left_ns = context_.LeftNs(); app.Busy() && left_ns > 0; left_ns -= kPollNs) {
    if (!context_.client.Sleep(kPollNs))
      throw Failure(HEALD_CANCELLED, "cancelled while the rollback was being ended");
    app = ReadPlanned(context_, plan);
  }
  return app;
}

Effect Rollback::Undo(const Plan& plan) {
  const Move move = MoveOf(plan);
  const DebtBook::Claim claim = context_.debts.Take(context_.app);
  const Application app = AwaitIdle(plan, move);
  std::optional<Debt> debt = OwnDebt();
  if (app.auto_sync) {
    if (debt) context_.debts.Drop(context_.app);
    return {EffectState::kDone, "auto-sync of " + app.name +
                                    " was switched on meanwhile, so Argo CD deploys what Git says"};
  }
  const Stage stage = StageOf(app, move);
  if (stage == Stage::kReplaced)
    throw Failure(HEALD_CONFLICT, app.name + " runs " + app.Running() +
                                      ", which was deployed after the rollback" + GiveBack());
  const bool back = stage == Stage::kBack || stage == Stage::kLeaving || stage == Stage::kAbsent;
  if (!back) {
    const auto former =
        std::find_if(app.history.rbegin(), app.history.rend(),
                     [&](const Deployment& entry) { return entry.Same(move.from); });
    if (former == app.history.rend())
      throw Failure(HEALD_NOT_FOUND,
                    move.from.Shown() + " is no longer in the history of " + app.name + GiveBack());
    RefuseBusy(app);
    // Before the call, so that it isn't forgotten where this ends in between.
    if (debt) {
      debt->give_back = true;
      context_.debts.Write(*debt);
    }
    context_.client.Rollback(context_.app, former->id, context_.params.prune, false);
  }
  const std::string text =
      app.name + (back ? " runs " : " goes back to ") + move.from.Revision() + GiveBack();
  return {back && !OwnDebt() ? EffectState::kDone : EffectState::kPending, text};
}

}  // namespace

std::unique_ptr<Operations> MakeRollback(const Context& context) {
  return std::make_unique<Rollback>(context);
}

}  // namespace heald::argocd
