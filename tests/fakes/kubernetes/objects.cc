#include "tests/fakes/kubernetes/objects.h"

#include <algorithm>
#include <cmath>

namespace heald::fakes::kubernetes {
namespace {

void Default(Json& object, const char* field, Json value) {
  if (!object.contains(field) || object[field].is_null()) object[field] = std::move(value);
}

void CompleteProbe(Json& container, const char* field) {
  const auto found = container.find(field);
  if (found == container.end()) return;
  Default(*found, "timeoutSeconds", 1);
  Default(*found, "periodSeconds", 10);
  Default(*found, "successThreshold", 1);
  Default(*found, "failureThreshold", 3);
  if (found->contains("httpGet")) Default((*found)["httpGet"], "scheme", "HTTP");
}

void CompletePodSpec(Json& spec) {
  for (const char* list : {"containers", "initContainers"}) {
    if (!spec.contains(list) || !spec[list].is_array()) continue;
    for (Json& container : spec[list]) {
      const std::string image = container.value("image", "");
      const size_t tag = image.rfind(':');
      const bool latest = tag == std::string::npos || image.substr(tag) == ":latest";
      Default(container, "resources", Json::object());
      Default(container, "terminationMessagePath", "/dev/termination-log");
      Default(container, "terminationMessagePolicy", "File");
      Default(container, "imagePullPolicy", latest ? "Always" : "IfNotPresent");
      if (container.contains("ports"))
        for (Json& port : container["ports"]) Default(port, "protocol", "TCP");
      for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"})
        CompleteProbe(container, probe);
    }
  }
  Default(spec, "restartPolicy", "Always");
  Default(spec, "terminationGracePeriodSeconds", 30);
  Default(spec, "dnsPolicy", "ClusterFirst");
  Default(spec, "securityContext", Json::object());
  Default(spec, "schedulerName", "default-scheduler");
}

void CompleteTemplate(Json& spec) {
  if (!spec.contains("template") || !spec["template"].is_object()) return;
  Json& pod_template = spec["template"];
  if (pod_template.value("metadata", Json()).is_null()) pod_template["metadata"] = Json::object();
  pod_template["metadata"]["creationTimestamp"] = nullptr;
  if (pod_template["metadata"].value("annotations", Json(1)) == Json::object())
    pod_template["metadata"].erase("annotations");
  CompletePodSpec(pod_template["spec"]);
}

std::string QosOf(const Json& spec) {
  for (const Json& container : spec.value("containers", Json::array()))
    if (container.contains("resources") && !container["resources"].empty()) return "Burstable";
  return "BestEffort";
}

Json Toleration(const char* key) {
  return {
      {"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", 300}};
}

// What admission adds to a pod: the service account, its token, the usual tolerations.
void AdmitPod(Cluster& cluster, Json& pod) {
  Json& spec = pod["spec"];
  Default(spec, "serviceAccountName", "default");
  Default(spec, "serviceAccount", spec["serviceAccountName"]);
  Default(spec, "priority", 0);
  Default(spec, "enableServiceLinks", true);
  Default(spec, "preemptionPolicy", "PreemptLowerPriority");
  if (!spec.contains("tolerations"))
    spec["tolerations"] = {Toleration("node.kubernetes.io/not-ready"),
                           Toleration("node.kubernetes.io/unreachable")};
  const std::string volume = "kube-api-access-" + cluster.NewSuffix();
  const Json token = {{"serviceAccountToken", {{"expirationSeconds", 3607}, {"path", "token"}}}};
  const Json authority = {{"configMap",
                           {{"name", "kube-root-ca.crt"},
                            {"items", Json::array({{{"key", "ca.crt"}, {"path", "ca.crt"}}})}}}};
  const Json space = {
      {"downwardAPI",
       {{"items",
         Json::array(
             {{{"path", "namespace"},
               {"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", "metadata.namespace"}}}}})}}}};
  spec["volumes"].push_back(
      {{"name", volume},
       {"projected", {{"sources", {token, authority, space}}, {"defaultMode", 420}}}});
  for (Json& container : spec["containers"])
    container["volumeMounts"].push_back(
        {{"name", volume},
         {"readOnly", true},
         {"mountPath", "/var/run/secrets/kubernetes.io/serviceaccount"}});
}

