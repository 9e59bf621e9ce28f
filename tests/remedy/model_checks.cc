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
  ASSERT_EQ(world_.gateway.At(request).done_ns.count(request.decision), 0u)
      << "a second execution of one decision";
  EXPECT_TRUE(engine.switch_on());
  EXPECT_FALSE(engine.storm().on());
  EXPECT_NE(request.target.Get("service"), "agent") << "heald acted on itself";
  const PolicySpec* policy = nullptr;
  for (const PolicySpec& each : engine.policies())
    if (each.name == request.policy) policy = &each;
  ASSERT_NE(policy, nullptr);
  EXPECT_TRUE(policy->enabled);
  const Deed* deed = ledger_.Find(request.decision);
  ASSERT_NE(deed, nullptr) << "called without a word of it";
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
    EXPECT_LE(static_cast<uint32_t>(world_.gateway.by_decision[request.decision]),
              execution->issues);
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
  }
  Data(*policy, request, at_once);
  History(*policy, request, *deed);
  Others(*policy, request, *deed);
  Windows(policy->guard);
  Quiet(request);
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
  std::map<std::string, int64_t>& history = facts_.issued[request.policy + deed.target_key];
  uint64_t this_hour = 1;
  for (const auto& [decision, ts_ns] : history) {
    if (decision == request.decision) continue;
    EXPECT_GE(now_ns - ts_ns, policy.guard.cooldown_ns) << "within the cooldown";
    if (now_ns - ts_ns < kHour) ++this_hour;
  }
  EXPECT_LE(this_hour, policy.guard.max_per_hour);
  for (const std::string& excluded : policy.guard.excluded)
    EXPECT_NE("service=" + std::string(request.target.Get("service")), excluded);
  history[request.decision] = now_ns;

  uint64_t failures = 0;
  const std::vector<Deed> before = ledger_.Before(request.decision, deed);
  for (auto at = before.rbegin(); at != before.rend() && at->failed; ++at) ++failures;
  const BreakerSpec& breaker = policy.guard.breaker;
  if (breaker.failures != 0 && failures >= breaker.failures) {
    EXPECT_GE(now_ns, before.back().ended_ns + breaker.for_ns) << "past an open breaker";
  }
}

void ModelChecks::Others(const PolicySpec& policy, const ActionRequest& request,
                         const Deed& deed) const {
  EXPECT_FALSE(ledger_.Busy(deed.target_key, request.decision)) << "two at a time on one target";
  const Amount& max = policy.guard.max_targets;
  if (max.set) {
    EXPECT_LE(static_cast<double>(ledger_.Running(policy.name)),
              max.ratio ? std::max(1.0, max.value * kServiceCount) : max.value);
  }
  if (!policy.guard.min_healthy.set) return;
  size_t unhealthy = 1;  // its own target
  for (const auto& [id, open] : world_.engine->incidents().all())
    unhealthy += open->target_key != deed.target_key && open->Unhealthy();
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
  for (const auto& [decision, calls] : world_.gateway.by_decision)
    EXPECT_TRUE(once["execution.planned"].contains(decision)) << "a call that is not journaled";
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
  for (const Execution& execution : chain.executions) {
    const std::set<std::string>& seen = kinds[execution.decision];
    EXPECT_TRUE(IsFinished(execution.state));
    EXPECT_TRUE(seen.count("execution.planned"));
    EXPECT_EQ(seen.count("execution.issued"), execution.issues > 0 ? 1u : 0u);
    EXPECT_TRUE(seen.count(execution.state == ExecutionState::kUndone
                               ? "undo.done"
                               : "execution." + std::string(ToString(execution.state))));
    const auto calls = world_.gateway.by_decision.find(execution.decision);
    if (calls != world_.gateway.by_decision.end()) {
      EXPECT_LE(static_cast<uint32_t>(calls->second), execution.issues);
    }
  }
}

}  // namespace heald::remedy
