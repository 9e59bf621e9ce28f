// A pod as the operations see it: evicted with care, and followed until its replacement is well.
// Used by restart_pod, the canary of rolling_restart, and drain. Thread rule: as Client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plugins/actions/kubernetes/kubernetes_action.h"
#include "plugins/actions/kubernetes/targets.h"

namespace heald::kubernetes {

bool IsReady(const Json& pod);
bool IsEnding(const Json& pod);    // has a deletionTimestamp
bool IsFinished(const Json& pod);  // phase Succeeded or Failed

// Pods of this controller, by its selector.
std::vector<Json> PodsOf(const Context& context, const std::string& name_space, const Owner& owner);

// What has to be known of a pod to tell its replacement from it and from those beside it.
struct Replaced {
  Ref ref;
  std::string uid;
  Owner owner;
  std::vector<std::string> beside;  // beginnings of the uids of the controller's other pods
};
Replaced ReadReplaced(const Context& context, const Json& pod, const Owner& owner);
Json ToJson(const Replaced& replaced);
Replaced FromJson(const Json& json);

// Evicts it, waiting for its disruption budgets until the call's deadline; deletes it only where
// the server has no evictions. Nothing: it is on its way out. Otherwise why not; nothing was
// changed then. Throws Failure(HEALD_CONFLICT) where it is another pod now.
std::optional<std::string> Evict(const Context& context, const Ref& pod, const std::string& uid);

// The disruption budgets of a namespace that forbid evicting this pod now; empty: none.
std::string WhyNoDisruption(const std::vector<Json>& budgets, const Json& pod);
bool Selects(const Json& label_selector, const Json& pod);

// Is there a pod in its place that is ready and has been well for stable_for?
sdk::Effect JudgeReplacement(const Context& context, const Replaced& replaced);

// JudgeRollout, and where it isn't done what is wrong with the first pod that can't come up.
sdk::Effect JudgeRolloutAndPods(const Context& context, const Json& workload,
                                const Resource& resource);

// Is it well? Pending while it starts, failed once it crashes again and again or can't start.
sdk::Effect JudgePod(const Json& pod, int64_t now_ns, int64_t stable_for_ns);

DeleteOptions EvictionOptions(const Config& params, const std::string& uid);

}  // namespace heald::kubernetes
