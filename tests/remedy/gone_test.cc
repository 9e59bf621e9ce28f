// Actions that replace their target, so that nothing is measured under its name any more.
#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kOld = "web-5f7c9-aaaaa";

class RemedyGoneTest : public ::testing::Test {
 protected:
  RemedyGoneTest() {
    world.reports = false;
    world.options.orphan_max_ns = kHour;
  }
  // Sick until it is restarted, and never heard of since.
  void RestartIt() {
    world.Sample(kOld, 3);
    world.Open(kOld);
    world.Run(2 * kSecond);
    ASSERT_EQ(world.gateway.targets[kOld].executed, 1);
  }
  void Gone(EffectState observed = EffectState::kDone) {
    world.gateway.targets[kOld].plan_error = MakeError(Code::kNotFound, "there is no such pod");
    world.gateway.targets[kOld].effect = Effect{observed, "web-5f7c9-bbbbb is ready"};
  }
  Execution Done() { return world.ChainOf(1).executions.at(0); }

  World world{MakeSpec({MakePolicy()})};
};

TEST_F(RemedyGoneTest, WhatWasReplacedIsOverWhenNothingLikeItIsFound) {
  RestartIt();
  Gone();
  world.Run(3 * kMinute);
  EXPECT_EQ(Done().state, ExecutionState::kVerified);
  EXPECT_THAT(Done().detail,
              HasSubstr("web-5f7c9-aaaaa is gone (there is no such pod), replaced by "
                        "the action: web-5f7c9-bbbbb is ready; nothing like it"));
  EXPECT_THAT(world.engine->incidents().all(), IsEmpty());
  const Incident incident = world.ChainOf(1).incident;
  EXPECT_EQ(incident.resolution, Resolution::kHealed);
  EXPECT_FALSE(incident.needed_person);
  EXPECT_EQ(world.gateway.targets[kOld].executed, 1);
}

TEST_F(RemedyGoneTest, ItIsntWhereItsSuccessorHasTheSame) {
  RestartIt();
  Gone();
  world.Run(kMinute);
  Finding next = world.Make("web-5f7c9-bbbbb");
  next.began_ns = world.clock.NowNs();
  world.engine->OnFinding(next);
  world.Run(3 * kMinute);
  EXPECT_EQ(Done().state, ExecutionState::kFailed);
  EXPECT_THAT(Done().detail, HasSubstr("there is the same again: web-5f7c9-bbbbb"));
  EXPECT_EQ(Done().progress.proof, Proof::kPlain);
}

TEST_F(RemedyGoneTest, AnotherServiceIsNoSuccessor) {
  RestartIt();
  Gone();
  world.Run(kMinute);
  Finding next = world.Make("db-0");
  next.began_ns = world.clock.NowNs();
  world.engine->OnFinding(next);
  world.Run(3 * kMinute);
  EXPECT_EQ(Done().state, ExecutionState::kVerified);
}

TEST_F(RemedyGoneTest, NothingIsKnownOfWhatSomebodyRemoved) {
  RestartIt();
  Gone(EffectState::kFailed);
  world.Run(3 * kMinute);
  EXPECT_EQ(Done().state, ExecutionState::kFailed);
  EXPECT_EQ(Done().progress.proof, Proof::kInconclusive);
  EXPECT_TRUE(world.ChainOf(1).incident.needed_person);
}

TEST_F(RemedyGoneTest, NothingIsKnownOfWhatIsStillThere) {
  RestartIt();
  world.Run(3 * kMinute);
  EXPECT_EQ(Done().state, ExecutionState::kFailed);
  EXPECT_EQ(Done().progress.proof, Proof::kInconclusive);
  EXPECT_THAT(world.told.loud, Not(Contains(HasSubstr("is gone"))));
}

TEST_F(RemedyGoneTest, AnEndWithoutDataIsAskedAboutToo) {
  RestartIt();
  Gone();
  Finding expired = world.ChainOf(1).incident.findings.at(0);
  expired.annotations.Set("cleared", "expired");
  world.Clear(expired);
  world.Run(kSecond);
  EXPECT_EQ(Done().state, ExecutionState::kVerified);
  EXPECT_THAT(world.engine->incidents().all(), IsEmpty());
}

}  // namespace
}  // namespace heald::remedy
