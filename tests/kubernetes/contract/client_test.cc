// What heald asks of any API server, through its client: on the test server, and unchanged on a
// real cluster named by $HEALD_TEST_KUBECONFIG.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <string>

#include "plugins/support/kubernetes/client.h"
#include "plugins/support/kubernetes/event_writer.h"
#include "plugins/support/kubernetes/watch.h"
#include "tests/kubernetes/test_cluster.h"

namespace heald::kubernetes_test {
namespace {

using kubernetes::ApiError;
using kubernetes::kDeployments;
using kubernetes::kPods;
using kubernetes::PatchType;

// The refusal of the call; a test that gets none has failed.
template <typename Call>
kubernetes::Status RefusalOf(Call call) {
  try {
    call();
  } catch (const ApiError& error) {
    return error.status();
  }
  ADD_FAILURE() << "was not refused";
  return {};
}

Json RestartPatch(const std::string& at) {
  return {{"spec",
           {{"template",
             {{"metadata", {{"annotations", {{"kubectl.kubernetes.io/restartedAt", at}}}}}}}}}};
}

Json Budget(const std::string& app, const Json& spec) {
  Json budget = {{"apiVersion", "policy/v1"},
                 {"kind", "PodDisruptionBudget"},
                 {"metadata", {{"name", app}}},
                 {"spec", {{"selector", {{"matchLabels", {{"app", app}}}}}}}};
  budget["spec"].update(spec);
  return budget;
}

TEST(KubernetesContractTest, SaysWhatItIsAndWhatIsNotThere) {
  TestCluster cluster;
  EXPECT_EQ(cluster.client().Version().substr(0, 3), "v1.");
  EXPECT_FALSE(cluster.client().Find(cluster.Ref(kPods, "absent")));
  const kubernetes::Status status =
      RefusalOf([&] { cluster.client().Get(cluster.Ref(kDeployments, "absent")); });
  EXPECT_EQ(status.code, 404);
  EXPECT_EQ(status.reason, "NotFound");
  EXPECT_EQ(status.name, "absent");
}

TEST(KubernetesContractTest, ListsByLabelAndFieldPageByPage) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 3);
  cluster.Apply(kDeployments, "api", 2);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "api"));
  auto& client = cluster.client();
  EXPECT_EQ(client.List(cluster.Ref(kPods), {.page_size = 2}).size(), 5U);
  EXPECT_EQ(client.List(cluster.Ref(kPods), {.label_selector = "app=web", .page_size = 1}).size(),
            3U);
  EXPECT_EQ(client.List(cluster.Ref(kPods), {.label_selector = "app in (web,api),!canary"}).size(),
            5U);
  EXPECT_TRUE(client.List(cluster.Ref(kPods), {.label_selector = "app=none"}).empty());
  const Json pod = cluster.Pods("api").at(0);
  const std::string node = pod["spec"]["nodeName"];
  for (const Json& other :
       client.List({kPods}, {.field_selector = "spec.nodeName=" + node, .page_size = 0}))
    EXPECT_EQ(other["spec"]["nodeName"], node);
  EXPECT_EQ(
      RefusalOf([&] { client.List(cluster.Ref(kPods), {.field_selector = "spec.bogus=x"}); }).code,
      400);
}

TEST(KubernetesContractTest, ADryRunChangesNothing) {
  TestCluster cluster;
  const Json web = cluster.Apply(kDeployments, "web", 1);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  auto& client = cluster.client();
  const kubernetes::Ref ref = cluster.Ref(kDeployments, "web");
  const Json tried =
      client.Patch(ref, PatchType::kStrategic, RestartPatch("now"), {.dry_run = true});
  EXPECT_EQ(NumberAt(tried, "/metadata/generation"), NumberAt(web, "/metadata/generation") + 1);
  EXPECT_EQ(NumberAt(client.Get(ref), "/metadata/generation"),
            NumberAt(web, "/metadata/generation"));
  const Json pod = cluster.Pods("web").at(0);
  const std::string name = pod["metadata"]["name"];
  client.Delete(cluster.Ref(kPods, name), {.dry_run = true});
  client.Evict(cluster.Ref(kPods, name), {.dry_run = true});
  EXPECT_FALSE(client.Get(cluster.Ref(kPods, name))["metadata"].contains("deletionTimestamp"));
}

