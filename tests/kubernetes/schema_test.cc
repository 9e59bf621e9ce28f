// The test server's objects against the API's own description of them.
#include "tests/kubernetes/schema.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/fakes/kubernetes/resources.h"
#include "tests/fakes/kubernetes/server.h"
#include "tests/kubernetes/transcripts.h"

namespace heald::kubernetes_test {
namespace {

using fakes::KubernetesServer;

Json Workload(const std::string& kind, const std::string& image) {
  return {{"apiVersion", kind == "Job" ? "batch/v1" : "apps/v1"},
          {"kind", kind},
          {"metadata", {{"name", "w"}, {"namespace", "prod"}}},
          {"spec",
           {{"selector", {{"matchLabels", {{"app", kind}}}}},
            {"template",
             {{"metadata", {{"labels", {{"app", kind}}}}},
              {"spec", {{"containers", Json::array({{{"name", "main"}, {"image", image}}})}}}}}}}};
}

// One of everything: rolled out, failed, scaled, evicted.
void Fill(KubernetesServer& server) {
  server.Deploy("prod", "web", 3);
  server.Deploy("prod", "bad", 1, "nginx:broken", {{"progressDeadlineSeconds", 5}});
  server.Deploy("prod", "loop", 1, "nginx:crash");
  server.Deploy("prod", "hungry", 1, "nginx:oom");
  server.Create(Workload("StatefulSet", "pg:1"));
  server.Create(Workload("DaemonSet", "agent:1"));
  Json job = Workload("Job", "tool:1");
  job["spec"].erase("selector");
  job["spec"]["template"]["spec"]["restartPolicy"] = "Never";
  server.Create(job);
  server.Create(
      {{"apiVersion", "policy/v1"},
       {"kind", "PodDisruptionBudget"},
       {"metadata", {{"name", "web"}, {"namespace", "prod"}}},
       {"spec", {{"maxUnavailable", 1}, {"selector", {{"matchLabels", {{"app", "web"}}}}}}}});
  server.Create(
      {{"apiVersion", "autoscaling/v2"},
       {"kind", "HorizontalPodAutoscaler"},
       {"metadata", {{"name", "web"}, {"namespace", "prod"}}},
       {"spec",
        {{"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "web"}}},
         {"minReplicas", 4},
         {"maxReplicas", 6}}}});
  server.Advance(std::chrono::seconds(60));
  server.Patch("Node", "", "node-1", {{"spec", {{"unschedulable", true}}}});
  server.SetTerminationDelay(std::chrono::seconds(30));
  server.Delete("Pod", "prod", server.List("Pod", "prod", "app=web").at(0)["metadata"]["name"]);
  server.Step();
}

TEST(KubernetesSchemaTest, EveryObjectKeepsToTheApisDescription) {
  const std::string shared = SharedFolder();
  if (shared.empty())
    GTEST_SKIP() << "no ../shared/specs (or $HEALD_SHARED/specs) with the API's description";
  const ApiSchema schema(shared + "/specs/k8s-1.26.5-live-openapi-v2.json");
  fakes::KubernetesOptions options;
  options.manual = true;
  KubernetesServer server(options);
  Fill(server);
  std::map<std::string, int> checked;
  for (const auto& resource : fakes::kubernetes::Resources())
    for (const Json& object : server.List(resource.kind)) {
      ++checked[resource.kind];
      for (const std::string& problem : schema.Problems(object))
        ADD_FAILURE() << resource.kind << " " << object["metadata"]["name"] << problem;
    }
  for (const char* kind :
       {"Pod", "Node", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ControllerRevision",
        "HorizontalPodAutoscaler", "PodDisruptionBudget", "Job", "Event", "Namespace"})
    EXPECT_GT(checked[kind], 0) << kind;
}

TEST(KubernetesSchemaTest, AWrongObjectIsFound) {
  const std::string shared = SharedFolder();
  if (shared.empty())
    GTEST_SKIP() << "no ../shared/specs (or $HEALD_SHARED/specs) with the API's description";
  const ApiSchema schema(shared + "/specs/k8s-1.26.5-live-openapi-v2.json");
  const Json wrong = {{"apiVersion", "apps/v1"},
                      {"kind", "Deployment"},
                      {"spec", {{"replicas", "3"}, {"replicaz", 3}, {"selector", Json::object()}}}};
  EXPECT_EQ(schema.Problems(wrong),
            (std::vector<std::string>{"/spec/template: is required",
                                      "/spec/replicas: is no integer: \"3\"",
                                      "/spec/replicaz: there is no such field"}));
}

}  // namespace
}  // namespace heald::kubernetes_test
