// The packs as they are shipped, beside a cluster or an Argo CD and a Prometheus that says what
// these are like: what can be repaired is, and where a step is refused a person is called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/fakes/argocd_server.h"
#include "tests/fakes/http_server.h"
#include "tests/kubernetes/agent_on_cluster.h"

namespace heald::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class KubernetesPacksTest : public AgentOnClusterTest {
 protected:
  // The pack in enforce mode, one of its queries answered by this test every second, its guards
  // without their wait.
  void StartPack(const std::string& pack, const std::string& source, const std::string& query,
                 const std::string& policy, const std::string& more = "") {
    Write(
        "version: 1\n"
        "include:\n"
        "  - file: " HEALD_SOURCE_DIR "/configs/packs/" +
        pack +
        ".yaml\n"
        "    with: {mode: enforce, prometheus: '" +
        prometheus_.url() + "'" + with_ +
        "}\n"
        "    override:\n"
        "      sources: {" +
        source + ": {config: {interval: 1s, queries: {" + query +
        ": asked}}}}\n"
        "      policies: {" +
        policy + ": {guard: {for: 0s}}}\n" + more +
        "agent: {listen: '127.0.0.1:0', state_dir: state}\n");
    StartAndWait({{"KUBECONFIG", dir_ + "/kubeconfig"}});
  }

  // What the query `asked` says of the target, nothing of any other.
  fakes::FakeReply Answer(const fakes::FakeRequest& request) const {
    const bool asked =
        ("&" + request.query + "&" + request.body + "&").find("&query=asked&") != std::string::npos;
    const auto now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch());
    Json series = Json::array();
    if (asked)
      series.push_back(
          {{"metric", Target()}, {"value", Json::array({now.count(), std::to_string(Value())})}});
    return {.body = Json{{"status", "success"},
                         {"data", {{"resultType", "vector"}, {"result", series}}}}
                        .dump()};
  }
  virtual Json Target() const { return {{"namespace", "shop"}, {"workload", "web"}}; }
  virtual double Value() const {
    for (const Json& pod : cluster_.List("Pod", "shop"))
      if (pod.dump().find("CrashLoopBackOff") != std::string::npos) return 1;
    return 0;
  }

  std::string with_;  // more vars of the pack
  fakes::HttpServer prometheus_{
      [this](const fakes::FakeRequest& request) { return Answer(request); }};
};

TEST_F(KubernetesPacksTest, ARolloutThatCrashesIsRolledBackAsARestartIsRefused) {
  cluster_.Deploy("shop", "web", 2, "nginx:1.25");
  ASSERT_TRUE(cluster_.Settle());
  StartPack("crash-loop", "crash_loop_metrics", "crash_looping", "crash_loop_repair");
  RollOut("nginx:crash");
  ASSERT_TRUE(Eventually([this] { return State() == "resolved"; }, 30))
      << agent().output() << Explained();
  EXPECT_THAT(Explained(), AllOf(HasSubstr("healed by roll Deployment shop/web back"),
                                 HasSubstr("crash_loop_restart was refused")));
}

TEST_F(KubernetesPacksTest, AFirstRolloutThatCrashesIsAPersons) {
  cluster_.Deploy("shop", "web", 2, "nginx:crash");
  StartPack("crash-loop", "crash_loop_metrics", "crash_looping", "crash_loop_repair");
  ASSERT_TRUE(Eventually([this] { return State() == "escalated"; }, 30))
      << agent().output() << Explained();
  EXPECT_THAT(Explained(), HasSubstr("crash_loop_rollback was refused"));
  EXPECT_EQ(cluster_.CountRequests("PATCH"), 0u) << "nothing was tried";
}

