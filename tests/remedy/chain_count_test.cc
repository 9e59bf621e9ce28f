// A chain of steps is one attempt of its policy: one success or one failure, and one page.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/remedy/efficacy.h"
#include "tests/remedy/specs.h"

namespace heald::remedy {
namespace {

using ::testing::HasSubstr;

PipelineSpec Counted(const std::string& last = "scale_out") {
  PolicySpec policy = MakePolicy();
  policy.guard.max_per_hour = 0;
  policy.guard.breaker.failures = 0;
  policy.guard.demote = {2, 5};
  return TwoSteps(policy, kMinute, last);
}

// One incident, healed by the second step or not at all.
void ChainOfOne(World& world, const std::string& service, bool heals) {
  world.gateway.targets[service].reversible = true;
  const Finding finding = world.Open(service);
  world.Run(70 * kSecond);
  if (heals) world.Clear(finding);
  world.Run(90 * kSecond);
  if (!heals) world.Clear(finding);
  world.Run(10 * kMinute);
}

size_t Pages(const World& world) {
  return static_cast<size_t>(std::count_if(
      world.told.lines.begin(), world.told.lines.end(),
      [](const std::string& line) { return line.find("needs a person") != std::string::npos; }));
}

TEST(RemedyChainCountTest, OneThatHealsAtItsSecondStepIsASuccess) {
  World world(Counted());
  for (const char* service : {"a", "b", "c", "d"}) ChainOfOne(world, service, true);
  EXPECT_EQ(ModeNow(world), Mode::kEnforce);
  EXPECT_EQ(Pages(world), 0u);
}

TEST(RemedyChainCountTest, OneThatFailsWhollyIsOneFailure) {
  World world(Counted());
  ChainOfOne(world, "a", false);
  EXPECT_EQ(ModeNow(world), Mode::kEnforce) << "though two steps failed, and were undone";
  world.Restart();
  ChainOfOne(world, "b", true);
  EXPECT_EQ(ModeNow(world), Mode::kEnforce);
  ChainOfOne(world, "c", false);
  EXPECT_EQ(ModeNow(world), Mode::kApprove);
  EXPECT_THAT(
      world.told.lines,
      ::testing::Contains(HasSubstr("2 of its last 3 chains of steps failed or didn't last")));
}

TEST(RemedyChainCountTest, OneThatEndsWithAPersonIsAFailureToo) {
  World world(Counted("alert"));
  ChainOfOne(world, "a", false);
  EXPECT_EQ(ModeNow(world), Mode::kEnforce);
  ChainOfOne(world, "b", false);
  EXPECT_EQ(ModeNow(world), Mode::kApprove);
  EXPECT_EQ(Pages(world), 2u);
}

TEST(RemedyChainCountTest, OneThatIsStillUnderWayIsNoFailureYet) {
  World world(Counted());
  const Finding lost = world.Open("a");
  world.Run(50 * kSecond);
  const Finding saved = world.Open("b");
  world.Run(75 * kSecond);  // the first has failed at both steps, the other at one
  EXPECT_EQ(Pages(world), 1u);
  EXPECT_EQ(ModeNow(world), Mode::kEnforce);
  world.Clear(saved);
  world.Clear(lost);
  world.Run(10 * kMinute);
  EXPECT_EQ(ModeNow(world), Mode::kEnforce);
  ChainOfOne(world, "c", false);
  EXPECT_EQ(ModeNow(world), Mode::kApprove);
}

TEST(RemedyChainCountTest, AfterARestartTheJournalSaysTheSame) {
  World world(Counted("alert"));
  ChainOfOne(world, "a", false);
  world.Restart();
  ChainOfOne(world, "b", false);
  EXPECT_EQ(ModeNow(world), Mode::kApprove) << "telling people at its end is no success";
}

TEST(RemedyChainCountTest, APersonIsCalledOnceHoweverOftenItIsTried) {
  World world(Counted());
  world.Open("payments");
  world.Run(40 * kMinute);
  EXPECT_GT(world.gateway.executes, 2) << "the chain begins again";
  EXPECT_EQ(Pages(world), 1u);
  world.Restart();
  world.Open("payments");
  world.Run(40 * kMinute);
  EXPECT_EQ(Pages(world), 1u) << "also after a restart";
}

TEST(FailuresTest, AChainIsOneHoweverManyStepsAndHoweverOftenItIsTold) {
  Failures failures;
  failures.Add("p", {1, 10, true, 1});
  failures.Add("p", {1, 10, true, 1});  // with its undo
  failures.Add("p", {1, 20, false, 2});
  EXPECT_EQ(failures.Known("p", 10), 1u);
  EXPECT_EQ(failures.Failed("p", 10), 0u);
  failures.Add("p", {2, 30, true, 1});
  failures.Add("p", {2, 40, true, 2});
  EXPECT_EQ(failures.Known("p", 10), 2u);
  EXPECT_EQ(failures.Failed("p", 10), 1u);
  failures.Add("p", {2, 50, true, 1});  // another round
  EXPECT_EQ(failures.Failed("p", 10), 2u);
}

}  // namespace
}  // namespace heald::remedy
