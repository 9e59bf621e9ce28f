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

PolicySpec InMode(Mode mode) {
  PolicySpec policy = MakePolicy();
  policy.mode = mode;
  return policy;
}

TEST(RemedyShadowTest, SaysOnceWhatItWouldHaveDoneAndJudgesItAfterwards) {
  World world(MakeSpec({InMode(Mode::kShadow)}));
  const Finding finding = world.Open("payments");
  world.Run(20 * kSecond);
  Finding update = finding;
  update.state = FindingState::kUpdate;
  world.engine->OnFinding(update);
  world.Run(18 * kSecond);
  world.Clear(finding);
  EXPECT_EQ(world.gateway.executes, 0);
  ASSERT_THAT(world.told.decisions, SizeIs(1));
  EXPECT_EQ(world.told.decisions[0].verdict, DecisionVerdict::kWouldAct);
  EXPECT_THAT(world.told.decisions[0].guards, SizeIs(15));
  EXPECT_THAT(world.Kinds(1),
              ElementsAre("finding.opened", "incident.opened", "decision.would_act",
                          "finding.cleared", "shadow.verdict", "incident.resolved"));
  EXPECT_THAT(world.ChainOf(1).events[4].detail,
              HasSubstr("cleared by itself after 40 s: restart payments would have been noise"));
}

TEST(RemedyShadowTest, ChangingTheModeActsOnWhatIsOpen) {
  World world(MakeSpec({InMode(Mode::kShadow)}));
  world.Open("payments");
  world.Run(kSecond);
  world.engine->SetPolicies(MakeSpec({InMode(Mode::kEnforce)}));
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyDryRunTest, GoesDownToTheActionsOwnDryRunAndConsumesNoCooldown) {
  PipelineSpec spec = MakeSpec({MakePolicy()});
  spec.agent.dry_run = true;
  World world(spec);
  world.gateway.targets["payments"].dry_run = Effect{EffectState::kDone, "would restart c1"};
  const Finding finding = world.Open("payments");
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.dry_runs, 1);
  EXPECT_EQ(world.gateway.executes, 0);
  ASSERT_THAT(world.told.outcomes, SizeIs(1));
  EXPECT_EQ(world.told.outcomes[0].state, OutcomeState::kDryRun);
  EXPECT_EQ(world.told.outcomes[0].detail, "would restart c1");
  spec.agent.dry_run = false;
  world.engine->SetPolicies(spec);
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1) << "no cooldown was consumed";
}

TEST(RemedyDryRunTest, OneThatFailsIsToldOnceAndTriedAgainSeldom) {
  for (const int64_t cooldown_ns : {int64_t{0}, 5 * kMinute}) {
    PolicySpec policy = MakePolicy();
    policy.guard.cooldown_ns = cooldown_ns;
    PipelineSpec spec = MakeSpec({policy});
    spec.agent.dry_run = true;
    World world(spec);
    std::optional<Effect>& dry_run = world.gateway.targets["payments"].dry_run;
    dry_run = Effect{EffectState::kFailed, "a budget forbids it"};
    world.Open("payments");
    world.Run(4 * kHour);
    EXPECT_GE(world.gateway.dry_runs, 4) << "it may become possible";
    EXPECT_LE(world.gateway.dry_runs, 12);
    EXPECT_EQ(world.gateway.plans, world.gateway.dry_runs);
    EXPECT_THAT(world.told.decisions, SizeIs(1));
    ASSERT_THAT(world.told.outcomes, SizeIs(1));
    EXPECT_EQ(world.told.outcomes[0].detail, "dry run: a budget forbids it");

    dry_run->detail = "may not evict";
    world.Run(2 * kHour);
    EXPECT_THAT(world.told.outcomes, SizeIs(2)) << "that is news";
    spec.agent.dry_run = false;
    world.engine->SetPolicies(spec);
    world.Run(2 * kSecond);
    EXPECT_EQ(world.gateway.executes, 1) << "what isn't a dry run needn't wait";
  }
}

TEST(RemedyDryRunTest, AnActionWithoutOneIsContentWithItsPlan) {
  PipelineSpec spec = MakeSpec({MakePolicy()});
  spec.agent.dry_run = true;
  World world(spec);
  world.Open("payments");
  world.Run(10 * kSecond);
  ASSERT_THAT(world.told.outcomes, SizeIs(1));
  EXPECT_EQ(world.told.outcomes[0].state, OutcomeState::kDryRun);
}

class RemedyApprovalTest : public ::testing::Test {
 protected:
  RemedyApprovalTest() : world(MakeSpec({InMode(Mode::kApprove)})) {
    finding = world.Open("payments");
    world.Run(2 * kSecond);
  }
  std::string Asked() {
    const std::vector<const Decision*> asked = world.engine->AwaitingApproval();
    return asked.empty() ? "" : asked[0]->id;
  }
  World world;
  Finding finding;
};

TEST_F(RemedyApprovalTest, ActsOnlyAfterAYesAndRecordsWhose) {
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.told.lines.back(), HasSubstr("awaits approval until 00:15:00 UTC"));
  ASSERT_TRUE(world.engine->Approve(Asked(), "user:anna"));
  world.Run(2 * kSecond);
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
  const Chain chain = world.ChainOf(1);
  ASSERT_THAT(chain.decisions, SizeIs(1));
  EXPECT_EQ(chain.decisions[0].actor, "user:anna");
  EXPECT_EQ(chain.decisions[0].verdict, DecisionVerdict::kAct);
  EXPECT_EQ(chain.incident.state, IncidentState::kResolved);
  EXPECT_THAT(world.Kinds(1),
              ElementsAre("finding.opened", "incident.opened", "approval.asked", "approval.given",
                          "execution.planned", "execution.issued", "execution.observed",
                          "finding.cleared", "execution.verified", "incident.resolved"));
}

