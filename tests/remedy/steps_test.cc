// Escalation from step to step: whose turn it is, what bounds it, and what survives a crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/remedy/measures.h"
#include "tests/remedy/specs.h"
#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

StepSpec MakeStep(const std::string& action) {
  StepSpec step;
  step.action = action;
  step.verify_within_ns = kMinute;
  return step;
}

PipelineSpec Chain3(std::vector<std::string> actions) {
  PolicySpec policy = MakePolicy();
  policy.guard.max_per_hour = 0;
  for (const std::string& action : actions) {
    StepSpec step = MakeStep(action);
    step.guard = policy.guard;
    policy.steps.push_back(step);
  }
  policy.action = policy.steps[0].action;
  PipelineSpec spec = MakeSpec({policy});
  for (const char* name : {"scale_out", "rollback"}) {
    NodeSpec node = spec.nodes.back();
    node.name = name;
    spec.nodes.push_back(node);
  }
  return spec;
}

TEST(RemedyStepsTest, GoesFromStepToStepUntilOneHeals) {
  World world(Chain3({"restart", "scale_out", "rollback", "alert"}));
  const Finding finding = world.Open("payments");
  world.Run(90 * kSecond);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale_out"));
  EXPECT_NE(world.ChainOf(1).incident.state, IncidentState::kEscalated);
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("goes on with step 2 of 4, scale_out")));
  const Chain chain = world.ChainOf(1);
  ASSERT_THAT(chain.executions, SizeIs(2));
  EXPECT_EQ(chain.executions[1].step, 2u);
  EXPECT_NE(chain.decisions[0].id, chain.decisions[1].id);
  EXPECT_NE(chain.decisions[0].plan_hash, chain.decisions[1].plan_hash);
  EXPECT_EQ(chain.decisions[0].next_step, 2u);
}

TEST(RemedyStepsTest, AfterTheLastAPersonIsNeededAndTheAlertEndsIt) {
  World world(Chain3({"restart", "scale_out"}));
  world.Open("payments");
  world.Run(3 * kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale_out"));
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("needs a person")));
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kEscalated);

  World told(Chain3({"restart", "alert"}));
  told.Open("payments");
  told.Run(20 * kMinute);
  EXPECT_THAT(told.gateway.calls, ElementsAre("restart")) << "the alert was the end of it";
  EXPECT_EQ(told.ChainOf(1).incident.state, IncidentState::kEscalated);
  EXPECT_THAT(told.told.lines,
              Contains(HasSubstr("needs a person: the 1 step of policy latency before didn't help"))
                  .Times(1));
}

TEST(RemedyStepsTest, ThePlaceInTheChainSurvivesACrashAtAnyTime) {
  World world(Chain3({"restart", "scale_out", "rollback"}));
  world.Open("payments");
  for (int second = 0; second < 150; second += 3) {
    world.Run(3 * kSecond);
    world.Restart();
    world.Open("payments");
  }
  world.Run(3 * kMinute);
  ASSERT_GE(world.gateway.calls.size(), 3u);
  world.gateway.calls.resize(3);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale_out", "rollback"));
  for (const auto& [decision, count] : world.gateway.by_decision) EXPECT_EQ(count, 1);
}

TEST(RemedyStepsTest, AStepWaitsForItsOwnLimitOrIsPassedOver) {
  for (const bool skip : {false, true}) {
    PipelineSpec spec = Chain3({"restart", "scale_out", "rollback"});
    spec.policies[0].steps[1].own.excluded =
        spec.policies[0].steps[1].guard.excluded = {"payments"};
    spec.policies[0].steps[1].skip_refused = skip;
    World world(spec);
    world.Open("payments");
    world.Run(90 * kSecond);
    if (skip)
      EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "rollback"));
    else
      EXPECT_THAT(world.gateway.calls, ElementsAre("restart"));
    EXPECT_THAT(world.Refusals(), Contains(HasSubstr("excluded: ")));
    EXPECT_THAT(world.told.lines, Contains(HasSubstr("(step 2 of 3)")));
  }
}