void CompleteWorkload(const std::string& kind, Json& spec) {
  CompleteTemplate(spec);
  if (kind != "DaemonSet" && kind != "Job") Default(spec, "replicas", 1);
  if (kind == "Deployment") {
    Default(spec, "strategy", Json::object());
    Default(spec["strategy"], "type", "RollingUpdate");
    if (spec["strategy"]["type"] == "RollingUpdate") {
      Default(spec["strategy"], "rollingUpdate", Json::object());
      Default(spec["strategy"]["rollingUpdate"], "maxUnavailable", "25%");
      Default(spec["strategy"]["rollingUpdate"], "maxSurge", "25%");
    }
    Default(spec, "progressDeadlineSeconds", 600);
  }
  if (kind == "StatefulSet" || kind == "DaemonSet") {
    Default(spec, "updateStrategy", Json::object());
    Json& strategy = spec["updateStrategy"];
    Default(strategy, "type", "RollingUpdate");
    if (strategy["type"] == "RollingUpdate") {
      Default(strategy, "rollingUpdate", Json::object());
      if (kind == "StatefulSet") {
        Default(strategy["rollingUpdate"], "partition", 0);
      } else {
        Default(strategy["rollingUpdate"], "maxUnavailable", 1);
        Default(strategy["rollingUpdate"], "maxSurge", 0);
      }
    }
  }
  if (kind == "StatefulSet") {
    Default(spec, "podManagementPolicy", "OrderedReady");
    Default(spec, "serviceName", "");
  }
  if (kind != "ReplicaSet" && kind != "Job") Default(spec, "revisionHistoryLimit", 10);
  if (kind == "Job") {
    Default(spec, "parallelism", 1);
    Default(spec, "completions", 1);
    Default(spec, "backoffLimit", 6);
    Default(spec, "completionMode", "NonIndexed");
    Default(spec, "suspend", false);
  }
}

}  // namespace

