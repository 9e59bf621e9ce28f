// What a person may say of a canary that is being looked at: do the rest, or leave it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

PipelineSpec CanaryThenMore() {
  PolicySpec policy = MakePolicy();
  policy.guard.max_per_hour = 0;
  for (const char* action : {"restart", "scale_out"}) {
    StepSpec step;
    step.action = action;
    step.verify_within_ns = kMinute;
    step.guard = policy.guard;
    policy.steps.push_back(std::move(step));
  }
  CanarySpec& canary = policy.steps[0].canary;
  canary.set = true;
  canary.check = Parsed("error_rate < 0.05");
  canary.for_ns = 10 * kSecond;
  canary.within_ns = 2 * kMinute;
  PipelineSpec spec = MakeSpec({policy});
  NodeSpec more = spec.nodes.back();
  more.name = "scale_out";
  spec.nodes.push_back(more);
  return spec;
}

TEST(RemedyShadowTest, TellsTheCanaryAndTheStepsAfterIt) {
  PipelineSpec spec = CanaryThenMore();
  spec.policies[0].mode = Mode::kShadow;
  World world(spec);
  world.gateway.targets["payments"].can_canary = true;
  world.Open("payments");
  world.Run(kSecond);
  EXPECT_THAT(world.told.lines,
              Contains(::testing::AllOf(
                  HasSubstr("(shadow: not done)"),
                  HasSubstr("canary: a part of it first, looked at for 10s (error_rate < 0.05), "
                            "then the rest"),
                  HasSubstr("if that didn't help: scale_out"))));
}

class RemedyCanaryAnswerTest : public ::testing::Test {
 protected:
  RemedyCanaryAnswerTest() : world(CanaryThenMore()) {
    world.gateway.targets["payments"].can_canary = true;
    world.gateway.targets["payments"].reversible = true;
    finding = world.Open("payments");
    world.Run(20 * kSecond);  // without a value of error_rate
    const std::vector<Decision> all = world.engine->HeldCanaries();
    if (!all.empty()) held = all[0];
  }
  void Feed(double error_rate, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      world.latest.Record("prom", "error_rate", {{"service", "payments"}}, error_rate,
                          world.clock.NowNs());
      world.Run(kSecond);
    }
  }

  World world;
  Finding finding;
  Decision held;
};

TEST_F(RemedyCanaryAnswerTest, AHeldOneIsShownWithWhatItLacks) {
  EXPECT_THAT(held.why, HasSubstr("its canary is held: no fresh value of error_rate"));
  EXPECT_GT(held.expires_ns, world.clock.NowNs());
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("`heald approve " + held.id.substr(0, 8))));
  Feed(0.01, 3);
  EXPECT_THAT(world.engine->HeldCanaries(), IsEmpty()) << "data is back";
}

TEST_F(RemedyCanaryAnswerTest, OneThatPeopleHoldDoesNotExpireMeanwhile) {
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  world.Run(5 * kSecond);
  ASSERT_THAT(world.engine->HeldCanaries(), SizeIs(1));
  EXPECT_EQ(world.engine->HeldCanaries()[0].expires_ns, 0);
  ASSERT_TRUE(world.engine->SetSwitch(true, "user:anna"));
  world.Run(5 * kSecond);
  ASSERT_THAT(world.engine->HeldCanaries(), SizeIs(1)) << "there is still no data";
  EXPECT_GT(world.engine->HeldCanaries()[0].expires_ns, world.clock.NowNs());
}

TEST(RemedyCanaryNoTest, IsTakenOnceTheFirstPartIsDone) {
  World world(CanaryThenMore());
  world.gateway.targets["payments"].can_canary = true;
  world.gateway.execute_ns = 4 * kSecond;
  world.Open("payments");
  world.Run(kSecond);
  ASSERT_THAT(world.gateway.calls, ElementsAre("restart canary"));
  const std::string id = world.ChainOf(1).decisions[0].id;
  const Status early = world.engine->Deny(id.substr(0, 8), "user:anna", {"cli", {}});
  EXPECT_EQ(early.error().code, Code::kConflict);
  EXPECT_THAT(early.error().message, HasSubstr("is being done; answer once it is looked at"));
  world.Run(6 * kSecond);
  EXPECT_TRUE(world.engine->Deny(id.substr(0, 8), "user:anna", {"cli", {}}));
}

