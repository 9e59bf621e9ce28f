// From a decision to its effect. The journal goes before the call: after a crash it says what may
// have happened, and the target says what did.
#include <algorithm>
#include <utility>

#include "core/base/fault_point.h"
#include "core/remedy/engine.h"
#include "core/remedy/hash.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr int64_t kReplanRetryNs = kSecond;
constexpr int64_t kMinDryRunPauseNs = 30 * kSecond;
constexpr int64_t kMaxDryRunPauseNs = kHour;

}  // namespace

bool Engine::JournalPlanned(Run& run, OpenIncident& open, std::string_view kind) {
  const int64_t now_ns = deps_.clock->NowNs();
  Execution execution;
  execution.decision = run.decision.id;
  execution.incident = open.incident.id;
  execution.policy = run.decision.policy;
  execution.action = run.decision.action;
  execution.target_key = open.target_key;
  execution.attempt = run.decision.attempt;
  execution.step = run.decision.step;
  execution.planned_ns = now_ns;
  execution.progress.rules = RulesOf(*run.policy);
  Draft draft(Transition::kPlanned, now_ns, &open);
  // The finding goes along as it was when it moved the engine to act.
  if (const int index = open.Find(run.decision.finding); index >= 0)
    draft.Add(open, open.incident.findings[static_cast<size_t>(index)]);
  draft.Add(run.decision)
      .Add(execution)
      .Event(kind, run.decision.actor, run.decision.id, DecisionText(run.decision) + AheadText(run),
             GuardsDetail(run.decision));
  // Whoever knows that its dry run has failed needn't hear of each further try.
  if (!run.decision.dry_run || run.dry_failure.empty())
    draft.Tell(NoticeKind::kDecision, run.decision.policy);
  draft.Event("execution.planned", run.decision.actor, run.decision.id, run.decision.plan.summary,
              {{"attempt", execution.attempt}, {"plan", ToJson(run.decision.plan)}});
  if (!Commit(&draft)) return false;
  run.execution = std::move(execution);
  run.decided = true;
  run.leased = true;
  if (!run.policy->notify_only) leases_.Take(run.id, ClaimOf(open, run.decision.plan));
  ++running_[run.decision.policy];
  return true;
}

void Engine::ReleaseLeases(Run& run) {
  if (!std::exchange(run.leased, false)) return;
  LeaveLine(run);
  leases_.Release(run.id);
  if (const auto at = running_.find(run.execution.policy);
      at != running_.end() && --at->second == 0)
    running_.erase(at);
  WakeWaiting(run.execution.policy);
}

// Asks the action once more, because time has passed since the plan that was agreed to.
void Engine::Replan(Run& run, const OpenIncident& open) {
  run.phase = Phase::kReplanning;
  run.plan_asked = leases_.ended();
  Schedule(run, INT64_MAX);
  auto done = Reply(run, &Engine::OnReplanned);
  if (run.policy->built_in) return done(run.decision.plan);
  deps_.gateway->Plan(RequestFor(run.decision, open, Part::kAll), std::move(done));
}

