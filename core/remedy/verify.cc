// What an execution came to: whether what was wrong is right again, by data from after the action,
// and what follows from that.
#include <algorithm>
#include <utility>

#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {

void Engine::EffectShown(Run& run, const std::string& detail) {
  OpenIncident& open = *book_.Find(run.incident);
  const int64_t now_ns = deps_.clock->NowNs();
  if (run.policy->notify_only) return Succeed(run, open, detail);
  if (run.execution.progress.part == Part::kCanary) return CanaryShown(run, open, detail);
  run.phase = Phase::kVerifying;
  run.execution.state = ExecutionState::kObserved;
  run.execution.observed_ns = now_ns;
  run.execution.detail = detail;
  run.deadline_ns = now_ns + run.policy->spec.verify_within_ns;
  run.alone_ns = 0;
  RefreshState(open);
  Draft draft(Transition::kObserved, now_ns, &open);
  draft.Add(open)
      .Add(run.execution)
      .Event("execution.observed", run.decision.actor, run.decision.id,
             run.decision.plan.summary + " … " + detail,
             WithCalls({{"observe_calls", run.observe_calls},
                        {"reply", run.reply},
                        {"after_ns", now_ns - run.execution.issued_ns}},
                       run.calls, run.observed_calls))
      .Result(run.decision, OutcomeState::kObserved, detail)
      .Tell(NoticeKind::kOutcome, run.decision.policy);
  CommitOrHold(&draft);
  ForgetCalls(run);
  run.asked_if_gone = false;
  CheckVerified(run);
}

// The samples by which an execution is verified, or known to have been replaced, are kept from its
// issue on.
void Engine::LookAt(const Finding& finding) {
  if (looked_at_.insert(finding.metric).second) WatchForecasts();
}

// Whether anything is known of it that is from after that time and isn't stale by now. What no
// source measures can only be told by its detector, which tells it seldom.
bool Engine::ToldSince(const Finding& finding, int64_t since_ns) const {
  if (!looked_at_.contains(finding.metric) || !MayBeSample(spec_, finding.metric)) return true;
  const int64_t last_ns =
      std::max(finding.ts_ns, deps_.latest->LatestNs(finding.metric, finding.target));
  const int64_t stale_ns = deps_.latest->StaleNs(finding.metric);  // 0: no sample has come at all
  return last_ns >= since_ns && (stale_ns == 0 || deps_.clock->NowNs() - last_ns <= stale_ns);
}

// While heald was still doing it, so something else has helped. Of a call that was cut off by a
// restart only the effect's time is known.
bool Engine::ClearedDuringCall(const Run& run, const OpenIncident& open) const {
  int64_t cleared_ns = 0;
  for (size_t i = 0; i < open.meta.size(); ++i) {
    const Finding& finding = open.incident.findings[i];
    if (finding.id != run.decision.finding && !run.policy->Covers(finding)) continue;
    cleared_ns = std::max(cleared_ns, open.meta[i].cleared_ns);
  }
  const int64_t done_ns = run.call_ended_ns != 0 ? run.call_ended_ns : run.execution.observed_ns;
  return cleared_ns != 0 && cleared_ns < done_ns;
}

