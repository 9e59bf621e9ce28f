#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/specs.h"

namespace heald::remedy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Kinds and subjects of the audit rows that belong to no incident.
std::vector<std::string> SettingRows(World& world) {
  std::vector<std::string> out;
  const std::vector<AuditEvent> events = *world.store->Events(0, 1000);
  for (const AuditEvent& event : events)
    if (event.incident == 0) out.push_back(event.kind + " " + event.actor);
  return out;
}

TEST(RemedySettingsTest, AChangedModeActsOnWhatIsOpenAndSurvivesARestart) {
  World world(MakeSpec({Shadow()}));
  world.Open("payments");
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  ASSERT_TRUE(world.engine->ChangePolicy("latency", std::nullopt, Mode::kEnforce, "user:anna"));
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_THAT(SettingRows(world), ElementsAre("policy user:anna"));
  world.Restart();
  EXPECT_EQ(world.engine->policies()[0].mode, Mode::kEnforce);
  const PolicyOverride& change = world.engine->overrides().at("latency");
  EXPECT_EQ(change.file_mode, Mode::kShadow);
  EXPECT_EQ(change.actor, "user:anna");
  EXPECT_EQ(change.changed_ns, kStart + kSecond);
}

TEST(RemedySettingsTest, AReloadKeepsAChangeUntilTheFileSaysSomethingElse) {
  World world(MakeSpec({Shadow()}));
  ASSERT_TRUE(world.engine->ChangePolicy("latency", std::nullopt, Mode::kApprove, "user:anna"));
  world.engine->SetPolicies(MakeSpec({Shadow()}));
  EXPECT_EQ(world.engine->policies()[0].mode, Mode::kApprove);
  PipelineSpec edited = MakeSpec({Shadow()});
  edited.policies[0].mode = Mode::kEnforce;
  world.engine->SetPolicies(edited, "signal:SIGHUP");
  EXPECT_EQ(world.engine->policies()[0].mode, Mode::kEnforce);
  EXPECT_THAT(world.engine->overrides(), IsEmpty());
  world.engine->SetPolicies(MakeSpec({Shadow()}));
  EXPECT_EQ(world.engine->policies()[0].mode, Mode::kShadow) << "it doesn't come back";
  world.Restart();
  EXPECT_EQ(world.engine->policies()[0].mode, Mode::kShadow);
}

TEST(RemedySettingsTest, SettingItBackToTheFilesValueEndsTheChange) {
  World world(MakeSpec({Shadow()}));
  ASSERT_TRUE(world.engine->ChangePolicy("latency", false, std::nullopt, "user:anna"));
  EXPECT_FALSE(world.engine->policies()[0].enabled);
  ASSERT_TRUE(world.engine->ChangePolicy("latency", true, std::nullopt, "user:ben"));
  EXPECT_THAT(world.engine->overrides(), IsEmpty());
  world.Restart();
  EXPECT_TRUE(world.engine->policies()[0].enabled);
}

TEST(RemedySettingsTest, ADisabledPolicyWithdrawsWhatItAskedFor) {
  PipelineSpec spec = MakeSpec({Shadow()});
  spec.policies[0].mode = Mode::kApprove;
  World world(spec);
  world.Open("payments");
  world.Run(kSecond);
  ASSERT_EQ(world.engine->AwaitingApproval().size(), 1u);
  ASSERT_TRUE(world.engine->ChangePolicy("latency", false, std::nullopt, "user:anna"));
  EXPECT_THAT(world.engine->AwaitingApproval(), IsEmpty());
}

