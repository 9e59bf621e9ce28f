#include "tests/fakes/kubernetes/resources.h"

#include <utility>

namespace heald::fakes::kubernetes {
namespace {

// Fields that the two kinds of Event call by two names: core, events.k8s.io.
constexpr std::pair<const char*, const char*> kEventFields[] = {
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
    {"reportingComponent", "reportingController"},
};

Json HpaAsV1(Json object) {
  Json& spec = object["spec"];
  if (const auto metrics = spec.find("metrics"); metrics != spec.end()) {
    for (const Json& metric : *metrics)
      if (metric.value("/resource/name"_json_pointer, "") == "cpu" &&
          metric.contains("/resource/target/averageUtilization"_json_pointer))
        spec["targetCPUUtilizationPercentage"] =
            metric.at("/resource/target/averageUtilization"_json_pointer);
    spec.erase("metrics");
  }
  Json& status = object["status"];
  if (status.contains("conditions"))
    object["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/conditions"] =
        status["conditions"].dump();
  for (const char* field : {"conditions", "currentMetrics"}) status.erase(field);
  status.emplace("currentReplicas", 0);
  return object;
}

}  // namespace

std::string Resource::Qualified() const {
  return group.empty() ? plural : plural + "." + group;
}
std::string Resource::QualifiedKind() const {
  return group.empty() ? kind : kind + "." + group;
}
std::string Resource::ApiVersion() const {
  return group.empty() ? versions.front() : group + "/" + versions.front();
}

const std::vector<Resource>& Resources() {
  static const std::vector<Resource> kResources = {
      {"", {"v1"}, "configmaps", "ConfigMap"},
      {"", {"v1"}, "events", "Event"},
      {"", {"v1"}, "namespaces", "Namespace", false, false, true},
      {"", {"v1"}, "nodes", "Node", false, false, true},
      {"", {"v1"}, "pods", "Pod", true, false, true},
      {"", {"v1"}, "secrets", "Secret"},
      {"", {"v1"}, "services", "Service", true, false, true},
      {"apps", {"v1"}, "controllerrevisions", "ControllerRevision"},
      {"apps", {"v1"}, "daemonsets", "DaemonSet", true, true, true},
      {"apps", {"v1"}, "deployments", "Deployment", true, true, true, true},
      {"apps", {"v1"}, "replicasets", "ReplicaSet", true, true, true, true},
      {"apps", {"v1"}, "statefulsets", "StatefulSet", true, true, true, true},
      {"autoscaling",
       {"v2", "v1"},
       "horizontalpodautoscalers",
       "HorizontalPodAutoscaler",
       true,
       false,
       true},
      {"batch", {"v1"}, "jobs", "Job", true, true, true},
      {"coordination.k8s.io", {"v1"}, "leases", "Lease"},
      {"policy", {"v1"}, "poddisruptionbudgets", "PodDisruptionBudget", true, true, true},
      {"rbac.authorization.k8s.io", {"v1"}, "clusterrolebindings", "ClusterRoleBinding", false},
      {"rbac.authorization.k8s.io", {"v1"}, "clusterroles", "ClusterRole", false},
      {"rbac.authorization.k8s.io", {"v1"}, "rolebindings", "RoleBinding"},
      {"rbac.authorization.k8s.io", {"v1"}, "roles", "Role"},
  };
  return kResources;
}

const Resource* FindResource(const std::string& group, const std::string& plural) {
  // The same events, seen from the side of their own group.
  const std::string wanted = group == "events.k8s.io" && plural == "events" ? "" : group;
  for (const Resource& resource : Resources())
    if (resource.group == wanted && resource.plural == plural) return &resource;
  return nullptr;
}

const Resource* ResourceOfKind(const std::string& kind) {
  for (const Resource& resource : Resources())
    if (resource.kind == kind) return &resource;
  return nullptr;
}

Json ToVersion(const Resource& stored, const Json& object, const std::string& api_version) {
  if (api_version == stored.ApiVersion()) return object;
  Json shown = object;
  shown["apiVersion"] = api_version;
  if (stored.kind == "HorizontalPodAutoscaler") return HpaAsV1(std::move(shown));
  if (stored.kind == "Event")
    for (const auto& [core, own] : kEventFields)
      if (const auto field = shown.find(core); field != shown.end()) {
        Json value = *field;
        shown.erase(core);
        shown[own] = std::move(value);
      }
  return shown;
}

Json ToStored(const Resource& stored, Json object, const std::string& api_version) {
  if (api_version == stored.ApiVersion() || !object.is_object()) return object;
  object["apiVersion"] = stored.ApiVersion();
  if (stored.kind == "Event") {
    for (const auto& [core, own] : kEventFields)
      if (const auto field = object.find(own); field != object.end()) {
        Json value = *field;
        object.erase(own);
        object[core] = std::move(value);
      }
  } else if (stored.kind == "HorizontalPodAutoscaler" && object.contains("spec")) {
    Json& spec = object["spec"];
    if (const auto target = spec.find("targetCPUUtilizationPercentage"); target != spec.end()) {
      spec["metrics"] = Json::array(
          {{{"type", "Resource"},
            {"resource",
             {{"name", "cpu"},
              {"target", {{"type", "Utilization"}, {"averageUtilization", *target}}}}}}});
      spec.erase("targetCPUUtilizationPercentage");
    }
  }
  return object;
}

std::string NameOf(const Json& object) {
  return TextAt(object, "/metadata/name");
}
std::string NamespaceOf(const Json& object) {
  return TextAt(object, "/metadata/namespace");
}
std::string UidOf(const Json& object) {
  return TextAt(object, "/metadata/uid");
}

int64_t IntAt(const Json& object, const std::string& pointer, int64_t otherwise) {
  const Json::json_pointer at(pointer);
  if (!object.contains(at) || !object.at(at).is_number()) return otherwise;
  return object.at(at).get<int64_t>();
}

std::string TextAt(const Json& object, const std::string& pointer) {
  const Json::json_pointer at(pointer);
  if (!object.contains(at) || !object.at(at).is_string()) return {};
  return object.at(at).get<std::string>();
}

Json ControllerOf(const Json& object) {
  const auto at = "/metadata/ownerReferences"_json_pointer;
  if (object.contains(at))
    for (const Json& owner : object.at(at))
      if (owner.value("controller", false)) return owner;
  return nullptr;
}

}  // namespace heald::fakes::kubernetes
