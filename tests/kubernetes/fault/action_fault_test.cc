// The kubernetes action while the API server is away: $HEALD_TEST_OUTAGE_SECONDS long, a second by
// default.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "tests/kubernetes/action_on_cluster.h"

namespace heald::kubernetes_test {
namespace {

using kubernetes::kDeployments;
using kubernetes::Operation;
using sdk::EffectState;

std::chrono::milliseconds Outage() {
  const char* const seconds =
      std::getenv("HEALD_TEST_OUTAGE_SECONDS");  // NOLINT(concurrency-mt-unsafe)
  return std::chrono::milliseconds(
      static_cast<int64_t>(seconds == nullptr ? 1000 : std::stod(seconds) * 1000));
}

TEST(KubernetesActionFaultTest, AnOutageInARolloutRestartsNothingTwice) {
  TestCluster cluster;
  if (cluster.real()) GTEST_SKIP() << "faults need the test server: unset HEALD_TEST_KUBECONFIG";
  fakes::KubernetesServer& server = *cluster.server();
  cluster.Apply(kDeployments, "web", 3);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  server.SetReadyDelay(std::chrono::seconds(4));  // 200 ms a pod: the outage falls into the rollout
  ActionOnCluster action(cluster, Operation::kRollingRestart,
                         {{"namespace", cluster.space()}, {"deployment", "web"}});
  action.Plan();
  std::thread outage([&] {
    server.WaitUntil([&] { return server.CountRequests("PATCH") > 0; });
    server.Stop();
    std::this_thread::sleep_for(Outage());
    server.Start();
  });
  action.Do();
  outage.join();
  action.Restart();
  const sdk::Effect effect = action.Settled();
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  const Json web = *server.Get("Deployment", cluster.space(), "web");
  EXPECT_EQ(NumberAt(web, "/metadata/generation"), 2);
  EXPECT_EQ(server.List("ReplicaSet", cluster.space()).size(), 2U);
}

TEST(KubernetesActionFaultTest, AnOutageInADrainLeavesNothingHalfDone) {
  TestCluster cluster;
  if (cluster.real()) GTEST_SKIP() << "faults need the test server: unset HEALD_TEST_KUBECONFIG";
  fakes::KubernetesServer& server = *cluster.server();
  cluster.Apply(kDeployments, "web", 6);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  ActionOnCluster action(cluster, Operation::kDrain, {{"node", "node-1"}});
  action.Plan();
  std::thread outage([&] {
    server.WaitUntil([&] { return server.CountRequests("/eviction") > 0; });
    server.Stop();
    std::this_thread::sleep_for(Outage());
    server.Start();
  });
  action.Do();
  outage.join();
  const sdk::Effect effect = action.Settled();
  bool left = false;
  for (const Json& pod : server.List("Pod", cluster.space()))
    left = left || TextAt(pod, "/spec/nodeName") == "node-1";
  const bool cordoned = (*server.Get("Node", "", "node-1"))["spec"].value("unschedulable", false);
  // Either it is drained and stays cordoned, or it has failed and takes pods again.
  EXPECT_EQ(effect.state == EffectState::kDone, cordoned && !left) << effect.detail;
  EXPECT_TRUE(effect.state == EffectState::kDone || !cordoned) << effect.detail;
}

}  // namespace
}  // namespace heald::kubernetes_test
