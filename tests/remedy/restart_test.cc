// What an earlier process knew and the file can't say: it is in the journal, in each kind of store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/postgres_server.h"
#include "tests/remedy/specs.h"
#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

enum class Kind { kSqlite, kPostgres };

class RemedyRestartTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::kPostgres && !fakes::PostgresServer::Installed())
      GTEST_SKIP() << "PostgreSQL isn't installed";
  }
  static std::string Url() {
    if (GetParam() == Kind::kSqlite) return "sqlite:heald.db";
    static fakes::PostgresServer server;
    static int last = 0;
    return server.Url("restart" + std::to_string(++last));
  }
};

INSTANTIATE_TEST_SUITE_P(On, RemedyRestartTest, ::testing::Values(Kind::kSqlite, Kind::kPostgres),
                         [](const auto& kind) {
                           return kind.param == Kind::kSqlite ? "Sqlite" : "Postgres";
                         });

// ---- a run goes by the rules that it was planned by ---------------------------------------------

PipelineSpec WithCanary() {
  PolicySpec policy = MakePolicy();
  policy.guard = {};
  policy.guard.cooldown_ns = kSecond;
  PipelineSpec spec = TwoSteps(policy, kMinute);
  CanarySpec& canary = spec.policies[0].steps[0].canary;
  canary.set = true;
  canary.check = Parsed("error_rate < 0.05");
  canary.for_ns = 4 * kSecond;
  canary.within_ns = 25 * kSecond;
  return spec;
}

// One whose first part is done and looked at.
class CanaryWorld : public World {
 public:
  explicit CanaryWorld(const std::string& url) : World(WithCanary(), url) {
    gateway.targets["payments"].can_canary = true;
    Open("payments");
    Feed(0.01, 3);
    EXPECT_THAT(gateway.calls, ElementsAre("restart canary"));
  }
  void Feed(double error_rate, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      latest.Record("prom", "error_rate", {{"service", "payments"}}, error_rate, clock.NowNs());
      Run(kSecond);
    }
  }
  std::string Ended() { return ChainOf(1).executions.front().detail; }
};

TEST_P(RemedyRestartTest, ACanaryKeepsItsCheckWhileItsPolicyIsDisabled) {
  CanaryWorld world(Url());
  ASSERT_TRUE(world.engine->ChangePolicy("latency", false, std::nullopt, "user:anna"));
  world.Feed(0.01, 2);
  world.Restart();
  world.Feed(0.9, 3);
  ASSERT_THAT(world.engine->HeldCanaries(), SizeIs(1));
  ASSERT_TRUE(world.engine->ChangePolicy("latency", true, std::nullopt, "user:anna"));
  world.Feed(0.9, 40);
  EXPECT_THAT(world.gateway.calls, Not(Contains("restart rest")));
  EXPECT_EQ(world.Ended(), "canary: error_rate 0.9 < 0.05 no");
}

TEST_P(RemedyRestartTest, ACanaryKeepsItsCheckWhileTheFileHasNone) {
  CanaryWorld world(Url());
  const PipelineSpec whole = world.spec;
  world.spec.policies[0].steps[0].canary = {};
  world.Restart();
  world.Feed(0.9, 3);
  ASSERT_THAT(world.engine->HeldCanaries(), SizeIs(1));
  EXPECT_EQ(world.engine->Approve(world.engine->HeldCanaries()[0].id, "user:anna").error().code,
            Code::kConflict);
  world.engine->SetPolicies(whole);
  world.Feed(0.01, 6);
  EXPECT_THAT(world.gateway.calls, Contains("restart rest")) << "its check passed";
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("error_rate 0.01 < 0.05 yes")));
}

TEST_P(RemedyRestartTest, ACanaryWhosePolicyStaysAwayFailsInItsTime) {
  CanaryWorld world(Url());
  world.spec.policies.clear();
  world.Restart();
  world.Feed(0.01, 20);
  ASSERT_THAT(world.engine->HeldCanaries(), SizeIs(1));
  world.Feed(0.01, 10);
  EXPECT_THAT(world.gateway.calls, Not(Contains("restart rest")));
  EXPECT_THAT(world.Ended(), HasSubstr("canary: not decided within 25s"));
}

TEST_P(RemedyRestartTest, AStepIsVerifiedInItsOwnTimeAndTheNextOneFollows) {
  PolicySpec policy = MakePolicy();
  policy.guard = {};
  policy.guard.cooldown_ns = kSecond;
  World world(TwoSteps(policy, 12 * kSecond), Url());
  world.options.orphan_min_ns = kSecond;
  world.Open("payments");
  world.Run(3 * kSecond);
  ASSERT_THAT(world.gateway.calls, ElementsAre("restart"));
  ASSERT_TRUE(world.engine->ChangePolicy("latency", false, std::nullopt, "user:anna"));
  world.Restart();
  world.Open("payments");
  world.Run(2 * kSecond);
  ASSERT_TRUE(world.engine->ChangePolicy("latency", true, std::nullopt, "user:anna"));
  world.Run(20 * kSecond);
  EXPECT_THAT(world.ChainOf(1).executions.front().detail, HasSubstr("not back to normal 1"));
  EXPECT_THAT(world.gateway.calls, ElementsAre("restart", "scale_out"));
}

// ---- who is quiet is told of once he isn't ------------------------------------------------------

Silence Silenced(World* world, int64_t for_ns) {
  Result<Silence> silence = world->engine->AddSilence(
      {*Matcher::Parse("service=payments")}, world->clock.NowNs() + for_ns, "user:anna", "deploy");
  EXPECT_TRUE(silence);
  return silence ? *silence : Silence();
}

