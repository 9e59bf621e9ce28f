// The kinds of objects that heald reads and writes, and the paths at which the API serves them.
// Used by everything that talks to Kubernetes. Thread rule: pure values.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace heald::kubernetes {

// What one line of RBAC and one folder of the API call the same thing.
struct Resource {
  std::string_view group;    // empty: the core API
  std::string_view version;  // "v1"
  std::string_view plural;   // "pods"
  std::string_view kind;     // "Pod"
  bool namespaced = true;

  // "apps/v1", of the core API "v1": an object's apiVersion.
  std::string ApiVersion() const {
    return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
  }
  friend bool operator==(const Resource&, const Resource&) = default;
};

inline constexpr Resource kPods{"", "v1", "pods", "Pod"};
inline constexpr Resource kNodes{"", "v1", "nodes", "Node", false};
inline constexpr Resource kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline constexpr Resource kEvents{"", "v1", "events", "Event"};
inline constexpr Resource kServices{"", "v1", "services", "Service"};
inline constexpr Resource kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
inline constexpr Resource kPersistentVolumeClaims{"", "v1", "persistentvolumeclaims",
                                                  "PersistentVolumeClaim"};
inline constexpr Resource kDeployments{"apps", "v1", "deployments", "Deployment"};
inline constexpr Resource kReplicaSets{"apps", "v1", "replicasets", "ReplicaSet"};
inline constexpr Resource kStatefulSets{"apps", "v1", "statefulsets", "StatefulSet"};
inline constexpr Resource kDaemonSets{"apps", "v1", "daemonsets", "DaemonSet"};
inline constexpr Resource kControllerRevisions{"apps", "v1", "controllerrevisions",
                                               "ControllerRevision"};
inline constexpr Resource kHorizontalPodAutoscalers{"autoscaling", "v2", "horizontalpodautoscalers",
                                                    "HorizontalPodAutoscaler"};
inline constexpr Resource kPodDisruptionBudgets{"policy", "v1", "poddisruptionbudgets",
                                                "PodDisruptionBudget"};
inline constexpr Resource kJobs{"batch", "v1", "jobs", "Job"};
inline constexpr Resource kCronJobs{"batch", "v1", "cronjobs", "CronJob"};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease"};
inline constexpr Resource kSelfSubjectAccessReviews{
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false};

// The resource of an object's or an owner's kind ("Deployment", "ReplicaSet"…); null when it is
// none of the above.
const Resource* FindKind(std::string_view kind);
std::span<const Resource> KnownResources();

// One object, or with an empty name all of them; with an empty namespace those of all namespaces.
struct Ref {
  Resource resource;
  std::string name_space = {};
  std::string name = {};
  std::string subresource = {};  // "scale", "eviction", "status"

  // "/apis/apps/v1/namespaces/prod/deployments/web/scale", escaped.
  std::string Path() const;
  // "Deployment prod/web", "Node node-1", "pods in prod", "pods in all namespaces".
  std::string Shown() const;
};

}  // namespace heald::kubernetes