TEST(KubernetesContractTest, ARestartReplacesEveryPod) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 3);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  std::set<std::string> old;
  for (const Json& pod : cluster.Pods("web")) old.insert(TextAt(pod, "/metadata/uid"));
  const kubernetes::Ref ref = cluster.Ref(kDeployments, "web");
  const Json patched =
      cluster.client().Patch(ref, PatchType::kStrategic, RestartPatch("2026-11-21T19:32:03Z"));
  EXPECT_EQ(NumberAt(patched, "/metadata/generation"), 2);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  for (const Json& pod : cluster.Pods("web")) {
    const bool leaving = pod["metadata"].contains("deletionTimestamp");
    EXPECT_TRUE(leaving || old.count(TextAt(pod, "/metadata/uid")) == 0);
  }
  const Json again =
      cluster.client().Patch(ref, PatchType::kStrategic, RestartPatch("2026-11-21T19:32:03Z"));
  EXPECT_EQ(NumberAt(again, "/metadata/generation"), 2) << "the same patch changes nothing";
  EXPECT_EQ(TextAt(again, "/metadata/annotations/deployment.kubernetes.io~1revision"), "2");
}

TEST(KubernetesContractTest, ARolloutWithoutPodsExceedsItsDeadlineAndIsUndone) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 2, "nginx:1.25", {{"progressDeadlineSeconds", 30}});
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  auto& client = cluster.client();
  const kubernetes::Ref ref = cluster.Ref(kDeployments, "web");
  const Json good = client.Get(ref);
  cluster.RollOut(kDeployments, "web", TestCluster::Broken());
  ASSERT_TRUE(cluster.Wait([&] {
    const Json progress = ConditionOf(client.Get(ref), "Progressing");
    return progress.is_object() && progress["reason"] == "ProgressDeadlineExceeded";
  }));
  Json pod_template;
  for (const Json& set :
       client.List(cluster.Ref(kubernetes::kReplicaSets), {.label_selector = "app=web"}))
    if (TextAt(set, "/metadata/annotations/deployment.kubernetes.io~1revision") == "1")
      pod_template = set["spec"]["template"];
  ASSERT_TRUE(pod_template.is_object());
  pod_template["metadata"]["labels"].erase("pod-template-hash");
  client.Edit(ref, PatchType::kJson, [&](const Json&) {
    return Json::array({{{"op", "replace"}, {"path", "/spec/template"}, {"value", pod_template}}});
  });
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  const Json web = client.Get(ref);
  EXPECT_EQ(web["spec"]["template"], good["spec"]["template"]);
  EXPECT_EQ(TextAt(web, "/metadata/annotations/deployment.kubernetes.io~1revision"), "3");
}

TEST(KubernetesContractTest, AStaleVersionAndAWrongUidAreConflicts) {
  TestCluster cluster;
  Json web = cluster.Apply(kDeployments, "web", 1);
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  auto& client = cluster.client();
  const kubernetes::Ref ref = cluster.Ref(kDeployments, "web");
  web["spec"]["replicas"] = 2;
  EXPECT_EQ(RefusalOf([&] { client.Replace(ref, web); }).code, 409);
  EXPECT_EQ(RefusalOf([&] {
              client.Patch(ref, PatchType::kMerge,
                           {{"metadata", {{"resourceVersion", "1"}}}, {"spec", {{"replicas", 2}}}});
            }).code,
            409);
  try {
    client.Patch(
        ref, PatchType::kJson,
        Json::array({{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", "1"}},
                     {{"op", "replace"}, {"path", "/spec/replicas"}, {"value", 2}}}));
    ADD_FAILURE() << "a failed test was no conflict";
  } catch (const ApiError& error) {
    EXPECT_TRUE(error.Conflict()) << error.what();
  }
  const std::string pod = cluster.Pods("web").at(0)["metadata"]["name"];
  const kubernetes::DeleteOptions wrong{.uid = "00000000-0000-0000-0000-000000000000"};
  EXPECT_EQ(RefusalOf([&] { client.Delete(cluster.Ref(kPods, pod), wrong); }).code, 409);
  EXPECT_EQ(RefusalOf([&] { client.Evict(cluster.Ref(kPods, pod), wrong); }).code, 409);
  EXPECT_EQ(NumberAt(client.Get(ref), "/spec/replicas"), 1);
}

TEST(KubernetesContractTest, WhatIsInvalidIsRefusedWithItsField) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 1);
  const kubernetes::Status status = RefusalOf([&] {
    cluster.client().Patch(cluster.Ref(kDeployments, "web"), PatchType::kStrategic,
                           {{"spec", {{"replicas", -1}}}});
  });
  EXPECT_EQ(status.code, 422);
  ASSERT_EQ(status.causes.size(), 1U);
  EXPECT_EQ(status.causes[0].field, "spec.replicas");
}

