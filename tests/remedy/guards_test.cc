#include "core/remedy/guards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A context in which every guard agrees.
class RemedyGuardTest : public ::testing::Test {
 protected:
  RemedyGuardTest() {
    incident.target = finding.target = {{"service", "payments"}};
    policy.spec = MakePolicy();
    context.now_ns = kStart;
    context.condition = Verdict::kTrue;
    context.targets_running = 1;
  }
  Policy policy;
  Incident incident;
  Finding finding;
  Plan plan;
  GuardContext context{.policy = policy, .incident = incident, .finding = finding, .plan = plan};
};

TEST_F(RemedyGuardTest, AllAgreeWhenNothingSpeaksAgainst) {
  const Judgement judgement = JudgeAll(context);
  EXPECT_TRUE(judgement.allowed);
  EXPECT_THAT(judgement.verdicts, SizeIs(15));
}

TEST_F(RemedyGuardTest, AllAreAmongWhatMayRefuse) {
  const std::vector<GuardVerdict> verdicts = JudgeAll(context).verdicts;
  ASSERT_LE(verdicts.size(), std::size(kRefusers));
  for (size_t i = 0; i < verdicts.size(); ++i) EXPECT_EQ(verdicts[i].guard, kRefusers[i]);
}

TEST_F(RemedyGuardTest, SwitchNamesWhoTurnedItOff) {
  context.switch_on = false;
  context.switch_actor = "user:anna";
  EXPECT_THAT(SwitchGuard(context).verdict.reason, HasSubstr("user:anna"));
  EXPECT_FALSE(SwitchGuard(context).verdict.allowed);
  EXPECT_EQ(SwitchGuard(context).retry_ns, 0) << "time alone changes nothing";
}

TEST_F(RemedyGuardTest, StaleDataIsNoTrigger) {
  context.condition = Verdict::kInconclusive;
  context.condition_problem = "no fresh value of latency_p99";
  EXPECT_FALSE(FreshDataGuard(context).verdict.allowed);
  EXPECT_EQ(FreshDataGuard(context).verdict.reason, "inconclusive: no fresh value of latency_p99");
}

TEST_F(RemedyGuardTest, ForCountsToTheNanosecond) {
  policy.spec.guard.for_ns = 30 * kSecond;
  context.held_ns = 30 * kSecond - 1;
  EXPECT_FALSE(ForGuard(context).verdict.allowed);
  EXPECT_EQ(ForGuard(context).retry_ns, kStart + 1);
  context.held_ns = 30 * kSecond;
  EXPECT_TRUE(ForGuard(context).verdict.allowed);
  EXPECT_EQ(ForGuard(context).verdict.reason, "held 30 s (for 30s)");
}

TEST_F(RemedyGuardTest, CooldownSaysWhenItEnds) {
  EXPECT_EQ(CooldownGuard(context).verdict.reason, "cooldown ok (last never)");
  context.issues.last_ns = kStart - kMinute;
  const GuardResult result = CooldownGuard(context);
  EXPECT_FALSE(result.verdict.allowed);
  EXPECT_EQ(result.retry_ns, kStart + 4 * kMinute);
  EXPECT_EQ(result.verdict.reason,
            "last action of latency on payments was at 23:59:00 UTC (cooldown 5m); next possible "
            "00:04:00 UTC");
  context.issues.last_ns = kStart - 5 * kMinute;
  EXPECT_EQ(CooldownGuard(context).verdict.reason, "cooldown ok (last 5 min ago)");
}

