// What begins again shortly after it was over is the same incident.
#include "tests/remedy/specs.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kWithin = 5 * kMinute;  // as by default

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

TEST(RemedyReopenTest, ItSaysWhatBeganAgain) {
  World world(MakeSpec({Shadow()}));
  const Finding slow = world.Open("payments");
  Finding failing = world.Make("payments", Severity::kWarning);
  failing.metric = "error_rate";
  world.engine->OnFinding(failing);
  world.Clear(failing);
  world.Clear(slow);
  world.Run(kMinute);
  failing.id += "again";
  failing.ts_ns = failing.began_ns = world.clock.NowNs();
  world.engine->OnFinding(failing);
  EXPECT_EQ(Count(world.told.loud, "quiet for 5m: payments  error_rate"), 1u);
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
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale"));
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
  EXPECT_EQ(Count(world.told.loud, "restart payments helped, but it began again within 5m"), 1u);
  EXPECT_TRUE(world.ChainOf(1).incident.needed_person);
}

// Its undo waited while the fault went away for a moment.
TEST(RemedyReopenTest, AnUndoThatIsNoLongerNeededHoldsNoAttempt) {
  PolicySpec policy = MakePolicy();
  policy.guard.cooldown_ns = kSecond;
  policy.guard.max_per_hour = 0;
  policy.undo.on_failure = true;
  World world(MakeSpec({policy}));
  FakeGateway::Target& target = world.gateway.targets["payments"];
  target.reversible = true;
  Blink(world, 5 * kSecond);
  ASSERT_EQ(target.executed, 1);
  const Finding finding = world.Open("payments");
  world.Run(kMinute);
  ASSERT_EQ(target.executed, 2);
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  world.Run(2 * kMinute);
  ASSERT_THAT(world.engine->undos(), SizeIs(1));
  world.Clear(finding);
  world.Run(2 * kSecond);
  EXPECT_THAT(world.engine->undos(), IsEmpty());
  EXPECT_EQ(world.ChainOf(1).executions.back().progress.undo.state, UndoState::kDropped);
  ASSERT_TRUE(world.engine->SetSwitch(true, "user:anna"));
  world.Open("payments");
  world.Run(kMinute);
  EXPECT_EQ(target.executed, 3);
}

// Each of which helps, and not for long.
PipelineSpec RestartThenScale() {
  PolicySpec policy = MakePolicy();
  policy.guard.max_per_hour = 0;
  policy.guard.cooldown_ns = kSecond;
  return TwoSteps(policy, 10 * kSecond, "scale");
}

TEST(RemedyReopenTest, ARepairThatDoesNotLastMakesWayForTheNextStep) {
  World world(RestartThenScale());
  Blink(world);
  Blink(world);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale"));
  EXPECT_EQ(Count(world.told.loud, "goes on with step 2 of 2, scale"), 1u);
  EXPECT_EQ(Count(world.told.loud, "needs a person"), 0u);
  Blink(world);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale", "restart"));
  EXPECT_EQ(Count(world.told.loud,
                  "scale payments helped, but it began again within 5m; all 2 "
                  "steps were tried"),
            1u);
}

TEST(RemedyReopenTest, AndSoAfterARestart) {
  World world(RestartThenScale());
  Blink(world);
  world.Restart();
  Finding finding = world.Open("payments");
  world.Run(200 * kMillisecond);  // step 2 was called
  world.Restart();
  world.Run(10 * kSecond);
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale"));
  world.Restart();
  Blink(world);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale", "restart"));
}

TEST(RemedyReopenTest, ARepairThatLastedBeginsAnew) {
  PipelineSpec spec = RestartThenScale();
  World world(spec);
  Blink(world);
  world.Run(kWithin);
  Blink(world);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "restart"));
}

PolicySpec RestartsAtOnce() {
  PolicySpec policy = MakePolicy();
  policy.guard.cooldown_ns = kSecond;
  policy.guard.max_per_hour = 0;
  return policy;
}

TEST(RemedyReopenTest, WhatDidNotLastCountsAsFailedButOpensNoBreaker) {
  PolicySpec policy = RestartsAtOnce();
  policy.guard.breaker = {2, kHour};
  policy.guard.demote = {3, 5};
  World world(MakeSpec({policy}));
  for (int i = 0; i < 3; ++i) Blink(world);
  const std::vector<Execution> done = world.ChainOf(1).executions;
  ASSERT_THAT(done, SizeIs(3)) << "without it all would be worse";
  EXPECT_EQ(done[1].progress.proof, Proof::kDidNotLast);
  EXPECT_EQ(done[2].progress.proof, Proof::kPlain) << "nobody knows yet";
  EXPECT_EQ(ModeNow(world), Mode::kEnforce);
  const auto efficacy = ReadEfficacy(world.store.get(), 0, [](std::string_view) { return false; });
  ASSERT_TRUE(efficacy);
  EXPECT_EQ(efficacy->at("latency").failed, 2u);
  EXPECT_EQ(efficacy->at("latency").verified, 1u);
  EXPECT_DOUBLE_EQ(efficacy->at("latency").success_ratio, 1.0 / 3);
  world.Open("payments");
  world.Run(kSecond);
  EXPECT_EQ(ModeNow(world), Mode::kApprove);
  EXPECT_EQ(Count(world.told.loud, "3 of its last 3 executions failed or didn't last"), 1u);
}

