// What the Kubernetes test server does by itself: its controllers, budgets, watches and faults.
#include "tests/fakes/kubernetes/server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace heald::fakes {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Got {
  int status = 0;
  Json body;
  FakeReply reply;
};

Got Ask(KubernetesServer& server, const std::string& method, const std::string& target,
        const Json& body = nullptr, const std::string& content_type = "application/json") {
  FakeRequest request;
  request.method = method;
  const size_t mark = std::min(target.find('?'), target.size());
  request.path = target.substr(0, mark);
  request.query = mark < target.size() ? target.substr(mark + 1) : "";
  request.headers = {{"authorization", "Bearer agent"}, {"content-type", content_type}};
  if (!body.is_null()) request.body = body.dump();
  FakeReply reply = server.Ask(request);
  return {reply.status, Json::parse(reply.body, nullptr, false), reply};
}

constexpr const char* kStrategic = "application/strategic-merge-patch+json";
constexpr const char* kMerge = "application/merge-patch+json";

KubernetesOptions Manual() {
  KubernetesOptions options;
  options.manual = true;
  return options;
}

Json Budget(const std::string& name, const Json& spec) {
  Json budget = {{"apiVersion", "policy/v1"},
                 {"kind", "PodDisruptionBudget"},
                 {"metadata", {{"name", name}, {"namespace", "prod"}}},
                 {"spec", {{"selector", {{"matchLabels", {{"app", "web"}}}}}}}};
  budget["spec"].update(spec);
  return budget;
}

int64_t At(const Json& object, const std::string& pointer) {
  return object.value(Json::json_pointer(pointer), int64_t{0});
}

TEST(KubernetesServerTest, ADeploymentGetsItsPodsReady) {
  KubernetesServer server(Manual());
  server.Deploy("prod", "web", 3);
  EXPECT_TRUE(server.List("Pod", "prod").empty());
  server.Settle();
  const Json web = *server.Get("Deployment", "prod", "web");
  EXPECT_EQ(At(web, "/status/availableReplicas"), 3);
  EXPECT_EQ(At(web, "/status/observedGeneration"), 1);
  const auto pods = server.List("Pod", "prod", "app=web");
  ASSERT_EQ(pods.size(), 3U);
  std::set<std::string> nodes;
  for (const Json& pod : pods) nodes.insert(pod["spec"]["nodeName"].get<std::string>());
  EXPECT_EQ(nodes.size(), 3U);
}