TEST_F(RemedyGuardTest, MaxPerHourSlides) {
  context.issues.times_ns = {kStart - 50 * kMinute, kStart - 40 * kMinute};
  EXPECT_EQ(MaxPerHourGuard(context).verdict.reason, "2/3 this hour");
  context.issues.times_ns.push_back(kStart - 10 * kMinute);
  const GuardResult result = MaxPerHourGuard(context);
  EXPECT_FALSE(result.verdict.allowed);
  EXPECT_EQ(result.retry_ns, kStart + 10 * kMinute);
  EXPECT_EQ(result.verdict.reason,
            "3 actions of latency on payments in the last hour (max_per_hour 3); next possible "
            "00:10:00 UTC");
  context.now_ns = kStart + 10 * kMinute;
  EXPECT_TRUE(MaxPerHourGuard(context).verdict.allowed);
}

TEST_F(RemedyGuardTest, ExcludedMatchesNamesAndLabels) {
  policy.spec.guard.excluded = {"orders", "namespace=kube-system"};
  EXPECT_TRUE(ExcludedGuard(context).verdict.allowed);
  finding.target.Set("namespace", "kube-system");
  EXPECT_FALSE(ExcludedGuard(context).verdict.allowed);
  for (const char* entry : {"service=~pay.*", "service!=orders", "service=~\"pay.*\""}) {
    policy.spec.guard.excluded = {entry};
    EXPECT_FALSE(ExcludedGuard(context).verdict.allowed) << entry;
  }
  policy.spec.guard.excluded = {"service!~pay.*"};
  EXPECT_TRUE(ExcludedGuard(context).verdict.allowed);
  policy.spec.guard.excluded = {"payments"};
  EXPECT_EQ(ExcludedGuard(context).verdict.reason, "policy latency excludes payments");
}

TEST_F(RemedyGuardTest, OneAtATimeNamesTheOther) {
  context.busy_with = "restart payments (policy other, incident #3)";
  EXPECT_FALSE(OneAtATimeGuard(context).verdict.allowed);
  EXPECT_THAT(OneAtATimeGuard(context).verdict.reason, HasSubstr("policy other"));
}

TEST_F(RemedyGuardTest, APredictionUnlocksOnlyWhatCanBeUndone) {
  finding.kind = FindingKind::kPrediction;
  EXPECT_FALSE(PredictionGuard(context).verdict.allowed);
  plan.reversible = true;
  EXPECT_TRUE(PredictionGuard(context).verdict.allowed);
  plan.reversible = false;
  policy.spec.allow_on_prediction = true;
  EXPECT_TRUE(PredictionGuard(context).verdict.allowed);
}

TEST_F(RemedyGuardTest, AStormSaysWhichAndUntilWhen) {
  context.storm = "more than 50 new incidents within 1m, since 23:59:00 UTC (incident #51)";
  context.storm_until_ns = kStart + 9 * kMinute;
  EXPECT_EQ(StormGuard(context).retry_ns, kStart + 9 * kMinute);
  EXPECT_EQ(StormGuard(context).verdict.reason,
            "nothing is repaired during a storm: more than 50 new incidents within 1m, since "
            "23:59:00 UTC (incident #51); next possible 00:09:00 UTC if it stays calm");
}

TEST_F(RemedyGuardTest, WindowsSayWhichAndWhenItOpensWithTheDate) {
  policy.spec.guard.windows = {{0x1f, 9 * kHour, 17 * kHour, "Europe/Berlin", ""}};
  const std::vector<WindowSpec> none;
  policy.windows = Windows({{&policy.spec.guard.windows, &none, "policy latency"}});
  EXPECT_EQ(WindowsGuard(context).verdict.reason,
            "outside the windows of policy latency: mon-fri 09:00 to 17:00 Europe/Berlin; next "
            "possible 08:00:00 UTC");
  EXPECT_EQ(WindowsGuard(context).retry_ns, kStart + 8 * kHour);
  context.now_ns += 17 * kHour;
  EXPECT_THAT(WindowsGuard(context).verdict.reason,
              HasSubstr("next possible 2026-01-02 08:00:00 UTC"));
  context.now_ns -= kHour + 1;
  EXPECT_TRUE(WindowsGuard(context).verdict.allowed);
}

