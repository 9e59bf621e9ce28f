// What a reload changes in what people rely on.
#include "core/remedy/policy_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PipelineSpec Before() {
  PolicySpec policy = MakePolicy();
  policy.name = "p";
  policy.mode = Mode::kShadow;
  policy.guard = GuardSpec();
  policy.guard.cooldown_ns = 10 * kMinute;
  return MakeSpec({policy});
}

TEST(PolicyChangesTest, TellModeAndGuard) {
  PipelineSpec after = Before();
  after.policies[0].mode = Mode::kEnforce;
  after.policies[0].guard.cooldown_ns = kMinute;
  after.policies[0].guard.excluded = {"service=db"};
  EXPECT_THAT(PolicyChanges(Before(), after),
              ElementsAre("policy p: shadow -> enforce, cooldown 10m -> 1m, "
                          "excluded none -> service=db"));
  EXPECT_THAT(PolicyChanges(after, after), IsEmpty());
}

TEST(PolicyChangesTest, TellThatDryRunIsOverAndHowManyAct) {
  PipelineSpec before = Before();
  before.policies[0].mode = Mode::kEnforce;
  PipelineSpec after = before;
  before.agent.dry_run = true;
  EXPECT_THAT(PolicyChanges(before, after),
              ElementsAre("dry run is off now: policies that enforce act for real (1)"));
  EXPECT_THAT(PolicyChanges(after, before),
              ElementsAre("dry run is on now: nothing is done for real"));
}

TEST(PolicyChangesTest, TellWhoCameAndWhoWent) {
  PipelineSpec after = Before();
  after.policies[0].name = "q";
  after.policies[0].enabled = false;
  EXPECT_THAT(PolicyChanges(Before(), after),
              ElementsAre("policy q is new: disabled", "policy p is gone; it was shadow"));
}

TEST(PolicyChangesTest, TellOfStepsAndOfWhatHoldsForAll) {
  PipelineSpec before = Before();
  before.policies[0].steps.resize(2);
  before.policies[0].steps[0].action = "restart";
  before.policies[0].steps[1].action = "scale";
  PipelineSpec after = before;
  after.policies[0].steps[1].action = "rollback";
  after.policies[0].steps[1].own.max_per_hour = 2;
  after.agent.group_by = {"pod"};
  EXPECT_THAT(
      PolicyChanges(before, after),
      ElementsAre("policy p: step 2 action scale -> rollback, step 2 max_per_hour none -> 2",
                  HasSubstr("agent: group_by ")));
  after = before;
  after.policies[0].steps.pop_back();
  EXPECT_THAT(PolicyChanges(before, after), ElementsAre(HasSubstr("step 2 action scale -> none")));
}

TEST(PolicyChangesTest, OfVeryManyTheFirstAreTold) {
  PipelineSpec after = Before();
  for (int i = 0; i < 30; ++i) {
    after.policies.push_back(after.policies[0]);
    after.policies.back().name = "p" + std::to_string(i);
  }
  EXPECT_THAT(ChangesText(PolicyChanges(Before(), after)), EndsWith("; and 10 more"));
}

TEST(PolicyChangesTest, StandInTheAuditTrail) {
  World world(Before());
  PipelineSpec after = Before();
  after.policies[0].guard.cooldown_ns = kMinute;
  world.engine->SetPolicies(after, "user:anna");
  const std::vector<AuditEvent> events = *world.store->Events(0, 1000);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().kind, "policies.loaded");
  EXPECT_THAT(events.back().detail, HasSubstr("policy p: cooldown 10m -> 1m"));
}

}  // namespace
}  // namespace heald::remedy