TEST(KubernetesServerTest, RollsOutWithinSurgeAndUnavailable) {
  KubernetesServer server(Manual());
  server.SetReadyDelay(seconds(1));
  server.Deploy("prod", "web", 3, "nginx:1.25",
                {{"strategy", {{"rollingUpdate", {{"maxSurge", 1}, {"maxUnavailable", 0}}}}}});
  server.Advance(seconds(5));
  ASSERT_EQ(At(*server.Get("Deployment", "prod", "web"), "/status/readyReplicas"), 3);
  const Got patched =
      Ask(server, "PATCH", "/apis/apps/v1/namespaces/prod/deployments/web",
          {{"spec",
            {{"template",
              {{"metadata", {{"annotations", {{"kubectl.kubernetes.io/restartedAt", "x"}}}}}}}}}},
          kStrategic);
  ASSERT_EQ(patched.status, 200);
  EXPECT_EQ(At(patched.body, "/metadata/generation"), 2);
  EXPECT_EQ(At(patched.body, "/status/observedGeneration"), 1);
  for (int second = 0; second < 20; ++second) {
    server.Advance(milliseconds(500));
    const Json web = *server.Get("Deployment", "prod", "web");
    EXPECT_LE(At(web, "/status/replicas"), 4);
    EXPECT_GE(At(web, "/status/availableReplicas"), 3);
  }
  const Json web = *server.Get("Deployment", "prod", "web");
  EXPECT_EQ(At(web, "/status/updatedReplicas"), 3);
  EXPECT_EQ(At(web, "/status/replicas"), 3);
  EXPECT_EQ(web["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
  EXPECT_EQ(server.List("ReplicaSet", "prod").size(), 2U);
}

TEST(KubernetesServerTest, AnImageThatCannotBePulledStopsTheRollout) {
  KubernetesServer server(Manual());
  server.Deploy("prod", "web", 2, "nginx:1.25", {{"progressDeadlineSeconds", 8}});
  server.Settle();
  server.Patch(
      "Deployment", "prod", "web",
      {{"spec",
        {{"template",
          {{"spec",
            {{"containers", Json::array({{{"name", "main"}, {"image", "nginx:broken"}}})}}}}}}}});
  server.Advance(seconds(7));
  const auto reason = [&] {
    const Json web = *server.Get("Deployment", "prod", "web");
    for (const Json& condition : web["status"]["conditions"])
      if (condition["type"] == "Progressing") return condition["reason"].get<std::string>();
    return std::string();
  };
  EXPECT_EQ(reason(), "ReplicaSetUpdated");
  server.Advance(seconds(3));
  EXPECT_EQ(reason(), "ProgressDeadlineExceeded");
  EXPECT_EQ(At(*server.Get("Deployment", "prod", "web"), "/status/availableReplicas"), 2);
}

TEST(KubernetesServerTest, APodWhoseServiceAccountIsAbsentIsNotMade) {
  KubernetesServer server(Manual());
  server.Deploy("prod", "web", 2, "nginx:1.25",
                {{"template", {{"spec", {{"serviceAccountName", "absent"}}}}}});
  ASSERT_TRUE(server.Settle());
  server.Advance(seconds(601));
  EXPECT_TRUE(server.List("Pod", "prod").empty());
  const auto events = server.List("Event", "prod");
  EXPECT_EQ(std::count_if(events.begin(), events.end(),
                          [](const Json& event) { return event["reason"] == "FailedCreate"; }),
            1)
      << "told once, however often it is tried";
  const auto web = server.Get("Deployment", "prod", "web");
  EXPECT_NE(web->dump().find("ProgressDeadlineExceeded"), std::string::npos) << *web;
}

TEST(KubernetesServerTest, ABudgetHoldsEvictionsBackUntilThePodIsReplaced) {
  KubernetesServer server(Manual());
  server.Deploy("prod", "web", 3);
  server.Create(Budget("web", {{"maxUnavailable", 1}}));
  server.Settle();
  const auto pods = server.List("Pod", "prod");
  const auto evict = [&](const Json& pod) {
    const std::string name = pod["metadata"]["name"];
    return Ask(server, "POST", "/api/v1/namespaces/prod/pods/" + name + "/eviction",
               {{"apiVersion", "policy/v1"},
                {"kind", "Eviction"},
                {"metadata", {{"name", name}, {"namespace", "prod"}}}});
  };
  EXPECT_EQ(evict(pods[0]).status, 201);
  const Got refused = evict(pods[1]);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.body["details"]["causes"][0]["reason"], "DisruptionBudget");
  server.Settle();
  EXPECT_EQ(server.List("Pod", "prod").size(), 3U);
  EXPECT_EQ(evict(pods[1]).status, 201);
}

TEST(KubernetesServerTest, AWatchSeesWhatHappensFromItsVersionOn) {
  KubernetesServer server(Manual());
  server.Deploy("prod", "web", 1);
  server.Settle();
  const Got list = Ask(server, "GET", "/api/v1/namespaces/prod/pods");
  const std::string version = list.body["metadata"]["resourceVersion"];
  const Got watch =
      Ask(server, "GET", "/api/v1/namespaces/prod/pods?watch=1&resourceVersion=" + version);
  server.Delete("Pod", "prod", list.body["items"][0]["metadata"]["name"]);
  server.Settle();
  std::string lines;
  while (lines.find("DELETED") == std::string::npos) lines += watch.reply.stream().value();
  EXPECT_NE(lines.find(R"({"type":"MODIFIED")"), std::string::npos);
  EXPECT_NE(lines.find(R"({"type":"ADDED")"), std::string::npos);
  server.ExpireWatches();
  while (lines.find("\"code\":410") == std::string::npos) lines += watch.reply.stream().value();
  EXPECT_FALSE(watch.reply.stream().has_value());
}

TEST(KubernetesServerTest, LivesByItselfOnItsOwnPort) {
  KubernetesServer server;
  server.Deploy("prod", "web", 3);
  EXPECT_TRUE(server.WaitUntil([&] {
    return At(*server.Get("Deployment", "prod", "web"), "/status/availableReplicas") == 3;
  }));
  EXPECT_TRUE(server.Settle());
  EXPECT_NE(server.Kubeconfig().find(server.url()), std::string::npos);
}

}  // namespace
}  // namespace heald::fakes
