// Whether a repair lasts, where several things of one target are wrong in turn.
#include "tests/remedy/specs.h"

#include "core/remedy/hash.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
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
