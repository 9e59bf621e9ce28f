// Whether a repair lasts, where several things of one target are wrong in turn.
#include "tests/remedy/specs.h"

#include "core/remedy/hash.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Restart, scale, rollback, for whatever the detector finds.
PipelineSpec Chained(Mode mode = Mode::kEnforce) {
  PolicySpec policy = MakePolicy();
  policy.mode = mode;
  policy.guard.cooldown_ns = kSecond;
  policy.guard.max_per_hour = 0;
  PipelineSpec spec = TwoSteps(policy, 10 * kSecond, "scale");
  spec.policies[0].steps.push_back(spec.policies[0].steps[0]);
  spec.policies[0].steps[2].action = "rollback";
  AddAction("rollback", &spec);
  return spec;
}

class RemedyLastingTest : public ::testing::Test {
 protected:
  void Begin(const PipelineSpec& spec) { world = std::make_unique<World>(spec); }
  // Of one service, by different metrics.
  Finding Open(const std::string& metric, const std::string& pod = "") {
    Finding finding = world->Make("payments");
    finding.metric = metric;
    if (!pod.empty()) finding.target.Set("pod", pod);
    world->engine->OnFinding(finding);
    return finding;
  }
  void Blink(const std::string& metric, const std::string& pod = "") {
    const Finding finding = Open(metric, pod);
    world->Run(2 * kSecond);
    world->Clear(finding);
    world->Run(2 * kSecond);
  }
  // Something that no policy is for, and that keeps the incident open.
  void KeepOpen() {
    Finding finding = world->Make("payments", Severity::kWarning);
    finding.node = "mem";
    finding.metric = "heap";
    world->engine->OnFinding(finding);
  }
  std::string Asked() {
    const std::vector<const Decision*> all = world->engine->AwaitingApproval();
    return all.empty() ? "" : all[0]->id;
  }
  void Answer() {
    const Status status = world->engine->Approve(Asked(), "user:anna");
    ASSERT_TRUE(status) << status.error().message;
    world->Run(2 * kSecond);
  }
  // No decision was used twice, and the journal has each.
  void ExpectEachOnce() {
    std::set<uint32_t> attempts;
    const Chain chain = world->ChainOf(1);
    for (const Execution& execution : chain.executions)
      EXPECT_TRUE(attempts.insert(execution.attempt).second) << "attempt " << execution.attempt;
    for (const auto& [decision, calls] : world->gateway.by_decision) EXPECT_EQ(calls, 1);
    EXPECT_EQ(chain.executions.size(), world->gateway.by_decision.size());
    EXPECT_THAT(world->told.problems, IsEmpty());
  }

  std::unique_ptr<World> world;
};

TEST_F(RemedyLastingTest, WhatIsTriedInBetweenKeepsItsPlaceInTheHistory) {
  PipelineSpec spec = Chained();
  StepSpec& second = spec.policies[0].steps[1];
  second.action = "restart";
  second.own.for_ns = second.guard.for_ns = 5 * kSecond;
  Begin(spec);
  KeepOpen();
  Blink("latency_p99");
  const Finding errors = Open("error_rate");
  world->Run(14 * kSecond);  // the restart has failed, the second waits
  world->Clear(errors);
  world->Run(2 * kSecond);
  const Finding latency = Open("latency_p99");
  world->Run(8 * kSecond);
  world->Clear(latency);
  world->Run(2 * kSecond);
  EXPECT_THAT(world->gateway.calls, ElementsAre("restart", "restart", "restart"));
  ExpectEachOnce();
}

TEST_F(RemedyLastingTest, AQuestionOutlivesAKillWhateverWasAskedBefore) {
  Begin(Chained(Mode::kApprove));
  KeepOpen();
  const Finding latency = Open("latency_p99");
  world->Run(kSecond);
  Answer();
  world->Clear(latency);
  world->Run(2 * kSecond);
  for (int i = 0; i < 3; ++i) Blink("error_rate");
  const Finding again = Open("latency_p99");
  world->Run(2 * kSecond);
  const std::string asked = Asked();
  ASSERT_NE(asked, "");
  world->Restart();
  world->engine->OnFinding(again);
  world->Run(2 * kSecond);
  EXPECT_EQ(Asked(), asked);
  Answer();
  EXPECT_THAT(world->gateway.calls, ElementsAre("restart", "scale"));
  ExpectEachOnce();
}

