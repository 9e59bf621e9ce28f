// The whole agent beside a cluster, without Prometheus: the source sees what is wrong, a policy
// decides, the action repairs it, and the source sees that it is over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/kubernetes/agent_on_cluster.h"

namespace heald::testing {
namespace {

using ::testing::HasSubstr;

class KubernetesAgentTest : public AgentOnClusterTest {
 protected:
  // One policy: `metric` of the cluster's findings is answered by `operation`.
  std::string Pipeline(const std::string& metric, const std::string& operation,
                       const std::string& more = "") {
    return "version: 1\n"
           "agent:\n"
           "  listen: '127.0.0.1:0'\n"
           "  state_dir: state\n"
           "  group_by: [namespace, deployment, node]\n"
           "sources:\n"
           "  cluster:\n"
           "    plugin: kubernetes\n"
           "    config: {kubeconfig: " +
           dir_ +
           "/kubeconfig, interval: 1s, settle: 1s}\n"
           "policies:\n"
           "  repair:\n"
           "    inputs: [cluster]\n"
           "    when: metric == \"" +
           metric +
           "\"\n"
           "    action: mend\n"
           "    mode: enforce\n"
           "    guard: {cooldown: 1m}\n"
           "    verify: {within: 20s}\n"
           "actions:\n"
           "  mend:\n"
           "    plugin: kubernetes\n"
           "    deadline: 20s\n"
           "    config: {kubeconfig: " +
           dir_ + "/kubeconfig, operation: " + operation + more + "}\n";
  }
  std::string ImageOf(const std::string& deployment) {
    const Json object = *cluster_.Get("Deployment", "shop", deployment);
    return object["spec"]["template"]["spec"]["containers"][0]["image"];
  }
  bool Unschedulable(const std::string& node) {
    return cluster_.Get("Node", "", node)->at("spec").value("unschedulable", false);
  }
};

TEST_F(KubernetesAgentTest, ARolloutThatCrashesIsTakenBack) {
  cluster_.Deploy("shop", "web", 2, "nginx:1.25");
  ASSERT_TRUE(cluster_.Settle());
  Write(Pipeline("CrashLoopBackOff", "rollback"));
  StartAndWait();
  RollOut("nginx:crash");
  ASSERT_TRUE(Eventually([this] { return State() == "resolved"; }, 40))
      << agent().output() << Explained();
  EXPECT_EQ(ImageOf("web"), "nginx:1.25");
  EXPECT_THAT(Explained(), HasSubstr("healed by"));
  EXPECT_FALSE(cluster_.List("Event", "shop").empty()) << "kubectl describe tells it too";
}

TEST_F(KubernetesAgentTest, ADrainThatIsKilledLeavesNoNodeCordoned) {
  const std::string node = "node-1";
  for (const char* other : {"node-2", "node-3"})
    cluster_.Patch("Node", "", other, {{"spec", {{"unschedulable", true}}}});
  cluster_.Deploy("shop", "web", 3, "nginx:1.25");
  ASSERT_TRUE(cluster_.Settle());
  for (const char* other : {"node-2", "node-3"})
    cluster_.Patch("Node", "", other, {{"spec", {{"unschedulable", nullptr}}}});
  cluster_.Create(
      {{"apiVersion", "policy/v1"},
       {"kind", "PodDisruptionBudget"},
       {"metadata", {{"name", "web"}, {"namespace", "shop"}}},
       {"spec", {{"maxUnavailable", 1}, {"selector", {{"matchLabels", {{"app", "web"}}}}}}}});
  ASSERT_TRUE(cluster_.Settle());
  // The first goes, and the budget holds the others as long as the next one isn't ready.
  cluster_.SetReadyDelay(std::chrono::seconds(1000));
  Write(Pipeline("DiskPressure", "drain"));
  StartAndWait();
  cluster_.SetNodeCondition(node, "DiskPressure", true, "KubeletHasDiskPressure");
  ASSERT_TRUE(Eventually([&] { return cluster_.CountRequests("/eviction") >= 4; }))
      << agent().output() << Explained();
  EXPECT_TRUE(Unschedulable(node));
  agent().Signal(SIGKILL);
  agent().Wait(5'000'000'000);
  StartAndWait();
  EXPECT_TRUE(Eventually([&] { return !Unschedulable(node); }, 60))
      << agent().output() << Explained();
  EXPECT_THAT(Explained(), HasSubstr("needs a person"));
  EXPECT_THAT(Explained(), HasSubstr("the drain was cut off: 2 pods are left"));
}

}  // namespace
}  // namespace heald::testing
