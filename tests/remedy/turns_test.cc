// Calls of one action come one after the other; what waits is not issued, and is looked at again
// before it is called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class RemedyTurnsTest : public ::testing::Test {
 protected:
  explicit RemedyTurnsTest(bool reentrant = false) : world(SpecWith(reentrant)) {
    world.gateway.execute_ns = 3 * kSecond;
    world.gateway.on_execute = [this](const ActionRequest& request) {
      called.push_back(std::string(request.target.Get("service")));
    };
    for (const char* service : {"a", "b", "c", "d", "e"}) findings[service] = world.Open(service);
    world.Run(kSecond);
  }
  static PipelineSpec SpecWith(bool reentrant) {
    PipelineSpec spec = MakeSpec({MakePolicy()});
    spec.nodes.back().reentrant = reentrant;
    return spec;
  }
  std::vector<std::string> Outcomes(OutcomeState state) {
    std::vector<std::string> out;
    for (const Outcome& outcome : world.told.outcomes)
      if (outcome.state == state) out.push_back(outcome.detail);
    return out;
  }
  World world;
  std::map<std::string, Finding> findings;
  std::vector<std::string> called;
};

TEST_F(RemedyTurnsTest, OneAfterTheOther) {
  EXPECT_THAT(called, ElementsAre("a"));
  EXPECT_EQ(Outcomes(OutcomeState::kIssued).size(), 1u) << "what waits isn't issued";
  EXPECT_EQ(world.engine->running_executions(), 5u) << "but counts for max_targets";
  world.Run(3 * kSecond);
  EXPECT_THAT(called, ElementsAre("a", "b"));
  world.Run(20 * kSecond);
  EXPECT_THAT(called, ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(RemedyTurnsTest, TheSwitchStopsWhatWaits) {
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  world.Run(kMinute);
  EXPECT_THAT(called, ElementsAre("a"));
  EXPECT_THAT(Outcomes(OutcomeState::kFailed),
              Contains(HasSubstr("not done: automatic remediation was switched off by user:anna")));
  ASSERT_TRUE(world.engine->SetSwitch(true, "user:anna"));
  world.Run(kMinute);
  EXPECT_THAT(called, UnorderedElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(RemedyTurnsTest, WhoHealedByThemselvesAreLeftAlone) {
  world.Clear(findings["c"]);
  world.Run(kMinute);
  EXPECT_THAT(called, ElementsAre("a", "b", "d", "e"));
  EXPECT_THAT(Outcomes(OutcomeState::kFailed), Contains(HasSubstr("no longer needed")));
  EXPECT_EQ(world.ChainOf(3).incident.state, IncidentState::kResolved);
}

TEST_F(RemedyTurnsTest, ASilenceHoldsForWhatWaits) {
  Result<Matcher> matcher = Matcher::Parse("service=\"d\"");
  ASSERT_TRUE(matcher);
  ASSERT_TRUE(
      world.engine->AddSilence({*matcher}, world.clock.NowNs() + kHour, "user:anna", "mine"));
  world.Run(kMinute);
  EXPECT_THAT(called, ElementsAre("a", "b", "c", "e"));
}

TEST_F(RemedyTurnsTest, ARestartLooksAtThemAgain) {
  world.Restart();
  world.clock.Advance(kSecond);
  for (const char* service : {"a", "b", "c", "d", "e"}) world.engine->OnFinding(findings[service]);
  world.Run(kMinute);
  EXPECT_THAT(called, ElementsAre("a", "b", "c", "d", "e")) << "each once";
}

class RemedyOverlapTest : public RemedyTurnsTest {
 protected:
  RemedyOverlapTest() : RemedyTurnsTest(true) {}
};

TEST_F(RemedyOverlapTest, ThreeAtATimeWhereCallsMayOverlap) {
  EXPECT_THAT(called, ElementsAre("a", "b", "c"));
  world.Run(3 * kSecond);
  EXPECT_THAT(called, ElementsAre("a", "b", "c", "d", "e"));
}

}  // namespace
}  // namespace heald::remedy
