// What begins again shortly after it was over: the same incident opens again, with all that was
// tried and said in it, and ends when it has been quiet for a while.
#include <algorithm>

#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr size_t kReadAtStart = 1000;  // incidents

std::string Times(uint32_t count) {
  return count == 1 ? "once" : std::to_string(count) + " times";
}

}  // namespace

Status Engine::ReadRecent() {
  const int64_t since_ns = deps_.clock->NowNs() - spec_.agent.reopen_within_ns;
  const Result<IncidentPage> page =
      deps_.store->Incidents({{IncidentState::kResolved}, 0, kReadAtStart});
  if (!page) return page.error();
  // Newest first, and of one target the newest counts.
  for (auto at = page->incidents.rbegin(); at != page->incidents.rend(); ++at)
    if (at->closed_ns >= since_ns) recent_.Add(at->target.ToString(), at->id, at->closed_ns);
  return {};
}

// Before a finding is taken in that would open an incident. While the store can't be read, that
// is a new one.
bool Engine::Reopen(const Finding& finding) {
  const int64_t within_ns = spec_.agent.reopen_within_ns;
  if (within_ns == 0 || !book_.WouldOpen(finding)) return false;
  const int64_t now_ns = deps_.clock->NowNs();
  const uint64_t id = recent_.Take(book_.TargetKeyOf(finding), now_ns - within_ns);
  if (id == 0 || journal_.held() > 0) return false;
  Result<std::optional<Chain>> read = deps_.store->ChainOf(id);
  if (!read || !*read) return false;
  Chain& chain = **read;
  const std::vector<Finding>& before = chain.incident.findings;
  if (chain.incident.closed_ns == 0 ||
      std::none_of(before.begin(), before.end(),
                   [&](const Finding& each) { return SameFault(each, finding); }))
    return false;
  Incident incident = chain.incident;
  incident.state = IncidentState::kOpen;
  incident.closed_ns = 0;
  incident.resolution = Resolution::kNone;
  OpenIncident& open = *book_.Restore(std::move(incident), now_ns);
  open.told_needed_person = open.incident.needed_person;
  std::set<std::string> policies;
  for (const Decision& decision : chain.decisions) policies.insert(decision.policy);
  for (const std::string& policy : policies) RestoreRun(open, policy, chain);
  BeginAgain(open);
  // People were told that it is over, and are told anew.
  for (const uint64_t run_id : open.runs)
    if (Run& run = *FindRun(run_id);
        run.phase == Phase::kDone && run.policy->notify_only && !WasDenied(run.decision))
      NextAttempt(run);
  return true;
}

// What healed it didn't last, and whatever ends it now is judged by itself.
void Engine::BeginAgain(OpenIncident& open) const {
  ++open.incident.reopened;
  open.again_ns = deps_.clock->NowNs();
  open.cleared_ns = 0;
  open.healed_by.clear();
  open.incident.healed_by.clear();
  open.tried = false;
}

// What was verified and is wrong again soon didn't help for good. Its next
// step has its turn; where there is none a person is called, once, and the steps begin anew.
bool Engine::PassOverShortLived(Run& run, OpenIncident& open, const Finding& finding) {
  if (!run.verified) return false;
  const int64_t within_ns = spec_.agent.reopen_within_ns;
  const int64_t verified_ns = run.verified->execution.ended_ns;
  if (finding.began_ns - verified_ns > within_ns) {
    run.verified.reset();
    return false;
  }
  // Somebody works on it, or heald took it back itself: that says nothing of the repair.
  const int now = open.Find(finding.id);
  if (!switch_on_ || run.verified->execution.progress.undo.state >= UndoState::kIssued ||
      (now >= 0 && open.meta[static_cast<size_t>(now)].quiet()) ||
      SilenceOf(open, finding, run.policy->spec.name) != nullptr) {
    run.verified.reset();
    return false;
  }
  const int index = open.Find(run.verified->finding);
  if (index < 0 || !SameFault(open.incident.findings[static_cast<size_t>(index)], finding))
    return false;
  Decision decision = std::move(run.verified->decision);
  Execution execution = std::move(run.verified->execution);
  run.verified.reset();
  const bool was_last = decision.step >= run.policy->steps;
  const bool helped = execution.progress.proof == Proof::kPlain;
  const std::string why = decision.plan.summary + (helped ? " helped" : " was done") +
                          ", but it began again within " + FormatDuration(within_ns);
  decision.next_step = was_last ? 1 : decision.step + 1;
  for (auto& [id, task] : undos_)
    if (task->decision.id == decision.id) {
      if (helped) task->execution.progress.proof = Proof::kDidNotLast;
      execution = task->execution;
    }
  if (helped) execution.progress.proof = Proof::kDidNotLast;
  Draft draft(Transition::kFinding, deps_.clock->NowNs(), &open);
  if (was_last) {
    Escalate(decision, open,
             why + (run.policy->steps > 1
                        ? "; all " + std::to_string(run.policy->steps) + " steps were tried"
                        : ""),
             &draft);
    RefreshState(open);
    draft.Add(open).Add(decision).Add(execution);
    CommitOrHold(&draft);
    return false;
  }
  run.decision = decision;
  SayNext(run, open, why, &draft);
  draft.Add(decision).Add(execution);
  CommitOrHold(&draft);
  NextAttempt(run);
  return true;
}

void Engine::SayReopened(const OpenIncident& open, Draft* draft) const {
  const std::string within = FormatDuration(spec_.agent.reopen_within_ns);
  draft
      ->Event("incident.reopened", "heald", std::to_string(open.incident.id),
              "incident #" + std::to_string(open.incident.id) + "  began again within " + within +
                  " of its end, and is over when it has been quiet for " + within + ": " +
                  open.incident.summary,
              {{"reopened", open.incident.reopened}})
      .Tell(NoticeKind::kIncident);
}

bool Engine::Blinks(const OpenIncident& open) const {
  return open.incident.reopened != 0 && spec_.agent.reopen_within_ns != 0 && !open.storm;
}

// True while one that began again before has yet to be quiet for long enough.
bool Engine::MayBeginAgain(OpenIncident& open) {
  if (!Blinks(open)) return false;
  const int64_t within_ns = spec_.agent.reopen_within_ns;
  const int64_t now_ns = deps_.clock->NowNs();
  if (open.cleared_ns == 0 || open.cleared_ns > now_ns) open.cleared_ns = now_ns;
  if (now_ns - open.cleared_ns >= within_ns) return false;
  Schedule(open, open.cleared_ns + within_ns);
  return true;
}

std::string Engine::QuietText(const OpenIncident& open) const {
  if (open.incident.reopened == 0 || open.cleared_ns == 0) return "";
  return ", and quiet for " + FormatElapsed(deps_.clock->NowNs() - open.cleared_ns) +
         " since (it had begun again " + Times(open.incident.reopened) + ")";
}

}  // namespace heald::remedy
