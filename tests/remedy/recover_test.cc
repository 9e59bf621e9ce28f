#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kCondition[] = "latency_p99 > 0.5";

// Stops the engine's world inside execute(), before or after the target has changed.
class RemedyRecoverTest : public ::testing::Test {
 protected:
  RemedyRecoverTest() : world(MakeSpec({MakePolicy("latency", kCondition)})) {
    world.Sample("payments", 1.8);
  }

  FakeGateway::Target& payments() { return world.gateway.targets["payments"]; }
  ExecutionState State(uint64_t incident = 1) {
    return world.ChainOf(incident).executions[0].state;
  }

  World world;
};

TEST_F(RemedyRecoverTest, IssuedAndDoneIsNotDoneAgain) {
  world.Open("payments");
  world.Run(kMillisecond);
  ASSERT_EQ(payments().executed, 1);
  ASSERT_EQ(State(), ExecutionState::kIssued);
  world.Restart();
  world.Run(2 * kSecond);
  EXPECT_EQ(State(), ExecutionState::kObserved);
  world.Sample("payments", 0.05);
  world.Run(2 * kSecond);
  EXPECT_EQ(State(), ExecutionState::kVerified);
  EXPECT_EQ(payments().executed, 1);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
  EXPECT_THAT(world.Kinds(1), Contains("execution.recovered"));
}

TEST_F(RemedyRecoverTest, WhatHealedIsToldWithAFreshValueOrNone) {
  world.Open("payments");
  world.Run(kMillisecond);
  world.Restart();
  world.told.Forget();
  world.Run(2 * kSecond);
  world.Sample("payments", 0.05);
  world.Run(2 * kSecond);
  EXPECT_THAT(world.told.lines,
              Contains(HasSubstr("verified: payments latency_p99 0.05 s. Healed")));
  for (const std::string& line : world.told.lines) {
    EXPECT_THAT(line, ::testing::Not(HasSubstr("1.84 s. Healed")));
    EXPECT_THAT(line, ::testing::Not(HasSubstr("1.84 s, expected 0.04 s to 0.09 s  back")));
  }
}

// Nobody is left who could ask its target.
TEST_F(RemedyRecoverTest, IssuedByAnActionThatIsGoneIsForAPersonAtOnce) {
  for (const bool policy_stays : {false, true}) {
    SCOPED_TRACE(policy_stays ? "the policy has another action now" : "the policy is gone too");
    PipelineSpec spec = MakeSpec({MakePolicy("latency")});
    World world(spec);
    world.Open("payments");
    world.Run(kMillisecond);
    world.spec.nodes.back().name = "reboot";
    world.spec.policies[0].action = "reboot";
    if (!policy_stays) world.spec.policies.clear();
    world.Restart();
    world.Run(kSecond);
    const Chain chain = world.ChainOf(1);
    EXPECT_EQ(chain.executions[0].state, ExecutionState::kFailed);
    EXPECT_EQ(chain.incident.state, IncidentState::kEscalated);
    EXPECT_THAT(world.told.loud,
                Contains(AllOf(HasSubstr("needs a person: "),
                               HasSubstr("there is no action 'restart' in the pipeline now; "
                                         "whether it was done isn't known"))));
    EXPECT_EQ(world.gateway.observes, 0);
  }
}

TEST_F(RemedyRecoverTest, IssuedAndPendingIsWatchedToItsEnd) {
  payments().effect_after_ns = 8 * kSecond;
  world.Open("payments");
  world.Run(kMillisecond);
  world.Restart();
  world.Run(9 * kSecond);
  EXPECT_EQ(State(), ExecutionState::kObserved);
  EXPECT_EQ(payments().executed, 1);
}

TEST_F(RemedyRecoverTest, IssuedButAbsentIsDoneOnceTheCallCanNoLongerArrive) {
  payments().execute_error = MakeError(Code::kInternal, "the process dies here");
  world.Open("payments");
  world.Run(kMillisecond);
  world.Restart();
  payments().execute_error.reset();
  for (int second = 0; second < 14; ++second) {
    world.Sample("payments", 1.8);
    world.Run(kSecond);
    EXPECT_EQ(payments().executed, 0) << "it may still be on its way";
  }
  world.Sample("payments", 1.8);
  world.Run(3 * kSecond);
  EXPECT_EQ(payments().executed, 1);
  const Execution execution = world.ChainOf(1).executions[0];
  EXPECT_EQ(execution.issues, 2u) << "under the same decision";
  EXPECT_EQ(execution.state, ExecutionState::kObserved);
}

