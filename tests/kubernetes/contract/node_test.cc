// The kubernetes action on nodes of any cluster: on the test server, and unchanged on a real one
// named by $HEALD_TEST_KUBECONFIG. There it takes a node that is free, alone on the cluster.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "tests/kubernetes/action_on_cluster.h"

namespace heald::kubernetes_test {
namespace {

using kubernetes::kDeployments;
using kubernetes::kPods;
using kubernetes::Operation;
using sdk::EffectState;

class KubernetesNodeContractTest : public ::testing::Test {
 protected:
  // Whatever became of the test, the node is given back.
  ~KubernetesNodeContractTest() override {
    if (taken_.empty()) return;
    try {
      cluster_.client().Patch(Node(), kubernetes::PatchType::kMerge,
                              {{"metadata", {{"annotations", {{"heald.io/cordoned-by", nullptr}}}}},
                               {"spec", {{"unschedulable", nullptr}}}});
    } catch (const std::exception& e) {
      ADD_FAILURE() << "node " << taken_ << " may still be cordoned: " << e.what();
    }
  }
  kubernetes::Ref Node() const { return {kubernetes::kNodes, "", taken_}; }
  sdk::LabelSet Target() const { return {{"node", taken_}}; }
  bool Cordoned() { return cluster_.client().Get(Node())["spec"].value("unschedulable", false); }
  // Of all runs within the hour that a server keeps them.
  std::set<std::string> CordonEvents() {
    std::set<std::string> names;
    for (const Json& event : cluster_.client().List(
             {kubernetes::kEvents, "default"},
             {.field_selector = "involvedObject.name=" + taken_ + ",reason=HealdCordoned"}))
      names.insert(TextAt(event, "/metadata/name"));
    return names;
  }
  // The pods of the node that a drain would move: not those of DaemonSets, nor static ones.
  std::vector<Json> MovablePods(const std::string& node) {
    auto pods = cluster_.client().List({kPods}, {.field_selector = "spec.nodeName=" + node});
    std::erase_if(pods, [](const Json& pod) {
      return TextAt(pod, "/metadata/ownerReferences/0/kind") == "DaemonSet" ||
             pod["metadata"].contains("/annotations/kubernetes.io~1config.mirror"_json_pointer);
    });
    return pods;
  }

  TestCluster cluster_{TestCluster::Lively(), TestCluster::With::kNobody};
  std::string taken_;
};

TEST_F(KubernetesNodeContractTest, CordonsANodeAndGivesItBack) {
  const auto nodes = cluster_.FreeNodes();
  ASSERT_FALSE(nodes.empty()) << "no node is free";
  taken_ = nodes.front();
  ActionOnCluster action(cluster_, Operation::kCordon, Target());
  action.Plan();
  EXPECT_EQ(action.DryRun().state, EffectState::kDone);
  EXPECT_FALSE(Cordoned());
  const std::set<std::string> before = CordonEvents();
  EXPECT_EQ(action.Do().state, EffectState::kDone);
  EXPECT_TRUE(Cordoned());
  const std::set<std::string> after = CordonEvents();
  EXPECT_FALSE(std::includes(before.begin(), before.end(), after.begin(), after.end()))
      << "kubectl describe node shows it";
  EXPECT_EQ(action.Undo().state, EffectState::kDone);
  EXPECT_FALSE(Cordoned());
}

TEST_F(KubernetesNodeContractTest, UncordonsWhatItHasCordoned) {
  const auto nodes = cluster_.FreeNodes();
  ASSERT_FALSE(nodes.empty()) << "no node is free";
  taken_ = nodes.front();
  ActionOnCluster cordon(cluster_, Operation::kCordon, Target());
  cordon.Plan();
  ASSERT_EQ(cordon.Do().state, EffectState::kDone);
  ActionOnCluster uncordon(cluster_, Operation::kUncordon, Target());
  uncordon.Plan();
  EXPECT_EQ(uncordon.DryRun().state, EffectState::kDone);
  EXPECT_TRUE(Cordoned());
  EXPECT_EQ(uncordon.Do().state, EffectState::kDone);
  EXPECT_FALSE(Cordoned());
}

TEST_F(KubernetesNodeContractTest, DrainsANodeAsFastAsTheBudgetAllows) {
  const auto nodes = cluster_.FreeNodes();
  if (nodes.size() < 2) GTEST_SKIP() << "a drain needs a second node for the pods";
  const int replicas = static_cast<int>(std::min<size_t>(2 * nodes.size(), 12));
  cluster_.Apply(kDeployments, "web", replicas);
  cluster_.client().Create(
      cluster_.Ref(kubernetes::kPodDisruptionBudgets),
      {{"apiVersion", "policy/v1"},
       {"kind", "PodDisruptionBudget"},
       {"metadata", {{"name", "web"}}},
       {"spec", {{"maxUnavailable", 1}, {"selector", {{"matchLabels", {{"app", "web"}}}}}}}});
  ASSERT_TRUE(cluster_.WaitRolledOut(kDeployments, "web"));
  // Nobody else's pods are moved; those of the tests before are on their way out.
  auto node = nodes.end();
  cluster_.Wait([&] {
    node = std::find_if(nodes.begin(), nodes.end(), [&](const std::string& name) {
      const auto pods = MovablePods(name);
      return !pods.empty() && std::all_of(pods.begin(), pods.end(), [&](const Json& pod) {
        return TextAt(pod, "/metadata/namespace") == cluster_.space();
      });
    });
    return node != nodes.end();
  });
  if (node == nodes.end())
    GTEST_SKIP() << "every node has pods of others, which stay where they are";
  taken_ = *node;
  ActionOnCluster action(cluster_, Operation::kDrain, Target());
  action.Plan();
  EXPECT_EQ(action.DryRun().state, EffectState::kDone);
  EXPECT_FALSE(Cordoned());
  const sdk::Effect effect = action.Do();
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_TRUE(Cordoned());
  EXPECT_TRUE(MovablePods(taken_).empty());
  EXPECT_TRUE(cluster_.WaitRolledOut(kDeployments, "web")) << "the others have taken them";
  EXPECT_EQ(action.Undo().state, EffectState::kDone);
  EXPECT_FALSE(Cordoned());
}

}  // namespace
}  // namespace heald::kubernetes_test
