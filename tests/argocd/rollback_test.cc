#include <fstream>

#include "tests/argocd/fixture.h"
#include "tests/fakes/certificates.h"

namespace heald::argocd::testing {
namespace {

class ArgocdRollbackTest : public ArgocdTest {};

TEST_F(ArgocdRollbackTest, DeploysWhatRanBeforeAndWaitsForItsHealth) {
  const sdk::Plan plan = PlanOf();
  EXPECT_EQ(plan.summary, "roll back checkout from ccccccc (history 2) to bbbbbbb (history 1)");
  EXPECT_TRUE(plan.reversible);
  EXPECT_EQ(plan.effect_within, config_.healthy_within);
  EXPECT_EQ(Observe(plan).state, EffectState::kAbsent);
  EXPECT_EQ(Execute(plan).state, EffectState::kPending);
  EXPECT_EQ(Observe(plan).state, EffectState::kPending);
  const Effect effect = Settled(plan);
  EXPECT_EQ(effect.detail, "checkout is Healthy and OutOfSync") << "Git still has the new one";
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC, kB));
}

TEST_F(ArgocdRollbackTest, GoesToTheGivenEntry) {
  config_.history_id = 0;
  config_.prune = true;
  const sdk::Plan plan = PlanOf();
  Execute(plan);
  EXPECT_EQ(Settled(plan).state, EffectState::kDone);
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC, kA));
  EXPECT_TRUE(server_.Application("checkout")
                  .at("/status/operationState/operation/sync/prune"_json_pointer));
}

TEST_F(ArgocdRollbackTest, DryRunGoesDownToArgocdAndDeploysNothing) {
  const sdk::Plan plan = PlanOf();
  const Effect effect = DryRun(plan);
  EXPECT_EQ(effect.state, EffectState::kDone);
  EXPECT_THAT(effect.detail, HasSubstr("Argo CD's dry run: successfully synced"));
  EXPECT_EQ(Observe(plan).state, EffectState::kAbsent) << "a dry run is not the deed";
  server_.SetAutomated("checkout", kAutomated);
  EXPECT_EQ(DryRun(plan).state, EffectState::kDone) << "auto-sync refuses a rollback's dry run";
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC));
  server_.FailWith("Deployment web: image is required");
  EXPECT_EQ(DryRun(plan).state, EffectState::kFailed);
  EXPECT_THAT(DryRun(plan).detail, HasSubstr("image is required"));
}

TEST_F(ArgocdRollbackTest, AutoSyncIsSwitchedOffAndOwed) {
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Plan plan = PlanOf();
  EXPECT_THAT(plan.summary, HasSubstr("switching auto-sync off first"));
  EXPECT_EQ(Execute(plan).state, EffectState::kPending);
  const Effect effect = Settled(plan);
  EXPECT_THAT(
      effect.detail,
      AllOf(HasSubstr("checkout is Healthy"), HasSubstr("auto-sync of checkout is off since"),
            HasSubstr("`argocd app set checkout --sync-policy automated --auto-prune "
                      "--self-heal`")));
  EXPECT_TRUE(server_.Automated("checkout").is_null());
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC, kB))
      << "auto-sync would have deployed c again";
}

TEST_F(ArgocdRollbackTest, AutoSyncIsLeftAloneWhereThatIsSaid) {
  server_.SetAutomated("checkout", kAutomated);
  config_.disable_auto_sync = false;
  const sdk::Failure failure = PlanFailure();
  EXPECT_EQ(failure.code(), HEALD_INVALID);
  EXPECT_THAT(failure.what(), HasSubstr("set disable_auto_sync: true, or switch it off"));
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
}

TEST_F(ArgocdRollbackTest, UndoDeploysTheFormerAndSwitchesAutoSyncOn) {
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Plan plan = PlanOf();
  Execute(plan);
  ASSERT_EQ(Settled(plan).state, EffectState::kDone);
  EXPECT_THAT(Undo(plan).detail, HasSubstr("goes back to ccccccc; auto-sync is on again"));
  const Effect effect = Settled(plan, EffectState::kAbsent);
  EXPECT_EQ(effect.state, EffectState::kAbsent) << effect.detail;
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC, kB, kC));
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
  EXPECT_EQ(Undo(plan).state, EffectState::kDone) << "nothing more to take back";
  EXPECT_EQ(Rollbacks(), 2U);
}

