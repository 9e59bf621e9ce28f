// Undo: planned in the row that ends an execution, issued ahead of the call, finished by what the
// target shows. What holds it back leaves it due.
#include "core/remedy/undo.h"

#include <algorithm>
#include <utility>

#include "core/base/fault_point.h"
#include "core/base/units.h"
#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr int64_t kUndoLookNs = 5 * kSecond;
constexpr int64_t kSoonNs = kSecond;
// How often a target that can't be reached is asked what became of a call.
constexpr int64_t kAwayLookNs = 30 * kSecond;
constexpr int64_t kFirstPauseNs = 15 * kSecond;
constexpr int64_t kMostPauseNs = 10 * kMinute;
// For so long a token that is refused may be about to be renewed.
constexpr int64_t kRenewalNs = 15 * kMinute;

}  // namespace

// ---- planned with the end of an execution -------------------------------------------------------

bool Engine::UndoIsPlanned(const Run& run, bool failed) {
  const UndoSpec& spec = run.policy->spec.undo;
  // Not from under what was done on top of it.
  const bool wanted =
      failed ? spec.on_failure && run.execution.progress.made_way_for.empty() : spec.after_ns != 0;
  return wanted && run.decision.plan.reversible && run.execution.issued_ns != 0 && !run.unchanged &&
         !run.policy->notify_only && !run.decision.dry_run;
}

void Engine::PlanUndo(Run& run, bool failed, Draft* draft) {
  if (!UndoIsPlanned(run, failed)) return;
  const UndoSpec& spec = run.policy->spec.undo;
  const int64_t now_ns = deps_.clock->NowNs();
  Undo& undo = run.execution.progress.undo;
  undo = {};
  undo.state = UndoState::kDue;
  undo.after_failure = failed;
  undo.due_ns = failed ? now_ns : now_ns + spec.after_ns;
  draft->Event("undo.planned", "heald", run.decision.id,
               failed ? "will be undone: " + run.decision.plan.summary
                      : "will be undone " + FormatDuration(spec.after_ns) +
                            " from now: " + run.decision.plan.summary,
               {{"due_ns", undo.due_ns}, {"after_failure", failed}});
}

UndoTask& Engine::AddUndo(const OpenIncident& open, const Decision& decision,
                          const Execution& execution) {
  auto task = std::make_unique<UndoTask>();
  task->id = ++last_run_;
  task->about.incident = open.Header();
  task->about.target_key = open.target_key;
  task->decision = decision;
  task->execution = execution;
  UndoTask& added = *task;
  undos_.emplace(task->id, std::move(task));
  return added;
}

bool Engine::BeginUndo(Run& run, const OpenIncident& open) {
  const Undo& undo = run.execution.progress.undo;
  if (undo.state != UndoState::kDue) return false;
  UndoTask& task = AddUndo(open, run.decision, run.execution);
  Schedule(task, undo.due_ns);
  if (!undo.after_failure) return false;
  task.run = run.id;
  run.phase = Phase::kUndoing;
  // Nobody comes in between.
  TakeLeases(task);
  return true;
}

// An incident that ends by itself takes back what its steps were to undo and haven't begun to.
bool Engine::DropUndo(const Run& run) {
  for (auto& [id, task] : undos_) {
    if (task->run != run.id) continue;
    if (task->phase != UndoTask::Phase::kWaiting) return false;
    EndUndo(*task, UndoState::kDropped, "back to normal before it was undone");
    return true;
  }
  return true;
}

// ---- what holds it back -------------------------------------------------------------------------

std::string Engine::WhyUndoWaits(const UndoTask& task) const {
  if (!switch_on_) return "automatic remediation was switched off by " + switch_actor_;
  if (spec_.agent.dry_run) return "agent.dry_run simulates every action";
  if (!journal_.may_act()) return kNoJournal;
  for (const uint64_t holder : leases_.HoldersOf(ClaimOf(task.about, task.decision.plan), task.id))
    return "still running on this target: " + HolderText(holder);
  if (!task.undo().after_failure)
    if (std::string why = WhyNoHurry(task); !why.empty()) return why;
  return WhyNotItsTurn(task);
}

// What holds back all that hasn't been begun, for as long as it lasts.
std::string Engine::WhyHeldBack(const OpenIncident& open, const Finding& finding,
                                const Decision& decision) const {
  if (storm_.on()) return "nothing is done during a storm of incidents";
  if (const Silence* silence = SilenceOf(open, finding, decision.policy))
    return "silence " + silence->id + " by " + silence->actor;
  if (const PolicyPtr policy = policies_.Find(decision.policy, decision.step);
      policy != nullptr && !policy->windows.empty())
    if (const Windows::Answer& answer = policy->windows.At(deps_.clock->NowNs()); !answer.open)
      return answer.why;
  return {};
}