TEST_F(RemedyGuardTest, TheBreakerOpensAfterFailuresInARowAndAllowsOneMoreTryLater) {
  EXPECT_EQ(BreakerGuard(context).verdict.reason, "breaker closed");
  context.failures_ns = {kStart - 50 * kMinute, kStart - 30 * kMinute};
  EXPECT_EQ(BreakerGuard(context).verdict.reason, "breaker closed (2 of 3 failures in a row)");
  EXPECT_TRUE(BreakerGuard(context).verdict.allowed);
  context.failures_ns.push_back(kStart - 10 * kMinute);
  EXPECT_EQ(BreakerGuard(context).verdict.reason,
            "breaker open: latency on payments failed 3 times in a row, the last at 23:50:00 UTC "
            "(breaker 3 for 30m); next possible 00:20:00 UTC");
  EXPECT_EQ(BreakerGuard(context).retry_ns, kStart + 20 * kMinute);
  context.now_ns = kStart + 20 * kMinute;
  EXPECT_TRUE(BreakerGuard(context).verdict.allowed);
  EXPECT_EQ(BreakerGuard(context).verdict.reason,
            "breaker half open: 3 failures in a row, the last 30 min ago; one more try");
  policy.spec.guard.breaker.failures = 0;
  EXPECT_EQ(BreakerGuard(context).verdict.reason, "no breaker");
}

TEST_F(RemedyGuardTest, WhatTheJournalCannotTellIsRefused) {
  context.journal_read = false;
  for (const auto guard : {CooldownGuard, MaxPerHourGuard, BreakerGuard})
    EXPECT_EQ(guard(context).verdict.reason, "not known: the journal can't be read");
}

TEST_F(RemedyGuardTest, MaxTargetsBoundsHowManyAreActedOnAtOnce) {
  policy.spec.guard.max_targets = {2, false, true};
  context.targets_running = 2;
  EXPECT_TRUE(TargetsGuard(context).verdict.allowed);
  context.targets_running = 3;
  EXPECT_EQ(TargetsGuard(context).verdict.reason,
            "latency acts on 2 targets already (max_targets 2); possible again when one of them "
            "is done");
  policy.spec.guard.max_targets = {0.2, true, true};
  EXPECT_THAT(TargetsGuard(context).verdict.reason, HasSubstr("is not known"));
  context.targets_known = 15;
  EXPECT_TRUE(TargetsGuard(context).verdict.allowed) << "3 of 15";
  context.targets_known = 14;
  EXPECT_FALSE(TargetsGuard(context).verdict.allowed) << "2.8 is less than 3";
  context.targets_known = 3;
  context.targets_running = 1;
  EXPECT_TRUE(TargetsGuard(context).verdict.allowed) << "one is always possible";
  context.targets_running = 2;
  EXPECT_FALSE(TargetsGuard(context).verdict.allowed);
}

TEST_F(RemedyGuardTest, MinHealthyRefusesBelowTheFloorRoundedUp) {
  policy.spec.guard.min_healthy = {0.51, true, true};
  EXPECT_FALSE(TargetsGuard(context).verdict.allowed) << "nobody knows how many there are";
  context.targets_known = 3;
  context.targets_healthy = 2;
  EXPECT_EQ(TargetsGuard(context).verdict.reason, "1 of 3 targets, 2 healthy");
  context.targets_healthy = 1;
  EXPECT_EQ(TargetsGuard(context).verdict.reason,
            "1 of 3 targets are healthy (min_healthy 51%); possible again when 2 are");
  EXPECT_EQ(TargetsGuard(context).retry_ns, kStart + 5 * kSecond);
  policy.spec.guard.min_healthy = {0.5, true, true};
  context.targets_known = 4;
  context.targets_healthy = 2;
  EXPECT_TRUE(TargetsGuard(context).verdict.allowed);
  policy.spec.guard.min_healthy = {3, false, true};
  EXPECT_THAT(TargetsGuard(context).verdict.reason, HasSubstr("(min_healthy 3)"));
}

