// rolling_restart, rollback and scale_out.
#include "plugins/actions/kubernetes/workload.h"

#include "plugins/actions/kubernetes/argocd_owner.h"
#include "plugins/support/json_at.h"
#include "tests/kubernetes_action/fixture.h"

namespace heald::kubernetes::testing {
namespace {

using fakes::kubernetes::PodFate;
using sdk::Effect;
using sdk::EffectState;
using support::At;
using support::Number;
using support::Text;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// What an approval of it is bound to, by the engine.
Json RestsOn(const sdk::Plan& plan) {
  const Json before = Json::parse(plan.before);
  return {plan.reversible, plan.target_uid,
          before.contains("rests_on") ? before["rests_on"] : before};
}

class RollingRestartTest : public ActionTest {
 protected:
  Config config_ = For(Operation::kRollingRestart);
  const sdk::Request web_ = Request({{"namespace", "prod"}, {"deployment", "web"}});
};

TEST_F(RollingRestartTest, RestartsEveryPodThroughTheTemplate) {
  Deploy("web", 3);
  const sdk::Plan plan = PlanOf(config_, web_);
  EXPECT_THAT(plan.summary, HasSubstr("rolling restart of Deployment prod/web, 3 pods"));
  EXPECT_FALSE(plan.reversible);
  EXPECT_EQ(action(config_).DryRun(web_, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(action(config_).Observe(web_, plan, config_).state, EffectState::kAbsent);
  const std::string before = UidOf(PodOf("web"));
  const Effect effect = Do(plan, config_, web_);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  for (const Json& pod : server_.List("Pod", "prod")) EXPECT_NE(UidOf(pod), before);
  EXPECT_THAT(EventsOn("web"), Contains("HealdRollingRestart"));
  EXPECT_EQ(FailureOf([&] { action(config_).Execute(web_, plan, config_); }).code(),
            HEALD_CONFLICT);
}

TEST_F(RollingRestartTest, FromAPodItGoesUpToItsWorkload) {
  Deploy("web", 2);
  AddStatefulSet("db", 2);
  AddDaemonSet("agent");
  for (const auto& [app, workload] : {std::pair("web", "Deployment prod/web"),
                                      {"db", "StatefulSet prod/db"},
                                      {"agent", "DaemonSet prod/agent"}}) {
    const sdk::Request request = Request({{"namespace", "prod"}, {"pod", NameOf(PodOf(app))}});
    const sdk::Plan plan = PlanOf(config_, request);
    EXPECT_THAT(plan.summary, HasSubstr(workload));
    const Effect effect = Do(plan, config_, request);
    EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  }
  config_.workload = "sts/db";
  EXPECT_THAT(PlanOf(config_, Request({{"namespace", "prod"}})).summary,
              HasSubstr("StatefulSet prod/db"));
  config_.workload = "db";
  EXPECT_THAT(PlanOf(config_, Request({{"namespace", "prod"}})).summary,
              HasSubstr("StatefulSet prod/db"));
  config_.workload = "cron/db";
  EXPECT_EQ(PlanFailure(config_, Request({{"namespace", "prod"}})).code(), HEALD_INVALID);
}

TEST_F(RollingRestartTest, OneThatIsPausedOrUnderWayIsRefused) {
  Deploy("web", 2);
  server_.Patch("Deployment", "prod", "web", {{"spec", {{"paused", true}}}});
  EXPECT_THAT(PlanFailure(config_, web_).what(), HasSubstr("prod/web is paused"));
  server_.Patch("Deployment", "prod", "web", {{"spec", {{"paused", nullptr}}}});
  server_.SetFateOfImage("nginx:2", PodFate::kUnready);
  Rollout("web", "nginx:2");
  const sdk::Failure failure = PlanFailure(config_, web_);
  EXPECT_EQ(failure.code(), HEALD_CONFLICT);
  EXPECT_THAT(failure.what(), HasSubstr("is under way"));
}

TEST_F(RollingRestartTest, OneThatWasRolledOutAnewSinceThePlanIsLeftAlone) {
  Deploy("web", 2);
  const sdk::Plan plan = PlanOf(config_, web_);
  Rollout("web", "nginx:2");
  EXPECT_EQ(FailureOf([&] { action(config_).Execute(web_, plan, config_); }).code(),
            HEALD_CONFLICT);
  EXPECT_EQ(action(config_).Observe(web_, plan, config_).state, EffectState::kAbsent);
}

TEST_F(RollingRestartTest, OneThatAnAutoscalerHasScaledSinceIsRestartedAsApproved) {
  Deploy("web", 2);
  const sdk::Plan plan = PlanOf(config_, web_);
  Scale("web", 3);
  EXPECT_EQ(RestsOn(PlanOf(config_, web_)), RestsOn(plan)) << "a yes still holds";
  EXPECT_EQ(action(config_).DryRun(web_, plan, config_).state, EffectState::kDone);
  const Effect effect = Do(plan, config_, web_);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_NE(RestsOn(PlanOf(config_, web_)), RestsOn(plan)) << "the template has a restart now";
}

TEST_F(RollingRestartTest, ARestartWhosePodsDontComeUpFails) {
  Deploy("web", 2, {{"progressDeadlineSeconds", 2}});
  const sdk::Plan plan = PlanOf(config_, web_);
  server_.SetFateOfImage("nginx:1.25", PodFate::kUnready);
  const Effect effect = Do(plan, config_, web_);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("has timed out progressing"));
}

TEST_F(RollingRestartTest, WhatIsWrongWithAPodIsSaid) {
  Deploy("web", 2);
  const sdk::Plan plan = PlanOf(config_, web_);
  server_.SetFateOfImage("nginx:1.25", PodFate::kImagePull);
  action(config_).Execute(web_, plan, config_);
  Effect effect;
  EXPECT_TRUE(server_.WaitUntil([&] {
    effect = action(config_).Observe(web_, plan, config_);
    return effect.detail.find("ImagePullBackOff") != std::string::npos;
  })) << effect.detail;
  EXPECT_EQ(effect.state, EffectState::kPending);
}

TEST_F(RollingRestartTest, ACanaryIsOnePodAndTheRestFollowsWhileItIsWell) {
  Deploy("web", 3);
  const Json sick = server_.List("Pod", "prod").back();
  sdk::Request request =
      Request({{"namespace", "prod"}, {"deployment", "web"}, {"pod", NameOf(sick)}});
  const sdk::Plan plan = PlanOf(config_, request);
  ASSERT_TRUE(plan.can_canary);
  EXPECT_THAT(plan.summary, HasSubstr("a canary would be " + NameOf(sick)));
  request.part = sdk::Part::kCanary;
  EXPECT_EQ(Do(plan, config_, request).state, EffectState::kDone);
  EXPECT_FALSE(server_.Get("Pod", "prod", NameOf(sick)).has_value());
  EXPECT_EQ(Number(Get("Deployment", "web"), "/metadata/generation"), 1);
  request.part = sdk::Part::kRest;
  EXPECT_EQ(action(config_).Observe(request, plan, config_).state, EffectState::kAbsent);
  const Effect rest = Do(plan, config_, request);
  EXPECT_EQ(rest.state, EffectState::kDone) << rest.detail;
  EXPECT_FALSE(PlanOf(For(Operation::kRollingRestart), web_).summary.empty());
}

TEST_F(RollingRestartTest, TheRestIsLeftAloneWhenTheCanaryIsSick) {
  Deploy("web", 2);
  const sdk::Plan plan = PlanOf(config_, web_);
  sdk::Request request = web_;
  request.part = sdk::Part::kCanary;
  server_.SetFateOfImage("nginx:1.25", PodFate::kCrashLoop);
  EXPECT_EQ(Do(plan, config_, request).state, EffectState::kFailed);
  request.part = sdk::Part::kRest;
  const Effect rest = action(config_).Execute(request, plan, config_);
  EXPECT_EQ(rest.state, EffectState::kFailed);
  EXPECT_THAT(rest.detail, HasSubstr("the canary isn't well"));
  EXPECT_EQ(Number(Get("Deployment", "web"), "/metadata/generation"), 1);
}

TEST_F(RollingRestartTest, ASinglePodHasNoCanary) {
  Deploy("web", 1);
  EXPECT_FALSE(PlanOf(config_, web_).can_canary);
}

class RollbackTest : public ActionTest {
 protected:
  explicit RollbackTest(fakes::KubernetesOptions options = {.speed = 20}) : ActionTest(options) {}
  std::string Image(const char* kind = "Deployment", const char* name = "web") const {
    return Text(Get(kind, name), "/spec/template/spec/containers/0/image");
  }
  void RestartByKubectl() {
    server_.Patch(
        "Deployment", "prod", "web",
        {{"spec",
          {{"template",
            {{"metadata", {{"annotations", {{kRestartedAt, "2026-11-22T12:00:00Z"}}}}}}}}}});
    ASSERT_TRUE(server_.WaitUntil([&] { return WasSeen(Get("Deployment", "web")); }));
    ASSERT_TRUE(server_.Settle());
  }
  static constexpr const char* kMark = "/metadata/annotations/heald.io~1rolled-back-from";
  Config config_ = For(Operation::kRollback);
  const sdk::Request web_ = Request({{"namespace", "prod"}, {"deployment", "web"}});
};

TEST_F(RollbackTest, BringsTheTemplateOfTheRevisionBeforeBack) {
  Deploy("web", 3);
  Rollout("web", "nginx:broken");
  const sdk::Plan plan = PlanOf(config_, web_);
  EXPECT_THAT(plan.summary, HasSubstr("roll Deployment prod/web back from revision 2 to 1"));
  EXPECT_TRUE(plan.reversible);
  EXPECT_EQ(action(config_).DryRun(web_, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(action(config_).Observe(web_, plan, config_).state, EffectState::kAbsent);
  const Effect effect = Do(plan, config_, web_);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_EQ(Image(), "nginx:1.25");
  const Json web = Get("Deployment", "web");
  EXPECT_TRUE(At(web, "/spec/template/metadata/labels/pod-template-hash").is_null());
  EXPECT_EQ(server_.List("ReplicaSet", "prod").size(), 2U) << "the former one, not a third";
  EXPECT_THAT(EventsOn("web"), Contains("HealdRollback"));

  Restart();
  EXPECT_EQ(action(config_).Undo(web_, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(Image(), "nginx:broken");
  EXPECT_EQ(action(config_).Observe(web_, plan, config_).state, EffectState::kAbsent);
  EXPECT_TRUE(At(Get("Deployment", "web"), kMark).is_null()) << "as it was";
}

class RollbackStepsTest : public RollbackTest {
 protected:
  RollbackStepsTest() : RollbackTest({.manual = true}) {}
};

// A controller repeats that the rollout has failed, of its next generation too, until a pod of the
// next rollout has come or one of the failed has gone. With one replica and the good pod still
// there, that takes some steps.
TEST_F(RollbackStepsTest, WhatWasSaidOfTheFailedRolloutIsNotSaidOfTheRollback) {
  server_.Deploy("prod", "web", 1, "nginx:1.25", {{"progressDeadlineSeconds", 8}});
  ASSERT_TRUE(server_.Settle());
  const Json containers = Json::array({{{"name", "main"}, {"image", "nginx:broken"}}});
  server_.Patch("Deployment", "prod", "web",
                {{"spec", {{"template", {{"spec", {{"containers", containers}}}}}}}});
  server_.Advance(std::chrono::seconds(20));
  ASSERT_NE(WhyRolloutFailed(Get("Deployment", "web"), kDeployments), "");
  const sdk::Plan plan = PlanOf(config_, web_);
  server_.Advance(std::chrono::seconds(2));
  action(config_).Execute(web_, plan, config_);
  int said = 0;
  for (int step = 0; step < 10; ++step) {
    server_.Step();
    const Json web = Get("Deployment", "web");
    said += WasSeen(web) && web.dump().find("ProgressDeadlineExceeded") != std::string::npos;
    const Effect effect = action(config_).Observe(web_, plan, config_);
    EXPECT_NE(effect.state, EffectState::kFailed) << effect.detail;
  }
  EXPECT_GT(said, 0) << "no controller of a cluster";
  ASSERT_TRUE(server_.Settle());
  EXPECT_EQ(action(config_).Observe(web_, plan, config_).state, EffectState::kDone);
}

// What can't be pulled either has failed once its own time is over.
TEST_F(RollbackStepsTest, ARollbackToWhatHasVanishedFailsInItsOwnTime) {
  server_.Deploy("prod", "web", 2, "nginx:1.25", {{"progressDeadlineSeconds", 8}});
  ASSERT_TRUE(server_.Settle());
  const Json containers = Json::array({{{"name", "main"}, {"image", "nginx:broken"}}});
  server_.Patch("Deployment", "prod", "web",
                {{"spec",
                  {{"strategy", {{"type", "Recreate"}, {"rollingUpdate", nullptr}}},
                   {"template", {{"spec", {{"containers", containers}}}}}}}});
  server_.Advance(std::chrono::seconds(20));
  const sdk::Plan plan = PlanOf(config_, web_);
  server_.SetFateOfImage("nginx:1.25", PodFate::kImagePull);
  server_.Advance(std::chrono::seconds(2));
  action(config_).Execute(web_, plan, config_);
  server_.Advance(std::chrono::seconds(5));
  EXPECT_EQ(action(config_).Observe(web_, plan, config_).state, EffectState::kPending);
  server_.Advance(std::chrono::seconds(10));
  const Effect effect = action(config_).Observe(web_, plan, config_);
  EXPECT_EQ(effect.state, EffectState::kFailed) << effect.detail;
}

TEST_F(RollbackTest, ARestartInBetweenIsNoRevisionToGoBackTo) {
  Deploy("web", 2);
  Rollout("web", "nginx:2");
  RestartByKubectl();
  config_.max_revisions_back = 1;
  const sdk::Plan plan = PlanOf(config_, web_);
  EXPECT_THAT(plan.summary, HasSubstr("back from revision 3 to 1"));
  EXPECT_EQ(Do(plan, config_, web_).state, EffectState::kDone);
  EXPECT_EQ(Image(), "nginx:1.25");
  EXPECT_EQ(PlanFailure(config_, web_).code(), HEALD_NOT_FOUND)
      << "what was bad is so in both of its revisions";
}

TEST_F(RollbackTest, WhatSomebodyHasDeployedAgainCountsAsGood) {
  Deploy("web", 2);
  Rollout("web", "nginx:2");
  EXPECT_EQ(Do(PlanOf(config_, web_), config_, web_).state, EffectState::kDone);
  Rollout("web", "nginx:2");
  Rollout("web", "nginx:3");
  const sdk::Plan plan = PlanOf(config_, web_);
  EXPECT_THAT(plan.summary, HasSubstr("back from revision 5 to 4"));
  EXPECT_EQ(Do(plan, config_, web_).state, EffectState::kDone);
  EXPECT_EQ(Image(), "nginx:2");
}

TEST_F(RollbackTest, ARolloutThatWasWellForLongStays) {
  Deploy("web", 2);
  Rollout("web", "nginx:2");
  const int64_t rolled_out_ns = RolledOutNs(Get("Deployment", "web"));
  host_.SetNow(rolled_out_ns + sdk::Minutes(24 * 60 - 1).ns);
  PlanOf(config_, web_);
  host_.SetNow(rolled_out_ns + sdk::Minutes(25 * 60).ns);
  const sdk::Failure failure = PlanFailure(config_, web_);
  EXPECT_EQ(failure.code(), HEALD_UNSUPPORTED) << "that doesn't get better by waiting";
  EXPECT_THAT(failure.what(), HasSubstr("has run for 25 h, longer than max_age (24 h)"));
  config_.max_age = {};
  PlanOf(config_, web_);
}

TEST_F(RollbackTest, ARestartMakesNoRolloutYounger) {
  server_.Advance(std::chrono::hours(-30));
  Deploy("web", 2);
  Rollout("web", "nginx:2");
  server_.Advance(std::chrono::hours(30));
  RestartByKubectl();
  host_.SetNow(RolledOutNs(Get("Deployment", "web")));
  EXPECT_THAT(PlanFailure(config_, web_).what(), HasSubstr("longer than max_age"));
}

TEST_F(RollbackTest, ASecondOneGoesFurtherBackInsteadOfToWhatWasBad) {
  Deploy("web", 2);
  Rollout("web", "nginx:2");
  Rollout("web", "nginx:3");
  EXPECT_EQ(Do(PlanOf(config_, web_), config_, web_).state, EffectState::kDone);
  EXPECT_EQ(Image(), "nginx:2");
  EXPECT_EQ(Do(PlanOf(config_, web_), config_, web_).state, EffectState::kDone);
  EXPECT_EQ(Image(), "nginx:1.25");
  EXPECT_EQ(PlanFailure(config_, web_).code(), HEALD_NOT_FOUND);
}

TEST_F(RollbackTest, ToARevisionAndNoFurtherThanAllowed) {
  Deploy("web", 1);
  for (const char* image : {"nginx:2", "nginx:3", "nginx:4"}) Rollout("web", image);
  config_.to_revision = 1;
  config_.max_revisions_back = 2;
  EXPECT_THAT(PlanFailure(config_, web_).what(),
              HasSubstr("is 3 revisions back (max_revisions_back 2)"));
  config_.max_revisions_back = 3;
  EXPECT_EQ(Do(PlanOf(config_, web_), config_, web_).state, EffectState::kDone);
  EXPECT_EQ(Image(), "nginx:1.25");
  config_.to_revision = 9;
  EXPECT_THAT(PlanFailure(config_, web_).what(), HasSubstr("has no revision 9: it keeps 5, 4"));
}

TEST_F(RollbackTest, WhatArgoCdDeploysIsLeftToIt) {
  Deploy("web", 2);
  Rollout("web", "nginx:broken");
  const auto annotate = [&](const Json& id) {
    server_.Patch("Deployment", "prod", "web",
                  {{"metadata", {{"annotations", {{"argocd.argoproj.io/tracking-id", id}}}}}});
  };
  annotate("shop:apps/Deployment:prod/web");
  const sdk::Failure failure = PlanFailure(config_, web_);
  EXPECT_EQ(failure.code(), HEALD_UNSUPPORTED) << "a chain goes on with its next step";
  EXPECT_THAT(failure.what(), AllOf(HasSubstr("deployed by Argo CD (application shop)"),
                                    HasSubstr("an action argocd of operation: rollback")));
  annotate("shop:apps/Deployment:prod/api");
  PlanOf(config_, web_);  // a copy of another object's
  annotate(nullptr);
  server_.Patch("Deployment", "prod", "web",
                {{"metadata", {{"labels", {{"argocd.argoproj.io/instance", "shop"}}}}}});
  EXPECT_THAT(PlanFailure(config_, web_).what(), HasSubstr("application shop"));
  config_.argocd_owned = true;
  EXPECT_EQ(Do(PlanOf(config_, web_), config_, web_).state, EffectState::kDone);
}

TEST_F(RollbackTest, TheLabelThatHelmSetsTooIsArgoCdsWhereItHasWritten) {
  Deploy("web", 2);
  Rollout("web", "nginx:broken");
  const auto patch = [&](const Json& metadata, const std::string& manager = "helm") {
    server_.Patch("Deployment", "prod", "web", {{"metadata", metadata}}, manager);
  };
  patch({{"labels", {{"app.kubernetes.io/instance", "shop-app"}}}});
  EXPECT_THAT(PlanOf(config_, web_).summary,
              HasSubstr("if Argo CD deploys it (label app.kubernetes.io/instance: shop-app)"));
  patch({{"annotations", {{"meta.helm.sh/release-name", "shop-app"}}}});
  EXPECT_THAT(PlanOf(config_, web_).summary, Not(HasSubstr("Argo CD")));
  patch({{"annotations", {{"meta.helm.sh/release-name", nullptr}}}});
  patch({{"annotations", {{"revision", "2"}}}}, "argocd-controller");
  EXPECT_THAT(PlanFailure(config_, web_).what(), HasSubstr("application shop-app"));
}

TEST_F(RollbackTest, ARaceWithAnotherWriterIsFetchedAgain) {
  Deploy("web", 2);
  Rollout("web", "nginx:broken");
  const sdk::Plan plan = PlanOf(config_, web_);
  server_.RaceReads("Deployment", "prod", "web", 1);
  EXPECT_EQ(Do(plan, config_, web_).state, EffectState::kDone);
}

TEST_F(RollbackTest, AReplicaMoreSinceThePlanChangesNothing) {
  Deploy("web", 2);
  Rollout("web", "nginx:2");
  const sdk::Plan plan = PlanOf(config_, web_);
  Scale("web", 3);
  EXPECT_EQ(RestsOn(PlanOf(config_, web_)), RestsOn(plan)) << "a yes still holds";
  EXPECT_EQ(action(config_).Observe(web_, plan, config_).state, EffectState::kAbsent);
  const Effect effect = Do(plan, config_, web_);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_EQ(Image(), "nginx:1.25");
  EXPECT_EQ(Number(Get("Deployment", "web"), "/spec/replicas"), 3);
}

TEST_F(RollbackTest, AnotherTemplateSinceThePlanVoidsIt) {
  Deploy("web", 2);
  Rollout("web", "nginx:2");
  const sdk::Plan plan = PlanOf(config_, web_);
  Rollout("web", "nginx:3");
  EXPECT_NE(RestsOn(PlanOf(config_, web_)), RestsOn(plan));
  EXPECT_EQ(FailureOf([&] { action(config_).Execute(web_, plan, config_); }).code(),
            HEALD_CONFLICT);
  EXPECT_EQ(action(config_).Observe(web_, plan, config_).state, EffectState::kFailed);
  EXPECT_EQ(Image(), "nginx:3");
}

TEST_F(RollbackTest, SetsKeepTheirsInControllerRevisions) {
  AddStatefulSet("db", 2);
  AddDaemonSet("agent");
  const Json broken = {
      {"spec",
       {{"template",
         {{"spec",
           {{"containers", Json::array({{{"name", "main"}, {"image", "pg:broken"}}})}}}}}}}};
  for (const auto& [kind, name] :
       {std::pair("StatefulSet", "db"), std::pair("DaemonSet", "agent")}) {
    server_.Patch(kind, "prod", name, broken);
    ASSERT_TRUE(server_.WaitUntil([&, kind = kind, name = name] {
      return At(Get(kind, name), "/status/observedGeneration") == 2;
    }));
    server_.Settle();
    const sdk::Request request =
        Request({{"namespace", "prod"}, {"workload", std::string(kind) + "/" + name}});
    const Effect effect = Do(PlanOf(config_, request), config_, request);
    EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
    EXPECT_EQ(Image(kind, name), "pg:1");
  }
}

class UpgradedClusterTest : public ActionTest {
 protected:
  UpgradedClusterTest() : ActionTest({.speed = 20, .version = "v1.34.1"}) {}
};

// Its revisions hold nulls that its templates don't have any more.
TEST_F(UpgradedClusterTest, TemplatesThatMeanTheSameAreTheSame) {
  const Config config = For(Operation::kRollback);
  AddStatefulSet("db", 2);
  server_.Patch(
      "StatefulSet", "prod", "db",
      {{"spec",
        {{"template",
          {{"spec", {{"containers", Json::array({{{"name", "main"}, {"image", "pg:2"}}})}}}}}}}});
  ASSERT_TRUE(server_.WaitUntil([&] {
    const Json db = Get("StatefulSet", "db");
    return WasSeen(db) && JudgeRollout(db, kStatefulSets).state == EffectState::kDone;
  }));
  const sdk::Request db = Request({{"namespace", "prod"}, {"statefulset", "db"}});
  const sdk::Plan plan = PlanOf(config, db);
  const Effect effect = Do(plan, config, db);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_THAT(action(config).Undo(db, plan, config).detail, HasSubstr("goes forward again"));
  EXPECT_EQ(action(config).Observe(db, plan, config).state, EffectState::kAbsent);
}

class ScaleOutTest : public ActionTest {
 protected:
  void AddHpa(int least, int most) {
    server_.Create(
        {{"apiVersion", "autoscaling/v2"},
         {"kind", "HorizontalPodAutoscaler"},
         {"metadata", {{"name", "web-hpa"}, {"namespace", "prod"}}},
         {"spec",
          {{"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "web"}}},
           {"minReplicas", least},
           {"maxReplicas", most}}}});
    ASSERT_TRUE(server_.Settle());
  }
  void RemoveHpa() { server_.Delete("HorizontalPodAutoscaler", "prod", "web-hpa"); }
  int64_t Least() const {
    return Number(Get("HorizontalPodAutoscaler", "web-hpa"), "/spec/minReplicas");
  }
  Config config_ = For(Operation::kScaleOut);
  const sdk::Request web_ = Request({{"namespace", "prod"}, {"deployment", "web"}});
};

TEST_F(ScaleOutTest, RaisesTheAutoscalersLowerBoundAndGivesItBack) {
  Deploy("web", 2);
  AddHpa(2, 6);
  const sdk::Plan plan = PlanOf(config_, web_);
  EXPECT_THAT(plan.summary,
              HasSubstr("from 2 to 3 replicas: minReplicas of HorizontalPodAutoscaler web-hpa "
                        "from 2 (max 6)"));
  EXPECT_TRUE(plan.reversible);
  EXPECT_EQ(action(config_).DryRun(web_, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(Least(), 2);
  const Effect effect = Do(plan, config_, web_);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_EQ(Least(), 3);
  Restart();
  EXPECT_EQ(action(config_).Observe(web_, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(action(config_).Undo(web_, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(Least(), 2);
  EXPECT_EQ(action(config_).Observe(web_, plan, config_).state, EffectState::kAbsent);
  EXPECT_THAT(EventsOn("web-hpa"), Contains("HealdScaledBack"));
}

TEST_F(ScaleOutTest, TheAutoscalersMaximumIsForPeople) {
  Deploy("web", 4);
  AddHpa(4, 4);
  const sdk::Failure failure = PlanFailure(config_, web_);
  EXPECT_EQ(failure.code(), HEALD_FULL);
  EXPECT_THAT(failure.what(), HasSubstr("maxReplicas of HorizontalPodAutoscaler web-hpa"));
  config_.hpa = "web-hpa";
  config_.max_replicas = 3;
  EXPECT_THAT(PlanFailure(config_, web_).what(), HasSubstr("(max_replicas 3)"));
}

TEST_F(ScaleOutTest, WhatSomebodyElseSetIsKept) {
  Deploy("web", 2);
  AddHpa(2, 6);
  const sdk::Plan plan = PlanOf(config_, web_);
  const auto set = [&](int least) {
    server_.Patch("HorizontalPodAutoscaler", "prod", "web-hpa",
                  {{"spec", {{"minReplicas", least}}}});
  };
  set(5);
  EXPECT_EQ(FailureOf([&] { action(config_).Execute(web_, plan, config_); }).code(),
            HEALD_CONFLICT);
  set(2);
  EXPECT_EQ(Do(plan, config_, web_).state, EffectState::kDone);
  set(4);
  EXPECT_THAT(action(config_).Undo(web_, plan, config_).detail, HasSubstr("nothing to take back"));
  EXPECT_EQ(Least(), 4);
}

TEST_F(ScaleOutTest, AnAutoscalerThatWasMadeAnewIsItsMakers) {
  Deploy("web", 2);
  AddHpa(2, 6);
  const sdk::Plan plan = PlanOf(config_, web_);
  RemoveHpa();
  AddHpa(2, 6);
  EXPECT_EQ(FailureOf([&] { action(config_).Execute(web_, plan, config_); }).code(),
            HEALD_CONFLICT);
  const sdk::Plan again = PlanOf(config_, web_);
  EXPECT_EQ(Do(again, config_, web_).state, EffectState::kDone);
  RemoveHpa();
  EXPECT_THAT(action(config_).Undo(web_, again, config_).detail,
              HasSubstr("web-hpa is gone: nothing to take back"));
  AddHpa(3, 6);
  EXPECT_THAT(action(config_).Observe(web_, again, config_).detail,
              HasSubstr("web-hpa is another one by now"));
  const Effect undone = action(config_).Undo(web_, again, config_);
  EXPECT_EQ(undone.state, EffectState::kDone);
  EXPECT_THAT(undone.detail, HasSubstr("web-hpa is another one by now: nothing to take back"));
  EXPECT_EQ(Least(), 3);
}

TEST_F(ScaleOutTest, ReplicasOfADeploymentThatWasMadeAnewAreItsMakers) {
  Deploy("web", 2);
  const sdk::Plan plan = PlanOf(config_, web_);
  EXPECT_EQ(Do(plan, config_, web_).state, EffectState::kDone);
  server_.Delete("Deployment", "prod", "web");
  Deploy("web", 3);
  EXPECT_THAT(action(config_).Undo(web_, plan, config_).detail, HasSubstr("another one by now"));
  EXPECT_EQ(Number(Get("Deployment", "web"), "/spec/replicas"), 3);
}

TEST_F(ScaleOutTest, APlanIsBoundToTheReplicas) {
  Deploy("web", 2);
  const sdk::Plan plan = PlanOf(config_, web_);
  Scale("web", 3);
  EXPECT_NE(RestsOn(PlanOf(config_, web_)), RestsOn(plan));
}

TEST_F(ScaleOutTest, WhatArgoCdSetsIsLeftToIt) {
  Deploy("web", 2);
  AddHpa(2, 6);
  const Json tracked = {{"metadata", {{"labels", {{"argocd.argoproj.io/instance", "shop"}}}}}};
  server_.Patch("Deployment", "prod", "web", tracked);
  EXPECT_THAT(PlanOf(config_, web_).summary, HasSubstr("web-hpa from 2"))
      << "the autoscaler isn't Argo CD's";
  server_.Patch("HorizontalPodAutoscaler", "prod", "web-hpa", tracked);
  const sdk::Failure failure = PlanFailure(config_, web_);
  EXPECT_EQ(failure.code(), HEALD_UNSUPPORTED) << "a chain goes on with its next step";
  EXPECT_THAT(failure.what(), AllOf(HasSubstr("/spec/minReplicas of HorizontalPodAutoscaler "
                                              "prod/web-hpa is deployed by Argo CD (application "
                                              "shop), which would set it back"),
                                    HasSubstr("argocd_owned: true")));
  config_.argocd_owned = true;
  EXPECT_EQ(Do(PlanOf(config_, web_), config_, web_).state, EffectState::kDone);
}

TEST_F(ScaleOutTest, WhatArgoCdLeavesOutIsFree) {
  Deploy("web", 2);
  const auto applied = [&](const Json& spec) {
    const Json manifest = {{"kind", "Deployment"}, {"spec", spec}};
    server_.Patch("Deployment", "prod", "web",
                  {{"metadata",
                    {{"labels", {{"argocd.argoproj.io/instance", "shop"}}},
                     {"annotations",
                      {{"kubectl.kubernetes.io/last-applied-configuration", manifest.dump()}}}}}});
  };
  applied({{"replicas", 2}});
  EXPECT_THAT(PlanFailure(config_, web_).what(),
              HasSubstr("/spec/replicas of Deployment prod/web is deployed by Argo CD"));
  applied({{"paused", false}});
  EXPECT_EQ(Do(PlanOf(config_, web_), config_, web_).state, EffectState::kDone);
}

TEST(ArgocdOwnerTest, AServerSideApplySaysWhatIsInGit) {
  const auto object = [](const Json& fields, const char* operation) {
    return Json{{"metadata",
                 {{"managedFields", Json::array({{{"manager", "argocd-controller"},
                                                  {"operation", operation},
                                                  {"fieldsV1", {{"f:spec", fields}}}}})}}}};
  };
  const Json without = {{"f:template", Json::object()}};
  EXPECT_TRUE(ArgocdSets(object({{"f:replicas", Json::object()}}, "Apply"), "/spec/replicas"));
  EXPECT_FALSE(ArgocdSets(object(without, "Apply"), "/spec/replicas"));
  EXPECT_TRUE(ArgocdSets(object(without, "Update"), "/spec/replicas")) << "that doesn't say it";
}

TEST_F(ScaleOutTest, WithoutAnAutoscalerTheReplicasAreSet) {
  Deploy("web", 2);
  config_.scale_up_percent = 100;
  const sdk::Plan plan = PlanOf(config_, web_);
  server_.Fail(
      {.match = "PATCH /apis/apps/v1/namespaces/prod/deployments/web/scale", .status = 409});
  const Effect effect = Do(plan, config_, web_);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_EQ(Number(Get("Deployment", "web"), "/spec/replicas"), 4);
  EXPECT_EQ(action(config_).Undo(web_, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(Number(Get("Deployment", "web"), "/spec/replicas"), 2);
}

TEST_F(ScaleOutTest, WhatWasScaledToNothingStaysSo) {
  Deploy("web", 1);
  server_.Patch("Deployment", "prod", "web", {{"spec", {{"replicas", 0}}}});
  EXPECT_THAT(PlanFailure(config_, web_).what(), HasSubstr("scaled to nothing"));
  AddDaemonSet("agent");
  EXPECT_EQ(PlanFailure(config_, Request({{"namespace", "prod"}, {"daemonset", "agent"}})).code(),
            HEALD_UNSUPPORTED);
}

}  // namespace
}  // namespace heald::kubernetes::testing
