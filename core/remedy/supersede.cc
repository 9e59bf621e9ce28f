// What holds a target, and makes way: an action that was carried out and is only watched doesn't
// hold off another policy that acts on something graver. Two calls never run at once: only a watch
// ends for it, and its undo waits for what came of the one that it made way for.
#include <algorithm>

#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr int64_t kToldHeldOffNs = kMinute;

}  // namespace

// What is only foreseen is no worse than a warning.
Severity Engine::GravityOf(const Finding& finding) {
  return finding.kind == FindingKind::kPrediction ? std::min(finding.severity, Severity::kWarning)
                                                  : finding.severity;
}

// Each makes way only for what is graver than what it was done for itself, so no two take turns.
bool Engine::MakesWay(const Run& held, const Run& run, const Finding& finding) const {
  const Severity gravity = held.execution.progress.gravity;
  return held.phase == Phase::kVerifying && gravity != Severity::kNormal &&
         held.policy->spec.name != run.policy->spec.name && GravityOf(finding) > gravity;
}

// What only tells people touches nothing, so it waits for nobody.
void Engine::LookAtOthers(const Run& run, const OpenIncident& open, const Finding& finding,
                          GuardContext* context) const {
  if (run.policy->notify_only) return;
  const Claim claim = ClaimOf(open, run.decision.plan);
  context->busy_with = AboutToBeUndone(claim);
  for (const uint64_t id : leases_.HoldersOf(claim, run.id)) {
    const auto held = runs_.find(id);
    const bool makes_way = held != runs_.end() && MakesWay(*held->second, run, finding);
    (makes_way ? context->makes_way : context->busy_with) = HolderText(id);
  }
}

// Right before the call is journaled: a restart in between finds a watch that has ended, and a call
// that was never made.
void Engine::SupersedeOthers(const Run& run, const OpenIncident& open, const Finding& finding) {
  for (const uint64_t id : leases_.HoldersOf(ClaimOf(open, run.decision.plan), run.id)) {
    Run* const held = FindRun(id);
    if (held == nullptr || !MakesWay(*held, run, finding)) continue;
    held->superseded_by = run.decision.id;
    held->watched_until_ns = held->deadline_ns;
    Fail(*held,
         "superseded by " + HolderText(run.id) +
             ", which is for something graver: " + Describe(finding),
         false, Proof::kSuperseded);
  }
}

// ---- what becomes of what made way ---------------------------------------------------------------

// Taken back after what it made way for, and only if that is: whatever else comes of that one, it
// stays and what it was done on top of.
void Engine::SettleSuperseded(const Decision& by, bool taken_back, Draft* draft) {
  const int64_t now_ns = deps_.clock->NowNs();
  for (const auto& [id, task] : undos_) {
    Undo& undo = task->undo();
    if (!undo.open() || undo.superseded_by != by.id) continue;
    undo.superseded_by.clear();
    const std::string what = task->decision.plan.summary;
    if (taken_back) {
      undo.due_ns = now_ns;
      draft->Add(task->execution)
          .Event("undo.planned", "heald", task->decision.id,
                 "will be undone: " + what + ", as " + by.plan.summary + " was",
                 {{"due_ns", undo.due_ns}, {"after_failure", true}});
    } else {
      undo.state = UndoState::kDropped;
      undo.ended_ns = now_ns;
      undo.detail = "it stays, as " + by.plan.summary + " wasn't taken back";
      draft->Add(task->execution)
          .Event("undo.dropped", "heald", task->decision.id,
                 "incident #" + std::to_string(task->decision.incident) + "  not undone: " + what +
                     ": " + undo.detail)
          .Tell(NoticeKind::kIncident);
      SettleSuperseded(task->decision, false, draft);
    }
    Schedule(*task, now_ns);
  }
}

// The one that it made way for isn't over, or is to be taken back first.
std::string Engine::WhySupersededWaits(const UndoTask& task) const {
  const std::string& by = task.undo().superseded_by;
  if (by.empty()) return {};
  for (const auto& [id, run] : runs_)
    if (run->decision.id == by && IsUnderWay(run->phase))
      return "superseded by what isn't over: " + HolderText(id);
  for (const auto& [id, other] : undos_)
    if (other->decision.id == by) return "superseded by what isn't over: " + HolderText(id);
  return {};
}

// What failed, and whose turn it is: nobody acts between that and its undo.
std::string Engine::AboutToBeUndone(const Claim& claim) const {
  const int64_t now_ns = deps_.clock->NowNs();
  for (const auto& [id, task] : undos_) {
    const Undo& undo = task->undo();
    if (task->phase == UndoTask::Phase::kWaiting && undo.state == UndoState::kDue &&
        undo.after_failure && undo.away_ns == 0 && undo.superseded_by.empty() &&
        undo.due_ns <= now_ns && Overlap(claim, ClaimOf(task->about, task->decision.plan)) &&
        WhyNotItsTurn(*task).empty())
      return HolderText(id);
  }
  return {};
}

// ---- who is held off ----------------------------------------------------------------------------

// Once for each attempt. Refusals are told as they come, but not how long one lasts.
void Engine::NoteHeldOff(Run& run, const OpenIncident& open, const Judgement& judgement) {
  const int64_t now_ns = deps_.clock->NowNs();
  const GuardVerdict* busy = nullptr;
  size_t refusing = 0;
  for (const GuardVerdict& verdict : judgement.verdicts) {
    if (verdict.allowed) continue;
    ++refusing;
    if (verdict.guard == "one_at_a_time") busy = &verdict;
  }
  const bool acts = run.policy->spec.mode != Mode::kShadow && !run.policy->dry_run;
  if (busy == nullptr || refusing != 1 || !acts) {
    run.held_off_ns = 0;
    return;
  }
  if (run.held_off_ns == 0) run.held_off_ns = now_ns;
  if (run.told_held_off || now_ns - run.held_off_ns < kToldHeldOffNs) return;
  run.told_held_off = true;
  Draft draft(Transition::kRefused, now_ns, &open);
  draft
      .Event("incident.held_off", "heald", std::to_string(open.incident.id),
             "incident #" + std::to_string(open.incident.id) + "  " + run.decision.plan.summary +
                 " (policy " + run.policy->spec.name + ") has been held off for " +
                 FormatElapsed(now_ns - run.held_off_ns) + ": " + busy->reason + "; it is " +
                 (run.policy->spec.mode == Mode::kApprove ? "asked about" : "done") +
                 " when that is over",
             {{"policy", run.policy->spec.name}})
      .Tell(NoticeKind::kIncident);
  CommitOrHold(&draft);
}

}  // namespace heald::remedy
