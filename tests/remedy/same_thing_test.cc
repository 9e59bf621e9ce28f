// One thing under several labels: it is acted on once at a time, and its limits count together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/remedy/leases.h"
#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Finding OpenAs(World& world, Labels target) {
  Finding finding = world.Make("c");
  finding.target = std::move(target);
  world.engine->OnFinding(finding);
  return finding;
}

PipelineSpec RestartOrScale() {
  PolicySpec restart = MakePolicy("slow", "metric == \"latency_p99\"");
  PolicySpec scale = MakePolicy("errors", "metric == \"error_rate\"");
  scale.action = "scale_out";
  PipelineSpec spec = MakeSpec({restart, scale});
  NodeSpec more = spec.nodes.back();
  more.name = "scale_out";
  spec.nodes.push_back(more);
  return spec;
}

TEST(RemedySameThingTest, TwoPoliciesDoNotMeetOnAServiceThatHasTwoLabelSets) {
  World world(RestartOrScale());
  const Finding slow = OpenAs(world, {{"service", "c"}});
  Finding errors = world.Make("c");
  errors.metric = "error_rate";
  errors.target = {{"service", "c"}, {"namespace", "shop"}};
  world.engine->OnFinding(errors);
  world.Run(10 * kSecond);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart"));
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("one_at_a_time: still running on this target: "
                                                   "restart c (policy slow, incident #1)")));
  world.Clear(slow);
  world.Run(2 * kSecond);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale_out")) << "once that is done";
}

TEST(RemedySameThingTest, NeitherDoActionsWhosePlansNameTheSameMember) {
  World world(RestartOrScale());
  world.gateway.targets["c"].uid = "m1,m2,m3";
  world.gateway.targets[""].uid = "m7,m2,m8";
  OpenAs(world, {{"service", "c"}});
  Finding errors = world.Make("c");
  errors.metric = "error_rate";
  errors.target = {{"container", "c-2"}};
  world.engine->OnFinding(errors);
  world.Run(10 * kSecond);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart"));
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("(policy slow, incident #1)")));
}

TEST(RemedySameThingTest, ACooldownCountsUnderTheOtherLabelsToo) {
  PipelineSpec spec = MakeSpec({MakePolicy()});
  spec.agent.reopen_within_ns = 0;
  World world(spec);
  const Finding first = OpenAs(world, {{"service", "c"}});
  world.Run(2 * kSecond);
  world.Clear(first);
  world.Run(kSecond);
  for (const char* when : {"at once", "after a restart"}) {
    Finding second = OpenAs(world, {{"service", "c"}, {"namespace", "shop"}});
    world.Run(kMinute);
    EXPECT_EQ(world.gateway.executes, 1) << when;
    EXPECT_THAT(world.Refusals(), Contains(HasSubstr("on the same thing as {service=\"c\"}")));
    world.Clear(second);
    world.Run(kSecond);
    world.told.Forget();
    world.Restart();
  }
  OpenAs(world, {{"service", "c"}, {"namespace", "shop"}});
  world.Run(5 * kMinute);
  EXPECT_EQ(world.gateway.executes, 2) << "when it is over";
}

TEST(RemedySameThingTest, ACooldownOfTheWholeDoesNotSwallowItsParts) {
  World world(MakeSpec({MakePolicy()}));
  const Finding whole = OpenAs(world, {{"namespace", "shop"}});
  world.Run(2 * kSecond);
  world.Clear(whole);
  world.Run(kSecond);
  for (const char* when : {"at once", "after a restart"}) {
    for (const char* service : {"a", "b"}) {
      const Finding part =
          OpenAs(world, {{"service", service + std::string(when)}, {"namespace", "shop"}});
      world.Run(2 * kSecond);
      world.Clear(part);
      world.Run(kSecond);
    }
    EXPECT_THAT(world.Refusals(), IsEmpty()) << when;
    world.Restart();
  }
  EXPECT_EQ(world.gateway.executes, 5);
}

TEST(RemedySameThingTest, TellingPeopleNeitherWaitsForARepairNorHoldsOneUp) {
  PipelineSpec spec = RestartOrScale();
  spec.policies[1].action = "alert";
  World world(std::move(spec));
  const auto errors = [&](Labels target) {
    Finding finding = world.Make("c");
    finding.metric = "error_rate";
    finding.target = std::move(target);
    world.engine->OnFinding(finding);
    world.Run(2 * kSecond);
  };
  OpenAs(world, {{"service", "c"}, {"namespace", "shop"}});
  world.Run(2 * kSecond);  // under way
  errors({{"namespace", "shop"}});
  errors({{"service", "c"}, {"namespace", "shop"}});
  errors({{"service", "d"}, {"namespace", "shop"}});
  EXPECT_THAT(world.Refusals(), IsEmpty());
  int told = 0;
  for (const Outcome& outcome : world.told.outcomes)
    if (outcome.state == OutcomeState::kVerified) ++told;
  EXPECT_EQ(told, 3);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart"));
}