// Reasons that hold back only what was to come later anyway.
std::string Engine::WhyNoHurry(const UndoTask& task) const {
  const Decision& decision = task.decision;
  if (const OpenIncident* open = book_.OfTarget(task.about.target_key); open != nullptr)
    return "incident #" + std::to_string(open->incident.id) + " of the target " +
           (open->AnyOpen() ? "is open" : "isn't over yet");
  Finding finding;
  finding.target = decision.target;
  return WhyHeldBack(task.about, finding, decision);
}

// Changes of one thing are taken back youngest first, whoever made them: in any other order the
// former values are not what comes out. One whose chain waits for it holds its target, and is the
// youngest.
std::string Engine::WhyNotItsTurn(const UndoTask& task) const {
  if (task.run != 0) return {};
  const Claim claim = ClaimOf(task.about, task.decision.plan);
  for (const auto& [id, other] : undos_) {
    if (other->execution.progress.number <= task.execution.progress.number) continue;
    const bool same_act = other->decision.action == task.decision.action &&
                          other->about.target_key == task.about.target_key;
    if (same_act || MayBeOneThing(claim, ClaimOf(other->about, other->decision.plan)))
      return "a younger change is undone first: " + other->decision.plan.summary;
  }
  return {};
}

void Engine::TakeLeases(UndoTask& task) {
  leases_.Take(task.id, ClaimOf(task.about, task.decision.plan));
}

std::string Engine::HolderText(uint64_t holder) const {
  const auto task = undos_.find(holder);
  const Decision& decision =
      task == undos_.end() ? runs_.at(holder)->decision : task->second->decision;
  return (task == undos_.end() ? "" : "the undo of ") + decision.plan.summary + " (policy " +
         decision.policy + ", incident #" + std::to_string(decision.incident) + ")";
}

// ---- from due to done ---------------------------------------------------------------------------

void Engine::StepUndo(UndoTask& task) {
  if (task.phase == UndoTask::Phase::kObserving) return PollUndo(task);
  if (task.phase != UndoTask::Phase::kWaiting) return;  // a reply will come
  const int64_t now_ns = deps_.clock->NowNs();
  if (now_ns < task.undo().due_ns) return Schedule(task, task.undo().due_ns);
  const std::string why = WhyUndoWaits(task);
  Schedule(task, now_ns + kUndoLookNs);
  const std::string& action = task.decision.action;
  if (why.empty() && task.undo().issues != 0 && !task.looked) {
    // It was called before: a person may have taken it back since.
    TakeLeases(task);
    return PollUndo(task);
  }
  if (why.empty() && turns_.Begin(action, RoomOf(action), task.id)) return IssueUndo(task);
  if (why.empty()) return;
  if (task.run == 0) ReleaseLeases(task);
  task.looked = false;
  if (task.undo().detail == why) return;
  task.undo().detail = why;
  Draft draft(Transition::kRefused, now_ns, &About(task));
  draft.Add(task.execution)
      .Event("undo.waiting", "heald", task.decision.id,
             "not undone yet: " + task.decision.plan.summary + ": " + why,
             {{"policy", task.decision.policy}});
  CommitOrHold(&draft);
}

void Engine::IssueUndo(UndoTask& task) {
  const int64_t now_ns = deps_.clock->NowNs();
  const Undo before = task.undo();
  Undo& undo = task.undo();
  undo.state = UndoState::kIssued;
  undo.issued_ns = now_ns;
  undo.detail.clear();
  ++undo.issues;
  task.phase = UndoTask::Phase::kCalling;
  TakeLeases(task);
  Schedule(task, INT64_MAX);
  Draft draft(Transition::kUndoIssued, now_ns, &About(task));
  draft.Add(task.execution)
      .Event("undo.issued", "heald", task.decision.id, "undo " + task.decision.plan.summary + " …",
             {{"call", "undo"}, {"issue", undo.issues}, {"part", ToString(PartDone(task))}});
  if (!Commit(&draft)) {
    CallEnded(task.decision.action);
    if (journal_.in_doubt()) {
      task.recovered = true;
      return ObserveUndo(task);
    }
    task.undo() = before;
    task.phase = UndoTask::Phase::kWaiting;
    return Schedule(task, now_ns + kSoonNs);
  }
  task.recovered = task.unreached = task.looked = false;
  task.reply.clear();
  task.last_effect.clear();
  auto done = Reply(task, &Engine::OnUndone);
  FaultPoint(kUndoFaultPoint.before);
  deps_.gateway->Undo(RequestFor(task.decision, About(task), PartDone(task)), task.decision.plan,
                      EndingTurn(task.decision.action, std::move(done)));
}

