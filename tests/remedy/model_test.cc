// The engine under random findings, samples, times, crashes, people and reloads. After every step
// and at every call the promises are checked; the seed is printed and HEALD_SEED replays it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

constexpr int kSteps = 20'000;
constexpr const char* kServices[] = {"payments", "orders", "users", "cart"};

std::vector<PolicySpec> RandomPolicies(std::mt19937_64* random) {
  const auto pick = [&](int n) { return static_cast<int>((*random)() % static_cast<unsigned>(n)); };
  PolicySpec one = MakePolicy("one", "latency_p99 > 0.5 and severity >= warning");
  PolicySpec two = MakePolicy("two", "severity >= critical");
  two.inputs.push_back({"other", "", ""});
  for (PolicySpec* policy : {&one, &two}) {
    const int mode = pick(6);
    policy->mode = mode == 0 ? Mode::kShadow : mode == 1 ? Mode::kApprove : Mode::kEnforce;
    policy->enabled = pick(12) != 0;
    policy->guard.for_ns = pick(3) * 5 * kSecond;
    policy->guard.cooldown_ns = (1 + pick(3)) * kMinute;
    policy->guard.max_per_hour = static_cast<uint64_t>(2 + pick(4));
    policy->verify_within_ns = (20 + pick(60)) * kSecond;
    if (pick(5) == 0) policy->guard.excluded = {"cart"};
  }
  return {one, two};
}

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed), world_(MakeSpec(RandomPolicies(&random_))) {
    world_.gateway.on_execute = [this](const ActionRequest& request) { CheckCall(request); };
  }

  void Step() {
    switch (Pick(20)) {
      case 0:
      case 1:
      case 2:
        return OpenOrUpdate();
      case 3:
      case 4:
        return ClearOne();
      case 5:
      case 6:
      case 7:
        return world_.Sample(Service(), Pick(2) == 0 ? 1.8 : 0.05);
      case 8:
        return Pick(6) == 0 ? Crash() : world_.Run(Pick(1000) * kMillisecond);
      case 9:
        return Pick(8) == 0 ? Settings() : world_.Run(Pick(300) * kMillisecond);
      case 10:
        return Person();
      case 11:
        return Behave();
      default:
        return world_.Run(Pick(4) == 0 ? Pick(20) * kSecond : Pick(2000) * kMillisecond);
    }
  }

  // Everything back to normal: whatever is left must come to an end.
  void Settle() {
    world_.gateway.targets.clear();
    for (auto& [id, finding] : open_) world_.Clear(finding);
    open_.clear();
    for (int minute = 0; minute < 100; ++minute) {
      for (const char* service : kServices) world_.Sample(service, 0.05);
      world_.Run(kMinute);
    }
    EXPECT_THAT(world_.engine->incidents().all(), ::testing::IsEmpty());
    EXPECT_EQ(world_.engine->running_executions(), 0u);
  }

  void CheckJournal() {
    const Result<uint64_t> last = world_.store->LastIncidentId();
    ASSERT_TRUE(last);
    uint64_t seq = 0;
    while (true) {
      const Result<std::vector<AuditEvent>> events = world_.store->Events(seq, 5000);
      ASSERT_TRUE(events);
      if (events->empty()) break;
      for (const AuditEvent& event : *events) ASSERT_EQ(event.seq, ++seq) << "a row is missing";
    }
    for (uint64_t id = 1; id <= *last; ++id) CheckChain(world_.ChainOf(id));
    std::printf("%llu incidents, %zu decisions executed, %llu audit rows, %d crashes\n",
                static_cast<unsigned long long>(*last), world_.gateway.by_decision.size(),
                static_cast<unsigned long long>(seq), crashes_);
    EXPECT_GT(world_.gateway.by_decision.size(), 20u) << "the model hardly did anything";
  }

 private:
  int Pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  std::string Service() { return kServices[Pick(4)]; }

  void OpenOrUpdate() {
    if (!open_.empty() && Pick(3) == 0) {
      Finding& finding = AnyOpen()->second;
      finding.state = FindingState::kUpdate;
      finding.severity = static_cast<Severity>(1 + Pick(3));
      return world_.engine->OnFinding(finding);
    }
    Finding finding = world_.Make(Service(), static_cast<Severity>(1 + Pick(3)));
    if (Pick(4) == 0) finding.node = "other";
    if (Pick(3) == 0) finding.metric = "error_rate";
    if (Pick(6) == 0) finding.kind = FindingKind::kPrediction;
    for (const auto& [id, held] : open_)  // a detector has one finding per series
      if (held.node == finding.node && held.metric == finding.metric &&
          held.target == finding.target)
        return;
    world_.engine->OnFinding(finding);
    open_.emplace(finding.id, finding);
  }

  std::map<std::string, Finding>::iterator AnyOpen() {
    return std::next(open_.begin(), Pick(static_cast<int>(open_.size())));
  }

  void ClearOne() {
    if (open_.empty()) return;
    const auto at = AnyOpen();
    world_.Clear(at->second);
    open_.erase(at);
  }

  // The process dies; its detectors start anew and report again what they still see.
  void Crash() {
    ++crashes_;
    world_.Restart();
    std::map<std::string, Finding> before;
    before.swap(open_);
    for (auto& [id, finding] : before) {
      if (Pick(3) == 0) continue;
      Finding again = world_.Make("", finding.severity);
      finding.id = again.id;
      finding.state = FindingState::kOpen;
      world_.engine->OnFinding(finding);
      open_.emplace(finding.id, finding);
    }
  }

  void Settings() {
    if (Pick(2) == 0) {
      EXPECT_TRUE(world_.engine->SetSwitch(Pick(3) != 0, "user:anna"));
      return;
    }
    PipelineSpec spec = MakeSpec(RandomPolicies(&random_));
    spec.agent.dry_run = Pick(10) == 0;
    world_.spec = spec;
    world_.engine->SetPolicies(spec);
  }

  void Person() {
    const std::vector<const Decision*> asked = world_.engine->AwaitingApproval();
    if (asked.empty()) return;
    const std::string id = asked[static_cast<size_t>(Pick(static_cast<int>(asked.size())))]->id;
    const Status status =
        Pick(3) == 0 ? world_.engine->Deny(id, "user:ben") : world_.engine->Approve(id, "user:ben");
    static_cast<void>(status);  // guards may speak against it
  }

  void Behave() {
    FakeGateway::Target& target = world_.gateway.targets[Service()];
    const auto done = target.done_ns;
    target = {};
    target.done_ns = done;
    world_.gateway.latency_ns = Pick(4) == 0 ? Pick(3000) * kMillisecond : kMillisecond;
    switch (Pick(8)) {
      case 0:
        target.execute_error = MakeError(Code::kUnavailable, "connection refused");
        break;
      case 1:
        target.lost_reply = MakeError(Code::kDeadline, "timed out");
        break;
      case 2:
        target.effect = Effect{EffectState::kFailed, "exit code 1"};
        break;
      case 3:
        target.effect = Effect{EffectState::kPending, "starting"};
        break;
      case 4:
        target.plan_error = MakeError(Code::kNotFound, "gone");
        break;
      case 5:
        target.before = std::to_string(Pick(3));
        break;
      default:
        target.effect_after_ns = Pick(12'000) * kMillisecond;
        break;
    }
  }

  // The moment of truth: everything that must be true when an action is called.
  void CheckCall(const ActionRequest& request) {
    const Chain chain = world_.ChainOf(request.incident.id);
    const Execution* execution = nullptr;
    for (const Execution& each : chain.executions)
      if (each.decision == request.decision) execution = &each;
    ASSERT_NE(execution, nullptr) << "called without a journaled intent";
    EXPECT_EQ(execution->state, ExecutionState::kIssued);
    EXPECT_EQ(execution->issued_ns, world_.clock.NowNs());
    EXPECT_LE(static_cast<uint32_t>(world_.gateway.by_decision[request.decision]),
              execution->issues);
    EXPECT_EQ(world_.gateway.At(request).done_ns.count(request.decision), 0u)
        << "a second execution of one decision";
    for (const Decision& decision : chain.decisions) {
      if (decision.id != request.decision) continue;
      EXPECT_EQ(decision.verdict, DecisionVerdict::kAct);
      EXPECT_NE(decision.mode, Mode::kShadow);
      EXPECT_FALSE(decision.dry_run);
      for (const GuardVerdict& guard : decision.guards)
        EXPECT_TRUE(guard.allowed) << guard.guard << ": " << guard.reason;
      EXPECT_EQ(decision.actor, decision.mode == Mode::kApprove ? "user:ben" : "heald");
    }
    EXPECT_TRUE(world_.engine->switch_on());
    const PolicySpec* policy = world_.spec.FindPolicy(request.policy);
    ASSERT_NE(policy, nullptr);
    EXPECT_TRUE(policy->enabled);
    CheckHistory(*policy, request, execution->target_key);
  }

  void CheckHistory(const PolicySpec& policy, const ActionRequest& request,
                    const std::string& target_key) {
    const int64_t now_ns = world_.clock.NowNs();
    std::map<std::string, int64_t>& history = issued_[request.policy + target_key];
    uint64_t this_hour = 1;
    for (const auto& [decision, ts_ns] : history) {
      if (decision == request.decision) continue;
      EXPECT_GE(now_ns - ts_ns, policy.guard.cooldown_ns) << "within the cooldown";
      if (now_ns - ts_ns < kHour) ++this_hour;
    }
    EXPECT_LE(this_hour, policy.guard.max_per_hour);
    for (const std::string& excluded : policy.guard.excluded)
      EXPECT_NE(request.target.Get("service"), excluded);
    history[request.decision] = now_ns;
  }

  void CheckChain(const Chain& chain) {
    std::map<std::string, std::set<std::string>> kinds;
    for (const AuditEvent& event : chain.events) {
      kinds[event.subject].insert(event.kind);
      EXPECT_EQ(event.trace_id, chain.incident.trace_id);
      EXPECT_FALSE(event.actor.empty());
    }
    const std::string incident = std::to_string(chain.incident.id);
    EXPECT_TRUE(kinds[incident].count("incident.opened")) << incident;
    EXPECT_TRUE(kinds[incident].count("incident.resolved")) << incident;
    EXPECT_EQ(chain.incident.state, IncidentState::kResolved);
    for (const Finding& finding : chain.incident.findings) {
      EXPECT_EQ(finding.state, FindingState::kClear);
      EXPECT_FALSE(kinds[finding.id].empty()) << "an unexplained finding";
    }
    for (const Decision& decision : chain.decisions) {
      EXPECT_FALSE(kinds[decision.id].empty()) << "an unexplained decision";
      EXPECT_FALSE(decision.guards.empty());
    }
    for (const Execution& execution : chain.executions) {
      const std::set<std::string>& seen = kinds[execution.decision];
      EXPECT_TRUE(IsFinished(execution.state));
      EXPECT_TRUE(seen.count("execution.planned"));
      EXPECT_EQ(seen.count("execution.issued"), execution.issues > 0 ? 1u : 0u);
      EXPECT_TRUE(seen.count("execution." + std::string(ToString(execution.state))));
      EXPECT_LE(static_cast<uint32_t>(Calls(execution.decision)), execution.issues);
    }
  }
  int Calls(const std::string& decision) const {
    const auto at = world_.gateway.by_decision.find(decision);
    return at == world_.gateway.by_decision.end() ? 0 : at->second;
  }

  std::mt19937_64 random_;
  World world_;
  std::map<std::string, Finding> open_;
  std::map<std::string, std::map<std::string, int64_t>> issued_;
  int crashes_ = 0;
};

TEST(RemedyModelTest, KeepsItsPromisesUnderAnything) {
  const char* given = std::getenv("HEALD_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::printf("HEALD_SEED=%llu\n", static_cast<unsigned long long>(seed));
  SCOPED_TRACE("HEALD_SEED=" + std::to_string(seed));
  Model model(seed);
  for (int i = 0; i < kSteps && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    model.Step();
  }
  if (::testing::Test::HasFailure()) return;
  model.Settle();
  model.CheckJournal();
}

}  // namespace
}  // namespace heald::remedy