// One cause, of which now this and now that is seen first.
TEST_F(RemedyLastingTest, WhicheverOfItsSignalsIsBackFirst) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with restarts of the agent" : "");
    PipelineSpec spec = Chained();
    for (StepSpec& step : spec.policies[0].steps) step.guard.for_ns = 3 * kSecond;
    Begin(spec);
    for (int i = 0; i < 4; ++i) {
      const Finding first = Open(i % 2 == 0 ? "latency_p99" : "error_rate");
      world->Run(kSecond);
      const Finding second = Open(i % 2 == 0 ? "error_rate" : "latency_p99");
      world->Run(4 * kSecond);
      world->Clear(first);
      world->Clear(second);
      world->Run(3 * kSecond);
      if (killed) world->Restart();
    }
    EXPECT_THAT(world->gateway.calls, ElementsAre("restart", "scale", "rollback", "restart"));
    EXPECT_EQ(Count(world->told.loud, "needs a person"), 1u);
    ExpectEachOnce();
  }
}

TEST_F(RemedyLastingTest, SignalsThatTakeTurnsEachGoOnWithTheNextStep) {
  Begin(Chained());
  for (int i = 0; i < 6; ++i) Blink(i % 2 == 0 ? "latency_p99" : "error_rate");
  EXPECT_THAT(world->gateway.calls, Contains("scale"));
  EXPECT_THAT(world->ChainOf(1).incident.reopened, Gt(0u));
}

TEST_F(RemedyLastingTest, AKillDoesNotUndoThatTheNextStepHasItsTurn) {
  PipelineSpec spec = Chained();
  spec.policies[0].mode = Mode::kEnforce;
  spec.policies[0].steps[0].mode = Mode::kApprove;
  spec.policies[0].steps[1].own.for_ns = spec.policies[0].steps[1].guard.for_ns = 10 * kSecond;
  Begin(spec);
  KeepOpen();
  const Finding first = Open("latency_p99");
  world->Run(kSecond);
  Answer();
  world->Clear(first);
  world->Run(2 * kSecond);
  Blink("error_rate");  // is asked about, and withdrawn
  const Finding again = Open("latency_p99");
  world->Run(2 * kSecond);
  EXPECT_EQ(Count(world->told.loud, "goes on with step 2 of 3, scale"), 1u);
  world->Restart();
  world->engine->OnFinding(again);
  world->Run(12 * kSecond);
  EXPECT_THAT(world->gateway.calls, ElementsAre("restart", "scale"));
  ExpectEachOnce();
}

TEST_F(RemedyLastingTest, WhatClearsBeforeTheActionIsDoneWasNoRepair) {
  Begin(Chained());
  world->gateway.execute_ns = 4 * kSecond;
  for (int i = 0; i < 3; ++i) {
    const Finding finding = Open("latency_p99");
    world->Run(2 * kSecond);
    world->Clear(finding);
    world->Run(4 * kSecond);
  }
  EXPECT_THAT(world->gateway.calls, ElementsAre("restart", "restart", "restart"));
  EXPECT_EQ(Count(world->told.loud, "needs a person"), 0u);
}

TEST_F(RemedyLastingTest, ASilenceCountsThatIsOverBeforeTheConditionHasHeld) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with a restart of the agent" : "");
    PipelineSpec spec = Chained();
    for (StepSpec& step : spec.policies[0].steps) step.guard.for_ns = 6 * kSecond;
    Begin(spec);
    Finding finding = Open("latency_p99");
    world->Run(8 * kSecond);
    world->Clear(finding);
    world->Run(2 * kSecond);
    ASSERT_TRUE(world->engine->AddSilence({*Matcher::Parse("service=payments")},
                                          world->clock.NowNs() + 4 * kSecond, "user:anna",
                                          "deploy"));
    finding = Open("latency_p99");
    world->Run(2 * kSecond);
    if (killed) {
      world->Restart();
      world->engine->OnFinding(finding);
    }
    world->Run(9 * kSecond);
    EXPECT_THAT(world->gateway.calls, ElementsAre("restart", "restart"));
    EXPECT_EQ(world->ChainOf(1).incident.resolution, Resolution::kNone);
  }
}

TEST_F(RemedyLastingTest, SoDoesTheSwitch) {
  PipelineSpec spec = Chained();
  for (StepSpec& step : spec.policies[0].steps) step.guard.for_ns = 6 * kSecond;
  Begin(spec);
  const Finding finding = Open("latency_p99");
  world->Run(8 * kSecond);
  world->Clear(finding);
  world->Run(2 * kSecond);
  ASSERT_TRUE(world->engine->SetSwitch(false, "user:anna"));
  Open("latency_p99");
  world->Run(2 * kSecond);
  ASSERT_TRUE(world->engine->SetSwitch(true, "user:anna"));
  world->Run(8 * kSecond);
  EXPECT_THAT(world->gateway.calls, ElementsAre("restart", "restart"));
}

