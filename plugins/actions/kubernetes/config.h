// What the kubernetes action can be told. Thread rule: plain values.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "heald/config.h"
#include "plugins/actions/kubernetes/rbac.h"
#include "plugins/support/kubernetes/client.h"
#include "plugins/support/kubernetes/config.h"

namespace heald::kubernetes {

enum class Operation {
  kRestartPod,
  kRollingRestart,
  kRollback,
  kScaleOut,
  kCordon,
  kUncordon,
  kDrain,
  kDeleteJob,
  kPatch
};
inline constexpr std::string_view kOperationWords[] = {"restart_pod", "rolling_restart", "rollback",
                                                       "scale_out",   "cordon",          "uncordon",
                                                       "drain",       "delete_job",      "patch"};

inline constexpr std::string_view kPatchTypeWords[] = {"json", "merge", "strategic"};

// Where the target's labels say which object is meant, first match first. kube-state-metrics' own
// labels are renamed to exported_… where Prometheus puts those of the scraped pod beside them.
struct LabelNames {
  std::vector<std::string> namespaces = {"exported_namespace", "namespace", "kubernetes_namespace"};
  std::vector<std::string> pod = {"exported_pod", "pod", "kubernetes_pod_name", "pod_name"};
  std::vector<std::string> deployment = {"deployment"};
  std::vector<std::string> statefulset = {"statefulset"};
  std::vector<std::string> daemonset = {"daemonset"};
  std::vector<std::string> workload = {"workload"};
  std::vector<std::string> workload_kind = {"workload_type", "workload_kind"};
  std::vector<std::string> node = {"exported_node", "node", "kubernetes_node", "nodename"};
  std::vector<std::string> job = {"job_name", "exported_job"};
  std::vector<std::string> hpa = {"horizontalpodautoscaler", "hpa"};

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("namespace", &LabelNames::namespaces, "Labels with the namespace"),
        Field("pod", &LabelNames::pod, "Labels with a pod's name"),
        Field("deployment", &LabelNames::deployment, "Labels with a Deployment's name"),
        Field("statefulset", &LabelNames::statefulset, "Labels with a StatefulSet's name"),
        Field("daemonset", &LabelNames::daemonset, "Labels with a DaemonSet's name"),
        Field("workload", &LabelNames::workload, "Labels with a workload's name, of any kind"),
        Field("workload_kind", &LabelNames::workload_kind, "Labels with that workload's kind"),
        Field("node", &LabelNames::node, "Labels with a node's name"),
        Field("job", &LabelNames::job, "Labels with a Job's name"),
        Field("hpa", &LabelNames::hpa, "Labels with a HorizontalPodAutoscaler's name"));
  }
};

