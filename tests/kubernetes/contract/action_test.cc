// The kubernetes action on any cluster: on the test server, and unchanged on a real one named by
// $HEALD_TEST_KUBECONFIG.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

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
  cluster.Apply(kDeployments, "web", 2, "nginx:1.25", {{"progressDeadlineSeconds", 5}});
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  const sdk::LabelSet target = {{"namespace", cluster.space()}, {"deployment", "web"}};
  ActionOnCluster restart(cluster, Operation::kRollingRestart, target);
  restart.Plan();
  const sdk::Effect rolled = restart.Do();
  EXPECT_EQ(rolled.state, EffectState::kDone) << rolled.detail;
  const kubernetes::Ref web = cluster.Ref(kDeployments, "web");
  const Json good = cluster.client().Get(web)["spec"]["template"];
  cluster.client().Patch(
      web, PatchType::kStrategic,
      {{"spec",
        {{"template",
          {{"spec",
            {{"containers", Json::array({{{"name", "main"}, {"image", "nginx:broken"}}})}}}}}}}});
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

TEST(KubernetesActionContractTest, CordonsANodeAndGivesItBack) {
  TestCluster cluster;
  const std::string name =
      TextAt(cluster.client().List({kubernetes::kNodes}).at(0), "/metadata/name");
  const kubernetes::Ref node{kubernetes::kNodes, "", name};
  ActionOnCluster action(cluster, Operation::kCordon, {{"node", name}});
  action.Plan();
  EXPECT_EQ(action.Do().state, EffectState::kDone);
  EXPECT_TRUE(cluster.client().Get(node)["spec"].value("unschedulable", false));
  EXPECT_EQ(action.Undo().state, EffectState::kDone);
  EXPECT_FALSE(cluster.client().Get(node)["spec"].value("unschedulable", false));
}

}  // namespace
}  // namespace heald::kubernetes_test