// Two that keep their names: what one has says nothing of the repair of the other.
TEST_F(RemedyLastingTest, AnotherMemberThatFallsIllIsNoFailureOfTheFirstRepair) {
  PipelineSpec spec = Chained();
  spec.agent.group_by = {"service"};
  Begin(spec);
  Blink("latency_p99", "web-0");
  Blink("latency_p99", "web-1");
  EXPECT_THAT(world->gateway.calls, ElementsAre("restart", "restart"));
  EXPECT_EQ(world->ChainOf(1).executions[0].progress.proof, Proof::kPlain);
  Blink("latency_p99", "web-0");
  EXPECT_EQ(world->gateway.calls.back(), "scale") << "but when the first has it again";
}

// It is well before the action shows its effect, and goes on being measured.
TEST_F(RemedyLastingTest, AMemberThatIsStillMeasuredWasNotReplaced) {
  PipelineSpec spec = Chained();
  spec.agent.group_by = {"service"};
  Begin(spec);
  const Finding finding = Open("latency_p99", "web-0");
  world->Run(500 * kMillisecond);
  world->Clear(finding);
  world->Run(2 * kSecond);
  world->latest.Record("prom", "latency_p99", finding.target, 0.05, world->clock.NowNs());
  ASSERT_EQ(world->ChainOf(1).executions.at(0).progress.proof, Proof::kPlain);
  Blink("latency_p99", "web-1");
  EXPECT_THAT(world->gateway.calls, ElementsAre("restart", "restart"));
}

TEST_F(RemedyLastingTest, TheSuccessorOfWhatWasReplacedHasItAgain) {
  PipelineSpec spec = Chained();
  spec.agent.group_by = {"service"};
  spec.policies[0].steps[0].verify_within_ns = kMinute;
  Begin(spec);
  world->reports = false;
  Open("latency_p99", "web-5f7c9-aaaaa");
  world->Run(2 * kSecond);
  FakeGateway::Target& target = world->gateway.targets["payments"];
  target.plan_error = MakeError(Code::kNotFound, "there is no such pod");
  target.effect = Effect{EffectState::kDone, "web-5f7c9-bbbbb is ready"};
  world->Run(2 * kMinute);  // nothing is measured any more
  ASSERT_EQ(world->ChainOf(1).executions.at(0).state, ExecutionState::kVerified);
  target = {};
  world->Restart();
  Open("latency_p99", "web-5f7c9-bbbbb");
  world->Run(2 * kSecond);
  EXPECT_THAT(world->gateway.calls, ElementsAre("restart", "scale"));
}

TEST_F(RemedyLastingTest, OneQuestionWhileItBlinksAlsoWhereTheIncidentGoesOn) {
  Begin(Chained(Mode::kApprove));
  KeepOpen();
  for (int i = 0; i < 6; ++i) Blink("latency_p99");
  EXPECT_EQ(Count(world->told.loud, "awaits approval"), 2u) << "before it was known to blink, too";
  const std::string asked = Asked();
  world->Restart();
  const Finding finding = Open("latency_p99");
  world->Run(kSecond);
  world->Clear(finding);
  world->Run(kSecond);
  EXPECT_EQ(Asked(), asked) << "a restart doesn't make it forget";
  Open("latency_p99");
  world->Run(kSecond);
  Answer();
  EXPECT_THAT(world->gateway.calls, ElementsAre("restart"));
}

TEST_F(RemedyLastingTest, SuchAQuestionEndsWhenItHasBeenQuiet) {
  PipelineSpec spec = Chained(Mode::kApprove);
  spec.policies[0].approval_expires_ns = kHour;
  Begin(spec);
  KeepOpen();
  for (int i = 0; i < 3; ++i) Blink("latency_p99");
  world->Run(4 * kMinute);
  EXPECT_NE(Asked(), "");
  world->Run(kMinute);
  EXPECT_EQ(Asked(), "");
}

TEST_F(RemedyLastingTest, OneQuestionWhileMembersBlinkInTurn) {
  PipelineSpec spec = Chained(Mode::kApprove);
  spec.agent.group_by = {"service"};
  Begin(spec);
  for (int i = 0; i < 6; ++i) Blink("latency_p99", i % 2 == 0 ? "web-0" : "web-1");
  EXPECT_EQ(Count(world->told.loud, "awaits approval"), 2u);
}

