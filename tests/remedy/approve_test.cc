// What an approval is bound to: one decision, one plan, one target, a time, one use; and who gave
// it. Each danger alone; what people see when they come too late.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

PipelineSpec Asking(int64_t expires_ns = 0) {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kApprove;
  policy.approval_expires_ns = expires_ns;
  return MakeSpec({policy});
}

class RemedyAnswerTest : public ::testing::Test {
 protected:
  explicit RemedyAnswerTest(PipelineSpec spec = Asking()) : world(std::move(spec)) {
    finding = world.Open("payments");
    world.Run(2 * kSecond);
    first = Waiting();
  }
  Decision Waiting() {
    const std::vector<const Decision*> all = world.engine->AwaitingApproval();
    return all.empty() ? Decision() : *all[0];
  }
  std::string Refused(const Decision& decision, const Engine::Answer& answer = {}) {
    const Status status = world.engine->Approve(decision.id, "user:anna", answer);
    EXPECT_FALSE(status);
    return status ? "" : status.error().message;
  }
  std::string LastOutcome() {
    return world.told.outcomes.empty() ? "" : world.told.outcomes.back().detail;
  }
  World world;
  Finding finding;
  Decision first;
};

TEST_F(RemedyAnswerTest, NamesThePlanThatWasSeen) {
  const Status other = world.engine->Approve(first.id, "user:anna", {"cli", std::string(64, 'a')});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kConflict);
  EXPECT_THAT(other.error().message,
              AllOf(HasSubstr("the plan that you saw (aaaaaaaaaaaa)"),
                    HasSubstr("restart payments on payments (" + first.plan_hash.substr(0, 12))));
  EXPECT_FALSE(world.engine->Deny(first.id, "user:anna", {"cli", std::string(64, 'a')}));
  EXPECT_EQ(Waiting().id, first.id) << "a mistake uses nothing up";
  EXPECT_TRUE(world.engine->Approve(first.id, "user:anna", {"cli", first.plan_hash}));
}

TEST_F(RemedyAnswerTest, RecordsWhoAndHow) {
  ASSERT_TRUE(world.engine->Approve(first.id, "user:anna", {"cli", {}}));
  world.Run(2 * kSecond);
  const Chain chain = world.ChainOf(1);
  EXPECT_EQ(chain.decisions[0].actor, "user:anna");
  EXPECT_EQ(chain.decisions[0].via, "cli");
  EXPECT_EQ(chain.decisions[0].expires_ns, first.expires_ns);
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("approved by user:anna (cli)")));
  for (const AuditEvent& event : chain.events)
    if (event.kind == "approval.given") {
      EXPECT_EQ(event.actor, "user:anna");
      EXPECT_THAT(event.detail, AllOf(HasSubstr(R"("via":"cli")"), HasSubstr(first.plan_hash)));
    }
  EXPECT_THAT(world.Kinds(1), Contains("approval.given"));
}

TEST_F(RemedyAnswerTest, ADenialIsRecordedAsWell) {
  ASSERT_TRUE(world.engine->Deny(first.id, "link:slack/ben", {"link", first.plan_hash}));
  const Decision denied = world.ChainOf(1).decisions[0];
  EXPECT_EQ(denied.verdict, DecisionVerdict::kRefused);
  EXPECT_EQ(denied.actor, "link:slack/ben");
  EXPECT_EQ(denied.via, "link");
  EXPECT_EQ(denied.guards.back().reason, "denied by link:slack/ben");
  EXPECT_THAT(Refused(first), HasSubstr("awaits approval: denied by link:slack/ben"));
}

TEST_F(RemedyAnswerTest, OfTwoAtOnceOneIsFirst) {
  EXPECT_TRUE(world.engine->Approve(first.id, "user:anna", {"cli", first.plan_hash}));
  const Status second = world.engine->Deny(first.id, "user:ben", {"dashboard", first.plan_hash});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr("approved by user:anna (cli)"));
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST_F(RemedyAnswerTest, IsUsedUpAlsoAfterARestart) {
  ASSERT_TRUE(world.engine->Approve(first.id, "user:anna", {"cli", {}}));
  world.Run(2 * kSecond);
  world.Restart();
  EXPECT_THAT(Refused(first), HasSubstr("approved by user:anna (cli)"));
  EXPECT_EQ(world.gateway.executes, 1);
}

TEST_F(RemedyAnswerTest, TooLateSaysSoAndWhatIsAskedNow) {
  world.Run(15 * kMinute);
  EXPECT_THAT(Refused(first),
              AllOf(HasSubstr("nobody answered within 15m: it has expired at 00:15:00 UTC"),
                    HasSubstr("it is asked again as " + Waiting().id + ": restart payments")));
  EXPECT_NE(Waiting().expires_ns, first.expires_ns);
}

TEST_F(RemedyAnswerTest, TheDeadlineIsNotBegunAnewByARestart) {
  world.Run(10 * kMinute);
  world.Restart();
  EXPECT_EQ(Waiting().id, first.id);
  EXPECT_EQ(Waiting().expires_ns, first.expires_ns);
  finding = world.Open("payments");
  world.Run(4 * kMinute);
  EXPECT_EQ(Waiting().id, first.id);
  world.Run(kMinute);
  EXPECT_NE(Waiting().id, first.id);
  EXPECT_THAT(Refused(first), HasSubstr("it has expired"));
  world.Restart();
  EXPECT_THAT(Refused(first), HasSubstr("it has expired")) << "known from the journal";
}

