#include "core/remedy/engine.h"

#include <algorithm>

#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr int64_t kClockSlackNs = kSecond;
constexpr int64_t kLateNs =
    10 * kSecond;  // for what was due: the process or its host was suspended
constexpr int64_t kIdleNs = 100 * kMillisecond;
constexpr int64_t kCatchUpNs = 100 * kMillisecond;  // while the store is away, or behind
constexpr int64_t kExpireEveryNs = kMinute;
constexpr size_t kPerTick = 32;  // timers

}  // namespace

Engine::Entry::~Entry() {
  if (engine_->depth_ == 1) {
    while (!engine_->inbox_.empty()) {
      const std::function<void()> work = std::move(engine_->inbox_.front());
      engine_->inbox_.pop_front();
      work();
    }
  }
  --engine_->depth_;
}

Engine::Engine(const Deps& deps, EngineOptions options, uint64_t last_incident)
    : deps_(deps),
      options_(options),
      journal_(deps.store, deps.held),
      book_(deps.store->id(), last_incident),
      last_tick_ns_(deps.clock->NowNs()),
      clock_since_ns_(last_tick_ns_) {}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Create(const Deps& deps, const PipelineSpec& spec,
                                               EngineOptions options) {
  // What an earlier process could not write belongs before everything.
  if (Status status = Journal(deps.store, deps.held).FlushAll(); !status) return status.error();
  const Result<uint64_t> last = deps.store->LastIncidentId();
  if (!last) return last.error();
  std::unique_ptr<Engine> engine(new Engine(deps, options, *last));
  if (Status status = engine->ReadSettings(spec); !status) return status.error();
  engine->file_ = spec;
  engine->UsePolicies();
  if (Status status = engine->ReadChanges(); !status) return status.error();
  if (Status status = engine->ReadLedger(); !status) return status.error();
  if (Status status = engine->ReadTouched(); !status) return status.error();
  if (Status status = engine->Restore(); !status) return status.error();
  if (Status status = engine->ReadStorm(); !status) return status.error();
  if (Status status = engine->ReadRecent(); !status) return status.error();
  engine->ConsiderAll();
  return engine;
}

// ---- what comes in ------------------------------------------------------------------------------

void Engine::Post(std::function<void()> work) {
  if (depth_ > 0) {
    inbox_.push_back(std::move(work));
    return;
  }
  const Entry entry(this);
  work();
}

void Engine::StepCovering(uint64_t incident, const Finding& finding) {
  const OpenIncident* open = book_.Find(incident);
  if (open == nullptr) return;
  const std::vector<uint64_t> ids = open->runs;  // a step may end the run, or the incident
  for (const uint64_t id : ids)
    if (Run* run = FindRun(id);
        run != nullptr && (run->policy->Covers(finding) || run->decision.finding == finding.id))
      Step(*run);
}

void Engine::Step(Run& run, bool timer) {
  if (run.phase != Phase::kWatching) KeepHolds(run);
  switch (run.phase) {
    case Phase::kWatching:
      return Watch(run, timer);
    case Phase::kAwaiting:
      return CheckAwaiting(run);
    case Phase::kCanary:
      return CheckCanary(run);
    case Phase::kRevalidating:
      return Revalidate(run);
    case Phase::kObserving:
      // A finding changing is no reason to ask the target early.
      if (timer && run.call == 0) PollEffect(run);
      return;
    case Phase::kVerifying:
      return CheckVerified(run);
    default:
      return;  // a reply will come
  }
}

void Engine::StepIncident(OpenIncident& open) {
  if (open.storm) return StepStorm(open);
  const uint64_t id = open.incident.id;
  if (open.AnyOrphan()) CheckOrphans(open);
  MaybeResolve(id);
}

// ---- timers -------------------------------------------------------------------------------------

