#include "plugins/actions/kubernetes/rbac.h"

#include "heald/config.h"
#include "plugins/actions/kubernetes/config.h"

namespace heald::kubernetes {
namespace {

constexpr Permission kPermissions[] = {
    // Who owns a pod, and what it is a part of.
    {"restart_pod rolling_restart rollback scale_out cordon uncordon delete_job", "", "pods",
     "get"},
    {"restart_pod rolling_restart rollback scale_out", "apps", "replicasets", "get"},
    {"restart_pod scale_out", "apps", "deployments", "get"},
    {"restart_pod scale_out", "apps", "statefulsets", "get"},
    {"restart_pod scale_out", "apps", "daemonsets", "get"},
    {"restart_pod", "batch", "jobs", "get"},
    {"restart_pod rolling_restart rollback", "", "pods", "list"},
    {"restart_pod rolling_restart rollback", "", "pods/eviction", "create"},
    {"rolling_restart rollback", "apps", "deployments", "get patch"},
    {"rolling_restart rollback", "apps", "statefulsets", "get patch"},
    {"rolling_restart rollback", "apps", "daemonsets", "get patch"},
    {"rollback", "apps", "replicasets", "list"},
    {"rollback", "apps", "controllerrevisions", "get list"},
    {"scale_out", "autoscaling", "horizontalpodautoscalers", "get list patch"},
    {"scale_out", "apps", "deployments/scale", "get patch"},
    {"scale_out", "apps", "statefulsets/scale", "get patch"},
    {"cordon uncordon drain", "", "nodes", "get patch", true},
    {"drain", "", "pods", "get list", true},
    {"drain", "", "pods/eviction", "create", true},
    {"drain", "policy", "poddisruptionbudgets", "list", true},
    {"delete_job", "batch", "jobs", "get delete"},
    {"patch", "", "", "get patch"},
    {"restart_pod rolling_restart rollback scale_out delete_job patch", "", "events",
     "create patch"},
    {"cordon uncordon drain", "", "events", "create patch", false, "default"},
};

bool HasWord(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const size_t end = words.find(' ');
    if (words.substr(0, end) == word) return true;
    words = end == std::string_view::npos ? std::string_view() : words.substr(end + 1);
  }
  return false;
}

std::string WordsJson(std::string_view words) {
  std::string out = "[";
  while (!words.empty()) {
    const size_t end = words.find(' ');
    if (out.size() > 1) out += ',';
    sdk::detail::AppendJson(out, words.substr(0, end));
    words = end == std::string_view::npos ? std::string_view() : words.substr(end + 1);
  }
  return out + "]";
}

std::string ResourcesJson(bool namespaced) {
  std::string out = "[";
  for (const Resource& resource : KnownResources()) {
    if (resource.namespaced != namespaced) continue;
    if (out.size() > 1) out += ',';
    const std::string group = resource.group.empty() ? "" : std::string(resource.group) + "/";
    sdk::detail::AppendJson(out, group + std::string(resource.plural));
  }
  return out + "]";
}

std::string PermissionJson(const Permission& rule) {
  std::string out = "{";
  if (!rule.resource.empty()) {
    out += "\"apiGroups\":[";
    sdk::detail::AppendJson(out, rule.group);
    out += "],\"resources\":[";
    sdk::detail::AppendJson(out, rule.resource);
    out += "],";
  }
  out += "\"verbs\":" + WordsJson(rule.verbs);
  if (!rule.name_space.empty()) {
    out += ",\"namespace\":";
    sdk::detail::AppendJson(out, rule.name_space);
  }
  if (rule.resource == "events") {
    out += ",\"enabled_by\":\"events\"";
    // What has no namespace has its events in `default`.
    if (rule.name_space.empty()) out += ",\"without_namespace\":\"default\"";
  }
  return out + ",\"scope\":" + (rule.cluster ? "\"cluster\"" : "\"namespace\"") + "}";
}

}  // namespace

std::span<const Permission> Permissions() {
  return kPermissions;
}

std::string RbacJson() {
  std::string out = "{\"key\":\"operation\",\"resource_key\":\"resource\"";
  out += ",\"namespaced_resources\":" + ResourcesJson(true);
  out += ",\"cluster_resources\":" + ResourcesJson(false) + ",\"rules\":{";
  for (const std::string_view operation : kOperationWords) {
    if (out.back() != '{') out += ',';
    sdk::detail::AppendJson(out, operation);
    out += ":[";
    for (const Permission& rule : kPermissions)
      if (HasWord(rule.operations, operation))
        out += (out.back() == '[' ? "" : ",") + PermissionJson(rule);
    out += ']';
  }
  return out + "}}";
}

}  // namespace heald::kubernetes
