// Deployments, StatefulSets and DaemonSets as one thing, and how far their rollouts are. Used by
// the operations on workloads. Thread rule: pure functions over the API's JSON.
#pragma once

#include <cstdint>
#include <string>

#include "heald/plugin.h"
#include "plugins/support/kubernetes/client.h"
#include "plugins/support/kubernetes/resource.h"

namespace heald::kubernetes {

inline constexpr const char* kRestartedAt = "kubectl.kubernetes.io/restartedAt";

// Replicas that it should have: of a DaemonSet, the nodes it should run on.
int64_t WantedReplicas(const Json& workload, const Resource& resource);

int64_t NumberOr(const Json& object, const char* pointer, int64_t absent);

// 0: it isn't there.
int64_t TimeNs(const Json& object, const char* pointer);

// When its latest rollout got on last, by its controller; 0: it doesn't say.
int64_t RolledOutNs(const Json& deployment);

// "Deployment prod/web"
std::string Shown(const Json& object, const Resource& resource);

// Is the rollout of what its spec says now complete, and are its pods available? Pending says what
// is missing, failed what the controller says.
sdk::Effect JudgeRollout(const Json& workload, const Resource& resource);

// Has its controller seen the latest change? Until then its status is about the one before.
bool WasSeen(const Json& workload);

// Why nobody should begin another change of it: a rollout is under way. Empty: none. Pods that are
// sick after a complete rollout are no rollout, and neither is one that has failed.
std::string WhyBusy(const Json& workload, const Resource& resource);
// The controller has given the last rollout up; what it said of one before is none of it.
std::string WhyRolloutFailed(const Json& workload, const Resource& resource);

// Why a change of its template would not reach its pods: paused, or updated by hand alone. Empty:
// it would.
std::string WhyNotRolled(const Json& workload, const Resource& resource);

// The longest that a rollout may take where each batch of pods takes `ready_within`.
int64_t RolloutWithinNs(const Json& workload, const Resource& resource, int64_t ready_within_ns);

// "app=web,tier in (a,b)" of spec.selector.
std::string SelectorText(const Json& label_selector);

// spec.template.metadata.annotations[restartedAt], or null.
Json RestartedAt(const Json& workload);

}  // namespace heald::kubernetes