TEST_F(RemedyRecoverTest, IssuedAndAbsentIsDroppedWhenItIsNoLongerNeeded) {
  payments().execute_error = MakeError(Code::kInternal, "the process dies here");
  world.Open("payments");
  world.Run(kMillisecond);
  world.Restart();
  payments().execute_error.reset();
  world.Sample("payments", 0.05);
  world.Run(20 * kSecond);
  EXPECT_EQ(payments().executed, 0);
  EXPECT_EQ(State(), ExecutionState::kFailed);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
}

TEST_F(RemedyRecoverTest, IssuedAndFailedIsFailed) {
  world.Open("payments");
  world.Run(kMillisecond);
  world.Restart();
  payments().effect = Effect{EffectState::kFailed, "exit code 1"};
  world.Run(kSecond);
  EXPECT_EQ(State(), ExecutionState::kFailed);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kEscalated);
}

TEST_F(RemedyRecoverTest, AfterAYearTheTargetIsStillAskedFirst) {
  world.Open("payments");
  world.Run(kMillisecond);
  world.engine.reset();
  world.clock.Advance(365 * kDay);
  world.Restart();
  world.Run(2 * kSecond);
  EXPECT_EQ(State(), ExecutionState::kObserved);
  EXPECT_EQ(payments().executed, 1);
}

TEST_F(RemedyRecoverTest, ObservedIsVerifiedWhenTheDetectorSaysItIsOver) {
  world.Open("payments");
  world.Run(2 * kSecond);
  ASSERT_EQ(State(), ExecutionState::kObserved);
  world.Restart();
  const Finding again = world.Open("payments");
  world.Run(kSecond);
  EXPECT_THAT(world.Kinds(1), Contains("finding.adopted"));
  EXPECT_THAT(world.engine->incidents().all(), SizeIs(1));
  world.Clear(again);
  world.Run(kSecond);
  EXPECT_EQ(State(), ExecutionState::kVerified);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
}

TEST_F(RemedyRecoverTest, ObservedFailsWhenFreshSamplesStaySilent) {
  world.Open("payments");
  world.Run(2 * kSecond);
  world.Restart();
  world.clock.Advance(kSecond);
  world.latest.SetStaleness("prom", kSecond);
  world.Run(3 * kMinute);
  EXPECT_EQ(State(), ExecutionState::kFailed) << "stale data is never success";
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kEscalated);
}

// Leaves a decision planned but not issued, as a crash between the two does.
void LeavePlanned(World* world) {
  world->Run(kMillisecond);
  Chain chain = world->ChainOf(1);
  ASSERT_THAT(chain.executions, SizeIs(1));
  chain.executions[0].state = ExecutionState::kPlanned;
  chain.executions[0].issues = 0;
  chain.executions[0].issued_ns = 0;
  Change change;
  change.executions = chain.executions;
  world->engine.reset();
  ASSERT_TRUE(world->store->Commit(&change));
  world->gateway.targets.clear();
  world->gateway.executes = 0;
}

TEST_F(RemedyRecoverTest, AVerificationEndsInItsTimeHoweverManyRestartsThereWere) {
  world.Open("payments");
  world.Run(2 * kSecond);
  ASSERT_EQ(State(), ExecutionState::kObserved);
  for (int i = 0; i < 3; ++i) {
    world.Restart();
    world.Sample("payments", 1.8);
    world.Open("payments");  // its detector began anew, and so did its numbers
    world.Run(5 * kSecond);
  }
  int open = 0;
  for (const Finding& finding : world.ChainOf(1).incident.findings)
    open += finding.state != FindingState::kClear;
  EXPECT_EQ(open, 1) << "one thing, whatever its ids";
  ASSERT_EQ(State(), ExecutionState::kObserved);
  world.Run(2 * kMinute - 5 * kSecond);
  EXPECT_EQ(State(), ExecutionState::kFailed);
  EXPECT_EQ(payments().executed, 1);
}

