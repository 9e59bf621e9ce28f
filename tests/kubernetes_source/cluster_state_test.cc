// What objects of a cluster come to: samples and findings, on a clock of the test's own.
#include "plugins/sources/kubernetes/cluster_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/units.h"
#include "heald/time_text.h"

namespace heald::kubernetes {
namespace {

using nlohmann::json;
using sdk::FindingState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class ClusterStateTest : public ::testing::Test {
 protected:
  json Pod(const std::string& name, const json& container, bool ready = true) const {
    return {{"metadata",
             {{"uid", "uid-" + name},
              {"namespace", "prod"},
              {"name", name},
              {"labels", {{"pod-template-hash", "6c84"}}},
              {"ownerReferences",
               {{{"kind", "ReplicaSet"}, {"name", "web-6c84"}, {"controller", true}}}}}},
            {"spec", {{"nodeName", "node-1"}}},
            {"status",
             {{"phase", "Running"},
              {"conditions", {{{"type", "Ready"}, {"status", ready ? "True" : "False"}}}},
              {"containerStatuses", {container}}}}};
  }
  static json Running(int64_t restarts = 0) {
    return {{"name", "main"}, {"restartCount", restarts}, {"state", {{"running", json::object()}}}};
  }
  static json Waiting(const std::string& reason, int64_t restarts = 1) {
    return {{"name", "main"},
            {"restartCount", restarts},
            {"state", {{"waiting", {{"reason", reason}, {"message", "back-off 5m0s"}}}}}};
  }
  json OomKilled(int64_t restarts, int64_t at_ns) const {
    json container = Running(restarts);
    container["lastState"]["terminated"] = {
        {"reason", "OOMKilled"}, {"exitCode", 137}, {"finishedAt", sdk::FormatTimeText(at_ns)}};
    return container;
  }
  json WarningEvent(const std::string& reason, int64_t count, int64_t at_ns) const {
    return {{"metadata", {{"uid", "uid-" + reason}, {"namespace", "prod"}}},
            {"involvedObject",
             {{"kind", "Pod"}, {"namespace", "prod"}, {"name", "web-1"}, {"uid", "uid-web-1"}}},
            {"reason", reason},
            {"message", "Liveness probe failed"},
            {"type", "Warning"},
            {"count", count},
            {"lastTimestamp", sdk::FormatTimeText(at_ns)}};
  }
  void Take(const json& object, const Resource& resource = kPods,
            Change change = Change::kModified) {
    state_.Take({resource}, change, object, now_ns_);
  }
  // "open CrashLoopBackOff container=main,…" of all that is told now.
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    last_ = {};
    for (const sdk::Finding& finding : state_.book().Changes(now_ns_)) {
      std::string text = finding.state == FindingState::kOpen     ? "open "
                         : finding.state == FindingState::kUpdate ? "update "
                                                                  : "clear ";
      text += finding.metric;
      for (const auto& [label, value] : finding.target.items()) text += " " + label + "=" + value;
      told.push_back(text);
      last_ = finding;
    }
    return told;
  }
  void Pass(int64_t ns) {
    now_ns_ += ns;
    state_.Tick(now_ns_);
  }
  std::map<std::string, double> Samples(const Resource& resource = kPods) const {
    std::vector<SampleRow> rows;
    state_.Samples(resource, now_ns_, &rows);
    std::map<std::string, double> samples;
    for (const SampleRow& row : rows) {
      std::string text(row.metric);
      for (const auto& [label, value] : row.labels.items()) text += " " + label + "=" + value;
      samples[text] = row.value;
    }
    return samples;
  }