// A canary that failed left the rest alone.
Part Engine::PartDone(const UndoTask& task) {
  const Progress& progress = task.execution.progress;
  return progress.part == Part::kRest ? Part::kAll : progress.part;
}

void Engine::OnUndone(UndoTask& task, Result<Effect> effect) {
  FaultPoint(kUndoFaultPoint.after);
  task.calls = CallsOf(effect);
  if (!effect) {
    task.reply = effect.error().message;
    task.unreached = IsAway(task, effect.error());
    if (!SurelyNotDone(effect.error().code)) return ObserveUndo(task);
    if (task.unreached) return TryLater(task, task.reply);
    return EndUndo(task, UndoState::kFailed, task.reply);
  }
  task.reply = effect->detail;
  if (effect->state == EffectState::kFailed) return EndUndo(task, UndoState::kFailed, task.reply);
  if (effect->state == EffectState::kPending) return ObserveUndo(task);
  EndUndo(task, UndoState::kDone, task.reply);
}

void Engine::ObserveUndo(UndoTask& task) {
  task.phase = UndoTask::Phase::kObserving;
  task.recovered_ns = deps_.clock->NowNs();
  task.observe_step_ns = options_.observe_min_ns;
  Schedule(task, task.recovered_ns + task.observe_step_ns);
}

void Engine::PollUndo(UndoTask& task) {
  if (task.undo().state == UndoState::kIssued)
    if (const std::string why = WhyNotAsked(task.decision.action); !why.empty())
      return EndUndo(task, UndoState::kFailed, why + "; whether it was undone isn't known");
  task.phase = UndoTask::Phase::kObserving;
  Schedule(task, INT64_MAX);
  auto done = Reply(task, &Engine::OnUndoObserved);
  deps_.gateway->Observe(RequestFor(task.decision, About(task), PartDone(task)), task.decision.plan,
                         std::move(done));
}

void Engine::OnUndoObserved(UndoTask& task, Result<Effect> effect) {
  const int64_t now_ns = deps_.clock->NowNs();
  if (effect && effect->state == EffectState::kAbsent)
    return EndUndo(task, UndoState::kDone, effect->detail);
  task.last_effect = effect ? effect->detail : effect.error().message;
  const bool away = !effect && IsAway(task, effect.error());
  if (task.undo().state == UndoState::kDue) {  // the look before another call
    if (away) return TryLater(task, task.last_effect);
    task.phase = UndoTask::Phase::kWaiting;
    task.looked = true;
    return Schedule(task, now_ns);
  }
  int64_t limit_ns =
      task.undo().issued_ns + task.decision.plan.effect_within_ns + options_.effect_margin_ns;
  if (away && now_ns >= limit_ns) {
    // What became of the call isn't known, so nobody else acts there. Once the target answers, it
    // gets looked at for a while.
    task.recovered = true;
    task.recovered_ns = now_ns + kAwayLookNs;
    task.unreached = false;
    NoteAway(task, task.last_effect);
    return Schedule(task, task.recovered_ns);
  }
  if (task.recovered) limit_ns = std::max(limit_ns, task.recovered_ns + options_.effect_margin_ns);
  if (now_ns < limit_ns) {
    Schedule(task, std::min(now_ns + task.observe_step_ns, limit_ns));
    task.observe_step_ns = std::min(task.observe_step_ns * 8 / 5, options_.observe_max_ns);
    return;
  }
  if (effect && effect->state == EffectState::kDone) {
    // All of the effect is still there: the call never reached the target, and can't any more.
    if (task.unreached) return TryLater(task, task.reply);
    if (task.recovered) {
      task.phase = UndoTask::Phase::kWaiting;
      task.undo().state = UndoState::kDue;
      task.looked = true;
      return Schedule(task, now_ns);
    }
  }
  std::string reason = "no sign of it within " + FormatElapsed(now_ns - task.undo().issued_ns);
  if (!task.reply.empty()) reason += "; the call said: " + task.reply;
  if (!task.last_effect.empty()) reason += "; the target: " + task.last_effect;
  EndUndo(task, UndoState::kFailed, reason);
}

// ---- of a target that is away -------------------------------------------------------------------