TEST_F(RemedyAnswerTest, ExpiredWhileTheAgentWasAway) {
  world.Restart();
  world.clock.Set(first.expires_ns);
  EXPECT_THAT(Refused(first), HasSubstr("it has expired"));
  EXPECT_EQ(world.gateway.executes, 0);
}

TEST_F(RemedyAnswerTest, EndsWithItsTimeAlsoWhereItWasGivenAndNotYetUsed) {
  world.gateway.latency_ns = 20 * kMinute;  // the action thinks for long
  ASSERT_TRUE(world.engine->Approve(first.id, "user:anna", {"cli", first.plan_hash}));
  world.Run(21 * kMinute);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(LastOutcome(), HasSubstr("the approval by user:anna (cli) has expired at 00:15:00 "
                                       "UTC, before it could be done"));
}

TEST_F(RemedyAnswerTest, DoesNotHoldForAnotherConfigOfTheAction) {
  PipelineSpec changed = world.spec;
  changed.nodes.back().config = Value(Value::Map{{"body", "{\"replicas\": 0}"}});
  world.engine->SetPolicies(changed);
  EXPECT_THAT(Refused(first, {"cli", first.plan_hash}),
              HasSubstr("withdrawn: the config of action 'restart' has changed since it was asked "
                        "for"));
  world.Run(kMinute);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_NE(Waiting().plan_hash, first.plan_hash) << "asked anew";
}

TEST_F(RemedyAnswerTest, DoesNotHoldWhereTheConfigChangesBetweenYesAndCall) {
  ASSERT_TRUE(world.engine->Approve(first.id, "user:anna", {"cli", first.plan_hash}));
  PipelineSpec changed = world.spec;
  changed.nodes.back().config = Value(Value::Map{{"body", "{\"replicas\": 0}"}});
  world.engine->SetPolicies(changed);
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(LastOutcome(),
              HasSubstr("the config of action 'restart' has changed since user:anna (cli)"));
}

TEST_F(RemedyAnswerTest, DoesNotHoldForAnotherTargetOfTheSameName) {
  world.gateway.targets["payments"].uid = "c2";
  ASSERT_TRUE(world.engine->Approve(first.id, "user:anna", {"cli", first.plan_hash}));
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(LastOutcome(), HasSubstr("since user:anna (cli) approved it: the target is another "
                                       "one: it was c1/payments, it is c2/payments"));
  EXPECT_NE(Waiting().plan_hash, first.plan_hash);
}

TEST_F(RemedyAnswerTest, DoesNotHoldForATargetThatWasChanged) {
  world.gateway.targets["payments"].before = R"({"resourceVersion":"2"})";
  ASSERT_TRUE(world.engine->Approve(first.id, "user:anna", {"cli", first.plan_hash}));
  world.Run(2 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(LastOutcome(), HasSubstr("the target was changed in between"));
}

TEST_F(RemedyAnswerTest, IsLookedAtAgainBeforeTheCall) {
  world.gateway.latency_ns = 5 * kSecond;
  ASSERT_TRUE(world.engine->Approve(first.id, "user:anna", {"cli", first.plan_hash}));
  world.Run(kSecond);
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:ben"));
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(LastOutcome(), HasSubstr("switched off by user:ben"));
}

TEST_F(RemedyAnswerTest, ASilenceInBetweenHoldsItBack) {
  world.gateway.latency_ns = 5 * kSecond;
  ASSERT_TRUE(world.engine->Approve(first.id, "user:anna", {"cli", first.plan_hash}));
  world.Run(kSecond);
  ASSERT_TRUE(world.engine->AddSilence({*Matcher::Parse("service=payments")},
                                       world.clock.NowNs() + kHour, "user:ben", "deploy"));
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(LastOutcome(), HasSubstr("by user:ben (deploy)"));
}

TEST_F(RemedyAnswerTest, ToAnUnknownDecisionIsNoConflict) {
  const Status status = world.engine->Approve("nosuch", "user:anna");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kNotFound);
}

class RemedyShortAnswerTest : public RemedyAnswerTest {
 protected:
  RemedyShortAnswerTest() : RemedyAnswerTest(Asking(kMinute)) {}
};

TEST_F(RemedyShortAnswerTest, APolicyHasAnExpiryOfItsOwn) {
  EXPECT_EQ(first.expires_ns, first.ts_ns + kMinute);
  EXPECT_THAT(world.told.lines.back(),
              AllOf(HasSubstr("awaits approval until 00:01:00 UTC"),
                    HasSubstr("(heald approve " + first.id.substr(0, 8) + ")")));
  world.Run(kMinute);
  EXPECT_THAT(Refused(first), HasSubstr("nobody answered within 1m"));
}

TEST_F(RemedyShortAnswerTest, WhatIsAskedKeepsTheTimeThatItWasToldWith) {
  world.engine->SetPolicies(Asking(kHour));
  world.Run(kSecond);
  EXPECT_EQ(Waiting().expires_ns, first.expires_ns);
  world.Run(kMinute);
  EXPECT_EQ(Waiting().expires_ns, Waiting().ts_ns + kHour);
}

}  // namespace
}  // namespace heald::remedy
