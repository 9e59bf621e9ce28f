// Which object an operation is about: named in the config, or by the labels of what is wrong, or
// found through the owners of a pod. Used by the operations when they plan.
// Thread rule: as Client.
#pragma once

#include <string>

#include "plugins/actions/kubernetes/kubernetes_action.h"

namespace heald::kubernetes {

struct Owner {
  std::string kind;
  std::string name;
  std::string uid;
  explicit operator bool() const { return !uid.empty(); }
};

// The owner that is its controller; none where nothing would replace it.
Owner ControllerOf(const Json& object);

struct Workload {
  Resource resource;
  Json object;
  Ref ref() const;
};

// What a plan keeps of a workload to know it again, and back.
Json BeforeOf(std::string_view operation, const Workload& workload);
Ref RefIn(const Json& before);
// The same in every build, as it is kept in the cluster and the journal.
std::string HashOf(const Json& json);
// Plans that change the template rest on it (`rests_on.template`, its hash) and on nothing else:
// an autoscaler may change the replicas meanwhile.
bool HasTemplateOf(const Json& now, const Json& before);
// Throws Failure(HEALD_CONFLICT) where `now` is another object, or has another template.
void CheckUnchanged(const Json& now, const Json& before);

// All of them throw Failure(HEALD_INVALID) where nothing names the object, with the labels that
// were looked for, and ApiError where it isn't there.
Json FindPod(const Context& context);
Workload FindWorkload(const Context& context);
Json FindNode(const Context& context);
Json FindJob(const Context& context);

// The workload behind a controller of a pod (a ReplicaSet's Deployment); an empty object where
// there is none of the three kinds.
Workload WorkloadBehind(const Context& context, const std::string& name_space, const Owner& owner);

// The first of these labels that the target has; empty: none. Of the keys of config.labels.
std::string FromLabels(const Context& context, const std::vector<std::string>& names);
std::string NamespaceOf(const Context& context);

}  // namespace heald::kubernetes