void Engine::OnReplanned(Run& run, Result<Plan> plan) {
  OpenIncident& open = *book_.Find(run.incident);
  const int64_t now_ns = deps_.clock->NowNs();
  if (!StillTheRule(run)) return;
  const auto again = [&] {
    run.phase = Phase::kRevalidating;
    Schedule(run, now_ns + kReplanRetryNs);
  };
  if (leases_.EndedSince(run.plan_asked, ClaimOf(open, plan ? *plan : run.decision.plan)) &&
      !std::exchange(run.plan_repeated, true))
    return Replan(run, open);
  run.plan_repeated = false;
  if (!plan) {
    if (plan.error().retryable && now_ns < run.deadline_ns) return again();
    return Fail(run, "it can't be planned any more: " + plan.error().message, true);
  }
  if (run.policy->spec.canary.set && !plan->can_canary)
    return Fail(run, plan->summary + " can't be done in part first any more", true);
  plan->summary = TellingSummary(run.decision, open.incident.target, plan->summary);
  if (const std::string why = WhyApprovalEnded(run, *plan); !why.empty())
    return Fail(run, why, false);
  const int index = open.Find(run.decision.finding);
  if (index < 0 || open.incident.findings[static_cast<size_t>(index)].state == FindingState::kClear)
    return Fail(run, "no longer needed: its finding has cleared", false);
  const Condition condition = Evaluate(run, open, static_cast<size_t>(index));
  if (condition.verdict == Verdict::kInconclusive && now_ns < run.deadline_ns) return again();
  run.decision.plan = std::move(*plan);
  run.decision.plan_hash = HashOf(run.decision);
  run.decision.why = condition.why;
  if (!run.policy->notify_only)  // what it names may be another now
    leases_.Take(run.id, ClaimOf(open, run.decision.plan));
  Judgement judgement = Judge(run, open, open.incident.findings[static_cast<size_t>(index)],
                              condition, run.policy->spec.guard.for_ns);
  if (!judgement.allowed) return Fail(run, "not done: " + judgement.reason, false);
  run.decision.guards = std::move(judgement.verdicts);
  if (run.decision.dry_run) return BeginDryRun(run, open);
  Issue(run, open);
}

void Engine::BeginDryRun(Run& run, OpenIncident& open) {
  run.phase = Phase::kDryRunning;
  Schedule(run, INT64_MAX);
  auto done = Reply(run, &Engine::OnDryRun);
  if (run.policy->built_in) return done(Effect{EffectState::kDone, "nobody was told"});
  deps_.gateway->DryRun(RequestFor(run.decision, open, Part::kAll), run.decision.plan,
                        std::move(done));
}

void Engine::OnDryRun(Run& run, Result<Effect> effect) {
  OpenIncident& open = *book_.Find(run.incident);
  run.calls = CallsOf(effect);
  // An action without a dry run of its own is content with its plan.
  if (!effect && effect.error().code == Code::kUnsupported)
    effect = Effect{EffectState::kDone, "the action has no dry run of its own; its plan holds"};
  const bool failed = !effect || effect->state == EffectState::kFailed;
  const std::string detail = effect ? effect->detail : effect.error().message;
  const std::string& what = run.decision.plan.summary;
  const int64_t now_ns = deps_.clock->NowNs();
  run.execution.state = failed ? ExecutionState::kFailed : ExecutionState::kDryRun;
  run.execution.ended_ns = now_ns;
  run.execution.detail = failed ? "dry run: " + detail : detail;
  run.execution.progress.rules.reset();
  if (failed) run.decision.next_step = run.decision.step;
  Draft draft(failed ? Transition::kFailed : Transition::kDryRun, now_ns, &open);
  draft.Add(run.decision)
      .Add(run.execution)
      .Event(failed ? "execution.failed" : "execution.dry_run", run.decision.actor, run.decision.id,
             (failed ? "failed: " + what + ": dry run: " : "dry run of " + what + ": ") + detail,
             WithCalls(Json::object(), run.calls))
      .Result(run.decision, failed ? OutcomeState::kFailed : OutcomeState::kDryRun,
              run.execution.detail);
  if (!failed || std::exchange(run.dry_failure, detail) != detail)
    draft.Tell(NoticeKind::kOutcome, run.decision.policy);
  CommitOrHold(&draft);
  ReleaseLeases(run);
  Schedule(open, now_ns);
  if (!failed) return SayDone(run);
  // It consumed no cooldown, so it pauses by itself.
  run.dry_pause_ns =
      std::max({2 * run.dry_pause_ns, run.policy->spec.guard.cooldown_ns, kMinDryRunPauseNs});
  run.dry_pause_ns = std::min(run.dry_pause_ns, kMaxDryRunPauseNs);
  run.dry_again_ns = now_ns + run.dry_pause_ns;
  NextAttempt(run);
}

