#include "plugins/support/kubernetes/resource.h"

#include "plugins/support/http.h"

namespace heald::kubernetes {
namespace {

constexpr Resource kAll[] = {kPods,
                             kNodes,
                             kNamespaces,
                             kEvents,
                             kServices,
                             kConfigMaps,
                             kPersistentVolumeClaims,
                             kDeployments,
                             kReplicaSets,
                             kStatefulSets,
                             kDaemonSets,
                             kControllerRevisions,
                             kHorizontalPodAutoscalers,
                             kPodDisruptionBudgets,
                             kJobs,
                             kCronJobs,
                             kLeases};

}  // namespace

const Resource* FindKind(std::string_view kind) {
  for (const Resource& resource : kAll)
    if (resource.kind == kind) return &resource;
  return nullptr;
}

std::span<const Resource> KnownResources() {
  return kAll;
}

std::string Ref::Path() const {
  std::string path =
      resource.group.empty() ? "/api/" : "/apis/" + std::string(resource.group) + "/";
  path += resource.version;
  if (resource.namespaced && !name_space.empty())
    path += "/namespaces/" + support::UrlEncode(name_space);
  (path += '/') += resource.plural;
  if (!name.empty()) path += "/" + support::UrlEncode(name);
  if (!subresource.empty()) path += "/" + subresource;
  return path;
}

std::string Ref::Shown() const {
  if (name.empty()) {
    std::string all(resource.plural);
    if (!subresource.empty()) all += "/" + subresource;
    if (!resource.namespaced) return all;
    return all + (name_space.empty() ? " in all namespaces" : " in " + name_space);
  }
  const std::string scope = resource.namespaced && !name_space.empty() ? name_space + "/" : "";
  return std::string(resource.kind) + " " + scope + name;
}

}  // namespace heald::kubernetes
