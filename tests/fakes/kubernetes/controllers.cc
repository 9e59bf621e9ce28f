#include "tests/fakes/kubernetes/controllers.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace heald::fakes::kubernetes {

Owned OwnedBy(const Cluster& cluster, const std::string& kind) {
  Owned owned;
  for (const Object& object : cluster.List(kind))
    if (const Json owner = ControllerOf(*object); !owner.is_null())
      owned[owner.value("uid", "")].push_back(object);
  return owned;
}

void NoteDue(Due& due, int64_t at_ms) {
  if (!due || at_ms < *due) due = at_ms;
}

void SetCondition(Json& object, Json condition, const std::string& now) {
  Json& conditions = object["status"]["conditions"];
  if (conditions.is_null()) conditions = Json::array();
  for (Json& old : conditions) {
    if (old["type"] != condition["type"]) continue;
    condition["lastTransitionTime"] =
        old["status"] == condition["status"] ? old["lastTransitionTime"] : Json(now);
    old = std::move(condition);
    return;
  }
  condition["lastTransitionTime"] = now;
  conditions.push_back(std::move(condition));
}

void DeletePod(Cluster& cluster, const Json& pod) {
  bool gone = false;
  Delete(cluster, *ResourceOfKind("Pod"), pod,
         IntAt(pod, "/spec/terminationGracePeriodSeconds", 30), &gone);
}

bool Available(const Cluster& cluster, const Json& pod, int64_t min_ready_s) {
  if (!PodReady(pod)) return false;
  const Json* ready = FindCondition(pod, "Ready");
  return min_ready_s == 0 ||
         Cluster::ParseMs(ready->value("lastTransitionTime", "")) + min_ready_s * 1000 <=
             cluster.NowMs();
}

Object MakePod(Cluster& cluster, const Json& pod_template, const Resource& resource,
               const Json& owner, const std::string& name) {
  const std::string account = TextAt(pod_template, "/spec/serviceAccountName");
  if (account.empty() || account == "default")
    return cluster.Put("Pod", PodOf(cluster, pod_template, resource, owner, name));
  std::string controller = resource.kind + "-controller";
  for (char& c : controller)
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  const std::string message = "Error creating: pods \"" + NameOf(owner) +
                              "-\" is forbidden: error looking up service account " +
                              NamespaceOf(owner) + "/" + account + ": serviceaccount \"" + account +
                              "\" not found";
  for (const Object& event : cluster.List("Event"))
    if (TextAt(*event, "/involvedObject/uid") == UidOf(owner) && (*event)["message"] == message)
      return nullptr;  // it is tried again and again, and told once
  RecordEvent(cluster, resource, owner, "Warning", "FailedCreate", message, controller);
  return nullptr;
}

void KeepCount(Cluster& cluster, const Resource& resource, const Json& owner,
               const Json& pod_template, const std::vector<Object>& pods, int64_t wanted) {
  std::vector<Object> active;
  for (const Object& pod : pods)
    if (PodActive(*pod)) active.push_back(pod);
  for (auto have = static_cast<int64_t>(active.size()); have < wanted; ++have) {
    const Object pod = MakePod(cluster, pod_template, resource, owner);
    if (pod == nullptr) break;
    RecordEvent(cluster, resource, owner, "Normal", "SuccessfulCreate",
                "Created pod: " + NameOf(*pod), "replicaset-controller");
  }
  if (static_cast<int64_t>(active.size()) <= wanted) return;
  // First those that serve the least: not on a node, not running, not Ready, then the youngest.
  const auto worth = [](const Json& pod) {
    return std::make_tuple(!TextAt(pod, "/spec/nodeName").empty(),
                           TextAt(pod, "/status/phase") == "Running", PodReady(pod));
  };
  std::sort(active.begin(), active.end(), [&](const Object& a, const Object& b) {
    if (worth(*a) != worth(*b)) return worth(*a) < worth(*b);
    return TextAt(*a, "/metadata/creationTimestamp") > TextAt(*b, "/metadata/creationTimestamp");
  });
  active.resize(active.size() - static_cast<size_t>(wanted));
  for (const Object& pod : active) {
    RecordEvent(cluster, resource, owner, "Normal", "SuccessfulDelete",
                "Deleted pod: " + NameOf(*pod), "replicaset-controller");
    DeletePod(cluster, *pod);
  }
}