TEST(RemedyReopenTest, ThatIsKnownAfterARestart) {
  PolicySpec policy = RestartsAtOnce();
  policy.guard.demote = {3, 5};
  World world(MakeSpec({policy}));
  for (int i = 0; i < 3; ++i) Blink(world);
  world.Restart();
  world.Open("payments");
  world.Run(kSecond);
  EXPECT_EQ(ModeNow(world), Mode::kApprove);
}

TEST(RemedyReopenTest, WhatHealdTookBackItselfLastedUntilThen) {
  PipelineSpec spec = RestartThenScale();
  spec.policies[0].steps[0].undo.after_ns = 30 * kSecond;
  World world(spec);
  world.gateway.targets["payments"].reversible = true;
  Blink(world);
  world.Run(kMinute);
  Blink(world);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "undo restart", "restart"));
}

TEST(RemedyReopenTest, WhatBeginsUnderASilenceSpeaksAgainstNoRepair) {
  World world(RestartThenScale());
  Blink(world);
  ASSERT_TRUE(world.engine->AddSilence({*Matcher::Parse("service=payments")},
                                       world.clock.NowNs() + kMinute, "user:anna", "deploy"));
  world.Open("payments");
  world.Run(2 * kMinute);
  ASSERT_GE(world.gateway.calls.size(), 2u);
  EXPECT_EQ(world.gateway.calls[1], "restart");
  EXPECT_EQ(world.ChainOf(1).executions[0].progress.proof, Proof::kPlain);
}

TEST(RemedyReopenTest, TimesAreOfWhatIsWrongNow) {
  PolicySpec policy = MakePolicy();
  policy.guard.cooldown_ns = kSecond;
  World world(MakeSpec({policy}));
  Blink(world);
  world.Run(2 * kMinute);
  world.told.Forget();
  Blink(world);
  EXPECT_EQ(Count(world.told.loud, "Healed 4 s after it began"), 1u)
      << ::testing::PrintToString(world.told.loud);
  const auto efficacy = ReadEfficacy(world.store.get(), 0, [](std::string_view) { return false; });
  ASSERT_TRUE(efficacy);
  EXPECT_LT(efficacy->at("latency").recover_p90_ns, 10 * kSecond);
}

TEST(RemedyReopenTest, OneThatBlinksIsAskedAboutOnce) {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kApprove;
  World world(MakeSpec({policy}));
  for (int i = 0; i < 10; ++i) Blink(world);
  EXPECT_EQ(Count(world.told.loud, "awaits approval"), 2u) << "before it was known to blink, too";
  ASSERT_THAT(world.engine->AwaitingApproval(), SizeIs(1));
  const std::string id = world.engine->AwaitingApproval()[0]->id;
  const Status too_soon = world.engine->Approve(id, "user:anna");
  ASSERT_FALSE(too_soon) << "there is nothing to repair now";
  EXPECT_THAT(too_soon.error().message, HasSubstr("still awaits approval"));
  const Finding finding = world.Open("payments");
  world.Run(kSecond);
  ASSERT_TRUE(world.engine->Approve(id, "user:anna"));
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.targets["payments"].executed, 1);
}

TEST(RemedyReopenTest, ItsQuestionCanBeAnsweredAfterARestart) {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kApprove;
  World world(MakeSpec({policy}));
  for (int i = 0; i < 4; ++i) Blink(world);
  ASSERT_THAT(world.engine->AwaitingApproval(), SizeIs(1));
  const std::string id = world.engine->AwaitingApproval()[0]->id;
  world.Restart();
  world.Open("payments");
  world.Run(kSecond);
  const Status answered = world.engine->Approve(id, "user:anna");
  ASSERT_TRUE(answered) << answered.error().message;
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.targets["payments"].executed, 1);
}

TEST(RemedyReopenTest, AQuestionEndsWithItsIncident) {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kApprove;
  policy.approval_expires_ns = kHour;
  World world(MakeSpec({policy}));
  for (int i = 0; i < 3; ++i) Blink(world);
  ASSERT_THAT(world.engine->AwaitingApproval(), SizeIs(1));
  world.Run(kWithin);
  EXPECT_THAT(world.engine->AwaitingApproval(), IsEmpty());
  EXPECT_THAT(world.engine->incidents().all(), IsEmpty());
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

// Pods of one service: another one each time.
TEST(RemedyReopenTest, MembersOfTheTargetAreTheSame) {
  PipelineSpec spec = RestartThenScale();
  spec.agent.group_by = {"service"};
  World world(spec);
  for (int i = 0; i < 2; ++i) {
    Finding finding = world.Make("payments");
    finding.target.Set("pod", "payments-" + std::to_string(i));
    world.engine->OnFinding(finding);
    world.Run(2 * kSecond);
    world.Clear(finding);
    world.Run(2 * kSecond);
  }
  EXPECT_EQ(world.ChainOf(1).incident.reopened, 1u);
}

TEST(RemedyReopenTest, AQuestionMakesWayForWhatElseIsWrong) {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kApprove;
  PipelineSpec spec = MakeSpec({policy});
  spec.agent.group_by = {"service"};
  World world(spec);
  for (int i = 0; i < 3; ++i) Blink(world);
  ASSERT_THAT(world.engine->AwaitingApproval(), SizeIs(1));
  const std::string first = world.engine->AwaitingApproval()[0]->id;
  Finding other = world.Make("payments");
  other.metric = "error_rate";
  world.engine->OnFinding(other);
  world.Run(kSecond);
  ASSERT_THAT(world.engine->AwaitingApproval(), SizeIs(1));
  const std::string second = world.engine->AwaitingApproval()[0]->id;
  EXPECT_NE(second, first);
  EXPECT_TRUE(world.engine->Approve(second, "user:anna"));
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
