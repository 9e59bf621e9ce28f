// What an execution proves: nothing without data from after it, and nothing where the target was
// well before it could have helped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/remedy/efficacy.h"
#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

PipelineSpec TrustsNobody() {
  PolicySpec policy = MakePolicy();
  policy.verify_within_ns = 30 * kSecond;
  policy.guard.max_per_hour = 0;
  policy.guard.breaker = {1, 2 * kHour};
  policy.guard.demote = {1, 1};
  return MakeSpec({policy});
}

// The series of a service is gone from its restart on.
class RemedyNoDataTest : public ::testing::Test {
 protected:
  RemedyNoDataTest() : world(TrustsNobody()) {
    world.reports = false;
    world.gateway.targets["payments"].reversible = true;
    finding = world.Open("payments");
    world.Run(2 * kSecond);
  }
  World world;
  Finding finding;
};

TEST_F(RemedyNoDataTest, IsInconclusiveEndsInItsTimeAndCallsAPerson) {
  world.Run(kMinute);
  const Chain chain = world.ChainOf(1);
  ASSERT_THAT(chain.executions, SizeIs(1));
  EXPECT_EQ(chain.executions[0].state, ExecutionState::kFailed);
  EXPECT_EQ(chain.executions[0].progress.proof, Proof::kInconclusive);
  EXPECT_THAT(chain.executions[0].detail,
              HasSubstr("no fresh value of payments latency_p99 since the action"));
  EXPECT_THAT(chain.executions[0].detail, Not(HasSubstr("1.84"))) << "that was before it";
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("inconclusive: restart payments: ")));
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("needs a person: restart payments was "
                                                   "inconclusive")));
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart")) << "nothing is taken back on no data";
}

// Nothing was measured, but nobody could: sources come round a moment after the wake-up.
TEST_F(RemedyNoDataTest, WhoWasSuspendedWaitsForSourcesFirst) {
  world.clock.Advance(8 * kHour);
  world.Run(5 * kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kObserved);
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kVerified);
}

TEST_F(RemedyNoDataTest, CountsForNeitherBreakerNorDemotion) {
  world.Run(6 * kMinute);
  EXPECT_EQ(world.gateway.executes, 1) << "not once more on no data at all";
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("since the last action, and that was "
                                                   "inconclusive")));
  world.reports = true;
  for (int i = 0; i < 20 && world.gateway.executes == 1; ++i) world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 2) << "it is sick: neither breaker nor demotion hold it back";
  world.reports = false;
  world.Run(kMinute);
  world.Restart();
  world.Open("payments");
  world.Run(6 * kMinute);
  EXPECT_EQ(world.gateway.executes, 3) << "also by what the journal says";
  EXPECT_EQ(world.engine->policies().front().mode, Mode::kEnforce);
}

TEST_F(RemedyNoDataTest, OneSampleSinceTheActionIsEnoughForAFailure) {
  world.Sample("payments", 1.8);
  world.Run(6 * kMinute);
  EXPECT_EQ(world.ChainOf(1).executions[0].progress.proof, Proof::kPlain);
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("not back to normal 30 s after it was done")));
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "undo restart"));
  EXPECT_EQ(world.engine->policies().front().mode, Mode::kApprove) << "it keeps failing";
}

TEST(RemedyEvidenceTest, WhatWasMeasuredDuringTheCallProvesNothing) {
  World world(TrustsNobody());
  world.reports = false;
  world.gateway.execute_ns = 5 * kSecond;
  world.gateway.targets["payments"].reversible = true;
  Finding finding = world.Open("payments");
  world.Run(2 * kSecond);
  world.Sample("payments", 1.9);
  finding.state = FindingState::kUpdate;
  finding.ts_ns = world.clock.NowNs();
  world.engine->OnFinding(finding);
  world.Run(2 * kMinute);
  EXPECT_EQ(world.ChainOf(1).executions[0].progress.proof, Proof::kInconclusive);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart")) << "neither undone nor done again";
}

