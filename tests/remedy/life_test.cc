#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(RemedyLifeTest, HealsFromFindingToVerifiedAndWritesEveryStep) {
  World world(MakeSpec({MakePolicy("latency", "service == \"payments\" and severity >= warning")}));
  const Finding finding = world.Open("payments");
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.targets["payments"].executed, 1);
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_THAT(world.Kinds(1),
              ElementsAre("finding.opened", "incident.opened", "decision.act", "execution.planned",
                          "execution.issued", "execution.observed", "finding.cleared",
                          "execution.verified", "incident.resolved"));
  const Chain chain = world.ChainOf(1);
  EXPECT_EQ(chain.incident.state, IncidentState::kResolved);
  EXPECT_EQ(chain.incident.closed_ns, kStart + 2 * kSecond);
  EXPECT_EQ(chain.incident.trace_id.size(), 32u);
  ASSERT_THAT(chain.executions, SizeIs(1));
  EXPECT_EQ(chain.executions[0].state, ExecutionState::kVerified);
  EXPECT_EQ(chain.executions[0].issues, 1u);
  ASSERT_THAT(chain.decisions, SizeIs(1));
  EXPECT_THAT(chain.decisions[0].why, HasSubstr("service \"payments\""));
  EXPECT_EQ(chain.decisions[0].plan_hash.size(), 64u);
  for (const AuditEvent& event : chain.events) {
    EXPECT_EQ(event.trace_id, chain.incident.trace_id);
    EXPECT_NE(event.actor, "");
  }
  EXPECT_THAT(world.engine->incidents().all(), IsEmpty());
}

TEST(RemedyLifeTest, SaysItInTheWordsPeopleSee) {
  World world(MakeSpec({MakePolicy()}));
  const Finding finding = world.Open("payments");
  world.Run(2 * kSecond);
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_THAT(world.told.lines,
              ElementsAre(HasSubstr("payments  latency_p99 1.84 s, expected"),
                          HasSubstr("incident #1  payments"),
                          "incident #1  policy latency -> restart payments  guards: cooldown ok "
                          "(last never), 0/3 this hour, 1 target",
                          "restart payments …", "restart payments … ready after 0.9 s",
                          HasSubstr("back to normal"),
                          "verified: payments latency_p99 0.06 s. Healed 4 s after it began.",
                          "incident #1  resolved: healed by restart payments 4 s after it began"));
  std::set<std::string> distinct(world.told.ids.begin(), world.told.ids.end());
  EXPECT_EQ(distinct.size(), world.told.ids.size());
}

TEST(RemedyLifeTest, AFindingThatEndsWithoutARecoveryVerifiesNothing) {
  World world(MakeSpec({MakePolicy()}));
  Finding finding = world.Open("payments");
  world.Run(2 * kSecond);
  ASSERT_EQ(world.gateway.targets["payments"].executed, 1);
  finding.annotations.Set("cleared", "expired");
  world.Clear(finding);
  world.Run(kSecond);
  ASSERT_THAT(world.ChainOf(1).executions, SizeIs(1));
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kFailed);
  EXPECT_THAT(world.ChainOf(1).executions[0].detail, HasSubstr("could not be verified"));
}

TEST(RemedyLifeTest, ResolvesWhatClearsWithNothingRunning) {
  PolicySpec policy = MakePolicy();
  policy.guard.for_ns = 30 * kSecond;
  World world(MakeSpec({policy}));
  const Finding finding = world.Open("payments");
  world.Run(10 * kSecond);
  world.Clear(finding);
  EXPECT_EQ(world.gateway.plans, 0);
  EXPECT_THAT(world.told.lines.back(), HasSubstr("resolved: cleared by itself after 12 s"));
}