// The target changed; now what was wrong has to be right again.
void Engine::CheckVerified(Run& run) {
  if (run.call != 0) return;  // it is asked about
  OpenIncident& open = *book_.Find(run.incident);
  const int64_t now_ns = deps_.clock->NowNs();
  const Finding* trigger = nullptr;
  std::string still_open;
  std::string unproven;
  std::string unknown;  // what nothing was heard of since the action
  bool orphans = false;
  bool known = false;  // one is open by what was measured since
  const auto add = [](std::string* list, const std::string& item) {
    *list += (list->empty() ? "" : ", ") + item;
  };
  for (size_t i = 0; i < open.incident.findings.size(); ++i) {
    const Finding& finding = open.incident.findings[i];
    const bool is_trigger = finding.id == run.decision.finding;
    if (is_trigger) trigger = &finding;
    if (!is_trigger && !run.policy->Covers(finding)) continue;
    if (finding.state == FindingState::kClear) {
      const bool since_then = is_trigger || finding.ts_ns >= run.execution.issued_ns;
      if (since_then && !Recovered(finding)) unproven = Describe(finding);
      continue;
    }
    orphans = orphans || open.meta[i].orphan;
    add(&still_open, ValueText(finding));
    if (ToldSince(finding, run.execution.observed_ns))
      known = true;
    else
      add(&unknown, TargetName(finding.target) + " " + finding.metric);
  }
  // A finding that ended because nobody measures any more proves nothing.
  if (still_open.empty() && !unproven.empty()) {
    if (!IsSettledOnTop(run)) return Schedule(run, now_ns + options_.reevaluate_ns);
    if (AskWhetherGone(run, open)) return;
    const std::string reason = "could not be verified: " + unproven;
    if (run.execution.progress.made_way_for.empty())
      return Fail(run, reason, true, Proof::kInconclusive);
    // What is on top of it has called a person, if it didn't help.
    return Fail(run, reason + "; another action was done on top of it", false, Proof::kSuperseded);
  }
  if (still_open.empty()) {
    std::string text = trigger == nullptr ? "back to normal" : ValueText(*trigger);
    if (!run.execution.progress.made_way_for.empty())
      return Succeed(run, open,
                     text + ". Another action was done on top of it: not counted as healed by it",
                     Proof::kSuperseded);
    if (ClearedDuringCall(run, open))
      return Succeed(run, open,
                     text + ". Cleared while it was being done: not counted as healed by it",
                     Proof::kTooEarly);
    return Succeed(
        run, open,
        text + ". Healed " + FormatElapsed(now_ns - open.SickSinceNs()) + " after it began.");
  }
  // After a restart: longer only for what its detector hasn't reported again.
  const int64_t deadline_ns =
      orphans ? run.deadline_ns
              : std::min(run.deadline_ns,
                         std::max({run.execution.observed_ns, run.recovered_ns, run.alone_ns}) +
                             run.policy->spec.verify_within_ns);
  if (now_ns < deadline_ns) return Schedule(run, deadline_ns);
  if (!IsSettledOnTop(run)) return Schedule(run, now_ns + options_.reevaluate_ns);
  // Sources have to come round first.
  if (!known && now_ns - woke_ns_ < options_.orphan_min_ns)
    return Schedule(run, now_ns + options_.reevaluate_ns);
  const std::string elapsed = FormatElapsed(now_ns - run.execution.observed_ns);
  if (!known && AskWhetherGone(run, open)) return;
  if (!known)
    return Fail(run,
                "not known whether it helped: no fresh value of " + unknown +
                    " since the action, " + elapsed + " after it was done",
                true, Proof::kInconclusive);
  std::string reason = "not back to normal " + elapsed + " after it was done: " + still_open;
  if (run.execution.progress.made_way_for.empty()) return Fail(run, reason, true);
  if (run.decision.plan.reversible && run.policy->spec.undo.on_failure)
    reason += "; it stays, as another action was done on top of it";
  Fail(run, reason, true, Proof::kSuperseded);
}

void Engine::Succeed(Run& run, OpenIncident& open, std::string text, Proof proof) {
  const int64_t now_ns = deps_.clock->NowNs();
  const bool notify_only = run.policy->notify_only;
  if (UndoIsPlanned(run, false))
    text += " It will be undone " + FormatDuration(run.policy->spec.undo.after_ns) + " from now.";
  run.phase = notify_only ? Phase::kDone : Phase::kWatching;
  run.execution.state = ExecutionState::kVerified;
  run.execution.progress.proof = proof;
  run.execution.ended_ns = now_ns;
  run.execution.detail = text;
  run.execution.progress.rules.reset();
  run.decision.next_step = 1;
  if (proof == Proof::kPlain && !notify_only) NoteVerified(run, open);
  if (open.incident.reopened > 0) run.execution.progress.began_ns = open.SickSinceNs();
  // The end of a chain that didn't help.
  const bool asks_people = notify_only && run.decision.step > 1;
  if (!notify_only) {
    // Who was called for what blinks is called once.
    open.escalated = open.escalated && open.incident.reopened > 0;
    if (proof == Proof::kPlain) open.healed_by = run.decision.plan.summary;
  }
  Draft draft(Transition::kVerified, now_ns, &open);
  draft.Event("execution.verified", run.decision.actor, run.decision.id, "verified: " + text)
      .Result(run.decision, OutcomeState::kVerified, text)
      .Tell(NoticeKind::kOutcome, run.decision.policy);
  if (asks_people)
    Escalate(run.decision, open,
             "the " + std::to_string(run.decision.step - 1) +
                 (run.decision.step == 2 ? " step" : " steps") + " of policy " +
                 run.decision.policy + " before didn't help",
             &draft);
  PlanUndo(run, false, &draft);
  if (!notify_only) EndedOnTop(run.execution, false, &draft);
  RefreshState(open);
  draft.Add(open).Add(run.decision).Add(run.execution);
  CommitOrHold(&draft);
  ReleaseLeases(run);
  BeginUndo(run, open);
  Schedule(open, now_ns);  // it may be over
  if (notify_only) return SayDone(run);
  NextAttempt(run);
}