bool Engine::IsAway(UndoTask& task, const Error& error) const {
  const int64_t now_ns = deps_.clock->NowNs();
  if (error.code != Code::kDenied || !error.retryable) {
    task.refused_ns = 0;
    return error.code == Code::kUnavailable || error.code == Code::kDeadline;
  }
  if (task.refused_ns == 0) task.refused_ns = now_ns;
  return now_ns - task.refused_ns < kRenewalNs;
}

// Due again after as long as it has been away. What is there is known, so meanwhile others may act
// on the target.
void Engine::TryLater(UndoTask& task, const std::string& why) {
  const int64_t now_ns = deps_.clock->NowNs();
  Undo& undo = task.undo();
  const bool was_issued = std::exchange(undo.state, UndoState::kDue) == UndoState::kIssued;
  const int64_t away_for_ns = undo.away_ns == 0 ? 0 : now_ns - undo.away_ns;
  undo.due_ns = now_ns + std::clamp(away_for_ns, kFirstPauseNs, kMostPauseNs);
  task.phase = UndoTask::Phase::kWaiting;
  ReleaseLeases(task);
  if (!NoteAway(task, why) && was_issued) {
    Draft draft(Transition::kRefused, now_ns, &About(task));
    draft.Add(task.execution)
        .Event("undo.waiting", "heald", task.decision.id,
               "not undone yet: " + task.decision.plan.summary + ": " + why,
               {{"policy", task.decision.policy}});
    CommitOrHold(&draft);
  }
  Schedule(task, undo.due_ns);
}

// People are told once, however often it is tried again, and whatever is restarted. A chain goes on
// without it, as its next step may be what calls them.
bool Engine::NoteAway(UndoTask& task, const std::string& why) {
  task.undo().detail = why;
  if (task.undo().away_ns != 0) return false;
  const int64_t now_ns = deps_.clock->NowNs();
  task.undo().away_ns = now_ns;
  const std::string id = task.decision.id.substr(0, kShortId);
  Draft draft(Transition::kRefused, now_ns, &About(task));
  draft.Add(task.execution)
      .Event("undo.waiting", "heald", task.decision.id,
             "incident #" + std::to_string(task.decision.incident) + "  not undone yet: " +
                 task.decision.plan.summary + ": " + why + "; it is tried again " +
                 (task.refused_ns != 0 ? "for " + FormatDuration(kRenewalNs)
                                       : "until its target answers") +
                 ", `heald deny " + id + "` leaves it as it is",
             {{"policy", task.decision.policy}})
      .Warn(NoticeKind::kIncident);
  CommitOrHold(&draft);
  Run* const run = FindRun(std::exchange(task.run, 0));
  if (run == nullptr || run->phase != Phase::kUndoing) return true;
  NextAttempt(*run);
  RefreshState(*book_.Find(run->incident));
  return true;
}

UndoTask* Engine::AwayUndo(std::string_view decision) {
  if (decision.size() < kShortId) return nullptr;
  for (const auto& [id, task] : undos_)
    if (task->undo().away_ns != 0 && task->decision.id.starts_with(decision)) return task.get();
  return nullptr;
}

Status Engine::LeaveAsItIs(UndoTask& task, std::string_view actor, const Answer& answer) {
  if (Status status = SamePlan(task.decision, answer); !status) return status;
  if (task.phase == UndoTask::Phase::kCalling)
    return MakeError(Code::kConflict, "not yet: the undo of " + task.decision.plan.summary +
                                          " is being called; answer once that is over");
  const std::string who = WhoText(actor, answer.via);
  RememberAnswered(task.decision, "its undo was given up by " + who);
  EndUndo(task, UndoState::kDropped, "left as it is by " + who, actor);
  return {};
}

// ---- its end ------------------------------------------------------------------------------------

