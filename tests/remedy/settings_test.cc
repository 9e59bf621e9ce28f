#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PipelineSpec Shadow() {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kShadow;
  return MakeSpec({policy});
}

// Kinds and subjects of the audit rows that belong to no incident.
std::vector<std::string> SettingRows(World& world) {
  std::vector<std::string> out;
  const std::vector<AuditEvent> events = *world.store->Events(0, 1000);
  for (const AuditEvent& event : events)
    if (event.incident == 0) out.push_back(event.kind + " " + event.actor);
  return out;
}

TEST(RemedySettingsTest, AChangedModeActsOnWhatIsOpenAndSurvivesARestart) {
  World world(Shadow());
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
  World world(Shadow());
  ASSERT_TRUE(world.engine->ChangePolicy("latency", std::nullopt, Mode::kApprove, "user:anna"));
  world.engine->SetPolicies(Shadow());
  EXPECT_EQ(world.engine->policies()[0].mode, Mode::kApprove);
  PipelineSpec edited = Shadow();
  edited.policies[0].mode = Mode::kEnforce;
  world.engine->SetPolicies(edited, "signal:SIGHUP");
  EXPECT_EQ(world.engine->policies()[0].mode, Mode::kEnforce);
  EXPECT_THAT(world.engine->overrides(), IsEmpty());
  world.engine->SetPolicies(Shadow());
  EXPECT_EQ(world.engine->policies()[0].mode, Mode::kShadow) << "it doesn't come back";
  world.Restart();
  EXPECT_EQ(world.engine->policies()[0].mode, Mode::kShadow);
}

TEST(RemedySettingsTest, SettingItBackToTheFilesValueEndsTheChange) {
  World world(Shadow());
  ASSERT_TRUE(world.engine->ChangePolicy("latency", false, std::nullopt, "user:anna"));
  EXPECT_FALSE(world.engine->policies()[0].enabled);
  ASSERT_TRUE(world.engine->ChangePolicy("latency", true, std::nullopt, "user:ben"));
  EXPECT_THAT(world.engine->overrides(), IsEmpty());
  world.Restart();
  EXPECT_TRUE(world.engine->policies()[0].enabled);
}

TEST(RemedySettingsTest, ADisabledPolicyWithdrawsWhatItAskedFor) {
  PipelineSpec spec = Shadow();
  spec.policies[0].mode = Mode::kApprove;
  World world(spec);
  world.Open("payments");
  world.Run(kSecond);
  ASSERT_EQ(world.engine->AwaitingApproval().size(), 1u);
  ASSERT_TRUE(world.engine->ChangePolicy("latency", false, std::nullopt, "user:anna"));
  EXPECT_THAT(world.engine->AwaitingApproval(), IsEmpty());
}

TEST(RemedySettingsTest, EnforcingNeedsAGuard) {
  PipelineSpec spec = Shadow();
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
  World world(Shadow());
  const Status status = world.engine->ChangePolicy("latenzy", true, std::nullopt, "user:anna");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kNotFound);
  EXPECT_THAT(status.error().message, HasSubstr("latenzy"));
}

TEST(RemedySettingsTest, TheSwitchRemembersWhoAndWhen) {
  World world(Shadow());
  EXPECT_EQ(world.engine->switch_changed_ns(), 0);
  world.Run(kMinute);
  ASSERT_TRUE(world.engine->SetSwitch(false, "user:anna"));
  world.Restart();
  EXPECT_FALSE(world.engine->switch_on());
  EXPECT_EQ(world.engine->switch_actor(), "user:anna");
  EXPECT_EQ(world.engine->switch_changed_ns(), kStart + kMinute);
}

TEST(RemedySettingsTest, ADamagedChangeStopsTheStartAndSaysWhich) {
  World world(Shadow());
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