void Engine::Issue(Run& run, OpenIncident& open) {
  const int64_t now_ns = deps_.clock->NowNs();
  const Execution planned = run.execution;
  const Phase phase = run.phase;
  const Part part = NextPart(run);
  const std::string& action = run.decision.action;
  if (!run.policy->built_in && !turns_.Begin(action, RoomOf(action), run.id)) return AwaitTurn(run);
  if (const int index = open.Find(run.decision.finding); index >= 0) {
    const Finding finding = open.incident.findings[static_cast<size_t>(index)];
    HaveOthersMakeWay(run, open, finding);
    run.execution.progress.gravity = GravityOf(finding);
  }
  run.execution.progress.part = part;
  run.execution.progress.number = ++last_issue_;
  if (part == Part::kCanary) {
    Canary& canary = run.execution.progress.canary;
    canary.state = CanaryState::kRunning;
    canary.issued_ns = now_ns;
    canary.severity = WorstCovered(run, open);
  }
  run.phase = Phase::kExecuting;
  Schedule(run, INT64_MAX);
  run.execution.state = ExecutionState::kIssued;
  ++run.execution.issues;
  run.execution.issued_ns = now_ns;
  RefreshState(open);
  Draft draft(Transition::kIssued, now_ns, &open);
  draft.Add(open)
      .Add(run.decision)
      .Add(run.execution)
      .Event("execution.issued", run.decision.actor, run.decision.id,
             run.decision.plan.summary + " …" +
                 (part == Part::kAll ? "" : " (" + std::string(ToString(part)) + ")"),
             {{"call", "execute"}, {"issue", run.execution.issues}, {"part", ToString(part)}})
      .Result(run.decision, OutcomeState::kIssued, run.decision.plan.summary)
      .Tell(NoticeKind::kOutcome, run.decision.policy);
  if (!Commit(&draft)) {
    if (!run.policy->built_in) CallEnded(action);
    if (journal_.in_doubt()) {
      touched_.Note(run.execution, ClaimOf(open, run.decision.plan));
      if (part != Part::kRest) return ObserveInDoubt(run);
      // What the target shows is the canary's doing.
    }
    if (journal_.contradicted()) return StopForDefect(run, open);
    const int issues = journal_.in_doubt() ? run.execution.issues : planned.issues;
    run.execution = planned;
    run.execution.issues = issues;
    // The rest of a canary is left for another check.
    if (phase == Phase::kCanary)
      BeginCheck(run);
    else
      run.phase = Phase::kRevalidating;
    RefreshState(open);
    return Schedule(run, now_ns + kReplanRetryNs);
  }
  touched_.Note(run.execution, ClaimOf(open, run.decision.plan));
  if (const int index = open.Find(run.decision.finding); index >= 0)
    LookAt(open.incident.findings[static_cast<size_t>(index)]);
  run.recovered = false;
  run.unchanged = false;
  run.call_ended_ns = 0;
  run.reply.clear();
  ForgetCalls(run);
  run.last_effect.clear();
  run.observe_calls = 0;
  run.observe_step_ns = options_.observe_min_ns;
  auto done = Reply(run, &Engine::OnExecuted);
  FaultPoint(kExecuteFaultPoint.before);
  if (run.policy->built_in) return done(Effect{EffectState::kDone, "people were told"});
  deps_.gateway->Execute(RequestFor(run, open), run.decision.plan,
                         EndingTurn(action, std::move(done)));
}

// The journal may say that the call was made, and it wasn't: as after a crash at this place.
void Engine::ObserveInDoubt(Run& run) {
  const int64_t now_ns = deps_.clock->NowNs();
  run.phase = Phase::kObserving;
  run.recovered = true;
  run.recovered_ns = now_ns;
  run.observe_step_ns = options_.observe_min_ns;
  Schedule(run, now_ns + run.observe_step_ns);
}