TEST(RemedyStepsTest, ThePauseBetweenRoundsIsNotPassedOver) {
  PipelineSpec spec = Chain3({"restart", "scale_out"});
  PolicySpec& policy = spec.policies[0];
  policy.guard.cooldown_ns = 30 * kMinute;
  policy.guard.breaker.failures = 0;
  policy.guard.demote.failures = 0;
  for (StepSpec& step : policy.steps) {
    step.guard = policy.guard;
    step.skip_refused = true;
  }
  policy.steps[0].own.max_per_hour = 1;
  World world(spec);
  world.Open("payments");
  world.Run(30 * kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale_out"));
  world.Run(5 * kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale_out", "scale_out"))
      << "in the next round the step's own limit is passed over";
}

TEST(RemedyStepsTest, ThePauseBetweenRoundsIsKeptByAStepThatCannotBePlanned) {
  PipelineSpec spec = Chain3({"scale_out", "restart"});
  PolicySpec& policy = spec.policies[0];
  policy.guard.cooldown_ns = kHour;
  policy.guard.breaker.failures = 0;
  policy.guard.demote.failures = 0;
  for (StepSpec& step : policy.steps) {
    step.guard = policy.guard;
    step.skip_refused = true;
  }
  policy.steps[0].canary.set = true;  // of a target with a single member
  World world(spec);
  world.Open("payments");
  world.Run(50 * kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart"));
  world.Run(15 * kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "restart"));
}

TEST(RemedyStepsTest, AStepsOwnLimitsCountThatStepAlone) {
  PipelineSpec spec = Chain3({"restart", "scale_out"});
  spec.policies[0].steps[1].own.max_per_hour = 1;
  spec.policies[0].guard.breaker.failures = 0;
  for (StepSpec& step : spec.policies[0].steps) step.guard.breaker.failures = 0;
  World world(spec);
  world.Open("payments");
  world.Run(20 * kMinute);
  int scaled = 0;
  for (const std::string& call : world.gateway.calls) scaled += call == "scale_out" ? 1 : 0;
  EXPECT_EQ(scaled, 1);
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("max_per_hour: 1 action of step 2 of latency")));
}

TEST(RemedyStepsTest, UndoesWhatDidNotHelpBeforeTheNextStep) {
  World world(Chain3({"scale_out", "restart"}));
  world.gateway.targets["payments"].reversible = true;
  world.Open("payments");
  world.Run(90 * kSecond);
  EXPECT_THAT(world.gateway.calls, ElementsAre("scale_out", "undo scale_out", "restart"));
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kUndone);
  EXPECT_THAT(world.Kinds(1), Contains("undo.planned"));
  EXPECT_THAT(world.Kinds(1), Contains("undo.issued"));
  EXPECT_THAT(world.Kinds(1), Contains("undo.done"));
}

TEST(RemedyStepsTest, DoesNotUndoWhatItMayNotOrCannot) {
  World irreversible(Chain3({"scale_out", "restart"}));
  irreversible.Open("payments");
  irreversible.Run(90 * kSecond);
  EXPECT_THAT(irreversible.gateway.calls, ElementsAre("scale_out", "restart"));

  PipelineSpec spec = Chain3({"scale_out", "restart"});
  spec.policies[0].steps[0].undo.on_failure = false;
  World kept(spec);
  kept.gateway.targets["payments"].reversible = true;
  kept.Open("payments");
  kept.Run(90 * kSecond);
  EXPECT_THAT(kept.gateway.calls, ElementsAre("scale_out", "restart"));
}

