#include "tests/remedy/model_checks.h"

#include "core/store/audit_chain.h"

namespace heald::remedy {
namespace {

constexpr size_t kGuards = 15;
constexpr int64_t kStaleNs = 5 * kMinute;
constexpr int64_t kApprovalNs = 15 * kMinute;

bool Within(const WindowSpec& window, int64_t now_ns) {
  const int64_t time_ns = now_ns % kDay;
  return window.from_ns < window.to_ns ? time_ns >= window.from_ns && time_ns < window.to_ns
                                       : time_ns >= window.from_ns || time_ns < window.to_ns;
}

}  // namespace

void ModelChecks::Call(const ActionRequest& request) const {
  const int64_t now_ns = world_.clock.NowNs();
  const Engine& engine = *world_.engine;
  const std::string key = FakeGateway::KeyOf(request);
  ASSERT_EQ(world_.gateway.At(request).done_ns.count(key), 0u)
      << "a second execution of one decision and part";
  EXPECT_EQ(world_.gateway.undone.count(request.decision), 0u) << "what was undone is done again";
  EXPECT_TRUE(engine.switch_on());
  EXPECT_FALSE(engine.storm().on());
  EXPECT_NE(request.target.Get("service"), "agent") << "heald acted on itself";
  const Deed* deed = ledger_.Find(request.decision);
  ASSERT_NE(deed, nullptr) << "called without a word of it";
  std::optional<PolicySpec> policy;
  for (const PolicySpec& each : engine.policies())
    if (each.name == request.policy) policy = each.AtStep(deed->step);
  ASSERT_TRUE(policy);
  EXPECT_TRUE(policy->enabled);
  if (const auto no = facts_.denied.find(request.policy + request.incident.trace_id);
      no != facts_.denied.end()) {
    EXPECT_FALSE(no->second.rules == ledger_.rules && policy->mode <= no->second.mode)
        << "a person said no to it";
  }
  EXPECT_EQ(deed->issued_ns, now_ns);
  EXPECT_EQ(deed->ended_ns, 0);

  bool at_once = false;
  if (world_.StoreIsGone()) {
    EXPECT_TRUE(world_.spec.agent.act_without_store) << "acts without its journal";
    EXPECT_GT(engine.journal_held(), 0u);
  } else {
    const heald::Chain chain = world_.ChainOf(request.incident.id);
    const Execution* execution = nullptr;
    for (const Execution& each : chain.executions)
      if (each.decision == request.decision) execution = &each;
    ASSERT_NE(execution, nullptr) << "called without a journaled intent";
    EXPECT_EQ(execution->state, ExecutionState::kIssued);
    EXPECT_EQ(execution->issued_ns, now_ns);
    EXPECT_LE(static_cast<uint32_t>(world_.gateway.by_decision[key]), execution->issues);
    at_once = execution->planned_ns == now_ns && execution->issues == 1;
    for (const Decision& decision : chain.decisions) {
      if (decision.id != request.decision) continue;
      EXPECT_EQ(decision.verdict, DecisionVerdict::kAct);
      EXPECT_NE(decision.mode, Mode::kShadow);
      EXPECT_FALSE(decision.dry_run);
      EXPECT_GE(decision.guards.size(), kGuards);
      for (const GuardVerdict& guard : decision.guards)
        EXPECT_TRUE(guard.allowed) << guard.guard << ": " << guard.reason;
      EXPECT_EQ(decision.actor, decision.mode == Mode::kApprove ? "user:ben" : "heald");
      EXPECT_TRUE(policy->mode == Mode::kEnforce ||
                  (policy->mode == Mode::kApprove && decision.actor == "user:ben"));
      if (decision.mode == Mode::kApprove) {
        EXPECT_LT(execution->planned_ns, decision.ts_ns + kApprovalNs) << "past its expiry";
      }
      if (request.finding.kind == FindingKind::kPrediction) {
        EXPECT_TRUE(decision.plan.reversible || policy->allow_on_prediction);
      }
    }
    Place(request, chain);
  }
  NoteDueAgain();
  MadeWay(request, *deed);
  EXPECT_FALSE(ledger_.Busy(deed->service, request.decision)) << "two at a time on one service";
  if (request.part == Part::kRest) return Rest(*policy, request);
  facts_.canaries[request.decision] = {Worst(*policy, request.incident.id), ledger_.rules};
  Data(*policy, request, at_once);
  History(*policy, request, *deed);
  Others(*policy, *deed);
  Windows(policy->guard);
  Quiet(request);
}

// Only another policy's, on the same thing, and for something less grave.
void ModelChecks::MadeWay(const ActionRequest& request, const Deed& deed) const {
  const Severity gravity = request.finding.kind == FindingKind::kPrediction
                               ? std::min(request.finding.severity, Severity::kWarning)
                               : request.finding.severity;
  for (const Deed& other : ledger_.MakeWay(deed.service, request.decision)) {
    EXPECT_NE(other.policy, deed.policy);
    EXPECT_LT(other.gravity, gravity) << "made way for what is no graver";
    ++facts_.made_way;
  }
  ledger_.NoteCall(request.decision, gravity);
}

Severity ModelChecks::Worst(const PolicySpec& policy, uint64_t incident) const {
  Severity worst = Severity::kNormal;
  const auto open = world_.engine->incidents().all().find(incident);
  if (open == world_.engine->incidents().all().end()) return worst;
  for (const Finding& finding : open->second->incident.findings)
    for (const InputRef& input : policy.inputs)
      if (finding.node == input.node && finding.state != FindingState::kClear)
        worst = std::max(worst, finding.severity);
  return worst;
}

// The rest of a canary: its check has held, in this process; or a person let it go on.
void ModelChecks::Rest(const PolicySpec& policy, const ActionRequest& request) const {
  const int64_t now_ns = world_.clock.NowNs();
  EXPECT_EQ(world_.gateway.by_decision.count(request.decision + " canary"), 1u)
      << "the rest without its canary";
  const ModelFacts::FirstPart& first = facts_.canaries[request.decision];
  if (facts_.let_go.contains(request.decision)) return;
  EXPECT_LE(Worst(policy, request.incident.id), first.worst) << "it got worse";
  const ModelFacts::Errors& errors = facts_.errors[std::string(request.target.Get("service"))];
  EXPECT_TRUE(errors.good) << "past a check that is false";
  EXPECT_LE(now_ns - errors.ts_ns, kStaleNs) << "past a check without fresh data";
  if (first.rules != ledger_.rules) return;
  EXPECT_GE(now_ns - errors.since_ns, policy.canary.for_ns) << "before its check has held";
  EXPECT_GE(now_ns - facts_.process_ns, policy.canary.for_ns) << "on the word of another process";
}

// Which step's turn it is: the one before has failed and was taken back, or was passed over, as
// what is refused, only told or can't be planned any more is.
void ModelChecks::Place(const ActionRequest& request, const heald::Chain& chain) const {
  const Execution* now = nullptr;
  const Execution* before = nullptr;
  for (const Execution& each : chain.executions) {
    if (each.policy != request.policy) continue;
    if (each.decision == request.decision) now = &each;
  }
  ASSERT_NE(now, nullptr);
  for (const Execution& each : chain.executions)
    if (each.policy == request.policy && each.attempt < now->attempt && each.issued_ns != 0 &&
        (before == nullptr || each.attempt > before->attempt))
      before = &each;
  if (before != nullptr) {
    EXPECT_TRUE(IsFinished(before->state)) << "two steps at a time";
    EXPECT_FALSE(before->progress.undo.open() && before->progress.undo.after_failure &&
                 before->progress.undo.away_ns == 0)
        << "before what failed was taken back";
  }
  uint32_t from = 1;
  uint32_t since = 0;  // attempt
  if (before != nullptr && before->state == ExecutionState::kVerified) {
    since = before->attempt;  // what it healed began again, and so does the chain …
  } else if (before != nullptr && before->step < now->step) {
    EXPECT_TRUE(before->state == ExecutionState::kFailed ||
                before->state == ExecutionState::kUndone);
    TakenBack(request, chain, *before);
    from = before->step + 1;
  }
  // … or it goes on, as that didn't last.
  for (const Decision& each : chain.decisions)
    for (const Execution& done : chain.executions)
      if (done.decision == each.id && each.policy == request.policy &&
          done.progress.proof == Proof::kDidNotLast && before != nullptr &&
          done.progress.settled_ns >= EndedNs(*before))
        from = std::max(from, each.next_step);
  for (uint32_t step = from; step < now->step; ++step)
    EXPECT_TRUE(std::any_of(chain.decisions.begin(), chain.decisions.end(),
                            [&](const Decision& each) {
                              return each.policy == request.policy && each.step == step &&
                                     each.attempt > since && each.attempt < now->attempt &&
                                     each.next_step == step + 1;
                            }))
        << "step " << step << " was left out";
}

// By the clock as it was set back since, so that what came after it is later.
int64_t ModelChecks::EndedNs(const Execution& execution) const {
  const Deed* const deed = ledger_.Find(execution.decision);
  return deed == nullptr ? execution.ended_ns : std::min(execution.ended_ns, deed->latest_ns);
}

// As the target itself shows it.
void ModelChecks::TakenBack(const ActionRequest& request, const heald::Chain& chain,
                            const Execution& before) const {
  const Deed* const deed = ledger_.Find(before.decision);
  if (deed == nullptr || deed->rules != ledger_.rules) return;
  if (!before.progress.made_way_for.empty()) return;  // something was done on top of it
  bool wanted = false;
  for (const PolicySpec& each : world_.engine->policies())
    if (each.name == request.policy) wanted = each.AtStep(before.step).undo.on_failure;
  for (const Decision& each : chain.decisions)
    if (each.id == before.decision) wanted = wanted && each.plan.reversible;
  if (before.progress.proof == Proof::kInconclusive) {
    EXPECT_EQ(before.progress.undo.state, UndoState::kNone) << "taken back on no data";
    return;
  }
  // It was back to normal before its undo's turn came, and then began again.
  const bool kept =
      before.progress.undo.state == UndoState::kDropped && chain.incident.reopened > 0;
  const bool waits =
      before.progress.undo.state != UndoState::kDone && before.progress.undo.away_ns != 0;
  if (!wanted || kept || waits || before.progress.undo.state == UndoState::kFailed) return;
  const auto& done_ns = world_.gateway.At(request).done_ns;
  for (const char* part : {"", " canary", " rest"})
    EXPECT_EQ(done_ns.count(before.decision + part), 0u)
        << "what failed was not taken back: " << before.detail << "; undo "
        << ToString(before.progress.undo.state) << ": " << before.progress.undo.detail;
}

// An undo that is due again has come to nothing, as its target showed, and leaves that to others.
// By its state, which is journaled: a restart in between changes nothing.
void ModelChecks::NoteDueAgain() const {
  for (const UndoTask* each : world_.engine->undos())
    if (each->undo().state == UndoState::kDue) ledger_.NoteDueAgain(each->decision.id);
}

void ModelChecks::Undo(const ActionRequest& request) const {
  const int64_t now_ns = world_.clock.NowNs();
  const Engine& engine = *world_.engine;
  EXPECT_TRUE(engine.switch_on());
  EXPECT_FALSE(world_.spec.agent.dry_run);
  EXPECT_EQ(world_.gateway.undone.count(request.decision), 0u) << "undone twice";
  const auto& calls = world_.gateway.by_decision;
  const UndoTask* task = nullptr;
  for (const UndoTask* each : engine.undos())
    if (each->decision.id == request.decision) task = each;
  ASSERT_NE(task, nullptr);
  // Where the store's answer was lost nothing was called, and the target may speak of what it likes.
  const bool rest = calls.contains(request.decision + " rest");
  if (request.part == Part::kCanary)
    EXPECT_FALSE(rest || calls.contains(request.decision)) << "a part of what was done";
  else
    EXPECT_TRUE(rest || !calls.contains(request.decision + " canary")) << "more than was done";
  const std::string& target = task->about.target_key;
  NoteDueAgain();
  EXPECT_FALSE(ledger_.Busy(std::string(request.target.Get("service")), request.decision))
      << "beside something else on its target";
  const class Undo& undo = task->undo();
  EXPECT_EQ(task->execution.state,
            undo.after_failure ? ExecutionState::kFailed : ExecutionState::kVerified);
  if (!undo.after_failure) {
    EXPECT_GE(now_ns, undo.due_ns) << "before its time";
    EXPECT_FALSE(engine.storm().on());
    EXPECT_EQ(engine.incidents().OfTarget(target), nullptr) << "it may still be needed";
  }
  const Deed* const deed = ledger_.Find(request.decision);
  if (undo.after_failure && !deed->by.empty()) {
    for (const char* part : {"", " canary", " rest"})
      EXPECT_EQ(world_.gateway.At(request).done_ns.count(deed->by + part), 0u)
          << "taken back from under what stays";
  }
  for (const UndoTask* each : engine.undos()) {
    const Deed* const other = ledger_.Find(each->decision.id);
    EXPECT_FALSE(other != nullptr && other->service == deed->service &&
                 other->number > deed->number)
        << "before a younger one";
  }
  if (!world_.StoreIsGone()) {
    const heald::Chain chain = world_.ChainOf(request.incident.id);
    for (const Execution& each : chain.executions)
      if (each.decision == request.decision) {
        EXPECT_EQ(each.progress.undo.state, UndoState::kIssued) << "an undo that isn't journaled";
      }
  }
  ledger_.NoteUndo(request.decision);
}

// Its condition is true of what was last measured, and has been for long enough.
void ModelChecks::Data(const PolicySpec& policy, const ActionRequest& request, bool at_once) const {
  const int64_t now_ns = world_.clock.NowNs();
  EXPECT_NE(request.finding.state, FindingState::kClear);
  if (policy.name == "one") {
    EXPECT_GE(request.finding.severity, Severity::kWarning);
    const auto sample = facts_.samples.find(std::string(request.target.Get("service")));
    ASSERT_NE(sample, facts_.samples.end()) << "acts on what was never measured";
    EXPECT_GT(sample->second.value, 0.5);
    EXPECT_LE(now_ns - sample->second.ts_ns, kStaleNs) << "acts on stale data";
    return;
  }
  EXPECT_GE(request.finding.severity, Severity::kCritical);
  const auto since = facts_.critical_ns.find(request.finding.id);
  if (at_once && since != facts_.critical_ns.end()) {
    EXPECT_GE(now_ns - since->second, policy.guard.for_ns) << "before its time";
  }
}

void ModelChecks::History(const PolicySpec& policy, const ActionRequest& request,
                          const Deed& deed) const {
  const int64_t now_ns = world_.clock.NowNs();
  std::map<std::string, ModelFacts::Issue>& history = facts_.issued[request.policy + deed.service];
  uint64_t this_hour = 1;
  uint64_t by_step = 1;
  for (const auto& [decision, issue] : history) {
    if (decision == request.decision) continue;
    const int64_t ago_ns = now_ns - issue.ts_ns;
    if (deed.step == 1) {
      EXPECT_GE(ago_ns, policy.guard.cooldown_ns) << "within the cooldown";
    }
    if (ago_ns < kHour) ++this_hour;
    if (issue.step != deed.step) continue;
    if (policy.own.cooldown_ns != 0) {
      EXPECT_GE(ago_ns, policy.own.cooldown_ns) << "within the step's cooldown";
    }
    if (ago_ns < kHour) ++by_step;
  }
  EXPECT_LE(this_hour, policy.guard.max_per_hour);
  if (policy.own.max_per_hour != 0) {
    EXPECT_LE(by_step, policy.own.max_per_hour);
  }
  for (const std::string& excluded : policy.guard.excluded)
    EXPECT_NE("service=" + std::string(request.target.Get("service")), excluded);
  history[request.decision] = {now_ns, deed.step};

  uint64_t failures = 0;
  const std::vector<Deed> before = ledger_.Before(request.decision, deed);
  int64_t last_ns = 0;
  for (auto at = before.rbegin(); at != before.rend() && at->failed; ++at, ++failures)
    last_ns = std::max(last_ns, std::min(at->ended_ns, at->latest_ns));
  const BreakerSpec& breaker = policy.guard.breaker;
  if (breaker.failures != 0 && failures >= breaker.failures) {
    EXPECT_GE(now_ns, last_ns + breaker.for_ns) << "past an open breaker";
  }
}

void ModelChecks::Others(const PolicySpec& policy, const Deed& deed) const {
  const Amount& max = policy.guard.max_targets;
  if (max.set) {
    EXPECT_LE(static_cast<double>(ledger_.Running(policy.name)),
              max.ratio ? std::max(1.0, max.value * (kServiceCount + 1)) : max.value);
  }
  if (!policy.guard.min_healthy.set) return;
  // Those there are by samples, none of which has a namespace.
  const auto counts = [](const std::string& target) {
    return target.find("namespace") == std::string::npos;
  };
  size_t unhealthy = counts(deed.target_key);  // its own target
  for (const auto& [id, open] : world_.engine->incidents().all())
    unhealthy +=
        counts(open->target_key) && open->target_key != deed.target_key && open->Unhealthy();
  EXPECT_GE(static_cast<double>(kServiceCount) - static_cast<double>(unhealthy),
            policy.guard.min_healthy.value);
}

void ModelChecks::Windows(const GuardSpec& guard) const {
  const int64_t now_ns = world_.clock.NowNs();
  for (const WindowSpec& window : guard.windows) EXPECT_TRUE(Within(window, now_ns));
  for (const WindowSpec& window : guard.deny_windows) EXPECT_FALSE(Within(window, now_ns));
}

// Nothing that people silenced or that another finding mutes is acted upon.
void ModelChecks::Quiet(const ActionRequest& request) const {
  const MatchSubject subject{request.finding, request.incident.target, request.policy};
  for (const Silence& silence : world_.engine->silences().all())
    EXPECT_FALSE(silence.ActiveAt(world_.clock.NowNs()) && MatchesAll(silence.matchers, subject))
        << "acts under silence " << silence.id;
  if (world_.spec.inhibit.empty() || request.finding.node != "spikes") return;
  for (const auto& [id, open] : world_.engine->incidents().all())
    for (const Finding& finding : open->incident.findings)
      EXPECT_FALSE(!open->storm && finding.state != FindingState::kClear &&
                   finding.kind != FindingKind::kPrediction && finding.node == "other" &&
                   finding.metric == "error_rate" &&
                   finding.target.Get("zone") == request.finding.target.Get("zone"))
          << "acts on what " << finding.id << " mutes";
}

void ModelChecks::Journal() const {
  const Result<uint64_t> last = world_.store->LastIncidentId();
  ASSERT_TRUE(last);
  EXPECT_EQ(world_.engine->journal_held(), 0u);
  EXPECT_EQ(world_.engine->journal_lost_total(), 0u);
  EXPECT_EQ(VerifyAudit(world_.store.get())->problem, "");
  uint64_t seq = 0;
  std::set<std::string> told;
  std::map<std::string, std::set<std::string>> once;
  while (true) {
    const Result<std::vector<AuditEvent>> events = world_.store->Events(seq, 5000);
    ASSERT_TRUE(events);
    if (events->empty()) break;
    for (const AuditEvent& event : *events) {
      ASSERT_EQ(event.seq, ++seq) << "a row is missing";
      if (event.kind.starts_with("finding.")) told.insert(event.subject);
      if (event.kind == "incident.reopened") once["incident.resolved"].erase(event.subject);
      if (event.kind == "incident.opened" || event.kind == "incident.resolved" ||
          event.kind == "execution.planned" || event.kind == "execution.verified" ||
          event.kind == "execution.failed") {
        EXPECT_TRUE(once[event.kind].insert(event.subject).second)
            << event.kind << " of " << event.subject << " is there twice";
      }
    }
  }
  for (const std::string& finding : facts_.reported)
    EXPECT_TRUE(told.contains(finding)) << finding << " was lost";
  for (const auto& [key, calls] : world_.gateway.by_decision)
    EXPECT_TRUE(once["execution.planned"].contains(key.substr(0, key.find(' '))))
        << "a call that is not journaled";
  for (uint64_t id = 1; id <= *last && !::testing::Test::HasFailure(); ++id)
    Chain(world_.ChainOf(id));
  std::printf("%llu incidents, %zu decisions executed, %llu audit rows\n",
              static_cast<unsigned long long>(*last), world_.gateway.by_decision.size(),
              static_cast<unsigned long long>(seq));
}

void ModelChecks::Chain(const heald::Chain& chain) const {
  SCOPED_TRACE("incident " + std::to_string(chain.incident.id));
  std::map<std::string, std::set<std::string>> kinds;
  for (const AuditEvent& event : chain.events) {
    kinds[event.subject].insert(event.kind);
    EXPECT_EQ(event.trace_id, chain.incident.trace_id);
    EXPECT_FALSE(event.actor.empty());
  }
  const std::string incident = std::to_string(chain.incident.id);
  EXPECT_TRUE(kinds[incident].count("incident.opened"));
  EXPECT_TRUE(kinds[incident].count("incident.resolved"));
  EXPECT_EQ(chain.incident.state, IncidentState::kResolved);
  for (const Finding& finding : chain.incident.findings) {
    EXPECT_EQ(finding.state, FindingState::kClear) << finding.id;
    EXPECT_FALSE(kinds[finding.id].empty()) << "an unexplained finding: " << finding.id;
  }
  for (const Decision& decision : chain.decisions) {
    EXPECT_FALSE(kinds[decision.id].empty()) << "an unexplained decision: " << decision.id;
    EXPECT_GE(decision.guards.size(), kGuards);
  }
  std::set<std::pair<std::string, uint32_t>> attempts;
  for (const Execution& execution : chain.executions) {
    EXPECT_TRUE(attempts.insert({execution.policy, execution.attempt}).second)
        << "attempt " << execution.attempt << " of " << execution.policy << " was made twice";
    const std::set<std::string>& seen = kinds[execution.decision];
    EXPECT_TRUE(IsFinished(execution.state));
    EXPECT_TRUE(seen.count("execution.planned"));
    EXPECT_EQ(seen.count("execution.issued"), execution.issues > 0 ? 1u : 0u);
    EXPECT_TRUE(seen.count(execution.state == ExecutionState::kUndone
                               ? "undo.done"
                               : "execution." + std::string(ToString(execution.state))));
    EXPECT_FALSE(execution.progress.undo.open()) << "was never undone";
    uint32_t calls = 0;
    for (const char* part : {"", " canary", " rest"})
      if (const auto at = world_.gateway.by_decision.find(execution.decision + part);
          at != world_.gateway.by_decision.end())
        calls += static_cast<uint32_t>(at->second);
    EXPECT_LE(calls, execution.issues);
  }
  Pages(chain);
}

// Where all steps have failed a person is called, once in a process until something heals.
void ModelChecks::Pages(const heald::Chain& chain) const {
  std::map<std::string, const Decision*> decisions;
  for (const Decision& each : chain.decisions) decisions[each.id] = &each;
  int64_t called_ns = 0;
  bool due = false;
  bool began_again = false;  // then what heals it may not last, and who was called stays called
  for (const AuditEvent& event : chain.events) {
    const auto at = decisions.find(event.subject);
    const Decision* const decision = at == decisions.end() ? nullptr : at->second;
    if (event.kind == "incident.escalated") {
      EXPECT_EQ(called_ns, 0) << "a person is called twice";
      called_ns = event.ts_ns;
      due = false;
    } else if (event.kind == "incident.reopened") {
      called_ns = 0;
      began_again = true;
    } else if (event.kind == "execution.verified" && decision->action != "alert") {
      if (!began_again) called_ns = 0;
    } else if ((event.kind == "execution.failed" && decision->step > 1 &&
                decision->next_step == 1) ||
               (event.kind == "execution.verified" && decision->step > 1)) {
      due = called_ns == 0;
    }
  }
  EXPECT_FALSE(due) << "nobody is told that no step has helped";
}

}  // namespace heald::remedy