TEST_F(RemedyGuardTest, EachRefusalIsInTheListAndInTheReason) {
  context.switch_on = false;
  context.storm = "x";
  context.condition = Verdict::kFalse;
  context.muted_by = "incident #1: n1 up 0";
  const Silence silence{"s1", {}, 0, kStart + kHour, "user:anna", "deploy", ""};
  context.silence = &silence;
  context.issues = {{kStart - kMinute, kStart - kMinute, kStart - kMinute}, kStart - kMinute};
  context.failures_ns = {kStart, kStart, kStart};
  policy.spec.guard.for_ns = kMinute;
  policy.spec.guard.excluded = {"payments"};
  policy.spec.guard.min_healthy = {1, true, true};
  policy.spec.guard.deny_windows = {WindowSpec()};
  const std::vector<WindowSpec> none;
  policy.windows = Windows({{&none, &policy.spec.guard.deny_windows, "policy latency"}});
  context.self = "heald itself (pid 7)";
  context.busy_with = "restart payments";
  finding.kind = FindingKind::kPrediction;
  const Judgement judgement = JudgeAll(context);
  EXPECT_THAT(judgement.verdicts, SizeIs(15));
  for (const GuardVerdict& verdict : judgement.verdicts) {
    EXPECT_FALSE(verdict.allowed) << verdict.guard;
    EXPECT_THAT(judgement.reason, HasSubstr(verdict.reason));
  }
  EXPECT_EQ(judgement.retry_ns, kStart + kHour) << "the silence lasts longest";
}

TEST_F(RemedyGuardTest, TheLatestOfSeveralRefusalsSaysWhenToLookAgain) {
  context.issues.last_ns = kStart - kMinute;
  context.issues.times_ns = {kStart - 50 * kMinute, kStart - 40 * kMinute, kStart - kMinute};
  const Judgement judgement = JudgeAll(context);
  EXPECT_FALSE(judgement.allowed);
  EXPECT_EQ(judgement.retry_ns, kStart + 10 * kMinute);
  EXPECT_THAT(judgement.reason, HasSubstr("cooldown 5m"));
  EXPECT_THAT(judgement.reason, HasSubstr("max_per_hour 3"));
}

// ---- the same through the engine ----------------------------------------------------------------

