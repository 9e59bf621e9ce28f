#include "plugins/actions/kubernetes/targets.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using sdk::Failure;
using support::At;
using support::Text;

constexpr size_t kHashDigits = 16;

std::string ListOf(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

// From the config, else from the labels.
std::string NameOf(const Context& context, const std::string& given,
                   const std::vector<std::string>& labels) {
  return given.empty() ? FromLabels(context, labels) : given;
}

bool NamesWorkload(const Config& params) {
  return !params.deployment.empty() || !params.statefulset.empty() || !params.daemonset.empty() ||
         !params.workload.empty();
}

const Resource* WorkloadKind(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [resource, words] :
       {std::pair{&kDeployments, std::vector<std::string>{"deployment", "deployments", "deploy"}},
        {&kStatefulSets, {"statefulset", "statefulsets", "sts"}},
        {&kDaemonSets, {"daemonset", "daemonsets", "ds"}}})
    if (std::find(words.begin(), words.end(), word) != words.end()) return resource;
  return nullptr;
}

Workload Read(const Context& context, const Resource& resource, const std::string& name) {
  return {resource, context.client().Get({resource, NamespaceOf(context), name})};
}

// A name of unknown kind: it must be of exactly one.
Workload OfAnyKind(const Context& context, const std::string& name) {
  std::optional<Workload> found;
  for (const Resource& resource : {kDeployments, kStatefulSets, kDaemonSets}) {
    std::optional<Json> object = context.client().Find({resource, NamespaceOf(context), name});
    if (!object) continue;
    if (found)
      throw Failure(HEALD_INVALID, "there are a " + std::string(found->resource.kind) + " and a " +
                                       std::string(resource.kind) + " " + name +
                                       ": write kind/name");
    found = Workload{resource, std::move(*object)};
  }
  if (!found)
    throw Failure(HEALD_NOT_FOUND, "there is no Deployment, StatefulSet or DaemonSet " + name +
                                       " in " + NamespaceOf(context));
  return std::move(*found);
}

Workload ByName(const Context& context, const std::string& name, const std::string& kind) {
  const size_t slash = name.find('/');
  const std::string word = slash == std::string::npos ? kind : name.substr(0, slash);
  const std::string bare = slash == std::string::npos ? name : name.substr(slash + 1);
  if (word.empty()) return OfAnyKind(context, bare);
  const Resource* const resource = WorkloadKind(word);
  if (resource == nullptr)
    throw Failure(HEALD_INVALID, "a workload of kind '" + word +
                                     "' can't be changed: only Deployment, StatefulSet and "
                                     "DaemonSet");
  return Read(context, *resource, bare);
}

}  // namespace

Ref Workload::ref() const {
  return {resource, Text(object, "/metadata/namespace"), Text(object, "/metadata/name")};
}

Json BeforeOf(std::string_view operation, const Workload& workload) {
  return {{"operation", operation},
          {"kind", workload.resource.kind},
          {"namespace", Text(workload.object, "/metadata/namespace")},
          {"name", Text(workload.object, "/metadata/name")},
          {"uid", Text(workload.object, "/metadata/uid")}};
}

Ref RefIn(const Json& before) {
  return {*FindKind(Text(before, "/kind")), Text(before, "/namespace"), Text(before, "/name")};
}

// FNV-1a.
std::string HashOf(const Json& json) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace))
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char text[kHashDigits + 1];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

bool HasTemplateOf(const Json& now, const Json& before) {
  return HashOf(At(now, "/spec/template")) == Text(before, "/rests_on/template");
}

void CheckUnchanged(const Json& now, const Json& before) {
  if (Text(now, "/metadata/uid") != Text(before, "/uid") || !HasTemplateOf(now, before))
    throw Failure(HEALD_CONFLICT, RefIn(before).Shown() + " was changed since the plan was made");
}

Owner ControllerOf(const Json& object) {
  const Json& owners = At(object, "/metadata/ownerReferences");
  if (owners.is_array())
    for (const Json& owner : owners)
      if (At(owner, "/controller") == true)
        return {Text(owner, "/kind"), Text(owner, "/name"), Text(owner, "/uid")};
  return {};
}

std::string FromLabels(const Context& context, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (const std::string_view value = context.request.target.Get(name); !value.empty())
      return std::string(value);
  return "";
}

std::string NamespaceOf(const Context& context) {
  std::string name =
      NameOf(context, context.params.namespace_name, context.params.labels.namespaces);
  if (name.empty()) name = context.params.default_namespace;
  if (name.empty())
    throw Failure(HEALD_INVALID,
                  "in which namespace? Set `namespace`, or see that what is wrong "
                  "has one of the labels " +
                      ListOf(context.params.labels.namespaces));
  return name;
}