int64_t Engine::Tick() {
  {
    const Entry entry(this);
    const int64_t now_ns = deps_.clock->NowNs();
    if (now_ns < last_tick_ns_ - kClockSlackNs) ClockWentBack(now_ns);
    if (now_ns - next_due_ns() > kLateNs) woke_ns_ = now_ns;
    last_tick_ns_ = now_ns;
    if (journal_.held() > 0) {
      if (const Status status = journal_.Flush(); !status)
        deps_.sink->OnProblem(status.error());
      else
        WakeAll();  // what waited for it
    }
    if (now_ns - expired_ns_ >= kExpireEveryNs || now_ns < expired_ns_) {
      deps_.latest->DropExpired(now_ns);
      expired_ns_ = now_ns;
    }
    if (now_ns >= next_silence_end_ns_) EndSilences(now_ns);
    FireDueTimers(now_ns);
    JudgeForecasts(now_ns);
    if (running_.empty() && next_due_ns() - now_ns > kIdleNs) deps_.store->Idle();
  }
  return next_due_ns();
}

void Engine::FireDueTimers(int64_t now_ns) {
  // Only what was due at the start: what a step schedules for "now" belongs to the next tick. And
  // not all of much: findings that came in meanwhile wait for this tick's end.
  std::vector<Timer> due;
  while (due.size() < kPerTick && !timers_.empty() && timers_.top().due_ns <= now_ns) {
    due.push_back(timers_.top());
    timers_.pop();
  }
  for (const Timer& timer : due) {
    if (timer.of == Timer::Of::kUndo) {
      UndoTask* task = FindUndo(timer.id);
      if (task == nullptr || task->due_ns != timer.due_ns) continue;
      task->due_ns = INT64_MAX;
      StepUndo(*task);
    } else if (timer.of == Timer::Of::kRun) {
      Run* run = FindRun(timer.id);
      if (run == nullptr || run->due_ns != timer.due_ns) continue;  // rescheduled since
      run->due_ns = INT64_MAX;
      Step(*run, true);
    } else {
      OpenIncident* open = book_.Find(timer.id);
      if (open == nullptr || open->due_ns != timer.due_ns) continue;
      open->due_ns = INT64_MAX;
      StepIncident(*open);
    }
  }
}

int64_t Engine::next_due_ns() const {
  int64_t due_ns = timers_.empty() ? INT64_MAX : timers_.top().due_ns;
  due_ns = std::min({due_ns, next_silence_end_ns_, forecasts_.next_due_ns()});
  if (journal_.held() > 0) due_ns = std::min(due_ns, deps_.clock->NowNs() + kCatchUpNs);
  return due_ns;
}

void Engine::Schedule(Run& run, int64_t due_ns) {
  if (run.due_ns == due_ns) return;
  run.due_ns = due_ns;
  if (due_ns != INT64_MAX) timers_.push({due_ns, Timer::Of::kRun, run.id});
}

void Engine::Schedule(UndoTask& task, int64_t due_ns) {
  if (task.due_ns == due_ns) return;
  task.due_ns = due_ns;
  if (due_ns != INT64_MAX) timers_.push({due_ns, Timer::Of::kUndo, task.id});
}

void Engine::Schedule(OpenIncident& open, int64_t due_ns) {
  if (open.due_ns == due_ns) return;
  open.due_ns = due_ns;
  if (due_ns != INT64_MAX) timers_.push({due_ns, Timer::Of::kIncident, open.incident.id});
}

// Everything that waits for a time is looked at again, by the new time.
void Engine::ClockWentBack(int64_t now_ns) {
  deps_.sink->OnProblem(MakeError(Code::kInternal, "the wall clock went back by " +
                                                       FormatElapsed(last_tick_ns_ - now_ns) +
                                                       ": waiting times are counted anew"));
  timers_ = {};
  clock_since_ns_ = now_ns;
  const SetBack set_back{now_ns, now_ns};
  recent_.ClockWentBack(now_ns);
  deps_.latest->DropAfter(now_ns);
  storm_.ClockWentBack(now_ns);
  for (auto& [id, run] : runs_) {
    set_back.Apply(&run->execution);
    set_back.Apply({&run->call_ended_ns, &run->recovered_ns, &run->alone_ns});
    for (Verified& verified : run->verified) set_back.Apply(&verified.execution);
    for (Hold& hold : run->holds) hold.since_ns = std::min(hold.since_ns, now_ns);
    run->inconclusive_ns = std::min(run->inconclusive_ns, now_ns);
    run->held_off_ns = std::min(run->held_off_ns, now_ns);
    run->blind_since_ns = std::min(run->blind_since_ns, now_ns);
    run->retry_ns = run->judged_until_ns = 0;
    run->check_since_ns = std::min(run->check_since_ns, now_ns);
    // An approval ends at the time that people were told.
    if (run->phase != Phase::kAwaiting)
      run->deadline_ns = std::min(run->deadline_ns, now_ns + run->policy->spec.verify_within_ns);
    run->due_ns = INT64_MAX;
    Schedule(*run, now_ns);
  }
  for (const auto& [id, open] : book_.all()) {
    set_back.Apply(open.get());
    open->due_ns = INT64_MAX;
    Schedule(*open, now_ns);
  }
  for (const auto& [id, task] : undos_) {
    set_back.Apply({&task->recovered_ns, &task->undo().issued_ns, &task->undo().away_ns});
    task->due_ns = INT64_MAX;
    Schedule(*task, now_ns);
  }
}