void Engine::EndUndo(UndoTask& task, UndoState state, const std::string& detail,
                     std::string_view actor) {
  const int64_t now_ns = deps_.clock->NowNs();
  const std::string what = task.decision.plan.summary;
  Undo& undo = task.undo();
  undo.state = state;
  undo.ended_ns = now_ns;
  undo.detail = detail;
  if (state == UndoState::kDone && undo.after_failure)
    task.execution.state = ExecutionState::kUndone;
  OpenIncident* open = book_.Find(task.about.incident.id);
  const bool failed = state == UndoState::kFailed;
  Draft draft(failed ? Transition::kUndoFailed : Transition::kUndoDone, now_ns, &About(task));
  draft.Add(task.execution);
  const std::string kind = "undo." + std::string(ToString(state));
  if (state == UndoState::kDropped) {
    draft.Event(kind, actor, task.decision.id, "not undone: " + what + ": " + detail);
    // Who heard that it waits hears of its end too.
    if (undo.away_ns != 0) draft.Tell(NoticeKind::kIncident);
  } else {
    const std::string text = failed ? "needs a person: the undo of " + what + " failed: " + detail
                                    : "undone: " + what + ": " + detail;
    draft
        .Event(kind, "heald", task.decision.id, text,
               WithCalls({{"reply", task.reply}}, task.calls))
        .Result(task.decision, failed ? OutcomeState::kFailed : OutcomeState::kUndone, text)
        .Tell(NoticeKind::kOutcome, task.decision.policy);
    if (failed && open != nullptr)
      Escalate(task.decision, *open, "the undo of " + what + " failed", &draft);
  }
  ReleaseLeases(task);
  EndedOnTop(task.execution, state == UndoState::kDone, &draft);
  CommitOrHold(&draft);
  if (open != nullptr)
    for (const uint64_t id : open->runs)
      for (Verified& verified : FindRun(id)->verified)
        if (verified.decision.id == task.decision.id) verified.execution = task.execution;
  const uint64_t run_id = task.run;
  undos_.erase(task.id);
  for (const auto& [id, other] : undos_)
    if (other->phase == UndoTask::Phase::kWaiting && other->undo().due_ns <= now_ns)
      Schedule(*other, now_ns);
  if (Run* run = FindRun(run_id); run != nullptr && run->phase == Phase::kUndoing)
    NextAttempt(*run);
  if (open == nullptr) return;
  RefreshState(*open);
  Schedule(*open, now_ns);
}

void Engine::ReleaseLeases(UndoTask& task) {
  leases_.Release(task.id);
  turns_.Leave(task.decision.action, task.id);
}

const OpenIncident& Engine::About(const UndoTask& task) {
  const OpenIncident* open = book_.Find(task.about.incident.id);
  return open == nullptr ? task.about : *open;
}

UndoTask* Engine::FindUndo(uint64_t id) {
  const auto at = undos_.find(id);
  return at == undos_.end() ? nullptr : at->second.get();
}

std::vector<WaitingUndo> Engine::WaitingUndos() const {
  std::vector<WaitingUndo> waiting;
  for (const auto& [id, task] : undos_) {
    const Undo& undo = task->undo();
    if (undo.away_ns == 0) continue;
    waiting.push_back({task->decision, undo.away_ns,
                       undo.detail.empty() ? "it is being tried again" : undo.detail});
    waiting.back().decision.expires_ns = 0;
  }
  std::sort(waiting.begin(), waiting.end(),
            [](const WaitingUndo& a, const WaitingUndo& b) { return a.since_ns < b.since_ns; });
  return waiting;
}

std::vector<const UndoTask*> Engine::undos() const {
  std::vector<const UndoTask*> all;
  for (const auto& [id, task] : undos_) all.push_back(task.get());
  return all;
}

// ---- after a restart ----------------------------------------------------------------------------

void Engine::RestoreUndos(const Chain& chain, OpenIncident* open) {
  const int64_t now_ns = deps_.clock->NowNs();
  OpenIncident closed;
  if (open == nullptr) {
    closed.incident = chain.incident;
    closed.incident.findings.clear();
    closed.target_key = chain.incident.target.ToString();
  }
  for (const Execution& execution : chain.executions) {
    if (!execution.progress.undo.open()) continue;
    const auto decision =
        std::find_if(chain.decisions.begin(), chain.decisions.end(),
                     [&](const Decision& each) { return each.id == execution.decision; });
    if (decision == chain.decisions.end()) continue;
    UndoTask& task = AddUndo(open == nullptr ? closed : *open, *decision, execution);
    if (open != nullptr)
      for (const uint64_t id : open->runs)
        if (FindRun(id)->phase == Phase::kUndoing && FindRun(id)->decision.id == decision->id)
          task.run = id;
    if (task.undo().state == UndoState::kDue) {
      Schedule(task, std::max(now_ns, task.undo().due_ns));
      if (task.run != 0) TakeLeases(task);
      continue;
    }
    TakeLeases(task);
    task.recovered = true;
    ObserveUndo(task);
    Draft draft(Transition::kRecovered, now_ns, &About(task));
    draft.Event("undo.recovered", "heald", task.decision.id,
                "the undo of " + task.decision.plan.summary +
                    " may have been called before a restart of the agent: asking the target");
    CommitOrHold(&draft);
  }
}

}  // namespace heald::remedy