TEST(RemedyLifeTest, GroupsFindingsOfOneTargetAndCountsEachOnce) {
  PolicySpec policy = MakePolicy("latency", "severity >= critical");
  World world(MakeSpec({policy}));
  Finding first = world.Open("payments", Severity::kInfo);
  world.engine->OnFinding(first);
  Finding second = world.Make("payments", Severity::kWarning);
  second.metric = "error_rate";
  second.target.Set("instance", "a");
  world.engine->OnFinding(second);
  world.Open("orders", Severity::kInfo);
  ASSERT_THAT(world.engine->incidents().all(), SizeIs(2));
  const Incident& incident = world.engine->incidents().all().at(1)->incident;
  EXPECT_THAT(incident.findings, SizeIs(2));
  EXPECT_EQ(incident.severity, Severity::kWarning);
  EXPECT_EQ(incident.target, (Labels{{"service", "payments"}}));
  world.Clear(first);
  EXPECT_THAT(world.engine->incidents().all(), SizeIs(2));
  world.Clear(second);
  EXPECT_THAT(world.engine->incidents().all(), SizeIs(1));
}

TEST(RemedyLifeTest, WithoutAGroupLabelTheWholeTargetIsTheGroup) {
  EXPECT_EQ(GroupTarget({{"instance", "a"}, {"job", "b"}}, {"namespace", "service"}),
            (Labels{{"instance", "a"}, {"job", "b"}}));
  EXPECT_EQ(GroupTarget({{"service", "s"}, {"job", "b"}}, {"namespace", "service"}),
            (Labels{{"service", "s"}}));
}

TEST(RemedyLifeTest, FailsAndEscalatesWhatDoesNotGetBetterThenTriesAgainAfterItsCooldown) {
  PolicySpec policy = MakePolicy();
  policy.guard.breaker.failures = 0;
  policy.guard.demote.failures = 0;
  World world(MakeSpec({policy}));
  std::vector<int64_t> times;
  world.gateway.on_execute = [&](const ActionRequest&) { times.push_back(world.clock.NowNs()); };
  world.Open("payments");
  world.Run(3 * kMinute);
  EXPECT_THAT(world.told.lines,
              Contains("incident #1  needs a person: restart payments failed: not back to normal "
                       "2 min after it was done: payments latency_p99 1.84 s"));
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kEscalated);
  EXPECT_EQ(world.gateway.executes, 1);
  world.Run(3 * kMinute);
  EXPECT_EQ(world.gateway.executes, 2);
  EXPECT_THAT(world.gateway.by_decision, SizeIs(2)) << "each attempt has a key of its own";
  world.Run(2 * kHour);
  for (const auto& [decision, count] : world.gateway.by_decision) EXPECT_EQ(count, 1);
  ASSERT_EQ(times.size(), 8u) << "as often as allowed";
  for (size_t i = 1; i < times.size(); ++i) EXPECT_GE(times[i] - times[i - 1], 5 * kMinute);
  for (size_t i = 3; i < times.size(); ++i) EXPECT_GE(times[i] - times[i - 3], kHour);
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("max_per_hour: 3 actions of latency on payments "
                                                   "in the last hour (max_per_hour 3); next "
                                                   "possible 01:00:00 UTC")));
}

TEST(RemedyLifeTest, ARetryThatHealsEndsTheEscalation) {
  World world(MakeSpec({MakePolicy()}));
  const Finding finding = world.Open("payments");
  world.Run(6 * kMinute);
  ASSERT_EQ(world.gateway.executes, 2);
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
  EXPECT_THAT(world.told.lines.back(), HasSubstr("healed by restart payments"));
}

TEST(RemedyLifeTest, WaitsForAllFindingsThatThePolicyCovers) {
  World world(MakeSpec({MakePolicy()}));
  const Finding first = world.Open("payments");
  Finding second = world.Make("payments");
  second.metric = "error_rate";
  world.engine->OnFinding(second);
  Finding foreign = world.Make("payments");
  foreign.node = "other";
  world.engine->OnFinding(foreign);
  world.Run(2 * kSecond);
  world.Clear(first);
  world.Run(kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kObserved);
  world.Clear(second);
  world.Run(kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kVerified);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kOpen) << "the foreign one is open";
  world.Clear(foreign);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
}

