// People's yes and no.
#include <algorithm>

#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

Error NotAwaiting(std::string_view decision) {
  return MakeError(Code::kNotFound, "no decision " + std::string(decision) +
                                        " awaits approval: it was used, withdrawn or has expired; "
                                        "`heald explain` shows what became of it");
}

}  // namespace

void Engine::CheckAwaiting(Run& run) {
  OpenIncident& open = *book_.Find(run.incident);
  const int64_t now_ns = deps_.clock->NowNs();
  if (now_ns >= run.deadline_ns)
    return Withdraw(run, open, "approval.expired", "heald",
                    "nobody approved within " + FormatDuration(options_.approval_ns));
  const int index = open.Find(run.decision.finding);
  if (index < 0 || open.incident.findings[static_cast<size_t>(index)].state == FindingState::kClear)
    return Withdraw(run, open, "approval.withdrawn", "heald", "withdrawn: its finding has cleared");
  const Condition condition = Evaluate(run, open, static_cast<size_t>(index));
  if (condition.verdict == Verdict::kFalse)
    return Withdraw(run, open, "approval.withdrawn", "heald",
                    "withdrawn: the condition is no longer true: " + condition.why);
  Schedule(run, run.policy->periodic() ? std::min(run.deadline_ns, now_ns + options_.reevaluate_ns)
                                       : run.deadline_ns);
}

void Engine::Withdraw(Run& run, OpenIncident& open, std::string_view kind, std::string_view actor,
                      const std::string& reason) {
  awaiting_.erase(run.decision.id);
  run.decision.verdict = DecisionVerdict::kRefused;
  run.decision.guards.push_back({"approval", false, reason});
  Draft draft(Transition::kWithdrawn, deps_.clock->NowNs(), &open);
  draft.Add(run.decision)
      .Event(kind, actor, run.decision.id, RefusalText(run.decision, reason),
             {{"policy", run.decision.policy}})
      .Tell(NoticeKind::kDecision, run.decision.policy);
  CommitOrHold(&draft);
  NextAttempt(run);
}

Status Engine::Approve(std::string_view decision, std::string_view actor) {
  const Entry entry(this);
  const auto at = awaiting_.find(std::string(decision));
  if (at == awaiting_.end()) return NotAwaiting(decision);
  Run& run = *FindRun(at->second);
  CheckAwaiting(run);
  if (run.phase != Phase::kAwaiting) return NotAwaiting(decision);
  OpenIncident& open = *book_.Find(run.incident);
  const size_t index = static_cast<size_t>(open.Find(run.decision.finding));
  const Finding& finding = open.incident.findings[index];
  Judgement judgement =
      Judge(run, open, finding, Evaluate(run, open, index), run.policy->spec.guard.for_ns);
  if (!judgement.allowed) {
    Draft draft(Transition::kRefused, deps_.clock->NowNs(), &open);
    draft.Event("approval.refused", actor, run.decision.id,
                RefusalText(run.decision,
                            "approved by " + std::string(actor) + ", but " + judgement.reason),
                {{"policy", run.decision.policy}});
    CommitOrHold(&draft);
    return MakeError(Code::kConflict,
                     "not done: " + judgement.reason + "; it still awaits approval");
  }
  const Decision asked = run.decision;
  run.decision.verdict = DecisionVerdict::kAct;
  run.decision.actor = actor;
  run.decision.guards = std::move(judgement.verdicts);
  if (!JournalPlanned(run, open, "approval.given")) {
    run.decision = asked;
    return MakeError(Code::kUnavailable,
                     "not done: the journal can't be written; it still awaits approval");
  }
  awaiting_.erase(asked.id);  // single use
  run.deadline_ns = deps_.clock->NowNs() + run.policy->spec.verify_within_ns;
  Replan(run, open);
  return {};
}

Status Engine::Deny(std::string_view decision, std::string_view actor) {
  const Entry entry(this);
  const auto at = awaiting_.find(std::string(decision));
  if (at == awaiting_.end()) return NotAwaiting(decision);
  Run& run = *FindRun(at->second);
  Withdraw(run, *book_.Find(run.incident), "approval.denied", actor,
           "denied by " + std::string(actor));
  SayDone(run);  // a no holds for this incident
  return {};
}

}  // namespace heald::remedy
