// The packs as they are shipped, beside a cluster and a Prometheus that says what the cluster's
// pods are like: what can be repaired is, and where a step is refused a person is called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

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
        prometheus_.url() +
        "'}\n"
        "    override:\n"
        "      sources: {" +
        source + ": {config: {interval: 1s, queries: {" + query +
        ": asked}}}}\n"
        "      policies: {" +
        policy + ": {guard: {for: 0s}}}\n" + more +
        "agent: {listen: '127.0.0.1:0', state_dir: state}\n");
    StartAndWait({{"KUBECONFIG", dir_ + "/kubeconfig"}});
  }

  // Of workload web: what the query `asked` says, nothing of any other.
  fakes::FakeReply Answer(const fakes::FakeRequest& request) const {
    const bool asked =
        ("&" + request.query + "&" + request.body + "&").find("&query=asked&") != std::string::npos;
    const auto now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch());
    Json series = Json::array();
    if (asked)
      series.push_back({{"metric", {{"namespace", "shop"}, {"workload", "web"}}},
                        {"value", Json::array({now.count(), std::to_string(Value())})}});
    return {.body = Json{{"status", "success"},
                         {"data", {{"resultType", "vector"}, {"result", series}}}}
                        .dump()};
  }
  virtual double Value() const {
    for (const Json& pod : cluster_.List("Pod", "shop"))
      if (pod.dump().find("CrashLoopBackOff") != std::string::npos) return 1;
    return 0;
  }

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

}  // namespace
}  // namespace heald::testing
