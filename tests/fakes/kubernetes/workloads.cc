// The controllers of StatefulSets, DaemonSets and Jobs.
#include <algorithm>
#include <set>

#include "tests/fakes/kubernetes/controllers.h"

namespace heald::fakes::kubernetes {
namespace {

constexpr const char* kRevisionHash = "controller-revision-hash";

std::string RevisionOfPod(const Json& pod) {
  return pod["metadata"].value("labels", Json::object()).value(kRevisionHash, "");
}

Json TemplateWith(const Json& owner, const std::string& hash) {
  Json pod_template = owner["spec"]["template"];
  pod_template["metadata"]["labels"][kRevisionHash] = hash;
  return pod_template;
}

void TrimRevisions(Cluster& cluster, const Json& owner, const std::set<std::string>& live) {
  std::vector<Object> idle;
  const Owned revisions = OwnedBy(cluster, "ControllerRevision");
  const auto own = revisions.find(UidOf(owner));
  if (own == revisions.end()) return;
  for (const Object& revision : own->second)
    if (live.count(NameOf(*revision)) == 0) idle.push_back(revision);
  std::sort(idle.begin(), idle.end(), [](const Object& a, const Object& b) {
    return IntAt(*a, "/revision", 0) < IntAt(*b, "/revision", 0);
  });
  const int64_t limit = IntAt(owner, "/spec/revisionHistoryLimit", 10);
  for (size_t i = 0; static_cast<int64_t>(idle.size() - i) > limit; ++i)
    cluster.store.Remove(*ResourceOfKind("ControllerRevision"), *idle[i]);
}

// One pod of a StatefulSet; those of before its partition keep the revision they had.
void MakeOrdinal(Cluster& cluster, const Json& set, const Json& revision, int64_t ordinal) {
  const std::string name = NameOf(set) + "-" + std::to_string(ordinal);
  Json owner = set;
  owner["spec"]["template"] = revision["data"]["spec"]["template"];
  owner["spec"]["template"].erase("$patch");
  Json pod_template = TemplateWith(owner, NameOf(revision));
  pod_template["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = name;
  pod_template["spec"]["hostname"] = name;
  pod_template["spec"]["subdomain"] = set["spec"].value("serviceName", "");
  MakePod(cluster, pod_template, *ResourceOfKind("StatefulSet"), set, name);
}

Json RevisionNamed(const Owned& revisions, const Json& owner, const std::string& name,
                   const Json& otherwise) {
  if (const auto own = revisions.find(UidOf(owner)); own != revisions.end())
    for (const Object& revision : own->second)
      if (NameOf(*revision) == name) return *revision;
  return otherwise;
}

// In order: the first that is missing is made, the first that is not Ready is waited for.
void StepStatefulSet(Cluster& cluster, const Json& set, const Json& update, const Json& current,
                     const std::map<int64_t, Object>& pods) {
  const int64_t replicas = IntAt(set, "/spec/replicas", 1);
  const int64_t partition = IntAt(set, "/spec/updateStrategy/rollingUpdate/partition", 0);
  const bool ordered = set["spec"].value("podManagementPolicy", "") == "OrderedReady";
  for (int64_t ordinal = 0; ordinal < replicas; ++ordinal) {
    const auto pod = pods.find(ordinal);
    if (pod == pods.end()) {
      MakeOrdinal(cluster, set, ordinal < partition ? current : update, ordinal);
      if (ordered) return;
    } else if (ordered && (!PodReady(*pod->second) || !PodActive(*pod->second))) {
      // A broken pod of an old revision must not hold up the template that mends it.
      if (PodActive(*pod->second) && RevisionOfPod(*pod->second) == NameOf(update)) return;
      if (!PodActive(*pod->second)) return;
    }
  }
  for (auto pod = pods.rbegin(); pod != pods.rend() && pod->first >= replicas; ++pod) {
    if (PodActive(*pod->second)) DeletePod(cluster, *pod->second);
    if (ordered) return;
  }
  if (set["spec"]["updateStrategy"].value("type", "") != "RollingUpdate") return;
  for (int64_t ordinal = replicas - 1; ordinal >= partition; --ordinal) {
    const auto pod = pods.find(ordinal);
    if (pod == pods.end() || !PodActive(*pod->second)) return;
    if (RevisionOfPod(*pod->second) != NameOf(update)) {
      DeletePod(cluster, *pod->second);
      return;
    }
    if (!PodReady(*pod->second)) return;
  }
}

void ReportStatefulSet(Cluster& cluster, const Json& set, const Json& update,
                       const std::string& current, const std::map<int64_t, Object>& pods) {
  Json status = {{"observedGeneration", IntAt(set, "/metadata/generation", 1)},
                 {"replicas", pods.size()},
                 {"collisionCount", 0},
                 {"availableReplicas", 0},
                 {"updateRevision", NameOf(update)}};
  int64_t ready = 0;
  int64_t old = 0;
  int64_t updated = 0;
  for (const auto& [ordinal, pod] : pods) {
    if (PodReady(*pod) && PodActive(*pod)) ++ready;
    if (RevisionOfPod(*pod) == NameOf(update)) ++updated;
    if (RevisionOfPod(*pod) == current) ++old;
  }
  const bool done = updated == IntAt(set, "/spec/replicas", 1) && ready == updated &&
                    static_cast<int64_t>(pods.size()) == updated;
  status["currentRevision"] = done ? NameOf(update) : current;
  if (done) old = updated;
  if (ready > 0) status["readyReplicas"] = ready;
  if (old > 0) status["currentReplicas"] = old;
  if (updated > 0) status["updatedReplicas"] = updated;
  status["availableReplicas"] = ready;
  Json reported = set;
  reported["status"] = std::move(status);
  cluster.Put("StatefulSet", std::move(reported));
}

// Which nodes a DaemonSet wants to be on: all that its nodeSelector takes, cordoned or not.
std::vector<std::string> NodesFor(const Cluster& cluster, const Json& set) {
  std::vector<std::string> names;
  const Json wanted = set["spec"]["template"]["spec"].value("nodeSelector", Json::object());
  for (const Object& node : cluster.List("Node"))
    if (SelectsNode(wanted, *node)) names.push_back(NameOf(*node));
  return names;
}

void MakeDaemon(Cluster& cluster, const Json& set, const std::string& hash,
                const std::string& node) {
  static const Json kTolerations = Json::parse(R"([
      {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
      {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
      {"key": "node.kubernetes.io/disk-pressure", "operator": "Exists", "effect": "NoSchedule"},
      {"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"},
      {"key": "node.kubernetes.io/pid-pressure", "operator": "Exists", "effect": "NoSchedule"},
      {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}])");
  Json pod_template = TemplateWith(set, hash);
  pod_template["metadata"]["labels"]["pod-template-generation"] =
      set["metadata"]["annotations"]["deprecated.daemonset.template.generation"];
  Json& spec = pod_template["spec"];
  spec["tolerations"] = kTolerations;
  const Json field = {{"key", "metadata.name"}, {"operator", "In"}, {"values", {node}}};
  spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
      ["nodeSelectorTerms"] = Json::array({{{"matchFields", Json::array({field})}}});
  MakePod(cluster, pod_template, *ResourceOfKind("DaemonSet"), set);
}

// The node a daemon is meant for, before it is on it.
std::string DaemonNode(const Json& pod) {
  return TextAt(pod,
                "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/"
                "nodeSelectorTerms/0/matchFields/0/values/0");
}

void StepDaemonSet(Cluster& cluster, const Json& set, const std::string& hash,
                   const std::vector<Object>& pods) {
  const std::vector<std::string> nodes = NodesFor(cluster, set);
  const std::set<std::string> wanted(nodes.begin(), nodes.end());
  std::map<std::string, Object> on;
  std::set<std::string> leaving;
  for (const Object& pod : pods)
    if (PodActive(*pod))
      on[DaemonNode(*pod)] = pod;
    else
      leaving.insert(DaemonNode(*pod));
  const int64_t limit = Scaled(
      set["spec"]["updateStrategy"].value("/rollingUpdate/maxUnavailable"_json_pointer, Json(1)),
      static_cast<int64_t>(nodes.size()), true, 1);
  int64_t away = 0;
  for (const std::string& node : nodes)
    if (on.count(node) == 0 || !PodReady(*on[node])) ++away;
  Json status = {{"currentNumberScheduled", on.size()},
                 {"numberMisscheduled", 0},
                 {"desiredNumberScheduled", nodes.size()},
                 {"observedGeneration", IntAt(set, "/metadata/generation", 1)}};
  int64_t ready = 0;
  int64_t updated = 0;
  for (const auto& [node, pod] : on) {
    const bool same = RevisionOfPod(*pod) == hash;
    if (PodReady(*pod)) ++ready;
    if (same) ++updated;
    if (wanted.count(node) == 0) {
      DeletePod(cluster, *pod);
    } else if (!same && set["spec"]["updateStrategy"].value("type", "") == "RollingUpdate" &&
               (!PodReady(*pod) || away < limit)) {
      if (PodReady(*pod)) ++away;
      DeletePod(cluster, *pod);
    }
  }
  for (const std::string& node : nodes)
    if (on.count(node) == 0 && leaving.count(node) == 0) MakeDaemon(cluster, set, hash, node);
  const auto desired = static_cast<int64_t>(nodes.size());
  status["numberReady"] = ready;
  if (updated > 0) status["updatedNumberScheduled"] = updated;
  if (ready > 0) status["numberAvailable"] = ready;
  if (desired > ready) status["numberUnavailable"] = desired - ready;
  Json reported = set;
  reported["status"] = std::move(status);
  cluster.Put("DaemonSet", std::move(reported));
}

}  // namespace

void SweepStatefulSets(Cluster& cluster) {
  static const Resource& kSet = *ResourceOfKind("StatefulSet");
  const Owned pods = OwnedBy(cluster, "Pod");
  const Owned revisions = OwnedBy(cluster, "ControllerRevision");
  for (const Object& set : cluster.List("StatefulSet")) {
    const auto own = revisions.find(UidOf(*set));
    const Json update = KeepRevision(cluster, kSet, *set,
                                     own == revisions.end() ? std::vector<Object>() : own->second,
                                     "controller.kubernetes.io/hash");
    std::string current = TextAt(*set, "/status/currentRevision");
    if (current.empty()) current = NameOf(update);
    std::map<int64_t, Object> ordinals;
    if (const auto found = pods.find(UidOf(*set)); found != pods.end())
      for (const Object& pod : found->second) {
        const std::string name = NameOf(*pod);
        ordinals[std::stoll(name.substr(name.rfind('-') + 1))] = pod;
      }
    StepStatefulSet(cluster, *set, update, RevisionNamed(revisions, *set, current, update),
                    ordinals);
    ReportStatefulSet(cluster, *set, update, current, ordinals);
    TrimRevisions(cluster, *set, {NameOf(update), current});
  }
}

void SweepDaemonSets(Cluster& cluster) {
  static const Resource& kSet = *ResourceOfKind("DaemonSet");
  const Owned pods = OwnedBy(cluster, "Pod");
  const Owned revisions = OwnedBy(cluster, "ControllerRevision");
  for (const Object& set : cluster.List("DaemonSet")) {
    const auto own = revisions.find(UidOf(*set));
    const Json update =
        KeepRevision(cluster, kSet, *set,
                     own == revisions.end() ? std::vector<Object>() : own->second, kRevisionHash);
    const auto found = pods.find(UidOf(*set));
    StepDaemonSet(cluster, *set, update["metadata"]["labels"].value(kRevisionHash, ""),
                  found == pods.end() ? std::vector<Object>() : found->second);
    TrimRevisions(cluster, *set, {NameOf(update)});
  }
}

void SweepJobs(Cluster& cluster, Due& due) {
  static const Resource& kJob = *ResourceOfKind("Job");
  const Owned pods = OwnedBy(cluster, "Pod");
  for (const Object& job : cluster.List("Job")) {
    if (FindCondition(*job, "Complete") != nullptr || FindCondition(*job, "Failed") != nullptr)
      continue;
    std::vector<Object> running;
    int64_t succeeded = 0;
    int64_t failed = 0;
    if (const auto own = pods.find(UidOf(*job)); own != pods.end())
      for (const Object& pod : own->second) {
        const std::string phase = TextAt(*pod, "/status/phase");
        if (phase != "Succeeded" && phase != "Failed")
          running.push_back(pod);
        else
          ++(phase == "Succeeded" ? succeeded : failed);
      }
    auto active = static_cast<int64_t>(running.size());
    const int64_t completions = IntAt(*job, "/spec/completions", 1);
    Json reported = *job;
    Json& status = reported["status"];
    if (!status.contains("startTime")) status["startTime"] = cluster.Now();
    std::string lost;  // why
    if (failed > IntAt(*job, "/spec/backoffLimit", 6)) lost = "BackoffLimitExceeded";
    if ((*job)["spec"].contains("activeDeadlineSeconds")) {
      const int64_t until_ms = Cluster::ParseMs(status["startTime"].get<std::string>()) +
                               IntAt(*job, "/spec/activeDeadlineSeconds", 0) * 1000;
      if (cluster.NowMs() >= until_ms)
        lost = "DeadlineExceeded";
      else
        NoteDue(due, until_ms);
    }
    if (!lost.empty())
      for (const Object& pod : running) DeletePod(cluster, *pod);
    const int64_t wanted = std::min(IntAt(*job, "/spec/parallelism", 1), completions - succeeded);
    if (lost.empty() && !(*job)["spec"].value("suspend", false))
      for (; active < wanted; ++active) MakePod(cluster, (*job)["spec"]["template"], kJob, *job);
    const auto put = [&](const char* field, int64_t value) {
      if (value > 0)
        status[field] = value;
      else
        status.erase(field);
    };
    put("active", lost.empty() ? active : 0);
    put("succeeded", succeeded);
    put("failed", failed);
    if (succeeded >= completions) status["completionTime"] = cluster.Now();
    if (succeeded >= completions || !lost.empty()) {
      Json condition = {{"type", lost.empty() ? "Complete" : "Failed"},
                        {"status", "True"},
                        {"lastProbeTime", cluster.Now()}};
      if (!lost.empty()) condition["reason"] = lost;
      SetCondition(reported, std::move(condition), cluster.Now());
    }
    cluster.Put("Job", std::move(reported));
  }
}

}  // namespace heald::fakes::kubernetes