TEST(RemedyStepsTest, TheSwitchHoldsAnUndoWhichStaysDue) {
  World world(Chain3({"scale_out", "restart"}));
  world.gateway.targets["payments"].reversible = true;
  world.Open("payments");
  world.Run(30 * kSecond);
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  world.Run(2 * kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("scale_out"));
  ASSERT_THAT(world.engine->undos(), SizeIs(1));
  EXPECT_THAT(world.engine->undos()[0]->undo().detail, HasSubstr("switched off by user:anna"));
  world.Restart();
  world.Open("payments");
  world.Run(10 * kSecond);
  ASSERT_THAT(world.engine->undos(), SizeIs(1)) << "also over a restart";
  ASSERT_TRUE(world.engine->SetSwitch(true, "user:anna"));
  world.Run(10 * kSecond);
  EXPECT_THAT(world.gateway.calls, ElementsAre("scale_out", "undo scale_out", "restart"));
}

PipelineSpec Later(int64_t after_ns) {
  PipelineSpec spec = Chain3({"scale_out"});
  spec.policies[0].steps[0].undo.after_ns = after_ns;
  return spec;
}

TEST(RemedyStepsTest, TakesBackWhatHealedWhenItsTimeHasComeAlsoAfterARestart) {
  World world(Later(30 * kMinute));
  world.gateway.targets["payments"].reversible = true;
  const Finding finding = world.Open("payments");
  world.Run(2 * kSecond);
  world.Clear(finding);
  world.Run(kMinute);
  ASSERT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
  world.Restart();
  world.Run(28 * kMinute);
  EXPECT_THAT(world.gateway.calls, ElementsAre("scale_out"));
  Finding again = world.Make("payments");
  again.node = "other";
  world.engine->OnFinding(again);
  world.Run(5 * kMinute);
  EXPECT_THAT(world.engine->undos()[0]->undo().detail, HasSubstr("incident #2"))
      << "what healed may be needed";
  world.Clear(again);
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.undone.size(), 1u);
  EXPECT_THAT(world.engine->undos(), IsEmpty());
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kVerified);
  EXPECT_EQ(world.ChainOf(1).executions[0].progress.undo.state, UndoState::kDone);
}

// A world in which an undo is due in ten seconds, of a target that is away by then.
std::unique_ptr<World> UndoMeetsAnOutage() {
  auto world = std::make_unique<World>(Later(kMinute));
  FakeGateway::Target& target = world->gateway.targets["payments"];
  target.reversible = true;
  const Finding finding = world->Open("payments");
  world->Run(2 * kSecond);
  world->Clear(finding);
  world->Run(50 * kSecond);
  EXPECT_THAT(world->engine->undos(), SizeIs(1));
  target.undo_error = MakeError(Code::kUnavailable, "connection refused");
  target.observe_error = target.undo_error;
  return world;
}

TEST(RemedyStepsTest, AnUndoOutlivesAnOutageOfItsTarget) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with restarts of the agent" : "");
    const std::unique_ptr<World> world = UndoMeetsAnOutage();
    FakeGateway::Target& target = world->gateway.targets["payments"];
    const auto pass = [&](int64_t ns) {
      world->Run(ns);
      if (killed) world->Restart();
      world->engine->SetPolicies(world->spec);
      world->Run(ns);
    };
    pass(20 * kHour);
    const std::vector<std::string> kinds = world->Kinds(1);
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "undo.issued"), 1)
        << "what can't be looked at isn't called again";
    target.observe_error.reset();
    pass(20 * kHour);
    EXPECT_EQ(world->engine->undos().size(), 1u) << "reads are answered, writes not yet";
    EXPECT_EQ(Count(world->told.loud, "needs a person"), 0u);
    EXPECT_EQ(Count(world->told.loud, "not undone yet: scale_out payments: connection refused"),
              1u);
    target.undo_error.reset();
    world->Run(11 * kMinute);
    EXPECT_EQ(world->gateway.undone.size(), 1u);
    EXPECT_EQ(world->ChainOf(1).executions[0].progress.undo.state, UndoState::kDone);
    EXPECT_EQ(Count(world->told.loud, "undone: "), 1u);
  }
}

