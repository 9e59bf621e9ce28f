// The whole agent beside a cluster, without Prometheus: the source sees what is wrong, a policy
// decides, the action repairs it, and the source sees that it is over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/kubernetes/agent_on_cluster.h"

namespace heald::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class KubernetesAgentTest : public AgentOnClusterTest {
 protected:
  // One policy: `metric` of the cluster's findings is answered by `operation`.
  std::string Pipeline(const std::string& metric, const std::string& operation,
                       const std::string& more = "", const std::string& deadline = "20s") {
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
           "    deadline: " +
           deadline +
           "\n"
           "    config: {kubeconfig: " +
           dir_ + "/kubeconfig, operation: " + operation + more + "}\n";
  }
  // All on node-1: the others join later.
  void DeployOnNode1() {
    for (const char* other : {"node-2", "node-3"})
      cluster_.Patch("Node", "", other, {{"spec", {{"unschedulable", true}}}});
    cluster_.Deploy("shop", "web", 3, "nginx:1.25");
    ASSERT_TRUE(cluster_.Settle());
    for (const char* other : {"node-2", "node-3"})
      cluster_.Patch("Node", "", other, {{"spec", {{"unschedulable", nullptr}}}});
  }
  void AddBudget(Json spec) {
    spec["selector"] = {{"matchLabels", {{"app", "web"}}}};
    cluster_.Create({{"apiVersion", "policy/v1"},
                     {"kind", "PodDisruptionBudget"},
                     {"metadata", {{"name", "web"}, {"namespace", "shop"}}},
                     {"spec", spec}});
    ASSERT_TRUE(cluster_.Settle());
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

TEST_F(KubernetesAgentTest, WhatABudgetForbidsIsSaidAtTheDeadlineOfTheFile) {
  cluster_.Deploy("shop", "web", 2, "nginx:1.25");
  ASSERT_TRUE(cluster_.Settle());
  AddBudget({{"minAvailable", 2}});
  const Json pod = cluster_.List("Pod", "shop").front();
  cluster_.SetFateOfPod(pod["metadata"]["name"], fakes::kubernetes::PodFate::kCrashLoop);
  Write(Pipeline("CrashLoopBackOff", "restart_pod", ", eviction_retry: 1s", "6s"));
  StartAndWait();
  EXPECT_TRUE(Eventually([&] { return cluster_.CountRequests("/eviction") > 0; })) << Explained();
  EXPECT_TRUE(
      Eventually([&] { return Explained().find("was not evicted: ") != std::string::npos; }, 10))
      << agent().output() << Explained();
  EXPECT_THAT(Explained(), AllOf(HasSubstr("a disruption budget forbids it now"),
                                 Not(HasSubstr("cut off")), Not(HasSubstr("cancelled"))));
  EXPECT_GE(cluster_.CountRequests("/eviction"), 3U);
}

TEST_F(KubernetesAgentTest, ADrainThatABudgetHoldsGivesTheNodeBackByItself) {
  DeployOnNode1();
  AddBudget({{"maxUnavailable", 1}});
  cluster_.SetReadyDelay(std::chrono::seconds(1000));
  std::string pipeline = Pipeline("DiskPressure", "drain", "", "6s");
  const std::string verify = "    verify: {within: 20s}\n";
  pipeline.insert(pipeline.find(verify), "    undo: {on_failure: false}\n");
  Write(pipeline);
  StartAndWait();
  cluster_.SetNodeCondition("node-1", "DiskPressure", true, "KubeletHasDiskPressure");
  EXPECT_TRUE(Eventually([&] { return cluster_.CountRequests("/eviction") > 0; })) << Explained();
  EXPECT_TRUE(
      Eventually([&] { return Explained().find("needs a person") != std::string::npos; }, 15))
      << agent().output() << Explained();
  EXPECT_THAT(Explained(), AllOf(HasSubstr("2 are left: 2 are held by a disruption budget"),
                                 HasSubstr("it takes pods again"), Not(HasSubstr("cut off"))));
  EXPECT_FALSE(Unschedulable("node-1"));
}

TEST_F(KubernetesAgentTest, AStopInADrainLeavesNothingBehindAndCallsNobody) {
  DeployOnNode1();
  AddBudget({{"maxUnavailable", 1}});
  cluster_.SetReadyDelay(std::chrono::seconds(1000));
  Write(Pipeline("DiskPressure", "drain", "", "10m"));
  StartAndWait();
  cluster_.SetNodeCondition("node-1", "DiskPressure", true, "KubeletHasDiskPressure");
  ASSERT_TRUE(Eventually([&] { return cluster_.CountRequests("/eviction") >= 4; }))
      << agent().output() << Explained();
  agent().Signal(SIGTERM);
  agent().Wait(15'000'000'000);
  EXPECT_THAT(agent().output(), Not(HasSubstr("doesn't return")));
  EXPECT_FALSE(Unschedulable("node-1"));
  StartAndWait();
  EXPECT_THAT(Explained(), AllOf(HasSubstr("drain Node node-1"), Not(HasSubstr("needs a person"))));
}

TEST_F(KubernetesAgentTest, ADrainThatIsKilledLeavesNoNodeCordoned) {
  const std::string node = "node-1";
  DeployOnNode1();
  AddBudget({{"maxUnavailable", 1}});
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