TEST_F(RemedyCanaryAnswerTest, AYesDoesTheRestOnce) {
  ASSERT_TRUE(world.engine->Approve(held.id, "user:anna", {"cli", held.plan_hash}));
  world.Run(kSecond);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary", "restart rest"));
  const Status again = world.engine->Approve(held.id, "user:ben", {"cli", {}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  EXPECT_THAT(again.error().message, HasSubstr("let go on by user:anna (cli)"));
  world.Run(kSecond);
  EXPECT_THAT(world.gateway.calls, SizeIs(2));
  for (const AuditEvent& event : world.ChainOf(1).events)
    if (event.kind == "canary.passed") {
      EXPECT_EQ(event.actor, "user:anna");
      EXPECT_THAT(event.detail, HasSubstr("by the word of user:anna (cli), when no fresh value"));
    }
  EXPECT_THAT(world.Kinds(1), Contains("canary.passed"));
}

TEST_F(RemedyCanaryAnswerTest, ANoTakesTheFirstPartBackAndEndsTheChain) {
  ASSERT_TRUE(world.engine->Deny(held.id.substr(0, 8), "user:anna", {"cli", {}}));
  world.Run(5 * kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary", "undo restart canary"));
  const Chain chain = world.ChainOf(1);
  EXPECT_EQ(chain.executions[0].state, ExecutionState::kUndone);
  EXPECT_EQ(chain.decisions[0].actor, "user:anna");
  EXPECT_THAT(chain.executions[0].detail, HasSubstr("cancelled by user:anna (cli)"));
  EXPECT_EQ(chain.executions[0].progress.proof, Proof::kCancelled) << "no failure of the policy";
  EXPECT_THAT(world.told.loud, Contains(HasSubstr("cancelled: restart payments")));
  EXPECT_THAT(*world.store->FailuresInRow("latency", chain.executions[0].target_key, 0, 0),
              IsEmpty());
  EXPECT_THAT(world.told.lines, Not(Contains(HasSubstr("needs a person"))));
  world.Restart();
  world.Open("payments");
  world.Run(5 * kMinute);
  EXPECT_THAT(world.gateway.calls, SizeIs(2)) << "also after a restart";
}

TEST_F(RemedyCanaryAnswerTest, ANoSurvivesACrashBeforeItsUndo) {
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  ASSERT_TRUE(world.engine->Deny(held.id, "user:anna"));
  world.Run(kSecond);
  world.Restart();
  world.Open("payments");
  ASSERT_TRUE(world.engine->SetSwitch(true, "user:anna"));
  world.Run(5 * kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary", "undo restart canary"));
}

TEST_F(RemedyCanaryAnswerTest, OneThatIsLookedAtMayBeAnsweredAsWell) {
  Feed(0.01, 3);
  ASSERT_TRUE(world.engine->Deny(held.id, "user:anna"));
  Feed(0.01, 60);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary", "undo restart canary"));
}

TEST_F(RemedyCanaryAnswerTest, WhatHoldsEverythingBackHoldsAYesToo) {
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:ben"));
  const Status status = world.engine->Approve(held.id, "user:anna");
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("switched off by user:ben"));
  const Status other = world.engine->Deny(held.id, "user:anna", {"cli", std::string(64, 'a')});
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("the plan that you saw (aaaaaaaaaaaa)"));
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary"));
}

TEST_F(RemedyCanaryAnswerTest, TimeInWhichItIsHeldDoesNotCount) {
  Feed(0.01, 3);
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  Feed(0.01, 150);
  EXPECT_THAT(world.told.lines,
              Contains(HasSubstr("when that is over it goes on, and has 2m for it; `heald deny ")))
      << "a yes is refused meanwhile";
  ASSERT_TRUE(world.engine->SetSwitch(true, "user:anna"));
  const Result<Silence> silence = world.engine->AddSilence(
      {*Matcher::Parse("service=payments")}, world.clock.NowNs() + 150 * kSecond, "user:anna", "x");
  ASSERT_TRUE(silence) << silence.error().message;
  Feed(0.01, 145);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary")) << "held, and not failed";
  Feed(0.01, 30);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary", "restart rest"));
}

TEST_F(RemedyCanaryAnswerTest, ANoHoldsThoughThePolicyWasChangedDuringTheCheck) {
  ASSERT_TRUE(world.engine->ChangePolicy("latency", std::nullopt, Mode::kApprove, "user:ben"));
  world.Run(5 * kSecond);
  ASSERT_TRUE(world.engine->Deny(held.id, "user:anna"));
  world.Run(5 * kMinute);
  world.engine->SetPolicies(world.spec);
  Feed(0.01, 400);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary", "undo restart canary"));
  EXPECT_THAT(world.engine->AwaitingApproval(), IsEmpty());
  world.Restart();
  world.Open("payments");
  Feed(0.01, 400);
  EXPECT_THAT(world.gateway.calls, SizeIs(2)) << "also after a restart";
  EXPECT_THAT(world.engine->AwaitingApproval(), IsEmpty());
}

TEST_F(RemedyCanaryAnswerTest, APolicyThatWasLoweredMeanwhileHoldsTheRest) {
  ASSERT_TRUE(world.engine->ChangePolicy("latency", std::nullopt, Mode::kShadow, "user:ben"));
  Feed(0.01, 40);
  EXPECT_THAT(world.gateway.calls, Not(Contains("restart rest")));
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("its policy or action was changed since")));
  EXPECT_FALSE(world.engine->Approve(held.id, "user:anna"));
}

}  // namespace
}  // namespace heald::remedy