TEST(KubernetesContractTest, ABudgetAllowsOneEvictionAtATime) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 3);
  auto& client = cluster.client();
  client.Create(cluster.Ref(kubernetes::kPodDisruptionBudgets),
                Budget("web", {{"maxUnavailable", 1}}));
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  const auto allowed = [&] {
    return NumberAt(client.Get(cluster.Ref(kubernetes::kPodDisruptionBudgets, "web")),
                    "/status/disruptionsAllowed");
  };
  ASSERT_TRUE(cluster.Wait([&] { return allowed() == 1; }));
  const auto pods = cluster.Pods("web");
  const auto evict = [&](const Json& pod) {
    client.Evict(cluster.Ref(kPods, TextAt(pod, "/metadata/name")),
                 {.uid = TextAt(pod, "/metadata/uid")});
  };
  evict(pods[0]);
  try {
    evict(pods[1]);
    ADD_FAILURE() << "the budget allowed two at a time";
  } catch (const ApiError& error) {
    EXPECT_TRUE(error.DisruptionBudget()) << error.what();
    EXPECT_NE(error.status().causes[0].message.find("The disruption budget web needs 2"),
              std::string::npos);
  }
  ASSERT_TRUE(cluster.Wait([&] { return allowed() == 1; })) << "the replacement gives it back";
  evict(pods[1]);
  EXPECT_TRUE(cluster.Wait([&] {
    const auto now = cluster.Pods("web");
    return now.size() == 3 && std::all_of(now.begin(), now.end(), IsReady);
  }));
}