TEST(RemedyLifeTest, ObservesMoreAndMoreSeldomUntilTheEffectShows) {
  World world(MakeSpec({MakePolicy()}));
  world.gateway.targets["payments"].effect_after_ns = 8 * kSecond;
  world.Open("payments");
  world.Run(20 * kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kObserved);
  EXPECT_GE(world.gateway.observes, 8);
  EXPECT_LE(world.gateway.observes, 15);
}

TEST(RemedyLifeTest, GivesUpOnAnEffectThatNeverShows) {
  World world(MakeSpec({MakePolicy()}));
  world.gateway.targets["payments"].effect = Effect{EffectState::kPending, "starting"};
  world.Open("payments");
  world.Run(14 * kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kIssued);
  world.Run(3 * kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kFailed);
  EXPECT_THAT(world.ChainOf(1).executions[0].detail, HasSubstr("the target: starting"));
}

TEST(RemedyLifeTest, ACallThatSurelyDidNothingFailsAtOnce) {
  World world(MakeSpec({MakePolicy()}));
  world.gateway.targets["payments"].execute_error =
      MakeError(Code::kConflict, "container was replaced");
  world.Open("payments");
  world.Run(kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kFailed);
  EXPECT_EQ(world.gateway.observes, 0);
}

TEST(RemedyLifeTest, ALostReplyIsSettledByLookingAtTheTarget) {
  World world(MakeSpec({MakePolicy()}));
  world.gateway.targets["payments"].lost_reply = MakeError(Code::kDeadline, "timed out");
  const Finding finding = world.Open("payments");
  world.Run(3 * kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kObserved);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyLifeTest, AReloadKeepsWhatRunsAndAppliesTheRest) {
  World world(MakeSpec({MakePolicy()}));
  const Finding finding = world.Open("payments");
  world.Run(500 * kMillisecond);
  ASSERT_EQ(world.gateway.executes, 1);
  world.engine->SetPolicies(MakeSpec({MakePolicy("other", "service == \"orders\"")}));
  world.Run(2 * kSecond);
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kVerified);
  world.Open("payments");
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1) << "the policy is gone";
  world.engine->SetPolicies(MakeSpec({MakePolicy("another")}));
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 2) << "a new policy sees incidents that are open";
}

TEST(RemedyLifeTest, AnUnwritableJournalStopsActingAndLosesNothing) {
  class BrokenStore final : public Store {
   public:
    explicit BrokenStore(Store* real) : real_(real) {}
    Status Commit(Change* change) override {
      if (broken) return MakeError(Code::kFull, "disk full");
      return real_->Commit(change);
    }
    const std::string& id() const override { return real_->id(); }
    Result<IncidentPage> Incidents(const IncidentFilter& f) override { return real_->Incidents(f); }
    Result<Page<StoredFinding>> Findings(const FindingFilter& f) override {
      return real_->Findings(f);
    }
    Result<Page<DecidedExecution>> Executions(const PageFrom& f) override {
      return real_->Executions(f);
    }
    Result<Page<AuditEvent>> Audit(const PageFrom& f) override { return real_->Audit(f); }
    Result<std::optional<Chain>> ChainOf(uint64_t i) override { return real_->ChainOf(i); }
    Result<std::vector<Chain>> Unfinished() override { return real_->Unfinished(); }
    Result<uint64_t> LastIncidentId() override { return real_->LastIncidentId(); }
    Result<Issues> IssuesSince(std::string_view p, std::string_view t, int64_t s,
                               uint32_t step) override {
      return real_->IssuesSince(p, t, s, step);
    }
    Result<std::vector<int64_t>> FailuresInRow(std::string_view p, std::string_view t, int64_t s,
                                               uint32_t step) override {
      return real_->FailuresInRow(p, t, s, step);
    }
    Result<std::vector<AuditEvent>> Events(uint64_t a, size_t l) override {
      return real_->Events(a, l);
    }
    Result<std::optional<std::string>> Setting(std::string_view n) override {
      return real_->Setting(n);
    }
    void Idle() override { real_->Idle(); }
    bool broken = false;

   private:
    Store* real_;
  };
  World world(MakeSpec({MakePolicy()}));
  BrokenStore broken(world.store.get());
  world.engine = std::move(*Engine::Create(
      {&world.clock, &broken, &world.gateway, &world.told, &world.latest}, world.spec));
  broken.broken = true;
  const Finding finding = world.Open("payments");
  world.Run(30 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("journal: ")));
  EXPECT_THAT(world.told.problems, Contains("disk full"));
  broken.broken = false;
  world.Run(15 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_EQ(world.engine->journal_held(), 0u);
  EXPECT_THAT(world.Kinds(1),
              ElementsAre("finding.opened", "incident.opened", "decision.refused", "decision.act",
                          "execution.planned", "execution.issued", "execution.observed"));
}