SetBack Engine::IfSetBack() const {
  return {deps_.clock->NowNs(), clock_since_ns_};
}

// ---- journal ------------------------------------------------------------------------------------

bool Engine::Commit(Draft* draft) {
  Account(draft);
  if (const Status status = journal_.Write(draft->transition(), draft->change()); !status) {
    deps_.sink->OnProblem(status.error());
    return false;
  }
  Publish(*draft);
  return true;
}

void Engine::CommitOrHold(Draft* draft) {
  Account(draft);
  if (const Status status = journal_.WriteOrHold(draft->transition(), draft->change()); !status)
    deps_.sink->OnProblem(status.error());
  Publish(*draft);
}

void Engine::Publish(const Draft& draft) {
  NoteChanges(draft);
  draft.Publish(deps_.sink, [this](const Notice& notice, const OpenIncident* open) {
    return IsQuiet(notice, open);
  });
}

// ---- runs and incidents -------------------------------------------------------------------------

Run* Engine::FindRun(uint64_t id) {
  const auto at = runs_.find(id);
  return at == runs_.end() ? nullptr : at->second.get();
}

Run& Engine::AddRun(OpenIncident& open, PolicyPtr policy) {
  auto run = std::make_unique<Run>();
  run->id = ++last_run_;
  run->incident = open.incident.id;
  run->policy = std::move(policy);
  if (const auto before = open.attempts.find(run->policy->spec.name); before != open.attempts.end())
    run->attempt = before->second + 1;
  open.runs.push_back(run->id);
  return *(runs_[run->id] = std::move(run));
}

void Engine::EraseRun(uint64_t id) {
  Run* run = FindRun(id);
  if (run == nullptr) return;
  awaiting_.erase(run->decision.id);
  ReleaseLeases(*run);
  if (OpenIncident* open = book_.Find(run->incident)) {
    std::erase(open->runs, id);
    open->attempts[run->policy->spec.name] = run->attempt;
  }
  runs_.erase(id);
}

void Engine::EnsureRuns(OpenIncident& open, const Finding& finding) {
  if (open.storm) return;
  for (const PolicyPtr& policy : policies_.For(finding)) {
    if (!policy->Covers(finding)) continue;
    const bool exists = std::any_of(open.runs.begin(), open.runs.end(), [&](uint64_t id) {
      return FindRun(id)->policy->spec.name == policy->spec.name;
    });
    // With many policies and incidents most don't concern each other.
    if (exists || !policy->MayHold(finding)) continue;
    Schedule(AddRun(open, policy), deps_.clock->NowNs());
  }
}

void Engine::RefreshState(OpenIncident& open) {
  IncidentState state = open.escalated ? IncidentState::kEscalated : IncidentState::kOpen;
  for (const uint64_t id : open.runs) {
    const Phase phase = FindRun(id)->phase;
    if (phase == Phase::kExecuting || phase == Phase::kObserving || phase == Phase::kUndoing)
      state = IncidentState::kActing;
    if ((phase == Phase::kVerifying || phase == Phase::kCanary) && state != IncidentState::kActing)
      state = IncidentState::kVerifying;
  }
  open.incident.state = state;
}