TEST_F(RemedyRecoverTest, PlannedIsCompletedWhileItIsStillRight) {
  world.Open("payments");
  LeavePlanned(&world);
  world.Restart();
  world.Sample("payments", 1.7);
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_THAT(world.ChainOf(1).decisions, SizeIs(1));
  EXPECT_EQ(State(), ExecutionState::kObserved);
}

TEST_F(RemedyRecoverTest, PlannedIsDroppedWhenTheConditionIsOver) {
  world.Open("payments");
  LeavePlanned(&world);
  world.Restart();
  world.Sample("payments", 0.05);
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_EQ(State(), ExecutionState::kFailed);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
}

TEST_F(RemedyRecoverTest, PlannedWaitsForFreshDataAndThenGivesUp) {
  world.Open("payments");
  LeavePlanned(&world);
  world.Restart();
  world.latest.SetStaleness("prom", kMillisecond);
  world.Run(kMinute);
  EXPECT_EQ(State(), ExecutionState::kPlanned);
  world.Run(2 * kMinute);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_EQ(State(), ExecutionState::kFailed);
  EXPECT_THAT(world.ChainOf(1).executions[0].detail, HasSubstr("could not be revalidated"));
}

TEST_F(RemedyRecoverTest, PlannedIsDroppedWhenThePolicyIsGone) {
  world.Open("payments");
  LeavePlanned(&world);
  world.spec.policies.clear();
  world.Restart();
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.ChainOf(1).executions[0].detail, HasSubstr("the policy is gone"));
}

TEST_F(RemedyRecoverTest, PlannedIsDroppedWhenTheSwitchIsOff) {
  world.Open("payments");
  LeavePlanned(&world);
  Change change;
  change.settings = {{"auto_remediation", R"({"on":false,"actor":"user:anna"})"}};
  ASSERT_TRUE(world.store->Commit(&change));
  world.Restart();
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.ChainOf(1).executions[0].detail, HasSubstr("switched off by user:anna"));
}

TEST(RemedyOrphanTest, WithoutSamplesAFindingNobodyRepeatsIsOver) {
  World world(MakeSpec({MakePolicy("latency", "severity >= warning")}));
  world.Open("payments");
  world.Run(2 * kSecond);
  world.Restart();
  world.Run(kMinute);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kObserved);
  world.Run(70 * kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kVerified);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyOrphanTest, NothingIsDoneOnTheWordOfTheJournalAlone) {
  PolicySpec policy = MakePolicy("latency", "severity >= warning");
  policy.guard.for_ns = 10 * kSecond;
  World world(MakeSpec({policy}));
  world.Open("payments");
  world.Run(kSecond);
  world.Restart();
  world.Run(30 * kSecond);
  EXPECT_EQ(world.gateway.plans, 0);
  world.Open("payments");
  world.Run(11 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1) << "the detector has repeated it";
  EXPECT_THAT(world.engine->incidents().all(), SizeIs(1));
}

TEST(RemedyOrphanTest, WhatWasRefusedIsNotToldAgain) {
  World world(MakeSpec({MakePolicy("latency", kCondition)}));
  world.Sample("payments", 1.8);
  world.Open("payments");
  world.Run(3 * kMinute);
  const size_t refusals = world.Refusals().size();
  ASSERT_EQ(refusals, 1u);
  world.Restart();
  world.Open("payments");
  world.Sample("payments", 1.8);
  world.Run(30 * kSecond);
  EXPECT_EQ(world.Refusals().size(), refusals);
}

TEST(RemedyOrphanTest, ShadowHasSaidItsWordBeforeTheRestart) {
  PolicySpec policy = MakePolicy("latency", kCondition);
  policy.mode = Mode::kShadow;
  World world(MakeSpec({policy}));
  world.Sample("payments", 1.8);
  world.Open("payments");
  world.Run(kSecond);
  world.Restart();
  world.Open("payments");
  world.Run(10 * kSecond);
  EXPECT_THAT(world.told.decisions, SizeIs(1));
}

}  // namespace
}  // namespace heald::remedy