// What is there isn't known, so nobody else acts on it; once it is known, whoever heals goes first.
TEST(RemedyStepsTest, OnlyAnUndoOfWhichNothingIsKnownHoldsItsTarget) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with a restart of the agent" : "");
    const std::unique_ptr<World> world = UndoMeetsAnOutage();
    FakeGateway::Target& target = world->gateway.targets["payments"];
    world->Run(10 * kMinute);
    if (killed) world->Restart();
    world->Open("payments");
    world->Run(kMinute);
    EXPECT_THAT(world->gateway.calls, ElementsAre("scale_out", "undo scale_out"));
    EXPECT_THAT(world->Refusals(),
                Contains(HasSubstr("still running on this target: the undo of")));
    target.observe_error.reset();
    world->Run(kMinute);
    EXPECT_THAT(world->gateway.calls, ElementsAre("scale_out", "undo scale_out", "scale_out"));
  }
}

TEST(RemedyStepsTest, AnUndoThatWaitsIsOverWhenAPersonHasDoneItOrGivesItUp) {
  for (const bool given_up : {false, true}) {
    const std::unique_ptr<World> world = UndoMeetsAnOutage();
    FakeGateway::Target& target = world->gateway.targets["payments"];
    target.observe_error.reset();
    world->Run(kHour);
    ASSERT_THAT(world->engine->undos(), SizeIs(1));
    const size_t calls = world->gateway.calls.size();
    if (given_up) {
      const std::string id = world->engine->undos()[0]->decision.id.substr(0, kShortId);
      ASSERT_TRUE(world->engine->Deny(id, "user:anna"));
      EXPECT_EQ(world->engine->Deny(id, "user:anna").error().code, Code::kConflict);
      EXPECT_EQ(Count(world->told.loud, "left as it is by user:anna"), 1u);
    } else {
      target.done_ns.clear();
      world->Run(11 * kMinute);
    }
    EXPECT_THAT(world->engine->undos(), IsEmpty());
    EXPECT_EQ(world->gateway.calls.size(), calls) << "looked at before it is called again";
    EXPECT_EQ(world->ChainOf(1).executions[0].progress.undo.state,
              given_up ? UndoState::kDropped : UndoState::kDone);
    target.undo_error.reset();
    world->Restart();
    world->Run(kHour);
    EXPECT_EQ(world->gateway.calls.size(), calls);
  }
}

// The next step may be what calls a person.
TEST(RemedyStepsTest, AChainGoesOnWhileTheTargetOfAnUndoIsAway) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with a restart of the agent" : "");
    World world(Chain3({"scale_out", "alert"}));
    FakeGateway::Target& target = world.gateway.targets["payments"];
    target.reversible = true;
    const Finding finding = world.Open("payments");
    world.Run(50 * kSecond);
    target.undo_error = MakeError(Code::kUnavailable, "connection refused");
    target.observe_error = target.undo_error;
    world.Run(kMinute);
    if (killed) world.Restart();
    EXPECT_EQ(Count(world.told.loud, "needs a person"), 1u);
    EXPECT_EQ(world.engine->undos().size(), 1u);
    target.undo_error.reset();
    target.observe_error.reset();
    world.Run(2 * kMinute);
    EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kUndone);
    EXPECT_EQ(world.gateway.undone.size(), 1u);
    EXPECT_EQ(Count(world.told.loud, "not undone yet"), 1u);
    EXPECT_EQ(Count(world.told.loud, "undone: scale_out"), 1u);
  }
}

TEST(RemedyStepsTest, AnUndoThatIsRefusedForGoodIsForAPerson) {
  const std::unique_ptr<World> world = UndoMeetsAnOutage();
  FakeGateway::Target& target = world->gateway.targets["payments"];
  target.observe_error.reset();
  world->Run(kHour);
  target.undo_error = MakeError(Code::kDenied, "forbidden");
  world->Run(11 * kMinute);
  EXPECT_EQ(Count(world->told.loud, "needs a person: the undo of "), 1u);
  EXPECT_THAT(world->engine->undos(), IsEmpty());
}

