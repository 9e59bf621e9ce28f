// The remediation engine: findings in, guarded and journaled actions out. A deterministic state
// machine on a clock: no threads, no sleeping, no I/O but through its interfaces. Driven by the
// runner; tests and backtest drive it on a virtual clock.
// Thread rule: one strand for everything, the gateway's callbacks included.
//
//   engine.cc    timers, runs, ends of incidents       intake.cc   findings that come in, hints
//   decide.cc    condition, plan, guards, modes        quiet.cc    silences, what mutes what
//   settings.cc  the switch, policies and changes      flood.cc    storms of incidents
//   execute.cc   issue, observe                        approve.cc  people's yes and no
//   verify.cc    what it came to                       canary.cc   a part first, then the rest
//   undo.cc      taking back                           chain.cc    from one step to the next
//   recover.cc   after a restart                       ledger.cc   labels, efficacy, predictions
//   reopen.cc    what begins again                      gone.cc     targets that are replaced
//   supersede.cc what makes way for what is graver
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/base/units.h"
#include "core/pipeline/spec.h"
#include "core/remedy/draft.h"
#include "core/remedy/efficacy.h"
#include "core/remedy/events.h"
#include "core/remedy/forecasts.h"
#include "core/remedy/gateway.h"
#include "core/remedy/guards.h"
#include "core/remedy/hints.h"
#include "core/remedy/incidents.h"
#include "core/remedy/inhibit.h"
#include "core/remedy/journal.h"
#include "core/remedy/latest.h"
#include "core/remedy/leases.h"
#include "core/remedy/overrides.h"
#include "core/remedy/policy.h"
#include "core/remedy/recent.h"
#include "core/remedy/run.h"
#include "core/remedy/self.h"
#include "core/remedy/set_back.h"
#include "core/remedy/silences.h"
#include "core/remedy/storm.h"
#include "core/remedy/turns.h"
#include "core/remedy/undo.h"
#include "core/remedy/waiting.h"

namespace heald::remedy {

struct EngineOptions {
  int64_t reevaluate_ns = 500 * kMillisecond;  // conditions that read samples, age or eta
  int64_t observe_min_ns = 100 * kMillisecond;
  int64_t observe_max_ns = kSecond;
  int64_t effect_margin_ns = 5 * kSecond;  // added to what a plan says its effect takes
  // Deadline of one call of an action that gives none, beside the plan's effect.
  int64_t call_ns = 30 * kSecond;
  int64_t finding_journal_ns = 5 * kSecond;  // plain updates are written this seldom
  int64_t orphan_min_ns = kMinute;           // a finding not reported again after a restart is over
  int64_t orphan_max_ns = kHour;             // ... even where its samples leave it open
  ProcessIdentity process{};
};

class Engine {
 public:
  struct Deps {
    const Clock* clock;
    Store* store;
    ActionGateway* gateway;
    EventSink* sink;
    LatestSamples* latest;
    HeldChanges* held = nullptr;  // where changes wait while the store is away; null: in memory
  };

  static constexpr std::string_view kSwitchSetting = "auto_remediation";
  static constexpr std::string_view kStormSetting = "storm";
  static constexpr size_t kDemotionLooksAt = 100;  // executions, or chains