TEST(RemedyGuardedTest, TheConditionHasToHoldWithoutABreak) {
  PolicySpec policy = MakePolicy("latency", "latency_p99 > 0.5");
  policy.guard.for_ns = 30 * kSecond;
  World world(MakeSpec({policy}));
  world.Sample("payments", 1.8);
  world.Open("payments");
  world.Run(20 * kSecond);
  world.Sample("payments", 0.1);
  world.Run(kSecond);
  world.Sample("payments", 1.8);
  world.Run(29 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  world.Run(3 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyGuardedTest, ABreakWhileSomethingIsDoneCountsToo) {
  PolicySpec policy = MakePolicy("latency", "severity >= critical");
  policy.guard.for_ns = 30 * kSecond;
  policy.guard.cooldown_ns = 0;
  policy.verify_within_ns = kMinute;
  World world(MakeSpec({policy}));
  Finding finding = world.Open("payments");
  const auto report = [&](Severity severity) {
    finding.state = FindingState::kUpdate;
    finding.severity = severity;
    finding.ts_ns = world.clock.NowNs();
    world.engine->OnFinding(finding);
  };
  world.Run(50 * kSecond);
  ASSERT_EQ(world.gateway.executes, 1);
  report(Severity::kWarning);
  world.Run(30 * kSecond);
  report(Severity::kCritical);
  world.Run(29 * kSecond);  // meanwhile it turns out that the action hasn't helped
  EXPECT_EQ(world.gateway.executes, 1);
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 2);
}

TEST(RemedyGuardedTest, WhatIsOverAndBeginsAgainUnderItsIdHasToHoldAnew) {
  PolicySpec policy = MakePolicy("latency", "severity >= critical");
  policy.guard.for_ns = 30 * kSecond;
  World world(MakeSpec({policy}));
  Finding other = world.Make("payments", Severity::kInfo);
  other.metric = "error_rate";
  world.engine->OnFinding(other);  // keeps the incident open
  const Finding finding = world.Open("payments");
  world.Run(20 * kSecond);
  world.Clear(finding);
  world.Run(kSecond);
  world.engine->OnFinding(finding);
  world.Run(29 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyGuardedTest, AMissingSampleIsShownOnceAndNeverActs) {
  World world(MakeSpec({MakePolicy("latency", "latency_p99 > 0.5")}));
  world.Open("payments");
  world.Run(kMinute);
  EXPECT_EQ(world.gateway.plans, 0);
  EXPECT_THAT(world.Refusals(),
              ElementsAre("fresh_data: inconclusive: no fresh value of latency_p99"));
  world.Sample("payments", 1.8);
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyGuardedTest, AStaleSampleIsAMissingOne) {
  PolicySpec policy = MakePolicy("latency", "latency_p99 > 0.5");
  policy.guard.for_ns = 30 * kSecond;
  World world(MakeSpec({policy}));
  world.latest.SetStaleness("prom", 15 * kSecond);
  world.Sample("payments", 1.8);
  world.Open("payments");
  world.Run(2 * kMinute);
  EXPECT_EQ(world.gateway.executes, 0);
}

TEST(RemedyGuardedTest, CooldownAndMaxPerHourOutliveARestart) {
  World world(MakeSpec({MakePolicy()}));
  Finding finding = world.Open("payments");
  world.Run(2 * kSecond);
  world.Clear(finding);
  world.Run(kSecond);
  world.Restart();
  finding = world.Open("payments");
  world.Run(kMinute);
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_THAT(world.Refusals(), ElementsAre(HasSubstr("cooldown: last action of latency")))
      << "once, not with each tick";
  world.Run(5 * kMinute);
  EXPECT_EQ(world.gateway.executes, 2);
}

TEST(RemedyGuardedTest, CooldownIsPerTarget) {
  World world(MakeSpec({MakePolicy()}));
  world.Open("payments");
  world.Open("orders");
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 2);
}

TEST(RemedyGuardedTest, TwoPoliciesTakeTurnsOnOneTarget) {
  World world(MakeSpec({MakePolicy("one"), MakePolicy("two")}));
  const Finding finding = world.Open("payments");
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_THAT(world.Refusals(),
              ElementsAre("one_at_a_time: still running on this target: restart payments (policy "
                          "one, incident #1)"));
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1) << "healed by the first";
}

TEST(RemedyGuardedTest, TwoIncidentsNeverActOnOneThingAtOnce) {
  World world(MakeSpec({MakePolicy()}));
  Finding first = world.Make("payments");
  Finding second = world.Make("payments");
  second.target.Set("namespace", "shop");  // another group, the same container
  world.engine->OnFinding(first);
  world.engine->OnFinding(second);
  world.Run(10 * kSecond);
  ASSERT_THAT(world.engine->incidents().all(), SizeIs(2));
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyGuardedTest, SwitchedOffMidWayFinishesWhatRunsAndStartsNothing) {
  World world(MakeSpec({MakePolicy()}));
  const Finding finding = world.Open("payments");
  world.Run(500 * kMillisecond);
  ASSERT_EQ(world.gateway.executes, 1);
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  world.Open("orders");
  world.Run(2 * kSecond);
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_THAT(world.Refusals(),
              ElementsAre("switch: automatic remediation was switched off by user:anna"));
  world.Restart();
  EXPECT_FALSE(world.engine->switch_on()) << "it survives a restart";
  EXPECT_EQ(world.engine->switch_actor(), "user:anna");
  ASSERT_TRUE(world.engine->SetSwitch(true, "user:ben"));
  world.Open("orders");
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 2);
  const Result<std::vector<AuditEvent>> events = world.store->Events(0, 1000);
  ASSERT_TRUE(events);
  EXPECT_THAT(*events,
              Contains(::testing::AllOf(::testing::Field(&AuditEvent::kind, "switch"),
                                        ::testing::Field(&AuditEvent::actor, "user:anna"))));
}

