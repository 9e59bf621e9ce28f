// The kubernetes action on any cluster: on the test server, and unchanged on a real one named by
// $HEALD_TEST_KUBECONFIG.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "tests/kubernetes/action_on_cluster.h"

namespace heald::kubernetes_test {
namespace {

using kubernetes::kDeployments;
using kubernetes::Operation;
using kubernetes::PatchType;
using sdk::EffectState;

bool AllReady(TestCluster& cluster, size_t count) {
  return cluster.Wait([&] {
    const auto pods = cluster.Pods("web");
    return pods.size() == count && std::all_of(pods.begin(), pods.end(), IsReady);
  });
}

TEST(KubernetesActionContractTest, RestartsAPodThroughItsController) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 2);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  const Json pod = cluster.Pods("web").at(0);
  ActionOnCluster action(cluster, Operation::kRestartPod,
                         {{"namespace", cluster.space()}, {"pod", TextAt(pod, "/metadata/name")}});
  action.Plan();
  EXPECT_EQ(action.DryRun().state, EffectState::kDone);
  const sdk::Effect effect = action.Do();
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  ASSERT_TRUE(AllReady(cluster, 2));
  for (const Json& other : cluster.Pods("web"))
    EXPECT_NE(TextAt(other, "/metadata/uid"), TextAt(pod, "/metadata/uid"));
}

TEST(KubernetesActionContractTest, RollsADeploymentAndTakesABrokenOneBack) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 2, "nginx:1.25", {{"progressDeadlineSeconds", 30}});
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  const sdk::LabelSet target = {{"namespace", cluster.space()}, {"deployment", "web"}};
  ActionOnCluster restart(cluster, Operation::kRollingRestart, target);
  restart.Plan();
  const sdk::Effect rolled = restart.Do();
  EXPECT_EQ(rolled.state, EffectState::kDone) << rolled.detail;
  const kubernetes::Ref web = cluster.Ref(kDeployments, "web");
  const Json good = cluster.client().Get(web)["spec"]["template"];
  cluster.RollOut(kDeployments, "web", TestCluster::Broken());
  ASSERT_TRUE(cluster.Wait([&] {
    const Json progress = ConditionOf(cluster.client().Get(web), "Progressing");
    return progress.is_object() && progress["reason"] == "ProgressDeadlineExceeded";
  }));
  ActionOnCluster rollback(cluster, Operation::kRollback, target);
  rollback.Plan();
  const sdk::Effect undone = rollback.Do();
  EXPECT_EQ(undone.state, EffectState::kDone) << undone.detail;
  EXPECT_EQ(cluster.client().Get(web)["spec"]["template"], good);
}

TEST(KubernetesActionContractTest, ScalesOutAndBack) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 2);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  ActionOnCluster action(cluster, Operation::kScaleOut,
                         {{"namespace", cluster.space()}, {"deployment", "web"}});
  action.config.scale_up_by = 1;
  action.Plan();
  const sdk::Effect effect = action.Do();
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_TRUE(AllReady(cluster, 3));
  action.Restart();
  action.Undo();
  EXPECT_TRUE(AllReady(cluster, 2));
}

TEST(KubernetesActionContractTest, ScalesOutByTheAutoscalerAndBack) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 2);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  cluster.client().Create(
      cluster.Ref(kubernetes::kHorizontalPodAutoscalers),
      {{"apiVersion", "autoscaling/v2"},
       {"kind", "HorizontalPodAutoscaler"},
       {"metadata", {{"name", "web"}}},
       {"spec",
        {{"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "web"}}},
         {"minReplicas", 2},
         {"maxReplicas", 6}}}});
  const auto least = [&] {
    return NumberAt(cluster.client().Get(cluster.Ref(kubernetes::kHorizontalPodAutoscalers, "web")),
                    "/spec/minReplicas");
  };
  ActionOnCluster action(cluster, Operation::kScaleOut,
                         {{"namespace", cluster.space()}, {"deployment", "web"}});
  action.config.scale_up_by = 1;
  action.Plan();
  EXPECT_EQ(action.DryRun().state, EffectState::kDone);
  EXPECT_EQ(least(), 2);
  const sdk::Effect effect = action.Do();
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_EQ(least(), 3);
  EXPECT_TRUE(AllReady(cluster, 3));
  action.Restart();
  action.Undo();
  EXPECT_EQ(least(), 2) << "fewer pods are the autoscaler's to decide";
}

TEST(KubernetesActionContractTest, RollsSetsBackToTheRevisionBefore) {
  TestCluster cluster;
  for (const auto& [resource, label] : {std::pair(kubernetes::kStatefulSets, "statefulset"),
                                        {kubernetes::kDaemonSets, "daemonset"}}) {
    cluster.Apply(resource, label, 2);
    ASSERT_TRUE(cluster.WaitRolledOut(resource, label)) << label;
    const kubernetes::Ref ref = cluster.Ref(resource, label);
    const Json good = cluster.client().Get(ref)["spec"]["template"];
    cluster.RollOut(resource, label,
                    {{"containers", Json::array({{{"name", "main"}, {"image", "nginx:1.26"}}})}});
    ASSERT_TRUE(cluster.WaitRolledOut(resource, label)) << label;
    ActionOnCluster rollback(cluster, Operation::kRollback,
                             {{"namespace", cluster.space()}, {label, label}});
    rollback.Plan();
    EXPECT_EQ(rollback.DryRun().state, EffectState::kDone) << label;
    const sdk::Effect effect = rollback.Do();
    EXPECT_EQ(effect.state, EffectState::kDone) << label << ": " << effect.detail;
    EXPECT_EQ(cluster.client().Get(ref)["spec"]["template"], good);
    cluster.client().Delete(ref, {.propagation = "Background"});
  }
}