// Once for as long as nothing has healed: who was called need not be called again.
void Engine::Escalate(const Decision& decision, OpenIncident& open, const std::string& why,
                      Draft* draft) {
  if (std::exchange(open.escalated, true)) return;
  draft
      ->Event("incident.escalated", "heald", std::to_string(open.incident.id),
              "incident #" + std::to_string(open.incident.id) + "  needs a person: " + why,
              {{"policy", decision.policy}, {"decision", decision.id}})
      .Tell(NoticeKind::kIncident);
}

// Of an inconclusive end: the chain goes on and people are called all the same, as what was wrong
// is still there for all that is known. But nothing is taken back and nothing counted on no data.
void Engine::Fail(Run& run, const std::string& reason, bool escalate, Proof proof) {
  OpenIncident& open = *book_.Find(run.incident);
  const int64_t now_ns = deps_.clock->NowNs();
  run.phase = Phase::kWatching;
  run.call = 0;  // what is still to be answered was asked for this one
  run.execution.state = ExecutionState::kFailed;
  run.execution.progress.proof = proof;
  run.execution.ended_ns = now_ns;
  run.execution.detail = reason;
  run.execution.progress.rules.reset();
  const bool inconclusive = proof == Proof::kInconclusive;
  const std::string word = inconclusive                  ? "inconclusive"
                           : proof == Proof::kCancelled  ? "cancelled"
                           : proof == Proof::kSuperseded ? "not verified"
                                                         : "failed";
  const bool was_last = run.decision.step >= run.policy->steps;
  if (inconclusive && was_last) run.blind_since_ns = run.execution.observed_ns;
  // Who cancelled it knows of it, and didn't want more.
  const bool goes_on = escalate && !WasDenied(run.decision);
  run.decision.next_step = !goes_on ? run.decision.step : was_last ? 1 : run.decision.step + 1;
  const std::string what = run.decision.plan.summary;
  Json detail = {{"observe_calls", run.observe_calls}, {"reply", run.reply}};
  if (proof != Proof::kPlain) detail["proof"] = ToString(proof);
  Draft draft(Transition::kFailed, now_ns, &open);
  draft
      .Event("execution.failed", run.decision.actor, run.decision.id,
             word + ": " + what + ": " + reason,
             WithCalls(std::move(detail), run.calls, run.observed_calls))
      .Result(run.decision, OutcomeState::kFailed, reason)
      .Tell(NoticeKind::kOutcome, run.decision.policy);
  if (escalate && !inconclusive) PlanUndo(run, true, &draft);
  const bool never_done = run.execution.issued_ns == 0 || run.unchanged;
  if (never_done) leases_.Release(run.id);
  if (!run.policy->notify_only && run.execution.progress.undo.state != UndoState::kDue)
    EndedOnTop(run.execution, never_done, &draft);
  const std::string was = inconclusive ? " was inconclusive" : " failed";
  if (goes_on && !was_last)
    SayNext(run, open, what + was, &draft);
  else if (goes_on)
    Escalate(run.decision, open,
             what + was + ": " + reason +
                 (run.policy->steps > 1
                      ? "; all " + std::to_string(run.policy->steps) + " steps were tried"
                      : ""),
             &draft);
  RefreshState(open);
  draft.Add(open).Add(run.decision).Add(run.execution);
  CommitOrHold(&draft);
  ReleaseLeases(run);
  Schedule(open, now_ns);
  if (!BeginUndo(run, open)) return NextAttempt(run);
  RefreshState(open);
}

}  // namespace heald::remedy
