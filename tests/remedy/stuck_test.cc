// What waits: for others, and then goes on as soon as they are done; or for what can't come, and
// then somebody is called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/specs.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Calls(const World& world) {
  std::vector<std::string> calls;
  for (const std::string& line : world.told.lines)
    if (line.find("needs a person") != std::string::npos) calls.push_back(line);
  return calls;
}

PipelineSpec Unlimited() {
  PolicySpec policy = MakePolicy();
  policy.guard.max_per_hour = 0;
  return TwoSteps(policy, 30 * kSecond);
}

void Exclude(StepSpec& step, const std::string& what) {
  step.own.excluded = {what};
  step.guard.excluded.push_back(what);
}

TEST(RemedyStuckTest, AStepThatIsNeverAllowedCallsAPersonOnce) {
  PipelineSpec spec = Unlimited();
  Exclude(spec.policies[0].steps[1], "service=payments");
  World world(std::move(spec));
  world.Open("payments");
  world.Run(30 * kMinute);
  EXPECT_THAT(Calls(world), ElementsAre(HasSubstr("step 2 of 2, scale_out, can't be done: policy "
                                                  "latency excludes service=payments")));
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kEscalated);
  world.Restart();
  world.Open("payments");
  world.Run(30 * kMinute);
  EXPECT_EQ(Calls(world).size(), 1u) << "also after a restart";
}

TEST(RemedyStuckTest, WhatThePolicyItselfExcludesIsLeftAloneInSilence) {
  PipelineSpec spec = Unlimited();
  for (StepSpec& step : spec.policies[0].steps) step.guard.excluded = {"service=payments"};
  spec.policies[0].guard.excluded = {"service=payments"};
  World world(std::move(spec));
  world.Open("payments");
  world.Run(5 * kMinute);
  EXPECT_THAT(Calls(world), IsEmpty());
}

TEST(RemedyStuckTest, ACanaryThatTheActionCanNotDoCallsAPerson) {
  PolicySpec policy = MakePolicy();
  policy.canary.set = true;
  policy.canary.check = Parsed("error_rate < 0.05");
  World world(MakeSpec({policy}));
  world.Open("payments");
  world.Run(30 * kMinute);
  EXPECT_THAT(Calls(world), ElementsAre(HasSubstr("can't be done in part first")));
  EXPECT_EQ(world.gateway.executes, 0);
}

// The series is gone soon after the first step.
class RemedyBlindChainTest : public ::testing::Test {
 protected:
  void Begin(PipelineSpec spec) {
    spec.policies[0].when = Parsed("latency_p99 > 1");
    world = std::make_unique<World>(std::move(spec));
    world->latest.SetStaleness("prom", 3 * kSecond);
    world->Sample("payments", 1.84);
    world->Open("payments");
    world->Run(10 * kSecond);
    ASSERT_THAT(world->gateway.calls, ElementsAre("restart"));
  }
  std::unique_ptr<World> world;
};

TEST_F(RemedyBlindChainTest, CallsAPersonOnceWhenItCanNotGoOnForWantOfData) {
  Begin(Unlimited());
  world->Run(45 * kSecond);
  EXPECT_THAT(Calls(*world), IsEmpty()) << "data may come back";
  world->Run(30 * kMinute);
  EXPECT_THAT(Calls(*world),
              ElementsAre(HasSubstr("step 2 of 2, scale_out, can't be done: inconclusive: no "
                                    "fresh value of latency_p99")));
  EXPECT_EQ(world->ChainOf(1).incident.state, IncidentState::kEscalated);
  world->Restart();
  world->Open("payments");
  world->Run(10 * kMinute);
  EXPECT_EQ(Calls(*world).size(), 1u) << "also after a restart";
  for (int i = 0; i < 5; ++i) {
    world->Sample("payments", 1.84);
    world->Run(kSecond);
  }
  EXPECT_THAT(world->gateway.calls, ElementsAre("restart", "scale_out")) << "data is back";
}

TEST_F(RemedyBlindChainTest, ARestartMeanwhileDoesNotMakeItForget) {
  Begin(Unlimited());
  world->Run(30 * kSecond);
  world->Restart();
  world->Open("payments");
  world->Run(10 * kMinute);
  EXPECT_EQ(Calls(*world).size(), 1u);
}

TEST_F(RemedyBlindChainTest, AStepThatTellsPeopleNeedsNoData) {
  PipelineSpec spec = Unlimited();
  spec.policies[0].steps[1].action = "alert";
  Begin(std::move(spec));
  world->Run(kMinute);
  EXPECT_THAT(Calls(*world), ElementsAre(HasSubstr("1 step of policy latency before didn't help")));
  EXPECT_THAT(world->told.decisions.back().guards,
              Contains(Field(&GuardVerdict::reason,
                             HasSubstr("not needed to tell people after the steps before"))));
}

TEST(RemedyStuckTest, APlanThatMayWorkLaterCallsNobody) {
  World world(MakeSpec({MakePolicy()}));
  world.gateway.targets["payments"].plan_error = MakeError(Code::kUnavailable, "no route to host");
  world.Open("payments");
  world.Run(5 * kMinute);
  EXPECT_THAT(Calls(world), IsEmpty());
}

// ---- what waits for others ----------------------------------------------------------------------

TEST(RemedyWaitingTest, TheNextTargetIsActedOnAsSoonAsOneIsDone) {
  PolicySpec policy = MakePolicy();
  policy.guard.max_targets = {1, false, true};
  World world(MakeSpec({policy}));
  const Finding first = world.Open("a");
  world.Open("b");
  world.Run(3 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
  world.Clear(first);
  world.Run(10 * kMillisecond);
  EXPECT_EQ(world.gateway.executes, 2);
}

TEST(RemedyWaitingTest, AndAsSoonAsEnoughAreHealthy) {
  PolicySpec policy = MakePolicy();
  policy.guard.min_healthy = {2, false, true};
  policy.guard.excluded = {"service=a"};
  PipelineSpec spec = MakeSpec({policy});
  spec.nodes[1].inputs = {{"prom", "latency_p99", ""}};
  World world(std::move(spec));
  for (const char* service : {"a", "b", "c"}) world.Sample(service, 0.1);
  const Finding other = world.Open("a");
  world.Run(3 * kSecond);
  world.Open("b");
  world.Run(3 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  world.Clear(other);
  world.Run(10 * kMillisecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

}  // namespace
}  // namespace heald::remedy
