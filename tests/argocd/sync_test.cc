// sync, refresh and terminate.
#include "tests/argocd/fixture.h"

namespace heald::argocd::testing {
namespace {

class ArgocdSyncTest : public ArgocdTest {
 protected:
  ArgocdSyncTest() { Restart(Operation::kSync); }
  size_t Syncs() { return server_.Count("POST", "/sync"); }
};

TEST_F(ArgocdSyncTest, DeploysWhatGitHas) {
  server_.Push("checkout", kD);
  const sdk::Plan plan = PlanOf();
  EXPECT_EQ(plan.summary, "sync checkout (OutOfSync, Degraded) to HEAD");
  EXPECT_FALSE(plan.reversible);
  EXPECT_EQ(DryRun(plan).state, EffectState::kDone);
  EXPECT_EQ(Observe(plan).state, EffectState::kAbsent);
  EXPECT_EQ(Execute(plan).state, EffectState::kPending);
  EXPECT_EQ(Settled(plan).detail, "checkout is Healthy and Synced");
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC, kD));
  EXPECT_EQ(FailureOf([&] { Undo(plan); }).code(), HEALD_UNSUPPORTED);
}

TEST_F(ArgocdSyncTest, WhatHealdHasRolledBackIsNotDeployedAgain) {
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Plan sync = PlanOf();
  Restart(Operation::kRollback);
  const sdk::Plan rollback = PlanOf();
  Execute(rollback);
  ASSERT_EQ(Settled(rollback).state, EffectState::kDone);
  server_.Push("checkout", kD);  // which may be right or not
  // Another node of the pipeline, with a folder of its own.
  const sdk::testing::FakeHost beside("sync");
  config_ = With(Operation::kSync);
  action_ = std::make_unique<ArgocdAction>(beside.host(), config_);
  const sdk::Failure refused = PlanFailure();
  EXPECT_EQ(refused.code(), HEALD_CONFLICT);
  EXPECT_THAT(refused.what(), AllOf(HasSubstr("heald has rolled checkout back from ccccccc"),
                                    HasSubstr("auto-sync of checkout is off since")));
  EXPECT_EQ(Execute(sync).state, EffectState::kFailed) << "planned before";
  EXPECT_EQ(Syncs(), 0U);
  action_.reset();
}

TEST_F(ArgocdSyncTest, WhatAnybodyHasRolledBackIsNotDeployedAgain) {
  Restart(Operation::kRollback);
  const sdk::Plan rollback = PlanOf();
  Execute(rollback);
  ASSERT_EQ(Settled(rollback).state, EffectState::kDone);
  Restart(Operation::kSync);
  EXPECT_THAT(PlanFailure().what(), HasSubstr("checkout was rolled back from ccccccc"));
  server_.Push("checkout", kD);
  EXPECT_THAT(PlanOf().summary, HasSubstr("to HEAD")) << "Git has something else";
}

TEST_F(ArgocdSyncTest, DeploysTheGivenRevisionAndPrunes) {
  config_.revision = kB;
  config_.prune = true;
  const sdk::Plan plan = PlanOf();
  EXPECT_THAT(plan.summary, HasSubstr("pruning what Git doesn't have"));
  Execute(plan);
  EXPECT_EQ(Settled(plan).state, EffectState::kDone);
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC, kB));
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Failure failure = PlanFailure();
  EXPECT_EQ(failure.code(), HEALD_INVALID);
  EXPECT_THAT(failure.what(), HasSubstr("Argo CD syncs it to HEAD only"));
}

TEST_F(ArgocdSyncTest, KilledAfterTheCallItIsNotDoneAgain) {
  const sdk::Plan plan = PlanOf();
  server_.SetFault(
      [](const fakes::FakeRequest& request) -> std::optional<fakes::FakeReply> {
        if (request.method != "POST") return std::nullopt;
        return fakes::FakeReply{.reset = true};
      },
      true);
  EXPECT_THROW(Execute(plan), sdk::Failure);
  server_.SetFault({});
  Restart(Operation::kSync);
  server_.SetHealth(kC, "Healthy");
  EXPECT_NE(Execute(plan).state, EffectState::kAbsent);
  EXPECT_EQ(Settled(plan).state, EffectState::kDone);
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC, kC));
}