TEST_F(ArgocdRollbackTest, UndoEndsARollbackThatHangs) {
  server_.Hang(true);
  const sdk::Plan plan = PlanOf();
  Execute(plan);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!server_.Application("checkout").contains("/status/operationState"_json_pointer))
    ASSERT_LT(std::chrono::steady_clock::now(), until);
  server_.Hang(false);
  server_.SetTimes(std::chrono::milliseconds(5), std::chrono::seconds(20));
  const Effect effect = Undo(plan);
  EXPECT_EQ(effect.state, EffectState::kPending) << effect.detail;
  server_.SetTimes(std::chrono::milliseconds(5), std::chrono::milliseconds(5));
  EXPECT_EQ(Settled(plan, EffectState::kAbsent).state, EffectState::kAbsent);
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC, kC));
}

TEST_F(ArgocdRollbackTest, WhatArgocdCouldNotDoIsAFailureThatSaysWhy) {
  server_.FailWith("one or more objects failed to apply: quota exceeded");
  const sdk::Plan plan = PlanOf();
  Execute(plan);
  const Effect effect = Settled(plan, EffectState::kFailed);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("Failed: one or more objects failed to apply: quota"));
}

TEST_F(ArgocdRollbackTest, IsNotDoneWhileItIsntHealthy) {
  server_.SetHealth(kB, "Progressing");
  const sdk::Plan plan = PlanOf();
  Execute(plan);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (server_.History("checkout").size() < 4) ASSERT_LT(std::chrono::steady_clock::now(), until);
  EXPECT_EQ(Observe(plan).state, EffectState::kPending);
  EXPECT_THAT(Observe(plan).detail, HasSubstr("checkout is Progressing"));
  server_.SetHealth(kB, "Healthy");
  EXPECT_EQ(Observe(plan).state, EffectState::kDone);
}

TEST_F(ArgocdRollbackTest, WhatSomebodyDeployedSinceThePlanIsLeftAlone) {
  const sdk::Plan plan = PlanOf();
  server_.SetTimes({}, {});
  server_.BeginSync("checkout", kD, "alice");
  const sdk::Failure failure = FailureOf([&] { Execute(plan); });
  EXPECT_EQ(failure.code(), HEALD_CONFLICT);
  EXPECT_THAT(failure.what(), HasSubstr("deployed anew since the plan was made: it runs ddddddd"));
  EXPECT_EQ(Rollbacks(), 0U);
}

TEST_F(ArgocdRollbackTest, WhatSomebodyDeploysOverItIsSaid) {
  const sdk::Plan plan = PlanOf();
  Execute(plan);
  ASSERT_EQ(Settled(plan).state, EffectState::kDone);
  server_.BeginSync("checkout", kD, "alice");
  const Effect effect = Settled(plan, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("and then ddddddd (history 4) was deployed over it"));
  EXPECT_EQ(FailureOf([&] { Undo(plan); }).code(), HEALD_CONFLICT);
}

TEST_F(ArgocdRollbackTest, ApplicationMadeAnewIsAnother) {
  const sdk::Plan plan = PlanOf();
  server_.Put("checkout", {kA, kB, kC});
  EXPECT_THAT(FailureOf([&] { Execute(plan); }).what(), HasSubstr("was deleted and made anew"));
}

TEST_F(ArgocdRollbackTest, SpeaksTlsWithItsOwnAuthorityAndReadsTheTokenAgain) {
  const std::string folder(host_.host().StateDir());
  const fakes::Authority authority(folder, "ca");
  const fakes::CertificateFiles files = authority.Issue("server", "IP:127.0.0.1");
  fakes::ArgocdServer server({files.cert_file, files.key_file, ""});
  server.Put("checkout", {kA, kB});
  Config config = With(Operation::kRollback);
  config.url = server.url();
  config.connect_timeout = sdk::Seconds(10);  // the handshake's too, on a busy machine
  config.bearer_token.clear();
  config.bearer_token_file = folder + "/token";
  const auto write = [&](const std::string& token) {
    std::ofstream(config.bearer_token_file, std::ios::trunc) << token << "\n";
  };
  write("outdated");
  Restart(config);
  EXPECT_THAT(PlanFailure().what(), HasSubstr("certificate")) << "nobody vouches for it";
  config.tls.ca_file = authority.ca_file();
  Restart(config);
  const sdk::Failure refused = PlanFailure();
  EXPECT_EQ(refused.code(), HEALD_DENIED);
  EXPECT_TRUE(refused.retryable()) << "it may be about to be renewed";
  EXPECT_THAT(refused.what(), AllOf(HasSubstr("HTTP 401"), HasSubstr("generate-token")));
  write(fakes::ArgocdServer::kToken);
  EXPECT_THAT(PlanOf().summary, HasSubstr("to aaaaaaa"));
}

}  // namespace
}  // namespace heald::argocd::testing