void Engine::MaybeResolve(uint64_t incident) {
  OpenIncident* open = book_.Find(incident);
  if (open == nullptr || open->AnyOpen()) return;
  const std::vector<uint64_t> ids = open->runs;
  for (const uint64_t id : ids) {
    Run* run = FindRun(id);
    // Journaled but not called: no longer needed.
    if (run->phase == Phase::kRevalidating || run->phase == Phase::kReplanning)
      Fail(*run, "no longer needed: back to normal before it was done", false);
    else if (IsUnderWay(run->phase) && (run->phase != Phase::kUndoing || !DropUndo(*run)))
      return;  // its own end comes back here
  }
  if (MayBeginAgain(*open)) return;
  for (const uint64_t id : ids)
    if (Run& run = *FindRun(id); run.phase == Phase::kAwaiting)
      Withdraw(run, *open, "approval.withdrawn", "heald", "withdrawn: back to normal by itself");
  const int64_t now_ns = deps_.clock->NowNs();
  open->incident.state = IncidentState::kResolved;
  // Waiting for it to begin again was no part of it.
  open->incident.closed_ns = open->cleared_ns == 0 ? now_ns : open->cleared_ns;
  const std::string elapsed = FormatElapsed(open->incident.closed_ns - open->BeganNs());
  const bool healed = !open->healed_by.empty();
  Draft draft(Transition::kResolved, now_ns, open);
  draft.Add(*open);
  for (const uint64_t id : ids) {
    const Run& run = *FindRun(id);
    if (run.phase == Phase::kDone && run.decision.verdict == DecisionVerdict::kWouldAct && !healed)
      draft.Event("shadow.verdict", "heald", run.decision.id,
                  "cleared by itself after " + elapsed + ": " + run.decision.plan.summary +
                      " would have been noise",
                  {{"policy", run.decision.policy}});
  }
  const std::string text =
      "incident #" + std::to_string(incident) + "  resolved: " +
      (healed ? "healed by " + open->healed_by + " " + elapsed + " after it began"
              : "cleared by itself after " + elapsed) +
      QuietText(*open);
  draft.Event("incident.resolved", "heald", std::to_string(incident), text, {{"healed", healed}})
      .Tell(NoticeKind::kIncident);
  CommitOrHold(&draft);
  for (const uint64_t id : ids) EraseRun(id);
  if (!open->storm) recent_.Add(open->target_key, incident, open->incident.closed_ns);
  book_.Close(incident);
  WakeWaitingForHealth();
  for (const auto& [id, task] : undos_)
    if (task->phase == UndoTask::Phase::kWaiting && task->undo().due_ns <= now_ns)
      Schedule(*task, now_ns);
}

// Something that held everything back is over.
void Engine::WakeAll() {
  const int64_t now_ns = deps_.clock->NowNs();
  for (const auto& [id, run] : runs_) Wake(*run);
  for (const auto& [id, task] : undos_)
    if (task->phase == UndoTask::Phase::kWaiting && task->undo().due_ns <= now_ns)
      Schedule(*task, now_ns);
}

// What somebody else did to the policy's targets is over.
void Engine::WakeWaiting(const std::string& policy) {
  for (const uint64_t id : waiting_.Next(policy))
    if (Run* run = FindRun(id); run != nullptr && run->policy->spec.name == policy) Wake(*run);
}

// A target is healthy again.
void Engine::WakeWaitingForHealth() {
  for (const std::string& policy : waiting_.Policies()) WakeWaiting(policy);
}

void Engine::Wake(Run& run) {
  if (run.phase != Phase::kWatching && run.phase != Phase::kCanary) return;
  run.judged_until_ns = 0;
  Schedule(run, deps_.clock->NowNs());
}

std::vector<const Decision*> Engine::AwaitingApproval() const {
  std::vector<const Decision*> decisions;
  for (const auto& [decision, run] : awaiting_) decisions.push_back(&runs_.at(run)->decision);
  return decisions;
}

size_t Engine::running_executions() const {
  size_t count = 0;
  for (const auto& [policy, running] : running_) count += running;
  return count;
}

}  // namespace heald::remedy
