#include "tests/argocd/fixture.h"
#include "tests/fakes/problems.h"

namespace heald::argocd::testing {
namespace {

using fakes::ProblemsIn;

Config Minimal(Operation operation) {
  Config config;
  config.url = "https://argocd.example.org";
  config.operation = operation;
  return config;
}

TEST(ArgocdConfigTest, TakesEachOperationWithWhatBelongsToIt) {
  for (const Operation operation :
       {Operation::kRollback, Operation::kSync, Operation::kRefresh, Operation::kTerminate})
    EXPECT_THAT(ProblemsIn<ArgocdAction>(Minimal(operation)), ElementsAre());
  Config rollback = Minimal(Operation::kRollback);
  rollback.history_id = 4;
  rollback.reenable_auto_sync = Reenable::kAfter;
  rollback.prune = true;
  EXPECT_THAT(ProblemsIn<ArgocdAction>(rollback), ElementsAre());
}

TEST(ArgocdConfigTest, NamesWhatAnotherOperationDoesNotTake) {
  Config config = Minimal(Operation::kRefresh);
  config.history_id = 4;
  config.revision = "main";
  config.prune = true;
  config.reenable_auto_sync = Reenable::kNewRevision;
  EXPECT_THAT(ProblemsIn<ArgocdAction>(config),
              ElementsAre("/history_id: only with operation: rollback",
                          "/revision: only with operation: sync",
                          "/reenable_auto_sync: only with operation: rollback",
                          "/prune: only with operation: rollback or sync"));
  config = Minimal(Operation::kSync);
  config.refresh = Refresh::kHard;
  config.url = "argocd.example.org";
  EXPECT_THAT(ProblemsIn<ArgocdAction>(config),
              ElementsAre("/refresh: only with operation: refresh", HasSubstr("/url: ")));
}

TEST(ArgocdConfigTest, FindsTheApplicationByItsLabels) {
  Config config = Minimal(Operation::kSync);
  EXPECT_EQ(AppOf(config, {{"name", "a"}, {"pod", "x"}}).name, "a");
  EXPECT_EQ(AppOf(config, {{"name", "a"}, {"argocd_app", "b"}}).name, "b");
  config.application_labels = {"label_app_kubernetes_io_instance"};
  EXPECT_EQ(AppOf(config, {{"name", "a"}, {"label_app_kubernetes_io_instance", "c"}}).name, "c");
  config.application = "d";
  config.project = "shop";
  config.app_namespace = "team-a";
  EXPECT_EQ(AppOf(config, {{"name", "a"}}).PolicyObject(), "shop/team-a/d");
}

TEST(ArgocdConfigTest, SaysWhichLabelsItLookedFor) {
  try {
    AppOf(Minimal(Operation::kSync), {{"pod", "x"}});
    FAIL() << "there is no name";
  } catch (const sdk::Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_INVALID);
    EXPECT_THAT(failure.what(), HasSubstr("the target has no label argocd_app, name: set"));
  }
}

}  // namespace
}  // namespace heald::argocd::testing
