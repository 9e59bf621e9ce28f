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
  // Newest first.
  for (auto at = page->incidents.rbegin(); at != page->incidents.rend(); ++at)
    if (at->closed_ns >= since_ns)
      recent_.Add(at->target.ToString(), at->id, IfSetBack().Of(at->closed_ns));
  return {};
}

// Before a finding is taken in that would open an incident. While the store can't be read, that
// is a new one.
bool Engine::Reopen(const Finding& finding) {
  const int64_t within_ns = spec_.agent.reopen_within_ns;
  if (within_ns == 0 || !book_.WouldOpen(finding)) return false;
  const int64_t now_ns = deps_.clock->NowNs();
  if (journal_.held() > 0) return false;
  const std::string target_key = book_.TargetKeyOf(finding);
  std::optional<Chain> found;
  for (const uint64_t id : recent_.Of(target_key, now_ns - within_ns)) {
    Result<std::optional<Chain>> read = deps_.store->ChainOf(id);
    if (!read) return false;
    if (!*read || (*read)->incident.closed_ns == 0) continue;
    const std::vector<Finding>& before = (*read)->incident.findings;
    if (std::none_of(before.begin(), before.end(),
                     [&](const Finding& each) { return SameFault(each, finding); }))
      continue;
    found = std::move(*read);
    break;
  }
  if (!found) return false;
  Chain& chain = *found;
  IfSetBack().Apply(&chain);
  recent_.Remove(target_key, chain.incident.id);
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
        run.phase == Phase::kDone && run.policy->notify_only && !IsDenied(run))
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

void Engine::NoteVerified(Run& run, const OpenIncident& open) {
  // Whatever it covered is well now, so older ones have lasted.
  const int64_t since_ns = deps_.clock->NowNs() - spec_.agent.reopen_within_ns;
  std::erase_if(run.verified,
                [&](const Verified& each) { return each.execution.ended_ns < since_ns; });
  Verified verified;
  for (size_t i = 0; i < open.meta.size(); ++i) {
    const Finding& finding = open.incident.findings[i];
    const bool is_trigger = finding.id == run.decision.finding;
    if (!is_trigger &&
        (!run.policy->Covers(finding) ||
         (open.meta[i].cleared_ns != 0 && open.meta[i].cleared_ns < run.execution.issued_ns)))
      continue;
    verified.covered.push_back(finding);
    run.execution.progress.covered.push_back(finding.id);
  }
  verified.decision = run.decision;
  verified.execution = run.execution;
  run.verified.push_back(std::move(verified));
}

// It was never measured again once the action had shown its effect: another one has its place, and
// may have the same.
bool Engine::IsReplaced(const Finding& covered, const Execution& execution) const {
  const int64_t measured_ns =
      std::max(covered.ts_ns, deps_.latest->LatestNs(covered.metric, covered.target));
  return !Recovered(covered) || measured_ns < execution.observed_ns;
}

// By the latest that covered it: what came after an older one says nothing of that.
Verified* Engine::ShortLived(Run& run, const Finding& finding) const {
  for (auto at = run.verified.rbegin(); at != run.verified.rend(); ++at) {
    const Execution& execution = at->execution;
    if (std::none_of(at->covered.begin(), at->covered.end(), [&](const Finding& each) {
          return SameFault(each, finding) &&
                 (each.target == finding.target || IsReplaced(each, execution));
        }))
      continue;
    // What heald took back itself lasted until then.
    const bool counts =
        execution.progress.settled_ns == 0 && execution.progress.undo.state < UndoState::kIssued &&
        finding.began_ns - IfSetBack().Of(execution.ended_ns) <= spec_.agent.reopen_within_ns;
    return counts ? &*at : nullptr;
  }
  return nullptr;
}

void Engine::SettleVerified(Verified* verified, Proof proof) {
  const auto settle = [&](Execution* execution) {
    execution->progress.settled_ns = deps_.clock->NowNs();
    execution->progress.proof = proof;
  };
  settle(&verified->execution);
  for (const auto& [id, task] : undos_)
    if (task->decision.id == verified->decision.id) {
      settle(&task->execution);
      verified->execution = task->execution;
    }
}