TEST(KubernetesActionContractTest, ARollingRestartBeginsWithOnePod) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 2);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  ActionOnCluster action(cluster, Operation::kRollingRestart,
                         {{"namespace", cluster.space()}, {"deployment", "web"}});
  action.Plan();
  ASSERT_TRUE(action.plan().can_canary) << action.plan().summary;
  const int64_t before =
      NumberAt(cluster.client().Get(cluster.Ref(kDeployments, "web")), "/metadata/generation");
  const auto generation = [&] {
    return NumberAt(cluster.client().Get(cluster.Ref(kDeployments, "web")), "/metadata/generation");
  };
  action.Take(sdk::Part::kCanary);
  const sdk::Effect canary = action.Do();
  EXPECT_EQ(canary.state, EffectState::kDone) << canary.detail;
  EXPECT_EQ(generation(), before) << "one pod, not the template";
  action.Take(sdk::Part::kRest);
  const sdk::Effect rest = action.Do();
  EXPECT_EQ(rest.state, EffectState::kDone) << rest.detail;
  EXPECT_EQ(generation(), before + 1);
}

TEST(KubernetesActionContractTest, APlanHoldsWhileOnlyReplicasChange) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 2);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  ActionOnCluster action(cluster, Operation::kRollingRestart,
                         {{"namespace", cluster.space()}, {"deployment", "web"}});
  const auto rests_on = [&] {
    action.Plan();
    return Json::parse(action.plan().before).at("rests_on");
  };
  const Json before = rests_on();
  cluster.client().Patch(cluster.Ref(kDeployments, "web"), kubernetes::PatchType::kMerge,
                         {{"spec", {{"replicas", 3}}}});
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  EXPECT_EQ(rests_on(), before);
  const sdk::Effect effect = action.Do();
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_NE(rests_on(), before) << "its template has a restart now";
}

TEST(KubernetesActionContractTest, DeletesAJobThatHasFailed) {
  TestCluster cluster;
  // The Job controller ends it: no node takes its pod, so a stand-in for a kubelet can't complete
  // it.
  cluster.client().Create(
      cluster.Ref(kubernetes::kJobs),
      {{"apiVersion", "batch/v1"},
       {"kind", "Job"},
       {"metadata", {{"name", "import"}}},
       {"spec",
        {{"backoffLimit", 0},
         {"activeDeadlineSeconds", 2},
         {"template",
          {{"metadata", {{"labels", {{"app", "import"}}}}},
           {"spec",
            {{"restartPolicy", "Never"},
             {"nodeSelector", {{"heald.io/no-node", "has-this"}}},
             {"containers", Json::array({{{"name", "main"}, {"image", "nginx:1.25"}}})}}}}}}}});
  const kubernetes::Ref job = cluster.Ref(kubernetes::kJobs, "import");
  ASSERT_TRUE(cluster.Wait([&] {
    const Json failed = ConditionOf(cluster.client().Get(job), "Failed");
    return failed.is_object() && failed["status"] == "True";
  }));
  ActionOnCluster action(cluster, Operation::kDeleteJob,
                         {{"namespace", cluster.space()}, {"job_name", "import"}});
  action.Plan();
  EXPECT_EQ(action.DryRun().state, EffectState::kDone);
  EXPECT_TRUE(cluster.client().Find(job));
  const sdk::Effect effect = action.Do();
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_FALSE(cluster.client().Find(job));
  EXPECT_TRUE(cluster.Wait([&] { return cluster.Pods("import").empty(); }));
}

TEST(KubernetesActionContractTest, PatchesAnObjectAndGivesItBack) {
  TestCluster cluster;
  const kubernetes::Ref features = cluster.Ref(kubernetes::kConfigMaps, "features");
  cluster.client().Create(cluster.Ref(kubernetes::kConfigMaps),
                          {{"apiVersion", "v1"},
                           {"kind", "ConfigMap"},
                           {"metadata", {{"name", "features"}}},
                           {"data", {{"search", "on"}}}});
  ActionOnCluster action(cluster, Operation::kPatch, {{"namespace", cluster.space()}});
  action.config.resource = "v1/configmaps";
  action.config.name = "features";
  action.config.patch_type = PatchType::kMerge;
  action.config.patch = R"({"data": {"search": "off", "beta": "off"}})";
  action.Plan();
  EXPECT_EQ(action.DryRun().state, EffectState::kDone);
  EXPECT_EQ(cluster.client().Get(features)["data"], (Json{{"search", "on"}}));
  const sdk::Effect effect = action.Do();
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_EQ(cluster.client().Get(features)["data"], (Json{{"search", "off"}, {"beta", "off"}}));
  action.Restart();
  action.Undo();
  EXPECT_EQ(cluster.client().Get(features)["data"], (Json{{"search", "on"}}));
}

}  // namespace
}  // namespace heald::kubernetes_test