TEST(RemedyLifeTest, AClockThatGoesBackDelaysNothing) {
  PolicySpec policy = MakePolicy();
  policy.guard.for_ns = 30 * kSecond;
  World world(MakeSpec({policy}));
  world.Open("payments");
  world.Run(10 * kSecond);
  world.clock.Advance(-2 * kHour);
  world.Run(31 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_THAT(world.told.problems, Contains(HasSubstr("went back by 2 h")));
}

// What the engine and its journal add between a finding and the call.
TEST(RemedyLifeTest, ReachesTheCallWithinAMillisecond) {
  PipelineSpec spec =
      MakeSpec({MakePolicy("latency", "severity >= warning and latency_p99 > 0.5")});
  spec.agent.storm.incidents = 0;
  World world(spec);
  world.gateway.inline_answers = true;
  std::vector<double> micros;
  std::vector<double> cpu_micros;  // what it costs however busy the machine is
  const auto cpu_us = [] {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
  };
  for (int i = 0; i < 300; ++i) {
    const std::string service = "s" + std::to_string(i);
    world.Sample(service, 1.0);
    const Finding finding = world.Make(service);
    const auto begin = std::chrono::steady_clock::now();
    auto called = begin;
    const double cpu_begin = cpu_us();
    world.gateway.on_execute = [&](const ActionRequest&) {
      called = std::chrono::steady_clock::now();
      cpu_micros.push_back(cpu_us() - cpu_begin);
    };
    world.engine->OnFinding(finding);
    ASSERT_NE(called, begin);
    micros.push_back(std::chrono::duration<double, std::micro>(called - begin).count());
  }
  std::sort(micros.begin(), micros.end());
  std::sort(cpu_micros.begin(), cpu_micros.end());
  std::printf("finding to Execute: p50 %.0f us, p99 %.0f us; CPU p50 %.0f us, p99 %.0f us\n",
              micros[150], micros[297], cpu_micros[150], cpu_micros[297]);
  RecordProperty("p50_us", static_cast<int>(micros[150]));
  // The aim is 1 ms; the bound leaves room for sanitizers and a busy machine.
  EXPECT_LT(micros[150], 20'000);
}

TEST(RemedyDeadlineTest, TheOneInTheFileIsTheCalls) {
  for (const bool given : {true, false}) {
    PipelineSpec spec = MakeSpec({MakePolicy()});
    spec.nodes[2].deadline_ns = 15 * kMinute;
    spec.nodes[2].deadline_given = given;
    World world(spec);
    int64_t left_ns = 0;
    world.gateway.on_execute = [&](const ActionRequest& request) {
      left_ns = request.deadline_ns - world.clock.NowNs();
    };
    world.Open("payments");
    world.Run(kSecond);
    EXPECT_EQ(left_ns, given ? 15 * kMinute : 40 * kSecond) << "half a minute beside the plan's";
  }
}

TEST(RemedyDeadlineTest, AnEffectHasItsTimeAfterACallThatTookLong) {
  World world(MakeSpec({MakePolicy()}));
  world.gateway.execute_ns = 10 * kMinute;
  world.gateway.targets["payments"].effect_after_ns = 10 * kMinute + 8 * kSecond;
  world.Open("payments");
  world.Run(11 * kMinute);
  ASSERT_FALSE(world.told.outcomes.empty());
  EXPECT_EQ(world.told.outcomes.back().state, OutcomeState::kObserved)
      << world.told.outcomes.back().detail;
}

}  // namespace
}  // namespace heald::remedy