Json FindPod(const Context& context) {
  const std::string name = NameOf(context, context.params.pod, context.params.labels.pod);
  if (name.empty())
    throw Failure(HEALD_INVALID,
                  "which pod? Set `pod`, or see that what is wrong has one of the "
                  "labels " +
                      ListOf(context.params.labels.pod));
  return context.client().Get({kPods, NamespaceOf(context), name});
}

Workload WorkloadBehind(const Context& context, const std::string& name_space, const Owner& owner) {
  if (!owner) return {};
  if (const Resource* const resource = WorkloadKind(owner.kind); resource != nullptr)
    return {*resource, context.client().Get({*resource, name_space, owner.name})};
  if (owner.kind != kReplicaSets.kind) return {};
  const Owner above = ControllerOf(context.client().Get({kReplicaSets, name_space, owner.name}));
  if (above.kind != kDeployments.kind) return {};
  return {kDeployments, context.client().Get({kDeployments, name_space, above.name})};
}

Workload FindWorkload(const Context& context) {
  const Config& params = context.params;
  const LabelNames& labels = params.labels;
  const bool by_pod = !params.pod.empty();
  const bool named = NamesWorkload(params);
  // Labels count only where the config names nothing at all.
  const auto name_of = [&](const std::string& given, const std::vector<std::string>& names) {
    return named || by_pod ? given : FromLabels(context, names);
  };
  if (const std::string name = name_of(params.deployment, labels.deployment); !name.empty())
    return Read(context, kDeployments, name);
  if (const std::string name = name_of(params.statefulset, labels.statefulset); !name.empty())
    return Read(context, kStatefulSets, name);
  if (const std::string name = name_of(params.daemonset, labels.daemonset); !name.empty())
    return Read(context, kDaemonSets, name);
  if (const std::string name = name_of(params.workload, labels.workload); !name.empty())
    return ByName(context, name, named ? "" : FromLabels(context, labels.workload_kind));
  if (!by_pod && FromLabels(context, labels.pod).empty())
    throw Failure(HEALD_INVALID,
                  "which workload? Set `deployment`, `statefulset`, `daemonset`, `workload` or "
                  "`pod`, or see that what is wrong has one of the labels " +
                      ListOf(labels.deployment) + ", " + ListOf(labels.statefulset) + ", " +
                      ListOf(labels.daemonset) + ", " + ListOf(labels.workload) + ", " +
                      ListOf(labels.pod));
  const Json pod = FindPod(context);
  const Owner owner = ControllerOf(pod);
  Workload workload = WorkloadBehind(context, Text(pod, "/metadata/namespace"), owner);
  if (workload.object.is_null())
    throw Failure(HEALD_UNSUPPORTED,
                  "Pod " + Text(pod, "/metadata/name") +
                      (owner ? " belongs to " + owner.kind + " " + owner.name
                             : std::string(" belongs to nothing")) +
                      ": only those of a Deployment, StatefulSet or DaemonSet have a rollout");
  return workload;
}

Json FindNode(const Context& context) {
  const Config& params = context.params;
  std::string name = params.node;
  if (name.empty() && params.pod.empty()) name = FromLabels(context, params.labels.node);
  if (name.empty()) {
    if (params.pod.empty() && FromLabels(context, params.labels.pod).empty())
      throw Failure(HEALD_INVALID,
                    "which node? Set `node`, or see that what is wrong has one of the labels " +
                        ListOf(params.labels.node) + ", " + ListOf(params.labels.pod));
    const Json pod = FindPod(context);
    name = Text(pod, "/spec/nodeName");
    if (name.empty())
      throw Failure(HEALD_NOT_FOUND,
                    "Pod " + Text(pod, "/metadata/name") + " hasn't been given a node yet");
  }
  return context.client().Get({kNodes, "", name});
}

Json FindJob(const Context& context) {
  const Config& params = context.params;
  std::string name = params.job;
  if (name.empty() && params.pod.empty()) name = FromLabels(context, params.labels.job);
  if (!name.empty()) return context.client().Get({kJobs, NamespaceOf(context), name});
  if (params.pod.empty() && FromLabels(context, params.labels.pod).empty())
    throw Failure(HEALD_INVALID,
                  "which Job? Set `job`, or see that what is wrong has one of the labels " +
                      ListOf(params.labels.job) + ", " + ListOf(params.labels.pod));
  const Json pod = FindPod(context);
  const Owner owner = ControllerOf(pod);
  if (owner.kind != kJobs.kind)
    throw Failure(HEALD_UNSUPPORTED,
                  "Pod " + Text(pod, "/metadata/name") + " doesn't belong to a Job");
  return context.client().Get({kJobs, Text(pod, "/metadata/namespace"), owner.name});
}

}  // namespace heald::kubernetes
