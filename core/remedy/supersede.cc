// What holds a target, and makes way: an action that was carried out and is only watched doesn't
// hold off another policy that acts on something graver. Two calls never run at once: it is only
// watched on, and isn't taken back from under what was done on top of it.
#include <algorithm>
#include <utility>

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
  for (const uint64_t id : leases_.HoldersOf(claim, run.id)) {
    const auto held = runs_.find(id);
    const bool makes_way = held != runs_.end() && MakesWay(*held->second, run, finding);
    (makes_way ? context->makes_way : context->busy_with) = HolderText(id);
  }
}

// Right before the call is journaled. Only the lease goes: the watch goes on to its own end.
void Engine::HaveOthersMakeWay(const Run& run, const OpenIncident& open, const Finding& finding) {
  if (run.policy->notify_only) return;
  const int64_t now_ns = deps_.clock->NowNs();
  const Claim claim = ClaimOf(open, run.decision.plan);
  std::vector<uint64_t> below = leases_.HoldersOf(claim, run.id);
  for (const auto& [id, other] : runs_)
    if (other->phase == Phase::kVerifying && !other->execution.progress.made_way_for.empty() &&
        Overlap(claim, ClaimOf(*book_.Find(other->incident), other->decision.plan)))
      below.push_back(id);
  for (const uint64_t id : below) {
    Run* const held = FindRun(id);
    if (held == nullptr) continue;
    std::vector<std::string>& on_top = held->execution.progress.made_way_for;
    if (on_top.empty() && !MakesWay(*held, run, finding)) continue;
    const OpenIncident& about = *book_.Find(held->incident);
    Draft draft(Transition::kObserved, now_ns, &about);
    if (on_top.empty())
      draft
          .Event("execution.made_way", "heald", held->decision.id,
                 "incident #" + std::to_string(about.incident.id) + "  " +
                     held->decision.plan.summary + ", done and watched on, makes way for " +
                     HolderText(run.id) + ", which is for something graver: " + Describe(finding),
                 {{"for", run.decision.id}})
          .Tell(NoticeKind::kIncident);
    leases_.Release(id);
    bool one_stays = false;
    std::erase_if(on_top, [&](const std::string& decision) {
      return !MayBeTakenBack(decision) && std::exchange(one_stays, true);
    });
    std::erase(on_top, run.decision.id);  // issued again
    on_top.push_back(run.decision.id);
    draft.Add(held->execution);
    CommitOrHold(&draft);
  }
}

// ---- what becomes of what made way --------------------------------------------------------------

// Whether what it did, or is doing, may still be taken back.
bool Engine::MayBeTakenBack(const std::string& decision) const {
  for (const auto& [id, run] : runs_)
    if (run->decision.id == decision && IsUnderWay(run->phase)) return true;
  for (const auto& [id, task] : undos_)
    if (task->decision.id == decision) return true;
  return false;
}

// What is to be for a while isn't waited for.
bool Engine::IsSettledOnTop(const Run& run) const {
  const std::vector<std::string>& on_top = run.execution.progress.made_way_for;
  return std::none_of(on_top.begin(), on_top.end(), [&](const std::string& decision) {
    for (const auto& [id, task] : undos_)
      if (task->decision.id == decision && !task->undo().after_failure) return false;
    return MayBeTakenBack(decision);
  });
}

// What was graver and stays may have healed what is watched beneath: that has its time once more.
// What was taken back, or never done, leaves it as it was: if nothing else is on top, it holds its
// target again and is judged by its own end.
void Engine::EndedOnTop(const Execution& ended, bool gone, Draft* draft) {
  const int64_t now_ns = deps_.clock->NowNs();
  for (const auto& [id, run] : runs_) {
    std::vector<std::string>& on_top = run->execution.progress.made_way_for;
    if (run->phase != Phase::kVerifying || !std::ranges::count(on_top, ended.decision)) continue;
    Schedule(*run, now_ns);
    // Lesser ones may act as often as they like.
    if (!gone && ended.progress.gravity <= run->execution.progress.gravity) continue;
    if (!gone) {
      run->alone_ns = now_ns;
      run->deadline_ns = std::max(run->deadline_ns, now_ns + run->policy->spec.verify_within_ns);
      continue;
    }
    std::erase(on_top, ended.decision);
    if (on_top.empty()) leases_.Take(id, ClaimOf(*book_.Find(run->incident), run->decision.plan));
    draft->Add(run->execution);
  }
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