TEST_F(RemedyApprovalTest, IsForASingleUse) {
  const std::string decision = Asked();
  ASSERT_TRUE(world.engine->Approve(decision, "user:anna"));
  EXPECT_FALSE(world.engine->Approve(decision, "user:ben"));
  world.Run(2 * kSecond);
  EXPECT_FALSE(world.engine->Approve(decision, "user:ben"));
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST_F(RemedyApprovalTest, ExpiresAndIsAskedForAgain) {
  const std::string decision = Asked();
  world.Run(15 * kMinute);
  const Status late = world.engine->Approve(decision, "user:anna");
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().message, HasSubstr("has expired"));
  EXPECT_NE(Asked(), "");
  EXPECT_NE(Asked(), decision);
  EXPECT_THAT(world.Kinds(1), Contains("approval.expired"));
  EXPECT_EQ(world.gateway.executes, 0);
}

TEST_F(RemedyApprovalTest, IsBoundToThePlan) {
  world.gateway.targets["payments"].before = R"({"image":"2.0"})";
  const std::string decision = Asked();
  ASSERT_TRUE(world.engine->Approve(decision, "user:anna"));
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  ASSERT_THAT(world.told.outcomes, SizeIs(1));
  EXPECT_THAT(world.told.outcomes[0].detail,
              HasSubstr("the plan has changed since user:anna (api) approved it"));
  EXPECT_NE(Asked(), decision) << "the new plan is asked for";
  ASSERT_TRUE(world.engine->Approve(Asked(), "user:anna"));
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1) << "what was never called consumes no cooldown";
}

TEST_F(RemedyApprovalTest, IsBoundToWhatThePlanRestsOnWhereItSaysThat) {
  std::string& before = world.gateway.targets["orders"].before;
  before = R"({"rests_on":{"image":"1.0"},"pods":["a","b"]})";
  ASSERT_TRUE(world.engine->Deny(Asked(), "user:anna"));
  world.Open("orders");
  world.Run(2 * kSecond);
  before = R"({"rests_on":{"image":"2.0"},"pods":["a","b"]})";
  ASSERT_TRUE(world.engine->Approve(Asked(), "user:anna"));
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0) << "another image";
  before = R"({"rests_on":{"image":"2.0"},"pods":[]})";
  ASSERT_TRUE(world.engine->Approve(Asked(), "user:anna"));
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1) << "the same, of other pods";
}

TEST_F(RemedyApprovalTest, ANoHoldsForTheIncident) {
  ASSERT_TRUE(world.engine->Deny(Asked(), "user:anna"));
  world.Run(kHour);
  EXPECT_EQ(Asked(), "");
  EXPECT_EQ(world.gateway.executes, 0);
  world.Restart();
  world.Run(kMinute);
  EXPECT_EQ(Asked(), "");
  world.Run(2 * kHour);
  world.Open("payments");
  world.Run(kSecond);
  EXPECT_NE(Asked(), "") << "another incident is another question";
}

TEST_F(RemedyApprovalTest, IsRefusedWhileAGuardSpeaksAgainst) {
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:ben"));
  const Status status = world.engine->Approve(Asked(), "user:anna");
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("switched off by user:ben"));
  ASSERT_TRUE(world.engine->SetSwitch(true, "user:ben"));
  EXPECT_TRUE(world.engine->Approve(Asked(), "user:anna"));
}

TEST_F(RemedyApprovalTest, IsWithdrawnWhenItClearsByItself) {
  const std::string decision = Asked();
  world.Clear(finding);
  EXPECT_FALSE(world.engine->Approve(decision, "user:anna"));
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
  EXPECT_THAT(world.Kinds(1), Contains("approval.withdrawn"));
}

TEST_F(RemedyApprovalTest, IsStillAskedForAfterARestart) {
  const std::string decision = Asked();
  world.Restart();
  EXPECT_EQ(Asked(), decision);
  const Status unsure = world.engine->Approve(decision, "user:anna");
  ASSERT_FALSE(unsure) << "nobody has repeated the finding yet";
  EXPECT_THAT(unsure.error().message, HasSubstr("not reported again since the restart"));
  finding = world.Open("payments");
  ASSERT_TRUE(world.engine->Approve(decision, "user:anna"));
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST(RemedyAlertTest, TellsPeopleAndVerifiesNothing) {
  PolicySpec policy = MakePolicy();
  policy.action = "alert";
  World world(MakeSpec({policy}));
  const Finding finding = world.Open("payments");
  world.Run(10 * kMinute);
  const Chain chain = world.ChainOf(1);
  ASSERT_THAT(chain.executions, SizeIs(1));
  EXPECT_EQ(chain.executions[0].state, ExecutionState::kVerified);
  EXPECT_EQ(chain.incident.state, IncidentState::kOpen);
  EXPECT_EQ(world.gateway.executes, 0);
  world.Clear(finding);
  EXPECT_THAT(world.told.lines.back(), HasSubstr("cleared by itself"));
}

}  // namespace
}  // namespace heald::remedy