Error TokenRefused() {
  Error error = MakeError(Code::kDenied, "the API server doesn't accept these credentials (401)");
  error.retryable = true;
  return error;
}

// A token that is being renewed is refused for a moment.
TEST(RemedyStepsTest, AnUndoOutlivesCredentialsThatAreRefusedForAMoment) {
  for (const bool reads_too : {false, true}) {
    SCOPED_TRACE(reads_too ? "reads are refused too" : "reads are answered");
    const std::unique_ptr<World> world = UndoMeetsAnOutage();
    FakeGateway::Target& target = world->gateway.targets["payments"];
    target.undo_error = TokenRefused();
    target.observe_error.reset();
    if (reads_too) target.observe_error = target.undo_error;
    world->Run(5 * kMinute);
    EXPECT_EQ(Count(world->told.loud, "(401); it is tried again for 15m, `heald deny "), 1u);
    ASSERT_THAT(world->engine->WaitingUndos(), SizeIs(1));
    EXPECT_THAT(world->engine->WaitingUndos()[0].why, HasSubstr("(401)"));
    target.undo_error.reset();
    target.observe_error.reset();
    world->Run(10 * kMinute);
    EXPECT_EQ(world->gateway.undone.size(), 1u);
    EXPECT_EQ(Count(world->told.loud, "undone: "), 1u);
    EXPECT_EQ(Count(world->told.loud, "needs a person"), 0u);
  }
}

TEST(RemedyStepsTest, AnUndoWhoseCredentialsStayRefusedIsForAPerson) {
  for (const bool away_first : {false, true}) {
    SCOPED_TRACE(away_first ? "after an outage" : "");
    const std::unique_ptr<World> world = UndoMeetsAnOutage();
    FakeGateway::Target& target = world->gateway.targets["payments"];
    if (away_first) world->Run(20 * kHour);
    target.undo_error = target.observe_error = TokenRefused();
    world->Run(10 * kMinute);
    EXPECT_EQ(Count(world->told.loud, "needs a person"), 0u);
    world->Run(30 * kMinute);
    EXPECT_EQ(Count(world->told.loud, "needs a person: the undo of "), 1u);
    EXPECT_THAT(world->engine->undos(), IsEmpty());
  }
}

// Also where a restart finds the undo begun, and nobody left who could ask what became of it.
TEST(RemedyStepsTest, AnUndoOfAnActionThatIsGoneIsForAPersonAtOnce) {
  const std::unique_ptr<World> world = UndoMeetsAnOutage();
  world->Run(20 * kSecond);
  world->spec.policies.clear();
  std::erase_if(world->spec.nodes, [](const NodeSpec& node) { return node.name == "scale_out"; });
  world->Restart();
  world->Run(kSecond);
  EXPECT_EQ(Count(world->told.loud,
                  "there is no action 'scale_out' in the pipeline now; whether it "
                  "was undone isn't known"),
            1u);
  EXPECT_THAT(world->engine->undos(), IsEmpty());
}

TEST(RemedyStepsTest, AnUndoWhoseAnswerIsLostIsSettledByLookingAndDoneOnce) {
  World world(Chain3({"scale_out", "restart"}));
  FakeGateway::Target& target = world.gateway.targets["payments"];
  target.reversible = target.undone_silently = true;
  world.Open("payments");
  world.Run(62 * kSecond);
  world.Restart();
  world.Open("payments");
  world.Run(kMinute);
  for (const auto& [decision, count] : world.gateway.undone) EXPECT_EQ(count, 1);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kUndone);
}

PipelineSpec WithCanary() {
  PipelineSpec spec = Chain3({"restart", "scale_out"});
  CanarySpec& canary = spec.policies[0].steps[0].canary;
  canary.set = true;
  canary.check = Parsed("error_rate < 0.05");
  canary.for_ns = 10 * kSecond;
  canary.within_ns = 2 * kMinute;
  return spec;
}