TEST(RemedyGuardedTest, TheFirstStateOfTheSwitchComesFromTheFile) {
  PipelineSpec spec = MakeSpec({MakePolicy()});
  spec.agent.auto_remediation = false;
  World world(spec);
  EXPECT_FALSE(world.engine->switch_on());
  world.Open("payments");
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.Refusals(), ElementsAre(HasSubstr("agent.auto_remediation")));
}

TEST(RemedyGuardedTest, ATargetThatCannotBePlannedForIsRefusedWithTheReason) {
  World world(MakeSpec({MakePolicy()}));
  world.gateway.targets["payments"].plan_error =
      MakeError(Code::kNotFound, "no container has the label service=payments");
  world.Open("payments");
  world.Run(2 * kMinute);
  EXPECT_THAT(world.Refusals(), ElementsAre("plan: no container has the label service=payments"));
  EXPECT_LE(world.gateway.plans, 8) << "asked more and more seldom";
  world.gateway.targets["payments"].plan_error.reset();
  world.Run(3 * kMinute);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyGuardedTest, APredictionAloneDoesNotRestart) {
  PolicySpec policy = MakePolicy("leak", "probability > 0.7 and eta < 600s");
  World world(MakeSpec({policy}));
  Finding finding = world.Make("payments");
  finding.kind = FindingKind::kPrediction;
  finding.probability = 0.9;
  finding.eta_ns = world.clock.NowNs() + 5 * kMinute;
  world.engine->OnFinding(finding);
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.Refusals(), ElementsAre(HasSubstr("prediction: ")));
  world.gateway.targets["payments"].reversible = true;
  policy.allow_on_prediction = true;
  world.engine->SetPolicies(MakeSpec({policy}));
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyGuardedTest, TheBreakerIsReadFromTheJournalAfterARestart) {
  PolicySpec policy = MakePolicy();
  policy.guard.cooldown_ns = kMinute;
  policy.guard.max_per_hour = 0;
  policy.verify_within_ns = 30 * kSecond;
  World world(MakeSpec({policy}));
  world.Open("payments");
  world.Run(10 * kMinute);
  EXPECT_EQ(world.gateway.executes, 3);
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("breaker: breaker open: latency on payments")));
  world.Restart();
  const Finding finding = world.Open("payments");
  world.Run(20 * kMinute);
  EXPECT_EQ(world.gateway.executes, 3);
  world.Run(5 * kMinute);
  EXPECT_EQ(world.gateway.executes, 4) << "half open: one try";
  EXPECT_THAT(world.told.decisions.back().guards.back().allowed, true);
  world.Run(25 * kMinute);
  EXPECT_EQ(world.gateway.executes, 4) << "that failed too";
  world.Clear(finding);
  world.Run(kMinute);
  EXPECT_THAT(world.engine->incidents().all(), IsEmpty());
}

TEST(RemedyGuardedTest, ASuccessClosesTheBreaker) {
  PolicySpec policy = MakePolicy();
  policy.guard.cooldown_ns = kMinute;
  policy.guard.max_per_hour = 0;
  policy.verify_within_ns = 30 * kSecond;
  policy.guard.breaker = {2, kHour};
  World world(MakeSpec({policy}));
  for (int round = 0; round < 3; ++round) {
    Finding finding = world.Open("payments");
    world.Run(75 * kSecond);  // one fails, the next is being verified
    world.Clear(finding);
    world.Run(2 * kMinute);
  }
  EXPECT_EQ(world.gateway.executes, 6);
}