void Complete(const Resource& resource, Json& object) {
  const std::string& kind = resource.kind;
  object["kind"] = kind;
  object["apiVersion"] = resource.ApiVersion();
  if (kind == "Event") {
    for (const char* field : {"firstTimestamp", "lastTimestamp", "eventTime"})
      Default(object, field, nullptr);
    Default(object, "source", Json::object());
    Default(object, "reportingComponent", "");
    Default(object, "reportingInstance", "");
    return;
  }
  if (kind == "Pod") CompletePodSpec(object["spec"]);
  if (kind == "Node") Default(object, "spec", Json::object());
  if (kind == "Namespace") Default(object, "spec", {{"finalizers", {"kubernetes"}}});
  if (kind == "Deployment" || kind == "StatefulSet" || kind == "DaemonSet" ||
      kind == "ReplicaSet" || kind == "Job")
    CompleteWorkload(kind, object["spec"]);
  if (kind == "HorizontalPodAutoscaler") {
    Default(object["spec"], "minReplicas", 1);
    Default(
        object["spec"], "metrics",
        {{{"type", "Resource"},
          {"resource",
           {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", 80}}}}}}});
  }
}

void Begin(const Resource& resource, Json& object) {
  const std::string& kind = resource.kind;
  if (kind == "Namespace") {
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = NameOf(object);
    object["status"] = {{"phase", "Active"}};
  } else if (kind == "Pod") {
    object["status"] = {{"phase", "Pending"}, {"qosClass", QosOf(object["spec"])}};
  } else if (kind == "ReplicaSet") {
    object["status"] = {{"replicas", 0}};
  } else if (kind == "StatefulSet") {
    object["status"] = {{"replicas", 0}, {"availableReplicas", 0}};
  } else if (kind == "DaemonSet") {
    object["status"] = {{"currentNumberScheduled", 0},
                        {"numberMisscheduled", 0},
                        {"desiredNumberScheduled", 0},
                        {"numberReady", 0}};
    object["metadata"]["annotations"]["deprecated.daemonset.template.generation"] = "1";
  } else if (kind == "PodDisruptionBudget") {
    object["status"] = {{"disruptionsAllowed", 0},
                        {"currentHealthy", 0},
                        {"desiredHealthy", 0},
                        {"expectedPods", 0}};
  } else if (kind == "HorizontalPodAutoscaler") {
    object["status"] = {{"desiredReplicas", 0}, {"currentMetrics", nullptr}};
  } else if (kind == "Job") {
    object["status"] = Json::object();
    const std::string uid = UidOf(object);
    Json& spec = object["spec"];
    Default(spec, "selector", {{"matchLabels", {{"controller-uid", uid}}}});
    spec["template"]["metadata"]["labels"]["controller-uid"] = uid;
    spec["template"]["metadata"]["labels"]["job-name"] = NameOf(object);
  } else if (resource.status && kind != "Node") {
    object["status"] = Json::object();
  }
}

void Mint(Cluster& cluster, const Resource& resource, Json& object) {
  Json& metadata = object["metadata"];
  if (metadata.value("name", "").empty())
    metadata["name"] = metadata.value("generateName", "") + cluster.NewSuffix();
  metadata["uid"] = cluster.NewUid();
  metadata["creationTimestamp"] = cluster.Now();
  metadata.erase("resourceVersion");
  metadata.erase("deletionTimestamp");
  if (resource.generation) metadata["generation"] = 1;
}

Json OwnerReference(const Resource& resource, const Json& owner) {
  return {{"apiVersion", resource.ApiVersion()},
          {"kind", resource.kind},
          {"name", NameOf(owner)},
          {"uid", UidOf(owner)},
          {"controller", true},
          {"blockOwnerDeletion", true}};
}

Json PodOf(Cluster& cluster, const Json& pod_template, const Resource& resource, const Json& owner,
           const std::string& name) {
  static const Resource& kPod = *ResourceOfKind("Pod");
  Json pod = {{"metadata", pod_template.value("metadata", Json::object())},
              {"spec", pod_template["spec"]}};
  Json& metadata = pod["metadata"];
  metadata.erase("creationTimestamp");
  metadata["generateName"] = NameOf(owner) + "-";
  if (!name.empty()) metadata["name"] = name;
  metadata["namespace"] = NamespaceOf(owner);
  metadata["ownerReferences"] = Json::array({OwnerReference(resource, owner)});
  Mint(cluster, kPod, pod);
  Complete(kPod, pod);
  Begin(kPod, pod);
  AdmitPod(cluster, pod);
  return pod;
}

Json RevisionData(const Json& pod_template) {
  Json kept = pod_template;
  // Also on a server that writes none any more: as in revisions of before its upgrade.
  kept["metadata"]["creationTimestamp"] = nullptr;
  kept["$patch"] = "replace";
  return {{"spec", {{"template", std::move(kept)}}}};
}

Json Delete(Cluster& cluster, const Resource& resource, const Json& object, int64_t grace_s,
            bool* gone) {
  const bool lingers =
      resource.kind == "Pod" && grace_s > 0 && !TextAt(object, "/spec/nodeName").empty() &&
      TextAt(object, "/status/phase") != "Succeeded" && TextAt(object, "/status/phase") != "Failed";
  *gone = !lingers;
  if (!lingers) {
    cluster.store.Remove(resource, object);
    return object;
  }
  Json going = object;
  Json& metadata = going["metadata"];
  // A second delete may shorten the grace, never lengthen it.
  if (metadata.contains("deletionTimestamp") &&
      metadata.value("deletionGracePeriodSeconds", int64_t{0}) <= grace_s)
    return object;
  metadata["deletionTimestamp"] = Cluster::Time(cluster.NowMs() + grace_s * 1000);
  metadata["deletionGracePeriodSeconds"] = grace_s;
  return *cluster.store.Put(resource, std::move(going));
}

void RecordEvent(Cluster& cluster, const Resource& resource, const Json& involved,
                 const std::string& type, const std::string& reason, const std::string& message,
                 const std::string& component) {
  static const Resource& kEvent = *ResourceOfKind("Event");
  Json reference = {{"kind", resource.kind},
                    {"name", NameOf(involved)},
                    {"uid", UidOf(involved)},
                    {"apiVersion", resource.ApiVersion()},
                    {"resourceVersion", TextAt(involved, "/metadata/resourceVersion")}};
  const std::string space = resource.namespaced ? NamespaceOf(involved) : "default";
  if (resource.namespaced) reference["namespace"] = space;
  Json event = {{"metadata",
                 {{"name", NameOf(involved) + "." + cluster.NewUid().substr(0, 8) +
                               cluster.NewUid().substr(0, 8)},
                  {"namespace", space}}},
                {"involvedObject", std::move(reference)},
                {"reason", reason},
                {"message", message},
                {"source", {{"component", component}}},
                {"firstTimestamp", cluster.Now()},
                {"lastTimestamp", cluster.Now()},
                {"count", 1},
                {"type", type},
                {"reportingComponent", component}};
  Mint(cluster, kEvent, event);
  Complete(kEvent, event);
  cluster.store.Put(kEvent, std::move(event));
}

const Json* FindCondition(const Json& object, const std::string& type) {
  const auto at = "/status/conditions"_json_pointer;
  if (!object.contains(at)) return nullptr;
  for (const Json& condition : object.at(at))
    if (condition.value("type", "") == type) return &condition;
  return nullptr;
}

bool PodReady(const Json& pod) {
  const Json* ready = FindCondition(pod, "Ready");
  return ready != nullptr && ready->value("status", "") == "True";
}

bool PodActive(const Json& pod) {
  const std::string phase = TextAt(pod, "/status/phase");
  return phase != "Succeeded" && phase != "Failed" &&
         !pod["metadata"].contains("deletionTimestamp");
}

int64_t Scaled(const Json& value, int64_t total, bool round_up, int64_t otherwise) {
  if (value.is_number()) return value.get<int64_t>();
  if (!value.is_string()) return otherwise;
  const double part = std::stod(value.get<std::string>()) * static_cast<double>(total) / 100;
  return static_cast<int64_t>(round_up ? std::ceil(part) : std::floor(part));
}

}  // namespace heald::fakes::kubernetes
