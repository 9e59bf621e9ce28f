// What the journal keeps, so that people can see afterwards what was seen and what was called.
#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::SizeIs;

Json DetailOf(World& world, std::string_view kind) {
  for (const AuditEvent& event : world.ChainOf(1).events)
    if (event.kind == kind) return Json::parse(event.detail);
  ADD_FAILURE() << "no " << kind;
  return Json::object();
}

const Call kRestart{"POST /containers/payments/restart?t=10", "204", kStart + 5,
                    812 * kMillisecond};

TEST(EvidenceTest, KeepsTheSamplesAndTheBandOfTheMoment) {
  World world(MakeSpec({MakePolicy()}));
  Finding finding = world.Make("payments");
  for (int i = 0; i < 30; ++i) finding.recent.push_back(i);
  finding.recent.push_back(kUnknown);
  finding.recent_step_ns = kSecond;
  world.engine->OnFinding(finding);
  world.Run(kSecond);
  const Json seen = DetailOf(world, "finding.opened");
  ASSERT_THAT(seen["recent"], SizeIs(20));
  EXPECT_EQ(seen["recent"][0], 11.0);
  EXPECT_TRUE(seen["recent"][19].is_null());
  EXPECT_EQ(seen["recent_step_ns"], kSecond);
  EXPECT_EQ(seen["sample_ts_ns"], finding.ts_ns);
  EXPECT_EQ(seen["expected_low"], 0.04);
  EXPECT_EQ(seen["expected_high"], 0.09);
  EXPECT_EQ(seen["unit"], "s");
}

TEST(EvidenceTest, KeepsTheCallsOfADeedThatShowed) {
  World world(MakeSpec({MakePolicy()}));
  world.gateway.targets["payments"].reply = Effect{EffectState::kPending, "204", {kRestart}};
  world.gateway.targets["payments"].effect =
      Effect{EffectState::kDone, "healthy", {{"GET /containers/payments/json", "200", kStart, 1}}};
  world.Open("payments");
  world.Run(10 * kSecond);
  const Json calls = DetailOf(world, "execution.observed")["calls"];
  ASSERT_THAT(calls, SizeIs(2));
  EXPECT_EQ(calls[0], ToJson(kRestart));
  EXPECT_EQ(calls[1]["call"], "GET /containers/payments/json");
}

TEST(EvidenceTest, KeepsTheCallsOfADeedThatFailed) {
  World world(MakeSpec({MakePolicy()}));
  Error refused = MakeError(Code::kDenied, "no permission");
  refused.calls = {kRestart};
  world.gateway.targets["payments"].execute_error = refused;
  world.Open("payments");
  world.Run(10 * kSecond);
  EXPECT_EQ(DetailOf(world, "execution.failed")["calls"], Json::array({ToJson(kRestart)}));
}

}  // namespace
}  // namespace heald::remedy