TEST_F(RemedyNoDataTest, NorDoesWhatIsStaleByThen) {
  world.latest.SetStaleness("prom", 10 * kSecond);
  world.Sample("payments", 1.9);
  world.Run(kMinute);
  EXPECT_EQ(world.ChainOf(1).executions[0].progress.proof, Proof::kInconclusive);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart"));
}

TEST_F(RemedyNoDataTest, AFindingThatEndedForLackOfDataProvesNothingEither) {
  finding.annotations.Set("cleared", "no data");
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].progress.proof, Proof::kInconclusive);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart"));
  EXPECT_EQ(world.engine->policies().front().mode, Mode::kEnforce);
}

TEST(RemedyCreditTest, WhatClearedWhileItWasBeingDoneClearedByItself) {
  World world(MakeSpec({MakePolicy()}));
  world.gateway.execute_ns = 5 * kSecond;
  const Finding finding = world.Open("payments");
  world.Run(2 * kSecond);
  world.Clear(finding);
  world.Run(kMinute);
  const Chain chain = world.ChainOf(1);
  ASSERT_THAT(chain.executions, SizeIs(1));
  EXPECT_EQ(chain.executions[0].state, ExecutionState::kVerified);
  EXPECT_EQ(chain.executions[0].progress.proof, Proof::kTooEarly);
  EXPECT_THAT(chain.executions[0].detail, HasSubstr("Cleared while it was being done"));
  EXPECT_EQ(chain.incident.resolution, Resolution::kByItself);
  EXPECT_EQ(chain.incident.healed_by, "");
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("resolved: cleared by itself")));
  const auto efficacy = ReadEfficacy(world.store.get(), 0, [](std::string_view) { return false; });
  ASSERT_TRUE(efficacy);
  const PolicyEfficacy& policy = efficacy->at("latency");
  EXPECT_EQ(policy.attempts, 1u);
  EXPECT_EQ(policy.verified, 0u);
  EXPECT_EQ(policy.cleared_by_itself, 1u);
}

TEST(RemedyCreditTest, WhatClearedBeforeItAlsoWhereTheAgentWasKilledInBetween) {
  World world(MakeSpec({MakePolicy()}));
  world.gateway.execute_ns = 5 * kSecond;
  const Finding finding = world.Open("payments");
  world.Run(2 * kSecond);
  world.Clear(finding);
  world.Run(kSecond);
  world.Restart();
  world.Run(kMinute);
  EXPECT_EQ(world.ChainOf(1).executions[0].progress.proof, Proof::kTooEarly);
  EXPECT_EQ(world.ChainOf(1).incident.resolution, Resolution::kByItself);
}

// A health check often sees it later than the users do.
TEST(RemedyCreditTest, WhatClearedAfterTheCallIsHealedThoughItsEffectIsSeenLater) {
  World world(MakeSpec({MakePolicy()}));
  const Finding finding = world.Open("payments");
  world.Run(500 * kMillisecond);  // called, and not seen to have an effect yet
  world.Clear(finding);
  world.Run(kMinute);
  EXPECT_EQ(world.ChainOf(1).executions[0].progress.proof, Proof::kPlain);
  EXPECT_EQ(world.ChainOf(1).incident.resolution, Resolution::kHealed);
}

// ---- what a condition lacks ---------------------------------------------------------------------

TEST(RemedyStaleTest, TheRefusalSaysHowOldTheLastValueIsAndIsToldOnce) {
  World world(MakeSpec({MakePolicy("latency", "latency_p99 > 1")}));
  world.latest.SetStaleness("prom", 3 * kSecond);
  world.Sample("payments", 1.8);
  world.Run(10 * kSecond);
  world.Open("payments");
  world.Run(20 * kSecond);
  ASSERT_THAT(world.told.decisions, SizeIs(1)) << "it grows older, and that is no news";
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("no fresh value of latency_p99 (its last is ")));
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr(" old, and stale after 3s)")));
}

}  // namespace
}  // namespace heald::remedy
