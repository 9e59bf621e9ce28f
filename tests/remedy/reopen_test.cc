// What begins again shortly after it was over is the same incident.
#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kWithin = 5 * kMinute;  // as by default

size_t Count(const std::vector<std::string>& lines, const std::string& part) {
  return static_cast<size_t>(
      std::count_if(lines.begin(), lines.end(),
                    [&](const std::string& line) { return line.find(part) != std::string::npos; }));
}

PolicySpec Shadow() {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kShadow;
  return policy;
}

void Blink(World& world, int64_t open_ns = 2 * kSecond) {
  const Finding finding = world.Open("payments");
  world.Run(open_ns);
  world.Clear(finding);
  world.Run(2 * kSecond);
}

TEST(RemedyReopenTest, WhatBeginsAgainOpensTheSameIncident) {
  World world(MakeSpec({Shadow()}));
  Blink(world);
  EXPECT_THAT(world.engine->incidents().all(), IsEmpty());
  world.Run(kMinute);
  world.told.Forget();
  world.Open("payments");
  ASSERT_THAT(world.engine->incidents().all(), SizeIs(1));
  const Incident& incident = world.engine->incidents().all().begin()->second->incident;
  EXPECT_EQ(incident.id, 1u);
  EXPECT_EQ(incident.reopened, 1u);
  EXPECT_EQ(Count(world.told.loud, "incident #1  began again within 5m of its end"), 1u);
  const Chain chain = world.ChainOf(1);
  EXPECT_EQ(chain.incident.state, IncidentState::kOpen);
  EXPECT_EQ(chain.incident.closed_ns, 0);
  EXPECT_EQ(chain.incident.resolution, Resolution::kNone);
  EXPECT_EQ(chain.incident.reopened, 1u);
  EXPECT_EQ(world.Kinds(1).back(), "incident.reopened");
}

TEST(RemedyReopenTest, ItTellsOnceAndIsOverWhenItHasBeenQuiet) {
  World world(MakeSpec({Shadow()}));
  for (int i = 0; i < 20; ++i) Blink(world);
  EXPECT_EQ(Count(world.told.loud, "incident #1  payments"), 1u);
  EXPECT_EQ(Count(world.told.loud, "began again"), 1u);
  EXPECT_EQ(Count(world.told.loud, "resolved"), 1u);
  EXPECT_EQ(Count(world.told.loud, "shadow"), 1u);
  EXPECT_THAT(world.engine->incidents().all(), SizeIs(1));
  const int64_t cleared_ns = world.clock.NowNs() - 2 * kSecond;
  world.Run(kWithin - 3 * kSecond);
  EXPECT_THAT(world.engine->incidents().all(), SizeIs(1));
  world.Run(2 * kSecond);
  EXPECT_THAT(world.engine->incidents().all(), IsEmpty());
  EXPECT_THAT(world.told.loud.back(), HasSubstr("and quiet for 5 min"));
  EXPECT_THAT(world.told.loud.back(), HasSubstr("begun again 19 times"));
  EXPECT_EQ(world.ChainOf(1).incident.closed_ns, cleared_ns) << "the wait was no part of it";
  EXPECT_EQ(world.ChainOf(1).incident.resolution, Resolution::kByItself);
  // Quiet for so long already: another one.
  world.Run(kSecond);
  world.Open("payments");
  EXPECT_TRUE(world.engine->incidents().all().contains(2));
}

TEST(RemedyReopenTest, AttemptsAndCooldownGoOn) {
  PolicySpec policy = MakePolicy();
  policy.guard.cooldown_ns = 2 * kMinute;
  World world(MakeSpec({policy}));
  Blink(world);
  ASSERT_EQ(world.ChainOf(1).incident.resolution, Resolution::kHealed);
  world.Open("payments");
  world.Run(kMinute);
  EXPECT_EQ(world.gateway.targets["payments"].executed, 1);
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("cooldown")));
  EXPECT_EQ(world.ChainOf(1).incident.healed_by, "") << "it didn't last";
  world.Run(2 * kMinute);
  EXPECT_EQ(world.gateway.targets["payments"].executed, 2);
  const Chain chain = world.ChainOf(1);
  ASSERT_THAT(chain.executions, SizeIs(2));
  EXPECT_EQ(chain.executions[0].attempt, 1u);
  EXPECT_EQ(chain.executions[1].attempt, 2u);
}

TEST(RemedyReopenTest, AChainGoesOnWithItsNextStep) {
  PolicySpec policy = MakePolicy();
  policy.verify_within_ns = 10 * kSecond;
  for (const char* action : {"restart", "scale"}) {
    StepSpec step;
    step.action = action;
    step.verify_within_ns = 10 * kSecond;
    step.guard = policy.guard;
    step.own.cooldown_ns = kSecond;
    policy.steps.push_back(step);
  }
  policy.steps[1].own.for_ns = policy.steps[1].guard.for_ns = 30 * kSecond;
  World world(MakeSpec({policy}));
  const Finding finding = world.Open("payments");
  world.Run(20 * kSecond);  // the first step has failed, the second waits
  world.Clear(finding);
  world.Run(kSecond);
  ASSERT_THAT(world.engine->incidents().all(), IsEmpty());
  world.Open("payments");
  world.Run(40 * kSecond);
  EXPECT_THAT(world.gateway.calls, ::testing::ElementsAre("restart", "scale"));
}