void SweepReplicaSets(Cluster& cluster) {
  static const Resource& kSet = *ResourceOfKind("ReplicaSet");
  const Owned pods = OwnedBy(cluster, "Pod");
  static const std::vector<Object> kNone;
  for (const Object& set : cluster.List("ReplicaSet")) {
    const auto found = pods.find(UidOf(*set));
    const auto& own = found == pods.end() ? kNone : found->second;
    KeepCount(cluster, kSet, *set, (*set)["spec"]["template"], own,
              IntAt(*set, "/spec/replicas", 1));
    const int64_t min_ready_s = IntAt(*set, "/spec/minReadySeconds", 0);
    int64_t count = 0;
    int64_t ready = 0;
    int64_t available = 0;
    for (const Object& pod : own) {
      if (!PodActive(*pod)) continue;
      ++count;
      if (PodReady(*pod)) ++ready;
      if (Available(cluster, *pod, min_ready_s)) ++available;
    }
    Json status = {{"replicas", count},
                   {"observedGeneration", IntAt(*set, "/metadata/generation", 1)}};
    if (count > 0) status["fullyLabeledReplicas"] = count;
    if (ready > 0) status["readyReplicas"] = ready;
    if (available > 0) status["availableReplicas"] = available;
    Json updated = *set;
    updated["status"] = std::move(status);
    cluster.Put("ReplicaSet", std::move(updated));
  }
}

Json KeepRevision(Cluster& cluster, const Resource& resource, const Json& owner,
                  const std::vector<Object>& revisions, const std::string& hash_label) {
  const Json data = RevisionData(owner["spec"]["template"]);
  int64_t latest = 0;
  Object current;
  for (const Object& revision : revisions) {
    latest = std::max(latest, IntAt(*revision, "/revision", 0));
    if ((*revision)["data"] == data) current = revision;
  }
  if (current == nullptr) {
    const std::string hash = Cluster::HashOf(data);
    Json made = {{"metadata",
                  {{"name", NameOf(owner) + "-" + hash},
                   {"namespace", NamespaceOf(owner)},
                   {"labels", owner["spec"]["template"]["metadata"].value("labels", Json())},
                   {"ownerReferences", Json::array({OwnerReference(resource, owner)})}}},
                 {"data", data},
                 {"revision", latest + 1}};
    made["metadata"]["labels"][hash_label] = hash;
    if (resource.kind == "DaemonSet")
      made["metadata"]["annotations"] = owner["metadata"]["annotations"];
    const Resource& kind = *ResourceOfKind("ControllerRevision");
    Mint(cluster, kind, made);
    Complete(kind, made);
    current = cluster.store.Put(kind, std::move(made));
  } else if (IntAt(*current, "/revision", 0) < latest) {
    Json raised = *current;  // an undo: the old revision becomes the newest
    raised["revision"] = latest + 1;
    current = cluster.Put("ControllerRevision", std::move(raised));
  }
  return *current;
}

void SweepGarbage(Cluster& cluster) {
  std::set<std::string> owners;
  for (const char* kind : {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"})
    for (const Object& object : cluster.List(kind)) owners.insert(UidOf(*object));
  for (const char* kind : {"ReplicaSet", "ControllerRevision", "Pod"})
    for (const Object& object : cluster.List(kind)) {
      const Json owner = ControllerOf(*object);
      if (owner.is_null() || owners.count(owner.value("uid", "")) != 0) continue;
      if (ResourceOfKind(owner.value("kind", "")) == nullptr) continue;  // a node's mirror pod…
      if (owner.value("kind", "") == "Node") continue;
      if (object->at("kind") == "Pod")
        DeletePod(cluster, *object);
      else
        cluster.store.Remove(*ResourceOfKind(kind), *object);
    }
}

// A namespace that was deleted takes everything in it along.
void SweepNamespaces(Cluster& cluster) {
  for (const Object& space : cluster.List("Namespace")) {
    if (!(*space)["metadata"].contains("deletionTimestamp")) continue;
    for (const Resource& resource : Resources())
      if (resource.namespaced)
        for (const Object& object : cluster.store.List(resource, NameOf(*space)))
          cluster.store.Remove(resource, *object);
    cluster.store.Remove(*ResourceOfKind("Namespace"), *space);
  }
}

bool Controllers::Sweep(Cluster& cluster) {
  const int64_t before = cluster.store.version();
  due_.reset();
  SweepNamespaces(cluster);
  SweepGarbage(cluster);
  SweepAutoscalers(cluster);
  SweepDeployments(cluster, due_);
  SweepReplicaSets(cluster);
  SweepStatefulSets(cluster);
  SweepDaemonSets(cluster);
  SweepJobs(cluster, due_);
  kubelet_.Sweep(cluster, due_);
  SweepNodes(cluster);
  SweepBudgets(cluster, due_);
  return cluster.store.version() != before;
}

}  // namespace heald::fakes::kubernetes