TEST(RemedySettingsTest, ANoOutlivesThatItsPolicyWasDisabled) {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kApprove;
  for (const bool restart : {false, true}) {
    World world(MakeSpec({policy}));
    world.Open("payments");
    world.Run(kSecond);
    ASSERT_THAT(world.engine->AwaitingApproval(), SizeIs(1));
    ASSERT_TRUE(world.engine->Deny(world.engine->AwaitingApproval()[0]->id, "user:anna"));
    ASSERT_TRUE(world.engine->ChangePolicy("latency", false, {}, "user:anna"));
    world.Run(kSecond);
    if (restart) {
      world.Restart();
      world.Run(kSecond);
    }
    ASSERT_TRUE(world.engine->ChangePolicy("latency", true, {}, "user:anna"));
    world.Run(10 * kSecond);
    EXPECT_THAT(world.engine->AwaitingApproval(), IsEmpty()) << "asked again: " << restart;
  }
}

TEST(RemedySettingsTest, AChainGoesOnWhereItStoodWhenItsPolicyIsEnabledAgain) {
  PolicySpec policy = MakePolicy();
  policy.guard.max_per_hour = 0;
  policy.guard.cooldown_ns = kSecond;
  for (const char* action : {"restart", "scale", "rollback"}) {
    StepSpec step;
    step.action = action;
    step.verify_within_ns = 5 * kSecond;
    step.guard = policy.guard;
    policy.steps.push_back(step);
  }
  policy.steps[1].own.for_ns = policy.steps[1].guard.for_ns = kMinute;
  for (const bool restart : {false, true}) {
    World world(MakeSpec({policy}));
    const Finding finding = world.Open("payments");
    world.Run(20 * kSecond);  // the first step has failed, the second waits
    ASSERT_THAT(world.gateway.calls, ::testing::ElementsAre("restart"));
    ASSERT_TRUE(world.engine->ChangePolicy("latency", false, {}, "user:anna"));
    world.Run(kSecond);
    if (restart) {
      world.Restart();
      world.engine->OnFinding(finding);
      world.Run(kSecond);
    }
    ASSERT_TRUE(world.engine->ChangePolicy("latency", true, {}, "user:anna"));
    world.Run(62 * kSecond);
    ASSERT_GE(world.gateway.calls.size(), 2u);
    EXPECT_EQ(world.gateway.calls[1], "scale") << restart;
  }
}

TEST(RemedySettingsTest, EnforcingNeedsAGuard) {
  PipelineSpec spec = MakeSpec({Shadow()});
  spec.policies[0].guard = GuardSpec();
  World world(spec);
  const Status status =
      world.engine->ChangePolicy("latency", std::nullopt, Mode::kEnforce, "user:anna");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kInvalid);
  EXPECT_THAT(status.error().message, HasSubstr("add at least cooldown or max_per_hour"));
  EXPECT_EQ(world.engine->policies()[0].mode, Mode::kShadow);
}

TEST(RemedySettingsTest, AnUnknownPolicyIsNamed) {
  World world(MakeSpec({Shadow()}));
  const Status status = world.engine->ChangePolicy("latenzy", true, std::nullopt, "user:anna");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kNotFound);
  EXPECT_THAT(status.error().message, HasSubstr("latenzy"));
}

TEST(RemedySettingsTest, TheSwitchRemembersWhoAndWhen) {
  World world(MakeSpec({Shadow()}));
  EXPECT_EQ(world.engine->switch_changed_ns(), 0);
  world.Run(kMinute);
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  world.Restart();
  EXPECT_FALSE(world.engine->switch_on());
  EXPECT_EQ(world.engine->switch_actor(), "user:anna");
  EXPECT_EQ(world.engine->switch_changed_ns(), kStart + kMinute);
}

TEST(RemedySettingsTest, ADamagedChangeStopsTheStartAndSaysWhich) {
  World world(MakeSpec({Shadow()}));
  Change change;
  change.settings = {{OverrideSetting("latency"), R"({"mode": 7})"}};
  ASSERT_TRUE(world.store->Commit(&change));
  const Result<std::unique_ptr<Engine>> engine = Engine::Create(
      {&world.clock, world.store.get(), &world.gateway, &world.told, &world.latest}, world.spec);
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().code, Code::kCorrupt);
  EXPECT_THAT(engine.error().message, HasSubstr("policy 'latency'"));
}

}  // namespace
}  // namespace heald::remedy
