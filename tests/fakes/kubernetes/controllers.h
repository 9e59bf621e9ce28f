// What acts on the objects of the test cluster: one sweep is one step of every controller, so that
// a rollout can be watched half-way. Used by the Kubernetes server, after writes and when something
// is due.
// Thread rule: the cluster's lock is held.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/fakes/kubernetes/objects.h"

namespace heald::fakes::kubernetes {

using Owned = std::unordered_map<std::string, std::vector<Object>>;
// Objects of a kind by the uid of the owner that controls them.
Owned OwnedBy(const Cluster& cluster, const std::string& kind);

// A pod of the template, as PodOf; null where admission refuses it: its service account isn't there
// (each namespace has "default", and no other can be made). The owner's event says so.
Object MakePod(Cluster& cluster, const Json& pod_template, const Resource& resource,
               const Json& owner, const std::string& name = {});
// Makes pods until `wanted` of the owner's are active, or removes the least useful.
void KeepCount(Cluster& cluster, const Resource& resource, const Json& owner,
               const Json& pod_template, const std::vector<Object>& pods, int64_t wanted);
// The revision of the template, made where it's new; older ones beyond the limit go.
Json KeepRevision(Cluster& cluster, const Resource& resource, const Json& owner,
                  const std::vector<Object>& revisions, const std::string& hash_label);
// A pod's controller deletes it as a client does, with the pod's own grace.
void DeletePod(Cluster& cluster, const Json& pod);
bool Available(const Cluster& cluster, const Json& pod, int64_t min_ready_s);
// Adds or changes the condition; the transition time moves only when the status does.
void SetCondition(Json& object, Json condition, const std::string& now);

// Whether a pod's nodeSelector takes the node.
bool SelectsNode(const Json& selector, const Json& node);

// The next time something happens by itself, at the earliest.
using Due = std::optional<int64_t>;
void NoteDue(Due& due, int64_t at_ms);

void SweepDeployments(Cluster& cluster, Due& due);
void SweepReplicaSets(Cluster& cluster);
void SweepStatefulSets(Cluster& cluster);
void SweepDaemonSets(Cluster& cluster);
void SweepJobs(Cluster& cluster, Due& due);
void SweepBudgets(Cluster& cluster, Due& due);
void SweepAutoscalers(Cluster& cluster);
void SweepNodes(Cluster& cluster);
void SweepGarbage(Cluster& cluster);
void SweepNamespaces(Cluster& cluster);

// Schedules pods and lets them live their fate.
class Kubelet {
 public:
  void Sweep(Cluster& cluster, Due& due);

 private:
  struct Life {
    int64_t bound_ms = 0;
    int64_t deleted_ms = 0;
    int64_t next_restart_ms = 0;
    int restarts = 0;
  };
  void Schedule(Cluster& cluster, const Json& pod, std::map<std::string, int>& load);
  void Live(Cluster& cluster, const Json& pod, Life& life, Due& due);

  std::map<std::string, Life> lives_;  // by uid
  int next_ip_ = 1;
};

PodFate FateOf(const Cluster& cluster, const Json& pod);

class Controllers {
 public:
  // False: nothing changed.
  bool Sweep(Cluster& cluster);
  const Due& due() const { return due_; }

 private:
  Kubelet kubelet_;
  Due due_;
};

}  // namespace heald::fakes::kubernetes