TEST_F(KubernetesPacksTest, ARolloutOfArgoCdsThatCrashesIsAPersons) {
  cluster_.Deploy("shop", "web", 2, "nginx:1.25");
  cluster_.Patch(
      "Deployment", "shop", "web",
      {{"metadata",
        {{"annotations", {{"argocd.argoproj.io/tracking-id", "shop:apps/Deployment:shop/web"}}}}}});
  ASSERT_TRUE(cluster_.Settle());
  StartPack("crash-loop", "crash_loop_metrics", "crash_looping", "crash_loop_repair");
  RollOut("nginx:crash");
  ASSERT_TRUE(Eventually([this] { return State() == "escalated"; }, 30))
      << agent().output() << Explained();
  EXPECT_THAT(Explained(), HasSubstr("is deployed by Argo CD (application shop)"));
  EXPECT_EQ(cluster_.CountRequests("PATCH"), 0u) << "nothing was tried";
}

class KubernetesSlowTest : public KubernetesPacksTest {
 protected:
  double Value() const override { return 3; }
};

TEST_F(KubernetesSlowTest, AWorkloadWithItsMostReplicasIsAPersons) {
  cluster_.Deploy("shop", "web", 2, "nginx:1.25");
  cluster_.Create(
      {{"apiVersion", "autoscaling/v2"},
       {"kind", "HorizontalPodAutoscaler"},
       {"metadata", {{"name", "web"}, {"namespace", "shop"}}},
       {"spec",
        {{"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "web"}}},
         {"minReplicas", 2},
         {"maxReplicas", 2}}}});
  ASSERT_TRUE(cluster_.Settle());
  StartPack("network-latency", "latency_metrics", "workload_latency", "latency_scale_out",
            "      detectors: {latency_high: {config: {for: 0s}}}\n");
  ASSERT_TRUE(Eventually([this] { return State() == "escalated"; }, 30))
      << agent().output() << Explained();
  EXPECT_THAT(Explained(), HasSubstr("latency_more_replicas was refused"));
}

class ConfigDriftTest : public KubernetesPacksTest {
 protected:
  ConfigDriftTest() {
    argocd_.Put("checkout", {kDeployed});
    with_ = ", argocd: '" + argocd_.url() + "', argocd_token: " + fakes::ArgocdServer::kToken;
  }
  void StartDrift() {
    StartPack("config-drift", "drift_metrics", "app_out_of_sync", "drift_sync",
              "      detectors: {app_drifts: {config: {for: 0s}}}\n");
  }
  Json Target() const override { return {{"namespace", "shop"}, {"application", "checkout"}}; }
  double Value() const override {
    return argocd_.Application("checkout")["status"]["sync"]["status"] == "OutOfSync" ? 1 : 0;
  }

  const std::string kDeployed = std::string(40, 'a');
  const std::string kPushed = std::string(40, 'b');
  mutable fakes::ArgocdServer argocd_;
};

TEST_F(ConfigDriftTest, AnApplicationThatDriftsIsSyncedAndWellAgain) {
  StartDrift();
  argocd_.Push("checkout", kPushed);
  ASSERT_TRUE(Eventually([this] { return State() == "resolved"; }, 30))
      << agent().output() << Explained();
  EXPECT_EQ(argocd_.History("checkout"), (std::vector{kDeployed, kPushed}));
  EXPECT_EQ(argocd_.Count("POST", "/sync"), 1u);
  EXPECT_THAT(Explained(), AllOf(HasSubstr("app_drifts"), HasSubstr("healed by sync checkout")));
}

TEST_F(ConfigDriftTest, OneThatCantBeSyncedIsAPersons) {
  argocd_.FailWith("admission webhook denied the request");
  StartDrift();
  argocd_.Push("checkout", kPushed);
  ASSERT_TRUE(Eventually([this] { return State() == "escalated"; }, 30))
      << agent().output() << Explained();
  EXPECT_THAT(Explained(), HasSubstr("admission webhook denied the request"));
}

TEST_F(ConfigDriftTest, OneThatIsAsGitSaysIsLeftAlone) {
  StartDrift();
  ASSERT_TRUE(prometheus_.WaitForRequests(8, std::chrono::seconds(30)));
  EXPECT_EQ(State(), "");
  EXPECT_TRUE(argocd_.exchanges().empty()) << "nothing was asked of Argo CD";
}

}  // namespace
}  // namespace heald::testing