TEST(RemedyGuardedTest, MinHealthyStopsNewOnesWhileRunningOnesGoOn) {
  PolicySpec policy = MakePolicy("latency", "severity >= warning");
  policy.guard.min_healthy = {0.5, true, true};
  PipelineSpec spec = MakeSpec({policy});
  spec.nodes[1].inputs = {{"prom", "latency_p99", ""}};
  World world(spec);
  for (const char* service : {"payments", "orders", "users", "cart"}) world.Sample(service, 0.1);
  const Finding payments = world.Open("payments");
  world.Open("orders");
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 2);
  world.Open("users");
  world.Run(5 * kSecond);
  EXPECT_EQ(world.gateway.executes, 2);
  EXPECT_EQ(world.engine->running_executions(), 2u) << "the two before go on";
  EXPECT_THAT(world.Refusals(),
              ElementsAre("targets: 1 of 4 targets are healthy (min_healthy 50%); possible again "
                          "when 2 are"));
  world.Clear(payments);
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 3);
}

TEST(RemedyGuardedTest, MaxTargetsLetsOneInWhenAnotherIsDone) {
  PolicySpec policy = MakePolicy("latency", "severity >= warning");
  policy.guard.max_targets = {1, false, true};
  World world(MakeSpec({policy}));
  const Finding payments = world.Open("payments");
  world.Open("orders");
  world.Run(5 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_THAT(world.Refusals(),
              ElementsAre(HasSubstr("acts on 1 targets already (max_targets 1)")));
  world.Clear(payments);
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 2);
}

TEST(RemedyGuardedTest, WindowsOpenByThemselves) {
  PolicySpec policy = MakePolicy();
  policy.guard.windows = {{0x7f, 2 * kHour, 3 * kHour, "Europe/Berlin", ""}};
  World world(MakeSpec({policy}));  // it is 01:00 in Berlin
  world.Open("payments");
  world.Run(59 * kMinute);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.Refusals(),
              ElementsAre("windows: outside the windows of policy latency: every day 02:00 to "
                          "03:00 Europe/Berlin; next possible 01:00:00 UTC"));
  world.Run(kMinute + kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyGuardedTest, TheAgentsDenyWindowsAreForAllPolicies) {
  PipelineSpec spec = MakeSpec({MakePolicy()});
  spec.agent.deny_windows = {{0x7f, 0, 2 * kHour, "UTC", ""}};
  World world(spec);
  world.Open("payments");
  world.Run(2 * kHour - kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyGuardedTest, EveryRefusalListsAllGuards) {
  PolicySpec policy = MakePolicy("latency", "latency_p99 > 0.5");
  policy.guard.for_ns = 10 * kSecond;
  World world(MakeSpec({policy}));
  world.gateway.targets["payments"].plan_error = MakeError(Code::kNotFound, "gone");
  world.Open("payments");
  world.Run(5 * kSecond);  // no sample
  world.Sample("payments", 1.8);
  world.Run(20 * kSecond);  // no plan
  ASSERT_THAT(world.told.decisions, SizeIs(2));
  EXPECT_THAT(world.told.decisions[0].guards, SizeIs(15));
  EXPECT_THAT(world.told.decisions[1].guards, SizeIs(16)) << "and the plan";
  EXPECT_THAT(
      world.Refusals(),
      ElementsAre("fresh_data: inconclusive: no fresh value of latency_p99",
                  "for: the condition must hold for 10s, and is not known to hold", "plan: gone"));
}

TEST(RemedyGuardedTest, TheTargetsOfAPolicyAreCounted) {
  World world(MakeSpec({MakePolicy("latency", "latency_p99 > 0.5")}));
  for (const char* service : {"payments", "orders", "users"}) world.Sample(service, 1.8);
  world.Open("payments");
  world.Run(2 * kSecond);
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("0/3 this hour, 1 of 3 targets")));
}

}  // namespace
}  // namespace heald::remedy