TEST_F(ArgocdSyncTest, FailureAndWindowAreSaid) {
  server_.SetSyncWindow(true);
  const sdk::Plan plan = PlanOf();
  const sdk::Failure window = FailureOf([&] { Execute(plan); });
  EXPECT_EQ(window.code(), HEALD_DENIED);
  EXPECT_THAT(window.what(),
              AllOf(HasSubstr("blocked by sync window"), Not(HasSubstr("role:heald"))));
  server_.SetSyncWindow(false);
  server_.FailWith("helm template failed");
  Execute(plan);
  EXPECT_THAT(Settled(plan, EffectState::kFailed).detail,
              HasSubstr("couldn't sync checkout: Failed: helm template failed"));
}

TEST_F(ArgocdSyncTest, AnotherOperationIsRefusedAndOneThatFollowedIsSaid) {
  const sdk::Plan plan = PlanOf();
  server_.SetTimes({}, std::chrono::seconds(20));
  server_.BeginSync("checkout", kD, "alice");
  EXPECT_EQ(FailureOf([&] { Execute(plan); }).code(), HEALD_CONFLICT);
  EXPECT_EQ(Syncs(), 0U);
  server_.SetTimes({}, {});
  EXPECT_THAT(Settled(plan, EffectState::kFailed).detail,
              HasSubstr("a sync to ddddddd by alice, so what this one came to isn't known"));
}

TEST_F(ArgocdSyncTest, RefreshAsksArgocdToLookAgain) {
  for (const Refresh refresh : {Refresh::kNormal, Refresh::kHard}) {
    Config config = With(Operation::kRefresh);
    config.refresh = refresh;
    Restart(config);
    const sdk::Plan plan = PlanOf();
    EXPECT_EQ(DryRun(plan).state, EffectState::kDone);
    EXPECT_EQ(Observe(plan).state, EffectState::kAbsent);
    EXPECT_EQ(Execute(plan).detail, "checkout was refreshed: it is Synced and Degraded");
    EXPECT_EQ(Observe(plan).state, EffectState::kDone);
    const std::string asked = "refresh=" + std::string(kRefreshWords[static_cast<size_t>(refresh)]);
    const auto exchanges = server_.exchanges();
    EXPECT_TRUE(std::any_of(exchanges.begin(), exchanges.end(),
                            [&](const auto& e) { return e.first.query == asked; }));
  }
}

TEST_F(ArgocdSyncTest, TerminateEndsTheOperationOfThePlanOnly) {
  Restart(Operation::kTerminate);
  EXPECT_EQ(PlanFailure().code(), HEALD_NOT_FOUND) << "nothing is under way";
  server_.SetTimes({}, {});
  server_.Hang(true);
  server_.BeginSync("checkout", kD, "alice");
  const sdk::Plan plan = PlanOf();
  EXPECT_THAT(plan.summary, HasSubstr("end the operation on checkout: sync to ddddddd by alice"));
  EXPECT_THAT(DryRun(plan).detail, HasSubstr("which is Running"));
  EXPECT_EQ(Observe(plan).state, EffectState::kAbsent);
  EXPECT_EQ(Execute(plan).state, EffectState::kPending);
  EXPECT_EQ(Settled(plan).state, EffectState::kDone);
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC));
  server_.BeginSync("checkout", kD, "bob");
  EXPECT_EQ(FailureOf([&] { Execute(plan); }).code(), HEALD_CONFLICT) << "that is another one";
  EXPECT_EQ(server_.Count("DELETE", "/operation"), 1U);
}

}  // namespace
}  // namespace heald::argocd::testing