TEST(RemedyReopenTest, ARepairThatDoesNotLastCallsAPersonOnce) {
  PolicySpec policy = MakePolicy();
  policy.guard.cooldown_ns = kSecond;
  policy.guard.max_per_hour = 0;
  World world(MakeSpec({policy}));
  Blink(world);
  EXPECT_EQ(Count(world.told.loud, "needs a person"), 0u);
  for (int i = 0; i < 5; ++i) Blink(world);
  EXPECT_GE(world.gateway.targets["payments"].executed, 4);
  EXPECT_EQ(Count(world.told.loud, "needs a person"), 1u);
  EXPECT_EQ(Count(world.told.loud, "helped, but what was healed before began again within 5m"), 1u);
  EXPECT_TRUE(world.ChainOf(1).incident.needed_person);
}

TEST(RemedyReopenTest, PeopleAreCalledAnewAfterTheyWereToldThatItIsOver) {
  PolicySpec policy = MakePolicy();
  policy.action = "alert";
  policy.guard.cooldown_ns = kSecond;
  policy.guard.max_per_hour = 0;
  World world(MakeSpec({policy}));
  for (int i = 0; i < 5; ++i) Blink(world);
  EXPECT_EQ(Count(world.told.loud, "verified: people were told"), 2u);
}

TEST(RemedyReopenTest, APolicyThatWasAwayMeanwhileMakesNoAttemptTwice) {
  PolicySpec policy = MakePolicy();
  policy.guard.cooldown_ns = kSecond;
  PipelineSpec without = MakeSpec({policy});
  without.policies[0].enabled = false;
  World world(MakeSpec({policy}));
  Blink(world);
  world.engine->SetPolicies(without);
  const Finding finding = world.Open("payments");
  world.Run(kSecond);
  for (int i = 0; i < 2; ++i) {
    world.engine->SetPolicies(MakeSpec({policy}));
    world.Run(3 * kMinute);
    world.engine->SetPolicies(without);
    world.Run(3 * kMinute);
  }
  std::set<uint32_t> attempts;
  for (const Execution& execution : world.ChainOf(1).executions)
    EXPECT_TRUE(attempts.insert(execution.attempt).second);
  EXPECT_GE(attempts.size(), 3u);
  for (const auto& [decision, calls] : world.gateway.by_decision) EXPECT_EQ(calls, 1);
}

TEST(RemedyReopenTest, ANoHoldsOn) {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kApprove;
  World world(MakeSpec({policy}));
  const Finding finding = world.Open("payments");
  world.Run(kSecond);
  ASSERT_THAT(world.engine->AwaitingApproval(), SizeIs(1));
  ASSERT_TRUE(world.engine->Deny(world.engine->AwaitingApproval()[0]->id, "user:anna"));
  world.Clear(finding);
  world.Run(kSecond);
  ASSERT_THAT(world.engine->incidents().all(), IsEmpty());
  world.Open("payments");
  world.Run(10 * kSecond);
  EXPECT_THAT(world.engine->AwaitingApproval(), IsEmpty());
}

TEST(RemedyReopenTest, AQuestionThatItsEndTookBackIsAskedAgain) {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kApprove;
  World world(MakeSpec({policy}));
  Blink(world);
  world.Open("payments");
  world.Run(kSecond);
  ASSERT_THAT(world.engine->AwaitingApproval(), SizeIs(1));
  EXPECT_EQ(world.engine->AwaitingApproval()[0]->attempt, 2u);
}

TEST(RemedyReopenTest, IsKnownAfterARestart) {
  World world(MakeSpec({Shadow()}));
  Blink(world);
  world.Restart();
  Blink(world);
  EXPECT_EQ(world.ChainOf(1).incident.reopened, 1u);
  world.Restart();
  world.Run(kMinute);
  Blink(world);
  EXPECT_EQ(world.ChainOf(1).incident.reopened, 2u);
  EXPECT_EQ(world.ChainOf(1).incident.closed_ns, 0) << "it may begin again";
  world.Run(kWithin);
  EXPECT_NE(world.ChainOf(1).incident.closed_ns, 0);
}

TEST(RemedyReopenTest, AnotherFaultOfTheTargetIsAnotherIncident) {
  World world(MakeSpec({Shadow()}));
  Blink(world);
  Finding other = world.Make("payments");
  other.metric = "error_rate";
  world.engine->OnFinding(other);
  EXPECT_TRUE(world.engine->incidents().all().contains(2));
}

TEST(RemedyReopenTest, LaterIsANewIncidentAndZeroIsNever) {
  World world(MakeSpec({Shadow()}));
  Blink(world);
  world.Run(kWithin);
  Blink(world);
  EXPECT_EQ(world.ChainOf(2).incident.reopened, 0u);
  PipelineSpec never = MakeSpec({Shadow()});
  never.agent.reopen_within_ns = 0;
  world.engine->SetPolicies(never);
  Blink(world);
  Blink(world);
  EXPECT_EQ(world.ChainOf(4).incident.id, 4u);
  EXPECT_THAT(world.told.loud, Not(Contains(HasSubstr("began again"))));
}

}  // namespace
}  // namespace heald::remedy