struct Config : ClusterConfig {
  Operation operation = Operation::kRestartPod;
  std::string namespace_name;
  std::string pod;
  std::string deployment;
  std::string statefulset;
  std::string daemonset;
  std::string workload;
  std::string node;
  std::string job;
  std::string hpa;
  LabelNames labels;
  sdk::Duration ready_within = sdk::Minutes(5);
  sdk::Duration stable_for = sdk::Seconds(30);
  std::optional<sdk::Duration> grace_period;
  std::optional<int64_t> to_revision;
  int64_t max_revisions_back = 3;
  sdk::Duration max_age = sdk::Minutes(24 * 60);
  bool argocd_owned = false;
  std::optional<int64_t> scale_up_percent;
  std::optional<int64_t> scale_up_by;
  int64_t max_replicas = 10;
  bool only_own = true;
  bool delete_emptydir_data = false;
  bool evict_ownerless = false;
  sdk::Duration eviction_retry = sdk::Seconds(5);
  bool only_failed = true;
  std::string resource;
  std::string name;
  PatchType patch_type = PatchType::kStrategic;
  std::string patch;
  bool events = true;

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        std::tuple(
            Field("operation", &Config::operation, "What to do",
                  {.required = true, .one_of = kOperationWords}),
            Field("namespace", &Config::namespace_name,
                  "Namespace of the target; from its labels if absent", {.runtime = true}),
            Field("pod", &Config::pod,
                  "Name of a pod: itself, or what owns it, or the node it runs on",
                  {.runtime = true}),
            Field("deployment", &Config::deployment, "Name of a Deployment", {.runtime = true}),
            Field("statefulset", &Config::statefulset, "Name of a StatefulSet", {.runtime = true}),
            Field("daemonset", &Config::daemonset, "Name of a DaemonSet", {.runtime = true}),
            Field("workload", &Config::workload,
                  "A workload of any of these kinds: kind/name, or the name alone",
                  {.runtime = true}),
            Field("node", &Config::node, "Name of a node", {.runtime = true}),
            Field("job", &Config::job, "delete_job: name of a Job", {.runtime = true}),
            Field("hpa", &Config::hpa, "scale_out: name of a HorizontalPodAutoscaler",
                  {.runtime = true}),
            Field("labels", &Config::labels,
                  "Which labels name the target where none of the keys above does"),
            Field("ready_within", &Config::ready_within,
                  "Time that new pods may take to be ready; a rollout has its own deadline beside "
                  "it",
                  {.min = 0, .exclusive_min = true}),
            Field("stable_for", &Config::stable_for,
                  "restart_pod and a canary: how long the new pod must be ready without a restart",
                  {.min = 0}),
            Field("grace_period", &Config::grace_period,
                  "From SIGTERM to SIGKILL of an evicted pod; the pod's own if absent",
                  {.min = 1e9}),
            Field("to_revision", &Config::to_revision,
                  "rollback: to this revision instead of the one before", {.min = 1}),
            Field("max_revisions_back", &Config::max_revisions_back,
                  "rollback: never further back than this", {.min = 1}),
            Field("max_age", &Config::max_age,
                  "rollback: a rollout that is older isn't what went wrong, and stays; 0: of any "
                  "age",
                  {.min = 0}),
            Field("argocd_owned", &Config::argocd_owned,
                  "rollback, scale_out: also what Argo CD deploys; auto-sync would undo it"),
            Field("scale_up_percent", &Config::scale_up_percent,
                  "scale_out: by this part of the replicas, at least one; 50 if absent",
                  {.min = 1, .max = 1000}),
            Field("scale_up_by", &Config::scale_up_by, "scale_out: by this many instead",
                  {.min = 1}),
            Field("max_replicas", &Config::max_replicas, "scale_out: never beyond this",
                  {.min = 1}),
            Field("only_own", &Config::only_own,
                  "uncordon: refuse nodes that somebody else has cordoned"),
            Field("delete_emptydir_data", &Config::delete_emptydir_data,
                  "drain: also evict pods that lose what they keep in an emptyDir"),
            Field("evict_ownerless", &Config::evict_ownerless,
                  "drain: also evict pods that nothing will replace"),
            Field("eviction_retry", &Config::eviction_retry,
                  "Pause before an eviction that a disruption budget refused is tried again",
                  {.min = 1e8}),
            Field("only_failed", &Config::only_failed,
                  "delete_job: refuse Jobs that haven't failed"),
            Field("resource", &Config::resource,
                  "patch: what to patch, as in its URL: apps/v1/deployments, v1/configmaps",
                  {.pattern = "^([a-z0-9.-]+/)?v[a-z0-9]+/[a-z0-9]+$"}),
            Field("name", &Config::name, "patch: name of the object", {.runtime = true}),
            Field("patch_type", &Config::patch_type, "patch: how to read it",
                  {.one_of = kPatchTypeWords}),
            Field("patch", &Config::patch, "patch: the patch, in JSON"),
            Field("events", &Config::events,
                  "Write a Kubernetes Event on what was changed: kubectl describe shows it")),
        ClusterConfig::ClusterFields());
  }
};

}  // namespace heald::kubernetes

// The schema also carries what the operations need to be allowed, for `heald rbac`.
template <>
inline std::string heald::sdk::ConfigSchema<heald::kubernetes::Config>() {
  std::string out = "{";
  detail::AppendObject(out, heald::kubernetes::Config{});
  return out + ",\"x-rbac\":" + heald::kubernetes::RbacJson() + "}";
}