TEST(RemedySameThingTest, AnUndoWaitsForWhatRunsUnderOtherLabels) {
  PipelineSpec spec = RestartOrScale();
  spec.policies[0].undo = {false, 20 * kSecond};
  World world(std::move(spec));
  world.gateway.targets["c"].reversible = true;
  const Finding slow = OpenAs(world, {{"service", "c"}});
  world.Run(2 * kSecond);
  world.Clear(slow);
  world.Run(10 * kSecond);
  Finding errors = world.Make("c");
  errors.metric = "error_rate";
  errors.target = {{"service", "c"}, {"namespace", "shop"}};
  world.engine->OnFinding(errors);
  world.Run(40 * kSecond);
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale_out")) << "not undone yet";
  world.Clear(errors);
  world.Run(kMinute);
  EXPECT_THAT(world.gateway.calls, SizeIs(3));
}

// Former values come back only in the reverse order, whichever actions changed them.
TEST(RemedySameThingTest, TheYoungestChangeOfAThingIsTakenBackFirst) {
  PipelineSpec spec = RestartOrScale();
  spec.policies[0].undo = {false, 20 * kSecond};
  spec.policies[1].undo = {false, kMinute};
  World world(std::move(spec));
  world.gateway.targets["c"].reversible = true;
  world.gateway.targets[""].reversible = true;
  world.gateway.targets["c"].uid = world.gateway.targets[""].uid = "web,hpa,";
  const Finding slow = OpenAs(world, {{"service", "c"}});
  world.Run(2 * kSecond);
  world.Clear(slow);
  world.Run(kSecond);
  Finding errors = world.Make("c");
  errors.metric = "error_rate";
  errors.target = {{"deployment", "c"}};
  world.engine->OnFinding(errors);
  world.Run(2 * kSecond);
  world.Clear(errors);
  world.Run(2 * kMinute);
  EXPECT_THAT(world.gateway.calls,
              ElementsAre("restart", "scale_out", "undo scale_out", "undo restart"));
}

TEST(RemedySameThingTest, TheYoungestIsFirstAlsoAfterARestartAndWhenTheClockWasSetBack) {
  for (const bool killed : {false, true}) {
    SCOPED_TRACE(killed ? "with a restart of the agent" : "");
    PipelineSpec spec = RestartOrScale();
    spec.policies[0].undo = {false, 20 * kSecond};
    spec.policies[1].undo = {false, kMinute};
    World world(std::move(spec));
    world.gateway.targets["c"].reversible = true;
    world.gateway.targets[""].reversible = true;
    world.gateway.targets["c"].uid = world.gateway.targets[""].uid = "web,hpa,";
    const Finding slow = OpenAs(world, {{"service", "c"}});
    world.Run(2 * kSecond);
    world.Clear(slow);
    world.Run(kSecond);
    world.clock.Set(world.clock.NowNs() - kHour);
    world.Run(kSecond);
    Finding errors = world.Make("c");
    errors.metric = "error_rate";
    errors.target = {{"deployment", "c"}};
    world.engine->OnFinding(errors);
    world.Run(2 * kSecond);
    world.Clear(errors);
    world.Run(kSecond);
    if (killed) world.Restart();
    world.Run(3 * kHour);
    EXPECT_THAT(world.gateway.calls,
                ElementsAre("restart", "scale_out", "undo scale_out", "undo restart"));
  }
}

Claim Of(Labels target, std::string uid = {}) {
  OpenIncident open;
  open.target_key = target.ToString();
  open.incident.target = std::move(target);
  Plan plan;
  plan.target_uid = std::move(uid);
  return ClaimOf(open, plan);
}

TEST(ClaimTest, OverlapsWithAPartOfItAndWithWhatNamesTheSame) {
  const Claim shop = Of({{"service", "c"}, {"namespace", "shop"}}, "a,b");
  EXPECT_TRUE(Overlap(shop, shop));
  EXPECT_TRUE(Overlap(shop, Of({{"service", "c"}})));
  EXPECT_TRUE(Overlap(Of({{"namespace", "shop"}}), shop)) << "the whole of which it is a part";
  EXPECT_TRUE(Overlap(shop, Of({{"pod", "c-1"}}, "b")));
  EXPECT_FALSE(Overlap(shop, Of({{"service", "c"}, {"namespace", "dev"}})));
  EXPECT_FALSE(Overlap(shop, Of({{"service", "d"}, {"namespace", "shop"}}, "ab")));
  EXPECT_FALSE(Overlap(shop, Of({}))) << "what has no labels is only itself";
  EXPECT_TRUE(Overlap(Of({}), Of({})));
}

}  // namespace
}  // namespace heald::remedy
