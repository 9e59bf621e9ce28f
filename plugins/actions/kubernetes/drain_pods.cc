#include "plugins/actions/kubernetes/drain_pods.h"

#include <cstdlib>

#include "plugins/actions/kubernetes/pods.h"
#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using support::At;
using support::Text;

bool IsStatic(const Json& pod) {
  const Json& annotations = At(pod, "/metadata/annotations");
  return annotations.is_object() && annotations.contains("kubernetes.io/config.mirror");
}

bool KeepsData(const Json& pod) {
  const Json& volumes = At(pod, "/spec/volumes");
  if (volumes.is_array())
    for (const Json& volume : volumes)
      if (volume.contains("emptyDir")) return true;
  return false;
}

// A pod's host name is its own.
bool IsSelf(const Json& pod) {
  const char* const in_cluster = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* const host = std::getenv("HOSTNAME");
  return in_cluster != nullptr && host != nullptr && Text(pod, "/metadata/name") == host;
}

}  // namespace

DrainPods Classify(const std::vector<Json>& pods, const Config& params) {
  DrainPods found;
  for (const Json& pod : pods) {
    const std::string name = Text(pod, "/metadata/namespace") + "/" + Text(pod, "/metadata/name");
    const Owner owner = ControllerOf(pod);
    if (IsStatic(pod) || (owner.kind == kDaemonSets.kind && !IsFinished(pod))) {
      found.left.push_back(name);
      continue;
    }
    if (!IsFinished(pod) && !IsEnding(pod)) {
      if (IsSelf(pod)) found.refused.push_back(name + " is heald itself");
      if (!owner && !params.evict_ownerless)
        found.refused.push_back(name + " has no controller (evict_ownerless)");
      if (KeepsData(pod) && !params.delete_emptydir_data)
        found.refused.push_back(name + " keeps data in an emptyDir (delete_emptydir_data)");
    }
    found.evicted.push_back(pod);
  }
  return found;
}

}  // namespace heald::kubernetes
