#include "plugins/actions/kubernetes/argocd_owner.h"

#include <algorithm>
#include <string_view>

#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using support::At;
using support::Text;

// Argo CD tracks what it deploys by an annotation "APPLICATION:GROUP/KIND:NAMESPACE/NAME", by a
// label, or by both.
constexpr const char* kTracking = "/metadata/annotations/argocd.argoproj.io~1tracking-id";
constexpr const char* kInstance[] = {"/metadata/labels/argocd.argoproj.io~1instance",
                                     "/metadata/annotations/argocd.argoproj.io~1instance"};
// The label that it takes by default up to 2.14. Charts set it too, so alone it says little: it is
// Argo CD's where Argo CD has written to the object, and can't be where a release of Helm has it.
constexpr const char* kSharedInstance = "/metadata/labels/app.kubernetes.io~1instance";
constexpr const char* kHelmRelease = "/metadata/annotations/meta.helm.sh~1release-name";
constexpr std::string_view kManagers[] = {"argocd-controller", "argocd-application-controller"};
constexpr const char* kLastApplied =
    "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";

bool IsArgocds(const Json& writer) {
  return std::ranges::count(kManagers, Text(writer, "/manager")) != 0;
}

// "/spec/replicas" as managedFields have it: "/f:spec/f:replicas".
std::string FieldPointer(std::string_view pointer) {
  std::string fields;
  for (const char c : pointer) fields += c == '/' ? "/f:" : std::string(1, c);
  return fields;
}

}  // namespace

// A tracking id that was copied from another object along with its annotations doesn't count, for
// Argo CD neither.
std::string ArgocdApplication(const Json& object, const Resource& resource) {
  const std::string itself = ":" + std::string(resource.group) + "/" + std::string(resource.kind) +
                             ":" + Text(object, "/metadata/namespace") + "/" +
                             Text(object, "/metadata/name");
  if (const std::string id = Text(object, kTracking); id.ends_with(itself))
    return id.substr(0, id.size() - itself.size());
  for (const char* const instance : kInstance)
    if (std::string name = Text(object, instance); !name.empty()) return name;
  const Json& writers = At(object, "/metadata/managedFields");
  return std::any_of(writers.begin(), writers.end(), &IsArgocds) ? Text(object, kSharedInstance)
                                                                 : "";
}

std::string PossibleArgocdApplication(const Json& object) {
  return Text(object, kHelmRelease).empty() ? Text(object, kSharedInstance) : "";
}

bool ArgocdSets(const Json& object, const char* pointer) {
  // Applied by the server, that says exactly what was in Git; applied as kubectl does, the
  // server's defaults count as written too, and the annotation says it.
  bool applied = false;
  for (const Json& writer : At(object, "/metadata/managedFields")) {
    if (!IsArgocds(writer) || Text(writer, "/operation") != "Apply") continue;
    applied = true;
    if (!At(writer, ("/fieldsV1" + FieldPointer(pointer)).c_str()).is_null()) return true;
  }
  if (applied) return false;
  const Json manifest = Json::parse(Text(object, kLastApplied), nullptr, false);
  return !manifest.is_object() || !At(manifest, pointer).is_null();
}

}  // namespace heald::kubernetes
