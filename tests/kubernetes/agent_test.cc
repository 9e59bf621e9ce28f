// The whole agent beside a cluster, without Prometheus: the source sees what is wrong, a policy
// decides, the action repairs it, and the source sees that it is over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/agent/fixture.h"
#include "tests/fakes/kubernetes/server.h"

namespace heald::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class KubernetesAgentTest : public AgentTest {
 protected:
  KubernetesAgentTest() { std::ofstream(dir_ + "/kubeconfig") << cluster_.Kubeconfig(); }

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
  // Of the first incident; empty while there is none.
  std::string State() {
    const Json page = Get("/api/v1/incidents");
    if (!page.contains("incidents") || page["incidents"].empty()) return {};
    return page["incidents"][0]["state"];
  }
  std::string Explained() { return Get("/api/v1/incidents/1").dump(2); }
  std::string ImageOf(const std::string& deployment) {
    const Json object = *cluster_.Get("Deployment", "shop", deployment);
    return object["spec"]["template"]["spec"]["containers"][0]["image"];
  }
  bool Unschedulable(const std::string& node) {
    return cluster_.Get("Node", "", node)->at("spec").value("unschedulable", false);
  }

  fakes::KubernetesServer cluster_;
};

TEST_F(KubernetesAgentTest, ARolloutThatCrashesIsTakenBack) {
  cluster_.Deploy("shop", "web", 2, "nginx:1.25");
  ASSERT_TRUE(cluster_.Settle());
  Write(Pipeline("CrashLoopBackOff", "rollback"));
  StartAndWait();
  cluster_.Patch(
      "Deployment", "shop", "web",
      {{"spec",
        {{"template",
          {{"spec",
            {{"containers", Json::array({{{"name", "main"}, {"image", "nginx:crash"}}})}}}}}}}});
  ASSERT_TRUE(Eventually([this] { return State() == "resolved"; }, 40))
      << agent().output() << Explained();
  EXPECT_EQ(ImageOf("web"), "nginx:1.25");
  EXPECT_THAT(Explained(), HasSubstr("healed by"));
  EXPECT_FALSE(cluster_.List("Event", "shop").empty()) << "kubectl describe tells it too";
}

TEST_F(KubernetesAgentTest, ADrainThatIsKilledLeavesNoNodeCordoned) {
  cluster_.Deploy("shop", "web", 3, "nginx:1.25");
  ASSERT_TRUE(cluster_.Settle());
  cluster_.Create(
      {{"apiVersion", "policy/v1"},
       {"kind", "PodDisruptionBudget"},
       {"metadata", {{"name", "web"}, {"namespace", "shop"}}},
       {"spec", {{"minAvailable", 3}, {"selector", {{"matchLabels", {{"app", "web"}}}}}}}});
  ASSERT_TRUE(cluster_.Settle());
  Write(Pipeline("DiskPressure", "drain"));
  StartAndWait();
  const std::string node = cluster_.List("Pod", "shop")[0]["spec"]["nodeName"];
  cluster_.SetNodeCondition(node, "DiskPressure", true, "KubeletHasDiskPressure");
  ASSERT_TRUE(Eventually([&] { return Unschedulable(node); })) << agent().output() << Explained();
  agent().Signal(SIGKILL);
  agent().Wait(5'000'000'000);
  StartAndWait();
  EXPECT_TRUE(Eventually([&] { return !Unschedulable(node); }, 60))
      << agent().output() << Explained();
  EXPECT_EQ(cluster_.List("Pod", "shop").size(), 3u) << "the budget let nobody go";
  EXPECT_THAT(Explained(), HasSubstr("needs a person"));
  EXPECT_THAT(Explained(), HasSubstr("the drain was cut off"));
}

}  // namespace
}  // namespace heald::testing