TEST_F(RemedyLastingTest, APersonIsCalledOnceWhateverIsKilledInBetween) {
  PolicySpec policy = MakePolicy();
  policy.guard.cooldown_ns = kSecond;
  policy.guard.max_per_hour = 0;
  Begin(MakeSpec({policy}));
  for (int i = 0; i < 3; ++i) Blink("latency_p99");
  const auto calls = [&] { return Count(world->told.loud, "needs a person"); };
  ASSERT_EQ(calls(), 1u);
  for (int i = 0; i < 2; ++i) {
    const Finding finding = Open("latency_p99");
    world->Run(200 * kMillisecond);  // acting
    world->Restart();
    world->engine->OnFinding(finding);
    world->Run(2 * kSecond);
    world->Clear(finding);
    world->Run(2 * kSecond);
    Blink("latency_p99");
  }
  EXPECT_EQ(calls(), 1u);
}

TEST_F(RemedyLastingTest, TimeOfTheAgentsAbsenceIsNoPartOfAnIncident) {
  Begin(MakeSpec({Shadow()}));
  for (int i = 0; i < 2; ++i) Blink("latency_p99");
  const int64_t cleared_ns = world->clock.NowNs() - 2 * kSecond;
  world->clock.Set(world->clock.NowNs() + 8 * kHour);
  world->Restart();
  world->Run(kSecond);
  EXPECT_THAT(world->engine->incidents().all(), IsEmpty());
  EXPECT_EQ(world->ChainOf(1).incident.closed_ns, cleared_ns);
}

TEST_F(RemedyLastingTest, ANoHoldsWhateverModeThePolicyHasInBetween) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with restarts of the agent" : "");
    Begin(Chained(Mode::kApprove));
    const Finding finding = Open("latency_p99");
    world->Run(kSecond);
    ASSERT_TRUE(world->engine->Deny(Asked(), "user:anna"));
    for (const Mode mode : {Mode::kShadow, Mode::kApprove}) {
      ASSERT_TRUE(world->engine->ChangePolicy("latency", std::nullopt, mode, "user:ben"));
      if (killed) {
        world->Restart();
        world->engine->OnFinding(finding);
      }
      world->Run(5 * kSecond);
      EXPECT_EQ(Asked(), "");
    }
    ASSERT_TRUE(world->engine->ChangePolicy("latency", std::nullopt, Mode::kEnforce, "user:ben"));
    world->Run(5 * kSecond);
    EXPECT_THAT(world->gateway.calls, ElementsAre("restart")) << "who wants more says so";
  }
}

TEST_F(RemedyLastingTest, ANoHoldsAfterAnotherFaultOfTheTarget) {
  PipelineSpec spec = Chained(Mode::kApprove);
  Begin(spec);
  const Finding finding = Open("latency_p99");
  world->Run(kSecond);
  ASSERT_TRUE(world->engine->Deny(Asked(), "user:anna"));
  world->Clear(finding);
  world->Run(kSecond);
  Finding heap = world->Make("payments");
  heap.node = "mem";
  world->engine->OnFinding(heap);
  world->Run(kSecond);
  world->Clear(heap);
  world->Run(kSecond);
  Open("latency_p99");
  world->Run(kSecond);
  EXPECT_EQ(Asked(), "");
  EXPECT_EQ(world->ChainOf(1).incident.reopened, 1u);
}

TEST_F(RemedyLastingTest, TheNextStepIsToldInTheFirstRoundOfAChain) {
  Begin(Chained());
  for (int i = 0; i < 9; ++i) Blink("latency_p99");
  EXPECT_EQ(Count(world->told.loud, "goes on with step 2"), 1u);
  const std::vector<std::string> kinds = world->Kinds(1);
  EXPECT_GT(std::count(kinds.begin(), kinds.end(), "step.next"), 3);
}

TEST_F(RemedyLastingTest, WhatTheJournalHasAsEndedIsNotDoneAgain) {
  Begin(Chained());
  Decision decision;
  decision.policy = "latency";
  decision.incident = 1;
  decision.id = DecisionId("latency", Labels{{"service", "payments"}}.ToString(), "restart",
                           TraceId(world->store->id(), 1, kStart), 1);
  decision.verdict = DecisionVerdict::kAct;
  Change change;
  change.decisions = {decision};
  Execution& execution = change.executions.emplace_back();
  execution.decision = decision.id;
  execution.state = ExecutionState::kVerified;
  execution.ended_ns = kStart - kMinute;
  ASSERT_TRUE(world->store->Commit(&change));
  world->Restart();
  world->Open("payments");
  world->Run(kMinute);
  EXPECT_THAT(world->gateway.calls, IsEmpty());
  EXPECT_THAT(world->told.problems, Contains(HasSubstr(decision.id + " is there already")));
  EXPECT_THAT(world->told.problems, SizeIs(1)) << "once";
  EXPECT_EQ(Count(world->told.loud, "needs a person: restart payments is not done"), 1u);
  EXPECT_EQ(world->engine->journal_held(), 0u);
}

}  // namespace
}  // namespace heald::remedy