TEST_P(RemedyRestartTest, ASilenceThatEndsMeanwhileIsToldOnce) {
  World world(MakeSpec({}), Url());
  Silenced(&world, kMinute);
  const Finding finding = world.Open("payments");
  world.Run(kSecond);
  EXPECT_THAT(world.told.loud, SizeIs(0));
  world.clock.Advance(2 * kMinute);
  world.Restart();
  world.told.Forget();
  world.engine->OnFinding(finding);
  world.Run(kSecond);
  EXPECT_EQ(Count(world.told.loud, "incident #1  no longer silenced"), 1u);
  world.Restart();
  world.Run(kSecond);
  EXPECT_EQ(Count(world.told.loud, "incident #1  no longer silenced"), 1u);
}

TEST_P(RemedyRestartTest, APersonWhoIsNeededHearsOfItWhenTheSilenceIsOver) {
  PolicySpec policy = MakePolicy();
  policy.verify_within_ns = 5 * kSecond;
  World world(MakeSpec({policy}), Url());
  world.Open("payments");
  world.Run(3 * kSecond);  // done, and being verified
  Silenced(&world, kMinute);
  world.Run(10 * kSecond);
  ASSERT_THAT(world.Kinds(1), Contains("incident.escalated"));
  EXPECT_EQ(Count(world.told.loud, "needs a person"), 0u);
  world.clock.Advance(2 * kMinute);
  world.Restart();
  Incident told;
  world.told.on_notice = [&](const Notice& notice) {
    if (!notice.quiet && notice.kind == NoticeKind::kIncident) told = *notice.incident;
  };
  world.Run(kSecond);
  EXPECT_EQ(told.state, IncidentState::kEscalated);
}

TEST_P(RemedyRestartTest, ASilenceThatLastsIsSaidOnce) {
  World world(MakeSpec({}), Url());
  world.Open("payments");
  Silenced(&world, kHour);
  world.Run(kSecond);
  world.Restart();
  world.Run(kSecond);
  world.Restart();
  world.Run(kSecond);
  EXPECT_EQ(Count(world.Kinds(1), "incident.silenced"), 1u);
}

TEST_P(RemedyRestartTest, WhatTheFileNoLongerMutesIsTold) {
  PipelineSpec spec = MakeSpec({});
  InhibitRule rule;
  rule.source = {*Matcher::Parse("service=node")};
  rule.target = {*Matcher::Parse("service=payments")};
  spec.inhibit = {rule};
  World world(spec, Url());
  world.Open("node");
  world.Open("payments");
  world.Run(kSecond);
  ASSERT_THAT(world.Kinds(2), Contains("incident.muted"));
  world.Restart();
  world.Run(kSecond);
  EXPECT_EQ(Count(world.Kinds(2), "incident.muted"), 1u) << "it still is";
  world.spec.inhibit.clear();
  world.Restart();
  world.told.Forget();
  world.Run(kSecond);
  EXPECT_EQ(Count(world.told.loud, "incident #2  no longer muted"), 1u);
}

// ---- the clock is set back ----------------------------------------------------------------------

// While heald runs, or while it is down.
void SetBack(World* world, bool down) {
  world->clock.Advance(-kHour);
  if (down) world->Restart();
  world->Run(kMillisecond);
}

TEST_P(RemedyRestartTest, NothingTakesLessThanNoTimeWhenTheClockIsSetBack) {
  for (const bool down : {false, true}) {
    SCOPED_TRACE(down ? "while heald is down" : "while it runs");
    World world(MakeSpec({MakePolicy()}), Url());
    Finding finding = world.Open("payments");
    world.Run(3 * kSecond);  // done, and being verified
    ASSERT_THAT(world.gateway.calls, SizeIs(1));
    SetBack(&world, down);
    finding.state = FindingState::kUpdate;
    finding.ts_ns = world.clock.NowNs();
    world.engine->OnFinding(finding);
    world.Run(4 * kSecond);
    world.Clear(finding);
    world.Run(kSecond);
    const Chain chain = world.ChainOf(1);
    EXPECT_EQ(chain.executions[0].state, ExecutionState::kVerified);
    EXPECT_EQ(chain.executions[0].progress.proof, Proof::kPlain) << chain.executions[0].detail;
    EXPECT_THAT(chain.executions[0].detail, Not(HasSubstr("-")));
    EXPECT_EQ(chain.incident.closed_ns - chain.incident.opened_ns, 4 * kSecond + kMillisecond);
    EXPECT_EQ(chain.incident.resolution, Resolution::kHealed);
  }
}

TEST_P(RemedyRestartTest, ACooldownIsNoLongerThanItselfWhenTheClockIsSetBack) {
  for (const bool down : {false, true}) {
    SCOPED_TRACE(down ? "while heald is down" : "while it runs");
    World world(MakeSpec({MakePolicy()}), Url());
    world.spec.agent.reopen_within_ns = 0;
    const Finding finding = world.Open("payments");
    world.Run(3 * kSecond);
    world.Clear(finding);
    world.Run(kSecond);
    SetBack(&world, down);
    world.Open("payments");
    world.Run(4 * kMinute);
    EXPECT_THAT(world.gateway.calls, SizeIs(1)) << "its cooldown begins anew";
    world.Run(2 * kMinute);
    EXPECT_THAT(world.gateway.calls, SizeIs(2));
  }
}

}  // namespace
}  // namespace heald::remedy