class RemedyCanaryTest : public ::testing::Test {
 protected:
  RemedyCanaryTest() : world(WithCanary()) {
    world.gateway.targets["payments"].can_canary = true;
    world.gateway.targets["payments"].reversible = true;
  }
  void Feed(double error_rate, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      world.latest.Record("prom", "error_rate", {{"service", "payments"}}, error_rate,
                          world.clock.NowNs());
      world.Run(kSecond);
    }
  }
  World world;
};

TEST_F(RemedyCanaryTest, DoesTheRestOnceTheCheckHasHeld) {
  const Finding finding = world.Open("payments");
  Feed(0.01, 8);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary"));
  Feed(0.01, 8);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary", "restart rest"));
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_EQ(world.ChainOf(1).executions[0].state, ExecutionState::kVerified);
  EXPECT_THAT(world.Kinds(1), Contains("canary.passed"));
}

TEST_F(RemedyCanaryTest, StopsAndUndoesWhatFails) {
  world.Open("payments");
  Feed(0.2, 16);
  EXPECT_THAT(world.gateway.calls,
              ElementsAre("restart canary", "undo restart canary", "scale_out"));
}

TEST_F(RemedyCanaryTest, StopsAtOnceWhenItGetsWorse) {
  Finding finding = world.Open("payments", Severity::kWarning);
  Feed(0.01, 3);
  finding.state = FindingState::kUpdate;
  finding.severity = Severity::kCritical;
  world.engine->OnFinding(finding);
  world.Run(kSecond);
  EXPECT_THAT(world.gateway.calls, Contains("undo restart canary"));
  EXPECT_THAT(world.ChainOf(1).executions[0].detail, HasSubstr("it got worse"));
}

TEST_F(RemedyCanaryTest, IsHeldWithoutDataAndGoesOnOrGivesUp) {
  const Finding finding = world.Open("payments");
  world.Run(20 * kSecond);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary"));
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("held: no fresh value of error_rate")));
  Feed(0.01, 14);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary", "restart rest"));

  World blind(WithCanary());
  blind.gateway.targets["payments"].can_canary = true;
  blind.Open("payments");
  blind.Run(130 * kSecond);
  EXPECT_THAT(blind.gateway.calls, ElementsAre("restart canary", "scale_out"));
}

TEST_F(RemedyCanaryTest, IsHeldByASilenceForAsLongAsThatLasts) {
  world.Open("payments");
  Feed(0.01, 4);
  const Result<Matcher> matcher = Matcher::Parse("service=\"payments\"");
  ASSERT_TRUE(matcher);
  ASSERT_TRUE(world.engine->AddSilence({*matcher}, world.clock.NowNs() + 30 * kSecond, "user:anna",
                                       "mine"));
  Feed(0.01, 25);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary"));
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("held: silence ")));
  Feed(0.01, 20);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart canary", "restart rest"));
}

TEST_F(RemedyCanaryTest, NeverDoesTheRestAfterACrashWithoutAnotherCheck) {
  world.Open("payments");
  Feed(0.01, 8);
  world.Restart();
  world.Open("payments");
  Feed(0.2, 14);
  EXPECT_THAT(world.gateway.calls, ::testing::Not(Contains("restart rest")));
  EXPECT_THAT(world.gateway.calls, Contains("undo restart canary"));
  for (const auto& [key, count] : world.gateway.by_decision) EXPECT_EQ(count, 1) << key;
}

TEST_F(RemedyCanaryTest, IsRefusedWhereThePlanHasOneMemberOnly) {
  world.gateway.targets["payments"].can_canary = false;
  world.Open("payments");
  world.Run(10 * kSecond);
  EXPECT_THAT(world.gateway.calls, IsEmpty());
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("can't be done in part first")));
}

}  // namespace
}  // namespace heald::remedy