  int64_t now_ns_ = 1'763'800'000 * kSecond;
  SourceConfig config_;
  ClusterState state_{config_};
  sdk::Finding last_;
};

const std::string kWeb = " container=main deployment=web namespace=prod pod=web-1";

TEST_F(ClusterStateTest, ACrashLoopIsOneFindingThoughItRunsInBetween) {
  Take(Pod("web-1", Running()));
  EXPECT_THAT(Told(), IsEmpty());
  Take(Pod("web-1", Waiting("CrashLoopBackOff"), false));
  EXPECT_THAT(Told(), ElementsAre("open CrashLoopBackOff" + kWeb));
  EXPECT_EQ(last_.severity, sdk::Severity::kCritical);
  EXPECT_EQ(last_.summary,
            "container main of pod prod/web-1 waits, CrashLoopBackOff: back-off 5m0s");
  const uint64_t id = last_.id;
  Take(Pod("web-1", Running(2)));
  Pass(30 * kSecond);
  EXPECT_THAT(Told(), IsEmpty());
  Take(Pod("web-1", Waiting("CrashLoopBackOff", 2), false));
  Pass(5 * kMinute);
  EXPECT_THAT(Told(), IsEmpty());
  Take(Pod("web-1", Running(3)));
  Pass(kMinute);
  EXPECT_THAT(Told(), ElementsAre("clear CrashLoopBackOff" + kWeb));
  EXPECT_EQ(last_.id, id);
}

TEST_F(ClusterStateTest, AnInitContainerThatCrashesIsAFindingLikeAnyOther) {
  json pod = Pod("web-1", Waiting("PodInitializing", 0), false);
  pod["status"]["initContainerStatuses"] = {Waiting("CrashLoopBackOff", 3)};
  pod["status"]["initContainerStatuses"][0]["name"] = "migrate";
  Take(pod);
  EXPECT_THAT(Told(), ElementsAre("open CrashLoopBackOff container=migrate deployment=web "
                                  "namespace=prod pod=web-1"));
  EXPECT_EQ(Samples().at("pod_waiting deployment=web namespace=prod pod=web-1"), 1);
  pod["status"]["initContainerStatuses"][0]["restartCount"] = 5;
  Take(pod);
  EXPECT_EQ(Samples().at("restarts deployment=web namespace=prod pod=web-1"), 2);
}

TEST_F(ClusterStateTest, StartingIsNoFault) {
  Take(Pod("web-1", Waiting("ContainerCreating", 0), false));
  Take(Pod("web-2", Waiting("PodInitializing", 0), false));
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(ClusterStateTest, PullsThatTakeTurnsAreOneFinding) {
  Take(Pod("web-1", Waiting("ErrImagePull", 0), false));
  EXPECT_THAT(Told(), ElementsAre("open ImagePullBackOff" + kWeb));
  Take(Pod("web-1", Waiting("ImagePullBackOff", 0), false));
  Pass(10 * kMinute);
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(ClusterStateTest, APodThatIsGoneHasNoFindings) {
  Take(Pod("web-1", Waiting("CrashLoopBackOff"), false));
  Told();
  Take(Pod("web-1", Running()), kPods, Change::kDeleted);
  EXPECT_THAT(Told(), ElementsAre("clear CrashLoopBackOff" + kWeb));
  EXPECT_EQ(last_.annotations.Get("cleared"), "deleted");
  EXPECT_EQ(state_.objects(), 0u);
}

TEST_F(ClusterStateTest, WhatACompleteListDoesNotNameIsGone) {
  Take(Pod("web-1", Waiting("CrashLoopBackOff"), false));
  Take(Pod("web-2", Running()));
  Told();
  state_.Listing({kPods});
  Take(Pod("web-2", Running()), kPods, Change::kAdded);
  EXPECT_THAT(Told(), IsEmpty()) << "a list that isn't complete says nothing of the others";
  state_.Synced({kPods}, now_ns_);
  EXPECT_THAT(Told(), ElementsAre("clear CrashLoopBackOff" + kWeb));
  EXPECT_EQ(state_.objects(), 1u);
}

TEST_F(ClusterStateTest, AListOfOneNamespaceSaysNothingOfOthers) {
  Take(Pod("web-1", Running()));
  state_.Listing({kPods, "other"});
  state_.Synced({kPods, "other"}, now_ns_);
  EXPECT_EQ(state_.objects(), 1u);
}

TEST_F(ClusterStateTest, OomKillsOpenAtOnceAndClearWithTheWindow) {
  Take(Pod("web-1", OomKilled(4, now_ns_ - kMinute)));
  EXPECT_THAT(Told(), ElementsAre("open OOMKilled" + kWeb));
  EXPECT_EQ(last_.severity, sdk::Severity::kWarning);
  for (int i = 1; i <= 2; ++i) {
    Pass(kMinute);
    Take(Pod("web-1", OomKilled(4 + i, now_ns_)));
  }
  EXPECT_THAT(Told(), ElementsAre("update OOMKilled" + kWeb)) << "three within the window";
  EXPECT_EQ(last_.severity, sdk::Severity::kCritical);
  const std::string labels = " deployment=web namespace=prod pod=web-1";
  EXPECT_EQ(Samples()["oom_kills" + labels], 3);
  EXPECT_EQ(Samples()["restarts" + labels], 3);
  Take(Pod("web-1", OomKilled(6, now_ns_)));
  EXPECT_EQ(Samples()["restarts" + labels], 3) << "told again";
  Pass(10 * kMinute + kSecond);
  Told();
  Pass(kMinute);
  EXPECT_THAT(Told(), ElementsAre("clear OOMKilled" + kWeb));
}

TEST_F(ClusterStateTest, OldKillsAreHistory) {
  Take(Pod("web-1", OomKilled(4, now_ns_ - 11 * kMinute)));
  EXPECT_THAT(Told(), IsEmpty());
  EXPECT_THAT(Samples(), IsEmpty());
}

TEST_F(ClusterStateTest, HealthyPodsCostNoSeries) {
  Take(Pod("web-1", Running(7)));
  EXPECT_THAT(Samples(), IsEmpty());
  Take(Pod("web-1", Running(7), false));
  const std::string labels = " deployment=web namespace=prod pod=web-1";
  EXPECT_EQ(Samples().at("pod_ready" + labels), 0);
  Take(Pod("web-1", Running(7)));
  Pass(kMinute);
  EXPECT_EQ(Samples().at("pod_ready" + labels), 1) << "so what watches it can clear";
  Pass(10 * kMinute);
  EXPECT_THAT(Samples(), IsEmpty());
}

TEST_F(ClusterStateTest, APodThatNoNodeTakesIsAFindingAfterAWhile) {
  json pod = Pod("web-1", Running(), false);
  pod["status"]["conditions"].push_back({{"type", "PodScheduled"},
                                         {"status", "False"},
                                         {"reason", "Unschedulable"},
                                         {"message", "0/3 nodes: Insufficient cpu"},
                                         {"lastTransitionTime", sdk::FormatTimeText(now_ns_)}});
  Take(pod);
  EXPECT_THAT(Told(), IsEmpty());
  Pass(5 * kMinute);
  EXPECT_THAT(Told(), ElementsAre("open Unschedulable deployment=web namespace=prod pod=web-1"));
  EXPECT_EQ(last_.summary, "no node takes pod prod/web-1: 0/3 nodes: Insufficient cpu");
}

TEST_F(ClusterStateTest, APodBehindAGateIsMeantToWait) {
  json pod = Pod("web-1", Running(), false);
  pod["status"]["conditions"].push_back({{"type", "PodScheduled"},
                                         {"status", "False"},
                                         {"reason", "SchedulingGated"},
                                         {"lastTransitionTime", sdk::FormatTimeText(now_ns_)}});
  Take(pod);
  Pass(kHour);
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(ClusterStateTest, ANodeThatIsRestartedOrNewIsNoFinding) {
  json node{{"metadata",
             {{"uid", "n"},
              {"name", "node-1"},
              {"creationTimestamp", sdk::FormatTimeText(now_ns_ - kSecond)}}}};
  const auto set = [&](const char* ready) {
    node["status"]["conditions"] = {{{"type", "Ready"},
                                     {"status", ready},
                                     {"message", "container runtime is down"},
                                     {"lastTransitionTime", sdk::FormatTimeText(now_ns_)}}};
    Take(node, kNodes);
  };
  Take(node, kNodes);
  Pass(kMinute);
  EXPECT_THAT(Told(), IsEmpty()) << "it is new";
  set("True");
  Pass(kHour);
  set("False");
  EXPECT_EQ(Samples(kNodes).at("node_ready node=node-1"), 0) << "samples don't wait";
  Pass(kMinute);
  EXPECT_THAT(Told(), IsEmpty());
  Pass(kMinute);
  EXPECT_THAT(Told(), ElementsAre("open NodeNotReady node=node-1"));
  EXPECT_EQ(last_.summary, "node node-1 is not ready: container runtime is down");
  set("True");
  Pass(kMinute);
  EXPECT_THAT(Told(), ElementsAre("clear NodeNotReady node=node-1"));
}

TEST_F(ClusterStateTest, ProbesThatFailAsAPodBeginsDoNotCount) {
  json pod = Pod("web-1", Running(), false);
  pod["status"]["startTime"] = sdk::FormatTimeText(now_ns_);
  Take(pod);
  for (int count : {1, 4, 9}) {
    Pass(kMinute);
    Take(WarningEvent("Unhealthy", count, now_ns_), kEvents);
  }
  Pass(kSecond);
  EXPECT_THAT(Told(), IsEmpty());
  EXPECT_EQ(Samples(kEvents).at("warning_events namespace=prod pod=web-1 reason=Unhealthy"), 9);
  Pass(3 * kMinute);
  Take(WarningEvent("Unhealthy", 11, now_ns_), kEvents);
  Pass(kSecond);
  EXPECT_THAT(Told(), IsEmpty());
  Take(WarningEvent("Unhealthy", 12, now_ns_), kEvents);
  Pass(kSecond);
  EXPECT_THAT(Told(), ElementsAre("open Unhealthy namespace=prod pod=web-1"));
  EXPECT_EQ(last_.value, 3);
}

TEST_F(ClusterStateTest, NodesSayWhatTheyLack) {
  json node{{"metadata", {{"uid", "n"}, {"name", "node-1"}}},
            {"spec", {{"unschedulable", true}}},
            {"status",
             {{"conditions",
               {{{"type", "Ready"}, {"status", "Unknown"}, {"message", "Kubelet stopped posting"}},
                {{"type", "DiskPressure"}, {"status", "True"}},
                {{"type", "MemoryPressure"}, {"status", "False"}}}}}}};
  Take(node, kNodes);
  EXPECT_THAT(Told(), UnorderedElementsAre("open NodeNotReady node=node-1",
                                           "open DiskPressure node=node-1"));
  EXPECT_EQ(Samples(kNodes), (std::map<std::string, double>{{"node_ready node=node-1", 0},
                                                            {"node_schedulable node=node-1", 0},
                                                            {"node_disk_pressure node=node-1", 1},
                                                            {"node_memory_pressure node=node-1", 0},
                                                            {"node_pid_pressure node=node-1", 0}}));
}

TEST_F(ClusterStateTest, ARolloutThatDoesNotGetOnIsAFinding) {
  json deployment{
      {"metadata", {{"uid", "d"}, {"namespace", "prod"}, {"name", "web"}, {"generation", 5}}},
      {"spec", {{"replicas", 3}}},
      {"status",
       {{"readyReplicas", 2},
        {"observedGeneration", 4},
        {"conditions",
         {{{"type", "Progressing"},
           {"status", "False"},
           {"reason", "ProgressDeadlineExceeded"},
           {"message", "ReplicaSet \"web-7\" has timed out progressing."}}}}}}};
  Take(deployment, kDeployments);
  EXPECT_THAT(Told(), ElementsAre("open RolloutFailed deployment=web namespace=prod"));
  const std::string labels = " deployment=web namespace=prod";
  EXPECT_EQ(Samples(kDeployments), (std::map<std::string, double>{{"replicas_desired" + labels, 3},
                                                                  {"replicas_ready" + labels, 2},
                                                                  {"rollout_failed" + labels, 1},
                                                                  {"rollout_behind" + labels, 1}}));
  EXPECT_THAT(Samples(kStatefulSets), IsEmpty());
}

TEST_F(ClusterStateTest, WarningsThatRepeatAreFindings) {
  Take(WarningEvent("Unhealthy", 40, now_ns_ - kMinute), kEvents);
  state_.Tick(now_ns_);
  EXPECT_THAT(Told(), IsEmpty()) << "what they counted before says nothing of the window";
  Take(WarningEvent("Unhealthy", 42, now_ns_), kEvents);
  Take(WarningEvent("BackOff", 1, now_ns_), kEvents);
  Take(WarningEvent("BackOff", 9, now_ns_), kEvents);
  state_.Tick(now_ns_);
  EXPECT_THAT(Told(), ElementsAre("open Unhealthy namespace=prod pod=web-1"));
  EXPECT_EQ(Samples(kEvents),
            (std::map<std::string, double>{
                {"warning_events namespace=prod pod=web-1 reason=BackOff", 9},
                {"warning_events namespace=prod pod=web-1 reason=Unhealthy", 3}}));
  Take(WarningEvent("Unhealthy", 42, now_ns_), kEvents, Change::kDeleted);
  EXPECT_THAT(Told(), IsEmpty()) << "servers forget events; that cures nobody";
  Pass(10 * kMinute + kSecond);
  Pass(kMinute);
  EXPECT_THAT(Told(), ElementsAre("clear Unhealthy namespace=prod pod=web-1"));
}

TEST_F(ClusterStateTest, KeepsNoMoreThanItMay) {
  config_.max_objects = 2;
  for (const char* name : {"web-1", "web-2", "web-3"}) Take(Pod(name, Running()));
  Take(Pod("web-1", Waiting("CrashLoopBackOff"), false));
  EXPECT_EQ(state_.objects(), 2u);
  EXPECT_EQ(state_.refused_total(), 1u);
  EXPECT_EQ(Told().size(), 1u);
}

TEST_F(ClusterStateTest, NamespacesCanBeLeftOut) {
  config_.exclude_namespaces = {"prod"};
  Take(Pod("web-1", Waiting("CrashLoopBackOff"), false));
  EXPECT_EQ(state_.objects(), 0u);
}

TEST_F(ClusterStateTest, ARestartKnowsWhatWasOpen) {
  Take(Pod("web-1", Waiting("CrashLoopBackOff"), false));
  Take(Pod("web-2", Waiting("CrashLoopBackOff"), false));
  Told();
  const uint64_t id = last_.id;
  const json saved = json::parse(state_.book().Save().dump());

  ClusterState next(config_);
  next.book().Restore(saved);
  EXPECT_EQ(next.book().open(), 2u);
  next.Listing({kPods});
  now_ns_ += kMinute;
  next.Take({kPods}, Change::kAdded, Pod("web-1", Waiting("CrashLoopBackOff"), false), now_ns_);
  next.Synced({kPods}, now_ns_);
  next.book().DropUnseen("pods/", now_ns_);
  const std::vector<sdk::Finding> told = next.book().Changes(now_ns_);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].state, FindingState::kUpdate) << "the agent wants to hear that it still holds";
  EXPECT_EQ(told[0].target.Get("pod"), "web-1");
  EXPECT_EQ(told[1].state, FindingState::kClear);
  EXPECT_EQ(told[1].id, id) << "web-2 was repaired meanwhile";
  EXPECT_EQ(told[1].target.Get("pod"), "web-2");
}

}  // namespace
}  // namespace heald::kubernetes
