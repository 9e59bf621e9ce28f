// What the schema can't say about the kubernetes action's config.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "plugins/actions/kubernetes/kubernetes_action.h"

namespace heald::kubernetes {
namespace {

using sdk::Problems;

// A key that is given, and the operations that it means something to.
struct Given {
  const char* key;
  bool is_given;
  std::vector<Operation> of;
};

std::string OperationList(const std::vector<Operation>& operations) {
  std::string list;
  for (const Operation operation : operations)
    list +=
        (list.empty() ? "" : ", ") + std::string(kOperationWords[static_cast<size_t>(operation)]);
  return list;
}

void CheckPatch(const Config& config, const Problems& problems) {
  if (config.resource.empty())
    problems.Add("/resource", "patch needs resource: what to patch, such as apps/v1/deployments");
  if (config.name.empty()) problems.Add("/name", "patch needs name: which one to patch");
  const Json patch = Json::parse(config.patch, nullptr, false);
  const bool list = config.patch_type == PatchType::kJson;
  if (patch.is_discarded())
    problems.Add("/patch", "the patch isn't JSON");
  else if (list ? !patch.is_array() : !patch.is_object())
    problems.Add("/patch", list ? "a patch of type json is a list of operations"
                                : "a strategic or merge patch is an object; a list of operations "
                                  "needs patch_type: json");
  else if (patch.empty())
    problems.Add("/patch", "the patch changes nothing");
}

}  // namespace

void KubernetesAction::Validate(const Config& config, Problems& problems) {
  using enum Operation;
  const std::vector<Operation> rollouts = {kRollingRestart, kRollback, kScaleOut};
  const std::vector<Operation> nodes = {kCordon, kUncordon, kDrain};
  std::vector<Operation> by_pod = {kRestartPod, kRollingRestart, kRollback, kScaleOut,
                                   kCordon,     kUncordon,       kDrain,    kDeleteJob};
  const Given targets[] = {
      {"pod", !config.pod.empty(), by_pod},
      {"deployment", !config.deployment.empty(), rollouts},
      {"statefulset", !config.statefulset.empty(), rollouts},
      {"daemonset", !config.daemonset.empty(), {kRollingRestart, kRollback}},
      {"workload", !config.workload.empty(), rollouts},
      {"node", !config.node.empty(), nodes},
      {"job", !config.job.empty(), {kDeleteJob}},
      {"hpa", !config.hpa.empty(), {kScaleOut}},
  };
  const Given options[] = {
      {"ready_within",
       config.ready_within.ns != Config().ready_within.ns,
       {kRestartPod, kRollingRestart, kRollback, kScaleOut, kPatch}},
      {"stable_for",
       config.stable_for.ns != Config().stable_for.ns,
       {kRestartPod, kRollingRestart}},
      {"eviction_retry",
       config.eviction_retry.ns != Config().eviction_retry.ns,
       {kRestartPod, kRollingRestart, kDrain}},
      {"max_revisions_back", config.max_revisions_back != Config().max_revisions_back, {kRollback}},
      {"max_age", config.max_age.ns != Config().max_age.ns, {kRollback}},
      {"argocd_owned", config.argocd_owned, {kRollback, kScaleOut}},
      {"max_replicas", config.max_replicas != Config().max_replicas, {kScaleOut}},
      {"to_revision", config.to_revision.has_value(), {kRollback}},
      {"scale_up_percent", config.scale_up_percent.has_value(), {kScaleOut}},
      {"scale_up_by", config.scale_up_by.has_value(), {kScaleOut}},
      {"delete_emptydir_data", config.delete_emptydir_data, {kDrain}},
      {"evict_ownerless", config.evict_ownerless, {kDrain}},
      {"only_own", !config.only_own, {kUncordon}},
      {"only_failed", !config.only_failed, {kDeleteJob}},
      {"grace_period", config.grace_period.has_value(), {kRestartPod, kRollingRestart, kDrain}},
      {"resource", !config.resource.empty(), {kPatch}},
      {"name", !config.name.empty(), {kPatch}},
      {"patch", !config.patch.empty(), {kPatch}},
  };
  const auto misplaced = [&](const Given& given) {
    if (!given.is_given ||
        std::find(given.of.begin(), given.of.end(), config.operation) != given.of.end())
      return false;
    problems.Add(std::string("/") + given.key, "only with operation: " + OperationList(given.of));
    return true;
  };
  std::string given_targets;
  int count = 0;
  for (const Given& target : targets) {
    if (misplaced(target) || !target.is_given) continue;
    given_targets += (count++ == 0 ? "" : ", ") + std::string(target.key);
  }
  if (count > 1)
    problems.Add("", "more than one target: " + given_targets +
                         "; give one, or none to take it "
                         "from the labels of what is wrong");
  for (const Given& option : options) misplaced(option);
  if (config.scale_up_percent && config.scale_up_by)
    problems.Add("/scale_up_by", "give scale_up_percent or scale_up_by, not both");
  if (config.operation == kPatch) CheckPatch(config, problems);
  for (const support::HttpConfigProblem& problem : CheckClusterConfig(config))
    problems.Add(problem.pointer, problem.message);
}

sdk::Abilities KubernetesAction::AbilitiesOf(const Config& config) {
  using enum Operation;
  const Operation operation = config.operation;
  return {.undo = operation != kRestartPod && operation != kRollingRestart &&
                  operation != kDeleteJob &&
                  !(operation == kPatch && config.patch_type == PatchType::kJson),
          .canary = operation == kRollingRestart};
}

}  // namespace heald::kubernetes
