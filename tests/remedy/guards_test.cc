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
  EXPECT_THAT(judgement.verdicts, SizeIs(9));
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

TEST(RemedyGuardedTest, TheTargetsOfAPolicyAreCounted) {
  World world(MakeSpec({MakePolicy("latency", "latency_p99 > 0.5")}));
  for (const char* service : {"payments", "orders", "users"}) world.Sample(service, 1.8);
  world.Open("payments");
  world.Run(2 * kSecond);
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("0/3 this hour, 1 of 3 targets")));
}

}  // namespace
}  // namespace heald::remedy