void Engine::OnExecuted(Run& run, Result<Effect> effect) {
  FaultPoint(kExecuteFaultPoint.after);
  run.call_ended_ns = deps_.clock->NowNs();
  run.calls = CallsOf(effect);
  if (!effect) {
    run.reply = effect.error().message;
    if (SurelyNotDone(effect.error().code)) {
      run.unchanged = run.execution.progress.part != Part::kRest;
      return Fail(run, run.reply, true);
    }
  } else {
    run.reply = effect->detail;
    if (effect->state == EffectState::kFailed) return Fail(run, run.reply, true);
    if (effect->state == EffectState::kDone) return EffectShown(run, run.reply);
  }
  run.phase = Phase::kObserving;
  Schedule(run, deps_.clock->NowNs() + run.observe_step_ns);
}

int64_t Engine::EffectLimitNs(const Run& run) const {
  // From the end of a call that took its time; of one that was cut off by a restart from its issue.
  const int64_t done_ns = std::max(run.execution.issued_ns, run.call_ended_ns);
  const int64_t limit_ns = done_ns + run.decision.plan.effect_within_ns + options_.effect_margin_ns;
  // However long the agent was away, the target gets looked at for a while.
  return run.recovered ? std::max(limit_ns, run.recovered_ns + options_.effect_margin_ns)
                       : limit_ns;
}

void Engine::PollEffect(Run& run) {
  if (const std::string why = WhyNotAsked(run.decision.action);
      !why.empty() && !run.policy->built_in)
    return Fail(run, why + "; whether it was done isn't known", true);
  ++run.observe_calls;
  auto done = Reply(run, &Engine::OnObserved);
  if (run.policy->built_in) return done(Effect{EffectState::kDone, "people were told"});
  deps_.gateway->Observe(RequestFor(run, *book_.Find(run.incident)), run.decision.plan,
                         std::move(done));
}

void Engine::OnObserved(Run& run, Result<Effect> effect) {
  const int64_t now_ns = deps_.clock->NowNs();
  run.observed_calls = CallsOf(effect);
  if (effect && effect->state == EffectState::kDone) return EffectShown(run, effect->detail);
  if (effect && effect->state == EffectState::kFailed) return Fail(run, effect->detail, true);
  run.last_absent = effect && effect->state == EffectState::kAbsent;
  run.last_effect = effect ? effect->detail : effect.error().message;
  const int64_t limit_ns = EffectLimitNs(run);
  if (now_ns < limit_ns) {
    Schedule(run, std::min(now_ns + run.observe_step_ns, limit_ns));
    run.observe_step_ns = std::min(run.observe_step_ns * 8 / 5, options_.observe_max_ns);
    return;
  }
  const Progress& progress = run.execution.progress;
  if (run.recovered && run.last_absent && progress.part == Part::kCanary &&
      progress.canary.observed_ns != 0)
    return Fail(run, "the canary's effect is gone since the restart", true);
  if (run.recovered && run.last_absent && progress.part == Part::kRest) {
    // The same for the rest; but first another look at the canary, which is all that was done.
    run.execution.progress.part = Part::kCanary;
    BeginCheck(run);
    return CheckCanary(run);
  }
  if (run.recovered && run.last_absent) {
    // The call of the process that died never reached the target, and can't any more.
    run.unchanged = true;
    run.phase = Phase::kRevalidating;
    run.deadline_ns = now_ns + run.policy->spec.verify_within_ns;
    return Schedule(run, now_ns);
  }
  std::string reason = "no effect within " + FormatElapsed(now_ns - run.execution.issued_ns);
  if (!run.reply.empty()) reason += "; the call said: " + run.reply;
  if (!run.last_effect.empty()) reason += "; the target: " + run.last_effect;
  run.unchanged = run.last_absent && progress.part != Part::kRest;
  Fail(run, reason, true);
}

// Each call is told in one row.
void Engine::ForgetCalls(Run& run) {
  run.calls.clear();
  run.observed_calls.clear();
}

}  // namespace heald::remedy
