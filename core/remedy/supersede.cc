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
  for (const uint64_t id : leases_.HoldersOf(ClaimOf(open, run.decision.plan), run.id)) {
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
    Fail(*held,
         "superseded by " + HolderText(run.id) +
             ", which is for something graver: " + Describe(finding),
         false, Proof::kSuperseded);
  }
}

// With what came of the one that it made way for. Whatever failed takes back what was done before
// it too; what healed stays, and what it was done on top of; and nothing is taken back on no data.
void Engine::SettleSuperseded(const Run& by, bool failed, Draft* draft) {
  const int64_t now_ns = deps_.clock->NowNs();
  for (const auto& [id, task] : undos_) {
    Undo& undo = task->undo();
    if (!undo.open() || undo.superseded_by != by.decision.id) continue;
    undo.superseded_by = by.superseded_by;
    if (!undo.superseded_by.empty()) {
      draft->Add(task->execution);
      continue;
    }
    const std::string what = task->decision.plan.summary;
    const std::string& over = by.decision.plan.summary;
    if (failed) {
      undo.due_ns = now_ns;
      draft->Add(task->execution)
          .Event("undo.planned", "heald", task->decision.id,
                 "will be undone: " + what + ", as " + over + " failed too",
                 {{"due_ns", undo.due_ns}, {"after_failure", true}});
    } else {
      undo.state = UndoState::kDropped;
      undo.ended_ns = now_ns;
      undo.detail = "it stays, as " + over + " wasn't taken back";
      draft->Add(task->execution)
          .Event("undo.dropped", "heald", task->decision.id,
                 "not undone: " + what + ": " + undo.detail);
    }
    Schedule(*task, now_ns);
  }
}

// The one that it made way for isn't over.
std::string Engine::WhySupersededWaits(const UndoTask& task) const {
  if (task.undo().superseded_by.empty()) return {};
  for (const auto& [id, run] : runs_)
    if (run->decision.id == task.undo().superseded_by && IsUnderWay(run->phase))
      return "superseded by what isn't over: " + HolderText(id);
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
                 FormatElapsed(now_ns - run.held_off_ns) + ": " + busy->reason +
                 "; it is done when that is over",
             {{"policy", run.policy->spec.name}})
      .Tell(NoticeKind::kIncident);
  CommitOrHold(&draft);
}

}  // namespace heald::remedy