TEST(KubernetesContractTest, ScalesByTheSubresourceAndTheAutoscaler) {
  TestCluster cluster;
  cluster.Apply(kDeployments, "web", 2);
  auto& client = cluster.client();
  const kubernetes::Ref scale = cluster.Ref(kDeployments, "web", "scale");
  EXPECT_EQ(NumberAt(client.Get(scale), "/spec/replicas"), 2);
  client.Patch(scale, PatchType::kMerge, {{"spec", {{"replicas", 3}}}});
  ASSERT_TRUE(cluster.WaitRolledOut(kDeployments, "web"));
  EXPECT_EQ(NumberAt(client.Get(scale), "/status/replicas"), 3);
  const kubernetes::Ref hpa = cluster.Ref(kubernetes::kHorizontalPodAutoscalers, "web");
  client.Create(
      cluster.Ref(kubernetes::kHorizontalPodAutoscalers),
      {{"apiVersion", "autoscaling/v2"},
       {"kind", "HorizontalPodAutoscaler"},
       {"metadata", {{"name", "web"}}},
       {"spec",
        {{"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "web"}}},
         {"minReplicas", 2},
         {"maxReplicas", 6}}}});
  client.Patch(hpa, PatchType::kMerge, {{"spec", {{"minReplicas", 4}}}});
  EXPECT_TRUE(cluster.Wait([&] { return NumberAt(client.Get(scale), "/status/replicas") == 4; }));
  EXPECT_EQ(RefusalOf([&] {
              client.Patch(hpa, PatchType::kMerge, {{"spec", {{"minReplicas", 7}}}});
            }).code,
            422);
}

TEST(KubernetesContractTest, ACordonedNodeIsTaintedUntilItIsUncordoned) {
  auto options = TestCluster::Lively();
  options.controller_delay = std::chrono::milliseconds(50);  // the taint outlives the cordon
  TestCluster cluster(options, TestCluster::With::kNobody);
  auto& client = cluster.client();
  const auto nodes = cluster.FreeNodes();
  ASSERT_FALSE(nodes.empty()) << "no node is free";
  const std::string& node = nodes.front();
  const kubernetes::Ref ref{kubernetes::kNodes, "", node};
  const auto tainted = [&] { return HasCordonTaint(client.Get(ref)); };
  client.Patch(ref, PatchType::kStrategic, {{"spec", {{"unschedulable", true}}}});
  EXPECT_TRUE(cluster.Wait(tainted));
  client.Patch(ref, PatchType::kStrategic, {{"spec", {{"unschedulable", nullptr}}}});
  EXPECT_EQ(cluster.FreeNodes(), nodes) << "as soon as the taint has gone";
  EXPECT_FALSE(tainted());
}

TEST(KubernetesContractTest, SetsRollTheirRevisions) {
  TestCluster cluster;
  auto& client = cluster.client();
  for (const auto& resource : {kubernetes::kStatefulSets, kubernetes::kDaemonSets}) {
    cluster.Apply(resource, "db", 2);
    ASSERT_TRUE(cluster.WaitRolledOut(resource, "db")) << resource.kind;
    client.Patch(cluster.Ref(resource, "db"), PatchType::kStrategic, RestartPatch("now"));
    ASSERT_TRUE(cluster.WaitRolledOut(resource, "db")) << resource.kind;
    std::set<int64_t> revisions;
    for (const Json& revision :
         client.List(cluster.Ref(kubernetes::kControllerRevisions), {.label_selector = "app=db"}))
      if (revision["metadata"]["ownerReferences"][0]["kind"] == resource.kind)
        revisions.insert(NumberAt(revision, "/revision"));
    EXPECT_EQ(revisions, (std::set<int64_t>{1, 2})) << resource.kind;
    client.Delete(cluster.Ref(resource, "db"), {.propagation = "Background"});
    ASSERT_TRUE(cluster.Wait([&] { return cluster.Pods("db").empty(); })) << resource.kind;
  }
}

TEST(KubernetesContractTest, EventsShowOnTheirObject) {
  TestCluster cluster;
  Json web = cluster.Apply(kDeployments, "web", 1);
  kubernetes::EventWriter writer("heald-0");
  kubernetes::EventNote note;
  note.target = web;
  note.reason = "HealdRestarted";
  note.action = "rolling_restart";
  note.message = "error rate 12 %";
  const int64_t now_ns = std::chrono::system_clock::now().time_since_epoch().count();
  EXPECT_EQ(writer.Write(cluster.client(), note, now_ns), std::nullopt);
  EXPECT_EQ(writer.Write(cluster.client(), note, now_ns + 1'000'000'000), std::nullopt);
  const auto events =
      cluster.client().List(cluster.Ref(kubernetes::kEvents),
                            {.field_selector = "involvedObject.name=web,reason=HealdRestarted"});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(NumberAt(events[0], "/count"), 2);
}

TEST(KubernetesContractTest, AWatchFollowsAPodFromReadyToGone) {
  TestCluster cluster;
  std::mutex mutex;
  std::set<std::string> ready;
  std::atomic<int> deleted = 0;
  kubernetes::Watch watch(kubernetes::Cluster(cluster.client().cluster()), cluster.Ref(kPods),
                          {.label_selector = "app=web"},
                          {.object = [&](kubernetes::Change change, Json& pod) {
                            const std::lock_guard lock(mutex);
                            if (change == kubernetes::Change::kDeleted)
                              ++deleted;
                            else if (IsReady(pod))
                              ready.insert(TextAt(pod, "/metadata/uid"));
                          }});
  watch.Start();
  ASSERT_TRUE(cluster.Wait([&] { return watch.synced(); }));
  cluster.Apply(kDeployments, "web", 2);
  const auto ready_count = [&] {
    const std::lock_guard lock(mutex);
    return ready.size();
  };
  ASSERT_TRUE(cluster.Wait([&] { return ready_count() == 2; }));
  cluster.client().Delete(cluster.Ref(kPods, TextAt(cluster.Pods("web").at(0), "/metadata/name")));
  EXPECT_TRUE(cluster.Wait([&] { return deleted >= 1 && ready_count() == 3; }));
  EXPECT_EQ(watch.lists_total(), 1U);
}

TEST(KubernetesContractTest, KnowsWhatItMayDo) {
  TestCluster cluster;
  EXPECT_EQ(cluster.client().MayNot("patch", cluster.Ref(kDeployments)), std::nullopt);
  if (cluster.real()) return;
  kubernetes::Client nobody(cluster.As("nobody"));
  const auto why = nobody.MayNot("patch", cluster.Ref(kDeployments));
  ASSERT_TRUE(why);
  EXPECT_NE(why->find("verbs: [\"patch\"]"), std::string::npos) << *why;
}

}  // namespace
}  // namespace heald::kubernetes_test