  // Reads what an earlier process left; acts on it from the first Tick on.
  static Result<std::unique_ptr<Engine>> Create(const Deps& deps, const PipelineSpec& spec,
                                                EngineOptions options = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void OnFinding(const Finding& finding);
  // Does what is due; returns next_due_ns().
  int64_t Tick();
  // On the wall clock; INT64_MAX: nothing to wait for. May come nearer with every call.
  int64_t next_due_ns() const;

  // A node whose findings may be open ends: at a reload, removed or made anew. They count as over
  // by the rules of a restart, or go on when its successor reports the same.
  void OnNodeGone(std::string_view node);
  // A reload: open incidents, approvals asked for and running executions stay.
  void SetPolicies(const PipelineSpec& spec, std::string_view actor = "heald");
  // Beside the file; survives restart and reload until the file itself says something else.
  // kNotFound; kInvalid where it may not be: enforcing without a guard.
  Status ChangePolicy(std::string_view policy, std::optional<bool> enabled,
                      std::optional<Mode> mode, std::string_view actor);
  // As they are in force, in the file's order; and who changed them.
  const std::vector<PolicySpec>& policies() const { return spec_.policies; }
  const PolicyOverrides& overrides() const { return overrides_; }
  // How long an answer to it counts.
  int64_t ApprovalNs(const PolicySpec& policy) const;
  // A line in the audit trail about what happened beside the engine, and what to remember of it.
  void Record(std::string_view kind, std::string_view actor, std::string_view subject,
              const std::string& text,
              const std::optional<std::pair<std::string, std::string>>& setting = std::nullopt);
  Status SetSwitch(bool on, std::string_view actor);
  bool switch_on() const { return switch_on_; }
  const std::string& switch_actor() const { return switch_actor_; }
  int64_t switch_changed_ns() const { return switch_changed_ns_; }  // 0: never, the file's
  // kInvalid, kFull, kUnavailable while the journal can't be written.
  Result<Silence> AddSilence(std::vector<Matcher> matchers, int64_t ends_ns, std::string_view actor,
                             std::string_view comment);
  // kNotFound, kConflict when it is over already.
  Result<Silence> EndSilence(std::string_view id, std::string_view actor);
  // What people say of it afterwards; an empty value takes it back. kNotFound, kInvalid,
  // kUnavailable. The incident comes without findings.
  Result<Incident> LabelIncident(uint64_t id, IncidentLabel label);
  const SilenceBook& silences() const { return silences_; }
  const Storm& storm() const { return storm_; }
  uint64_t storm_incident() const { return storm_incident_; }  // 0: none
  // How a person answers a decision that waits.
  struct Answer {
    std::string_view via = "api";     // Decision::via
    std::string_view plan_hash = {};  // of the plan that the person saw; empty: not said
  };
  // Ok: accepted; the outcome comes as an event. kNotFound: never heard of it; kConflict: it is
  // answered or over already, its plan isn't the one that was seen, or a guard speaks against it.
  // Of a decision whose canary is being looked at: a yes does the rest, a no cancels it. Of one
  // whose undo waits for a target that is away: a no leaves what was done as it is.
  Status Approve(std::string_view decision, std::string_view actor, const Answer& answer);
  Status Approve(std::string_view decision, std::string_view actor) {
    return Approve(decision, actor, {});
  }
  Status Deny(std::string_view decision, std::string_view actor, const Answer& answer);
  Status Deny(std::string_view decision, std::string_view actor) {
    return Deny(decision, actor, {});
  }

  // Views for the API; valid until the next call.
  const IncidentBook& incidents() const { return book_; }
  std::vector<const Decision*> AwaitingApproval() const;
  // Those whose canary is held, so that a person may decide; `why` says what holds it.
  std::vector<Decision> HeldCanaries() const;
  // Those whose undo waits for a target that is away: a no leaves what was done as it is.
  std::vector<WaitingUndo> WaitingUndos() const;
  // One that awaits approval, or the error that an answer would get.
  Result<Decision> Awaiting(std::string_view decision) const;
  size_t running_executions() const;
  // What is due to be undone, now or later.
  std::vector<const UndoTask*> undos() const;
  size_t journal_held() const { return journal_.held(); }
  uint64_t journal_lost_total() const { return journal_.lost_total(); }

 private:
  struct Timer {
    enum class Of : uint8_t { kRun, kIncident, kUndo };
    int64_t due_ns;
    Of of;
    uint64_t id;
    bool operator>(const Timer& other) const { return due_ns > other.due_ns; }
  };
  struct Condition {
    Verdict verdict = Verdict::kInconclusive;
    std::string why;
    std::string problem;  // stable text of what is missing
    size_t finding = 0;   // of which
  };
  // Calls that come in while another runs wait until that one has ended.
  class Entry {
   public:
    explicit Entry(Engine* engine) : engine_(engine) { ++engine_->depth_; }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();

   private:
    Engine* engine_;
  };

  Engine(const Deps& deps, EngineOptions options, uint64_t last_incident);

  // engine.cc
  void Post(std::function<void()> work);
  void Step(Run& run, bool timer = false);
  void StepIncident(OpenIncident& open);
  void StepCovering(uint64_t incident, const Finding& finding);
  void Schedule(Run& run, int64_t due_ns);
  void Schedule(OpenIncident& open, int64_t due_ns);
  void Schedule(UndoTask& task, int64_t due_ns);
  void FireDueTimers(int64_t now_ns);
  void ClockWentBack(int64_t now_ns);
  // For times from the journal.
  SetBack IfSetBack() const;
  bool Commit(Draft* draft);        // must be on disk; false: it isn't, and nothing was told
  void CommitOrHold(Draft* draft);  // has happened anyway
  void Publish(const Draft& draft);
  Run* FindRun(uint64_t id);
  Run& AddRun(OpenIncident& open, PolicyPtr policy);
  void EraseRun(uint64_t id);
  void EnsureRuns(OpenIncident& open, const Finding& finding);
  void RefreshState(OpenIncident& open);
  void MaybeResolve(uint64_t incident);
  void UsePolicies();
  Status ReadSettings(const PipelineSpec& spec);
  void ApplyPolicies(OpenIncident& open);
  void WakeAll();
  void Wake(Run& run);

  // intake.cc
  void JournalIntake(const Intake& intake, bool reopened);
  void AddHints(const Intake& intake, Draft* draft);
  void NoteChanges(const Draft& draft);
  Status ReadChanges();

  // reopen.cc
  Status ReadRecent();
  bool Reopen(const Finding& finding);
  void BeginAgain(OpenIncident& open) const;
  // Before it is written as verified.
  void NoteVerified(Run& run, const OpenIncident& open);
  // What was verified before and didn't last, as that finding shows; null: nothing.
  Verified* ShortLived(Run& run, const Finding& finding) const;
  bool IsReplaced(const Finding& covered, const Execution& execution) const;
  void SettleVerified(Verified* verified, Proof proof);
  void ExcuseRepairs(OpenIncident& open, size_t index);
  // True where the next step has its turn instead.
  bool PassOverShortLived(Run& run, OpenIncident& open, const Finding& finding);
  void SayReopened(const OpenIncident& open, const Finding& finding, Draft* draft) const;
  // It began again, and is over only when it has been quiet for a while.
  bool Blinks(const OpenIncident& open) const;
  bool MayBeginAgain(OpenIncident& open);
  int64_t QuietAtNs(const OpenIncident& open, size_t index) const;
  std::string QuietText(const OpenIncident& open) const;

  // quiet.cc
  std::set<uint64_t> NoteFinding(OpenIncident& open, size_t index, bool is_news = true);
  void TellConcerned(const std::set<uint64_t>& incidents);
  void Consider(OpenIncident& open);
  void TellQuiet(OpenIncident& open);
  void AddQuiet(OpenIncident& open, Draft* draft) const;
  void ConsiderAll();
  void ConsiderAndTellAll();
  void EndSilences(int64_t now_ns);
  bool IsQuiet(const Notice& notice, const OpenIncident* open) const;
  const Silence* SilenceOf(const OpenIncident& open, const Finding& finding,
                           std::string_view policy) const;

  // settings.cc
  PolicyOverride OverrideOf(const PolicySpec& policy, std::optional<bool> enabled,
                            std::optional<Mode> mode, std::string_view actor) const;
  void UseOverride(const std::string& policy, const PolicyOverride& change);

  // ledger.cc
  Status ReadLedger();
  void Account(Draft* draft);
  bool OnlyTells(const std::string& action) const;
  void NoteEnd(const Execution& execution, const OpenIncident& open, bool goes_on);
  void LoadFailures(const std::string& policy, std::vector<EndedExecution> ended);
  void ChainEnded(const std::string& policy, uint64_t incident);
  size_t StepsOf(const std::string& policy) const;
  void DemoteIfFailing(const std::string& policy, uint64_t incident);
  void JudgeForecasts(int64_t now_ns);
  void WatchForecasts();

  // flood.cc
  bool Flooded(const Finding& finding);
  void CountIn(const Finding& finding);
  void StepStorm(OpenIncident& open);
  void JournalStorm(OpenIncident& open, Draft* draft);
  void EndStorm(OpenIncident& open);
  std::string StormText() const;
  Status ReadStorm();

  // decide.cc
  Condition Evaluate(const Run& run, const OpenIncident& open, size_t index) const;
  void KeepHolds(Run& run);
  void Watch(Run& run, bool timer = false);
  int PickTrigger(Run& run, const OpenIncident& open, int64_t* next_due_ns, Condition* condition);
  void BeginPlan(Run& run, const OpenIncident& open, const Finding& finding);
  void OnPlanned(Run& run, Result<Plan> plan);
  Judgement Judge(const Run& run, const OpenIncident& open, const Finding& finding,
                  const Condition& condition, int64_t held_ns, bool planned = true);
  void CountTargets(const Run& run, const OpenIncident& open, GuardContext* context) const;
  void Refused(Run& run, const OpenIncident& open, Judgement judgement, int64_t look_ns);
  void Refuse(Run& run, const OpenIncident& open, std::vector<GuardVerdict> verdicts,
              std::string_view reason);
  void Decide(Run& run, OpenIncident& open);
  ActionRequest RequestFor(const Run& run, const OpenIncident& open) const;
  ActionRequest RequestFor(const Decision& decision, const OpenIncident& open, Part part) const;
  Result<StoreReader::Issues> IssuesOf(const Run& run, const OpenIncident& open, uint32_t step,
                                       std::string* whose);
  void WakeWaiting(const std::string& policy);
  void WakeWaitingForHealth();
  void NextAttempt(Run& run);
  void SayDone(Run& run);
  // The journal has its decision already, and that has ended: nothing is done, and people know.
  void StopForDefect(Run& run, OpenIncident& open);

  // chain.cc
  // What a decision's line says of its canary, and of the steps that aren't told otherwise.
  std::string AheadText(const Run& run) const;
  void SayNext(Run& run, const OpenIncident& open, const std::string& why, Draft* draft) const;
  // True where what was just refused makes way for the next step.
  bool PassOver(Run& run, OpenIncident& open);
  // Calls a person where it was refused by what won't change while the incident lasts.
  void TellStuck(Run& run, OpenIncident& open, bool plan_is_impossible);

  // approve.cc
  bool AnotherIsWrong(const Run& run, const OpenIncident& open, size_t index) const;
  void CheckAwaiting(Run& run);
  void Withdraw(Run& run, OpenIncident& open, std::string_view kind, std::string_view actor,
                const std::string& reason);
  static Status SamePlan(const Decision& waits, const Answer& answer);
  Result<Run*> AwaitingRun(std::string_view decision, const Answer& answer);
  Error WhyNotAwaiting(std::string_view decision) const;
  void RememberAnswered(const Decision& decision, std::string what);
  void RememberAnswered(const Decision& decision);
  std::string WhyApprovalEnded(const Run& run, const Plan& plan) const;
  // By a person's word, also where it was to do the rest of a canary.
  static bool WasDenied(const Decision& decision);
  // A no holds for its incident, unless people let the policy do more than it was said to.
  static bool IsDenied(const Run& run);

  // execute.cc
  bool JournalPlanned(Run& run, OpenIncident& open, std::string_view kind);
  void Replan(Run& run, const OpenIncident& open);
  void OnReplanned(Run& run, Result<Plan> plan);
  void Issue(Run& run, OpenIncident& open);
  void ObserveInDoubt(Run& run);
  void BeginDryRun(Run& run, OpenIncident& open);
  void OnDryRun(Run& run, Result<Effect> effect);
  void OnExecuted(Run& run, Result<Effect> effect);
  void PollEffect(Run& run);
  void OnObserved(Run& run, Result<Effect> effect);
  static void ForgetCalls(Run& run);
  int64_t EffectLimitNs(const Run& run) const;
  void ReleaseLeases(Run& run);

  // verify.cc
  void EffectShown(Run& run, const std::string& detail);
  void CheckVerified(Run& run);
  bool ToldSince(const Finding& finding, int64_t since_ns) const;
  // It ended before the call did.
  bool ClearedDuringCall(const Run& run, const OpenIncident& open) const;
  void LookAt(const Finding& finding);
  static void Escalate(const Decision& decision, OpenIncident& open, const std::string& why,
                       Draft* draft);
  void Succeed(Run& run, OpenIncident& open, std::string text, Proof proof = Proof::kPlain);
  void Fail(Run& run, const std::string& reason, bool escalate, Proof proof = Proof::kPlain);

  // gone.cc
  bool AskWhetherGone(Run& run, const OpenIncident& open);
  void OnAskedWhetherGone(Run& run, Result<Plan> plan);
  void OnReplacementSeen(Run& run, Result<Effect> effect);
  // One like those that the run is about, on something else, since it was done; null: none.
  const Finding* LikeItSince(const Run& run, const OpenIncident& open) const;
  void ClearGone(const Run& run, OpenIncident& open, const std::string& why);

  // turns.cc
  size_t RoomOf(const std::string& action) const;
  // Empty where the action is there to be asked what became of its call.
  std::string WhyNotAsked(const std::string& action) const;
  bool MustWait(const Run& run) const;
  void AwaitTurn(Run& run);
  void LeaveLine(const Run& run);
  void CallEnded(const std::string& action);
  void WakeNext(const std::string& action);
  ActionGateway::EffectDone EndingTurn(std::string action, ActionGateway::EffectDone done);
  std::string ConfigDigest(const std::string& action) const;
  std::string HashOf(const Decision& decision) const;

  // canary.cc
  Part NextPart(const Run& run) const;
  static Severity WorstCovered(const Run& run, const OpenIncident& open);
  void CanaryShown(Run& run, OpenIncident& open, const std::string& detail);
  void BeginCheck(Run& run);
  static Finding TriggerOf(const Run& run, const OpenIncident& open);
  // What people and storms say against going on; empty: nothing.
  std::string WhyRestWaits(const Run& run, const OpenIncident& open) const;
  bool IsPaused(const Run& run, const OpenIncident& open) const;
  WhenAnswer CanaryAnswer(const Run& run, const OpenIncident& open) const;
  void CheckCanary(Run& run);
  void TellCanary(Run& run, OpenIncident& open, CanaryState state, const std::string& why);
  // False where that can't be written: the check goes on.
  bool PassCanary(Run& run, OpenIncident& open, std::string_view actor, const std::string& why);
  void FailCanary(Run& run, const std::string& why, Proof proof = Proof::kPlain);
  Run* CanaryRun(std::string_view decision);
  Status AnswerCanary(Run& run, bool go_on, std::string_view actor, const Answer& answer);

  // supersede.cc
  static Severity GravityOf(const Finding& finding);
  bool MakesWay(const Run& held, const Run& run, const Finding& finding) const;
  void LookAtOthers(const Run& run, const OpenIncident& open, const Finding& finding,
                    GuardContext* context) const;
  void HaveOthersMakeWay(const Run& run, const OpenIncident& open, const Finding& finding);
  bool MayBeTakenBack(const std::string& decision) const;
  // Whether it is known what becomes of all that was done on top of it.
  bool IsSettledOnTop(const Run& run) const;
  void EndedOnTop(const Execution& ended, bool gone, Draft* draft);
  void NoteHeldOff(Run& run, const OpenIncident& open, const Judgement& judgement);

  // undo.cc
  static bool UndoIsPlanned(const Run& run, bool failed);
  void PlanUndo(Run& run, bool failed, Draft* draft);
  UndoTask& AddUndo(const OpenIncident& open, const Decision& decision, const Execution& execution);
  // After the row that planned it; true where the chain waits for it.
  bool BeginUndo(Run& run, const OpenIncident& open);
  // False where it has been called already.
  bool DropUndo(const Run& run);
  std::string WhyUndoWaits(const UndoTask& task) const;
  std::string WhyNoHurry(const UndoTask& task) const;
  std::string WhyNotItsTurn(const UndoTask& task) const;
  std::string WhyHeldBack(const OpenIncident& open, const Finding& finding,
                          const Decision& decision) const;
  void TakeLeases(UndoTask& task);
  void ReleaseLeases(UndoTask& task);
  std::string HolderText(uint64_t holder) const;
  void StepUndo(UndoTask& task);
  void IssueUndo(UndoTask& task);
  static Part PartDone(const UndoTask& task);
  void OnUndone(UndoTask& task, Result<Effect> effect);
  void ObserveUndo(UndoTask& task);
  void PollUndo(UndoTask& task);
  void OnUndoObserved(UndoTask& task, Result<Effect> effect);
  // Its credentials may be refused for a while, too.
  bool IsAway(UndoTask& task, const Error& error) const;
  void TryLater(UndoTask& task, const std::string& why);
  // False where people know.
  bool NoteAway(UndoTask& task, const std::string& why);
  UndoTask* AwayUndo(std::string_view decision);
  Status LeaveAsItIs(UndoTask& task, std::string_view actor, const Answer& answer);
  void EndUndo(UndoTask& task, UndoState state, const std::string& detail,
               std::string_view actor = "heald");
  const OpenIncident& About(const UndoTask& task);
  UndoTask* FindUndo(uint64_t id);
  void RestoreUndos(const Chain& chain, OpenIncident* open);

  // recover.cc
  Status Restore();
  Status ReadTouched();
  // A person was called, and needn't be called again.
  bool WasEscalated(const Chain& chain) const;
  void RestoreRun(OpenIncident& open, const std::string& policy, const Chain& chain);
  void RestoreExecution(Run& run, OpenIncident& open, const Execution& execution);
  static bool StillAllows(const Policy& policy, const Decision& decision);
  bool StillTheRule(Run& run);
  void Revalidate(Run& run);
  void CheckOrphans(OpenIncident& open);
  bool OrphanIsOver(const OpenIncident& open, size_t index, std::string* reason) const;
  void TakeFreshValue(Finding* finding) const;

  Run* FindCaller(uint64_t id, Run*) { return FindRun(id); }
  UndoTask* FindCaller(uint64_t id, UndoTask*) { return FindUndo(id); }

  // Of a run or an undo.
  template <typename T, typename Caller>
  std::function<void(Result<T>)> Reply(Caller& caller, void (Engine::*then)(Caller&, Result<T>)) {
    caller.call = ++last_call_;
    return [this, alive = std::weak_ptr<bool>(alive_), id = caller.id, call = caller.call,
            then](Result<T> result) {
      if (alive.expired()) return;
      Post([this, id, call, then, result = std::move(result)]() mutable {
        Caller* waiting = FindCaller(id, static_cast<Caller*>(nullptr));
        if (waiting == nullptr || waiting->call != call) return;
        waiting->call = 0;
        (this->*then)(*waiting, std::move(result));
      });
    };
  }

  const Deps deps_;
  const EngineOptions options_;
  Journal journal_;
  IncidentBook book_;
  PipelineSpec file_;  // what the file says
  PipelineSpec spec_;  // the same with the overrides applied
  PolicyOverrides overrides_;
  PolicySet policies_;
  Self self_;
  SilenceBook silences_;
  int64_t next_silence_end_ns_ = INT64_MAX;
  Inhibitions inhibitions_;
  Storm storm_;
  uint64_t storm_incident_ = 0;
  RecentlyClosed recent_;
  Changes changes_;
  ForecastBook forecasts_;
  size_t watched_metrics_ = 0;
  std::set<std::string> looked_at_;  // metrics by which actions are verified
  int64_t watched_ns_ = 0;           // when that was last written
  Failures failures_;
  bool switch_on_ = true;
  std::string switch_actor_ = "heald";
  int64_t switch_changed_ns_ = 0;

  std::unordered_map<uint64_t, std::unique_ptr<Run>> runs_;
  std::unordered_map<std::string, uint64_t> awaiting_;  // decision -> run
  // What became of those that awaited approval, the latest few, for whoever comes too late.
  struct Answered {
    std::string decision;
    uint64_t incident = 0;
    std::string policy;
    std::string what;
  };
  std::deque<Answered> answered_;
  Turns turns_;
  Leases leases_;  // of runs and undos
  Touched touched_;
  Waiting waiting_;  // runs that a guard refused because of what others do
  std::map<uint64_t, std::unique_ptr<UndoTask>> undos_;
  std::unordered_map<std::string, size_t> running_;  // policy -> executions under way
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  uint64_t last_run_ = 0;
  uint64_t last_call_ = 0;
  uint64_t last_issue_ = 0;  // its number, of all that may be undone
  int64_t last_tick_ns_ = 0;
  int64_t clock_since_ns_ = 0;       // since then it only went on, for all that this process knows
  int64_t woke_ns_ = INT64_MIN / 2;  // when it went on after it was suspended
  int64_t expired_ns_ = 0;           // when samples were looked through for stale ones
  int depth_ = 0;
  std::deque<std::function<void()>> inbox_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace heald::remedy