// What begins while people work on the target says nothing of the repairs before, also where it is
// acted upon only later.
void Engine::ExcuseRepairs(OpenIncident& open, size_t index) {
  const Finding& finding = open.incident.findings[index];
  Draft draft(Transition::kFinding, deps_.clock->NowNs(), &open);
  for (const uint64_t id : open.runs) {
    Run& run = *FindRun(id);
    if (switch_on_ && !open.meta[index].quiet() &&
        SilenceOf(open, finding, run.policy->spec.name) == nullptr)
      continue;
    Verified* const verified = ShortLived(run, finding);
    if (verified == nullptr) continue;
    SettleVerified(verified, Proof::kPlain);
    draft.Add(verified->execution);
  }
  if (!draft.change()->executions.empty()) CommitOrHold(&draft);
}

// What was verified and is wrong again soon didn't help for good. The next step has its turn; where
// there is none a person is called, once, and the steps begin anew.
bool Engine::PassOverShortLived(Run& run, OpenIncident& open, const Finding& finding) {
  Verified* const verified = ShortLived(run, finding);
  if (verified == nullptr) return false;
  Decision& decision = verified->decision;
  const bool was_last = decision.step >= run.policy->steps;
  // Another fault may have brought the chain there already.
  const bool moves = !was_last && run.policy->spec.step <= decision.step;
  decision.next_step = was_last ? 1 : decision.step + 1;
  SettleVerified(verified, Proof::kDidNotLast);
  const std::string why = decision.plan.summary + " helped, but it began again within " +
                          FormatDuration(spec_.agent.reopen_within_ns);
  Draft draft(Transition::kFinding, deps_.clock->NowNs(), &open);
  if (was_last)
    Escalate(decision, open,
             why + (run.policy->steps > 1
                        ? "; all " + std::to_string(run.policy->steps) + " steps were tried"
                        : ""),
             &draft);
  RefreshState(open);
  draft.Add(open).Add(decision).Add(verified->execution);
  if (moves) {
    run.decision = decision;
    SayNext(run, open, why, &draft);
  }
  CommitOrHold(&draft);
  if (moves) NextAttempt(run);
  return moves;
}

void Engine::SayReopened(const OpenIncident& open, const Finding& finding, Draft* draft) const {
  const std::string within = FormatDuration(spec_.agent.reopen_within_ns);
  draft
      ->Event("incident.reopened", "heald", std::to_string(open.incident.id),
              "incident #" + std::to_string(open.incident.id) + "  began again within " + within +
                  " of its end, and is over when it has been quiet for " + within + ": " +
                  Describe(finding),
              {{"reopened", open.incident.reopened}})
      .Tell(NoticeKind::kIncident);
}

bool Engine::Blinks(const OpenIncident& open) const {
  return open.incident.reopened != 0 && spec_.agent.reopen_within_ns != 0 && !open.storm;
}

// When a finding that is over, and was so before in this incident, has been quiet for long enough
// to be over for good; 0: it doesn't blink.
int64_t Engine::QuietAtNs(const OpenIncident& open, size_t index) const {
  const FindingMeta& meta = open.meta[index];
  const bool blinks = Blinks(open) || meta.again;
  // One whose condition alone is no longer true goes by that.
  const int64_t cleared_ns = meta.cleared_ns == 0 ? deps_.clock->NowNs() : meta.cleared_ns;
  return blinks && !open.storm ? cleared_ns + spec_.agent.reopen_within_ns : 0;
}

// True while one that began again before has yet to be quiet for long enough.
bool Engine::MayBeginAgain(OpenIncident& open) {
  if (!Blinks(open)) return false;
  const int64_t within_ns = spec_.agent.reopen_within_ns;
  const int64_t now_ns = deps_.clock->NowNs();
  if (open.cleared_ns == 0)
    for (const FindingMeta& meta : open.meta)
      open.cleared_ns = std::max(open.cleared_ns, meta.cleared_ns);
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
