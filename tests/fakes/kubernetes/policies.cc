// The controllers beside the workloads: disruption budgets, autoscalers, nodes.
#include <algorithm>

#include "tests/fakes/kubernetes/controllers.h"
#include "tests/fakes/kubernetes/selectors.h"

namespace heald::fakes::kubernetes {
namespace {

constexpr int64_t kDisruptionExpiresMs = 120000;
constexpr const char* kUnschedulable = "node.kubernetes.io/unschedulable";

// How many pods there should be: by the scale of what controls them.
int64_t ExpectedPods(const Cluster& cluster, const std::vector<Object>& pods) {
  std::map<std::string, int64_t> scales;
  int64_t bare = 0;
  for (const Object& pod : pods) {
    const Json owner = ControllerOf(*pod);
    const Resource* resource = ResourceOfKind(owner.value("kind", ""));
    Object found;
    if (resource != nullptr)
      found = cluster.store.Find(*resource, NamespaceOf(*pod), owner.value("name", ""));
    if (found == nullptr) {
      ++bare;
      continue;
    }
    if (const Json top = ControllerOf(*found); !top.is_null())
      if (const Object deployment = cluster.store.Find(*ResourceOfKind("Deployment"),
                                                       NamespaceOf(*pod), top.value("name", "")))
        found = deployment;
    scales[UidOf(*found)] = IntAt(*found, "/spec/replicas", 1);
  }
  for (const auto& [uid, scale] : scales) bare += scale;
  return bare;
}

void StepBudget(Cluster& cluster, const Json& budget, const std::vector<Object>& all, Due& due) {
  const LabelSelector selector =
      LabelSelector::Of(budget["spec"].value("selector", Json::object()));
  std::vector<Object> pods;
  for (const Object& pod : all)
    if (NamespaceOf(*pod) == NamespaceOf(budget) && selector.Matches(*pod)) pods.push_back(pod);
  const Json& spec = budget["spec"];
  int64_t expected = static_cast<int64_t>(pods.size());
  int64_t desired = 0;
  if (spec.contains("maxUnavailable")) {
    expected = ExpectedPods(cluster, pods);
    desired = std::max<int64_t>(0, expected - Scaled(spec["maxUnavailable"], expected, true, 0));
  } else if (spec.contains("minAvailable")) {
    if (spec["minAvailable"].is_string()) expected = ExpectedPods(cluster, pods);
    desired = Scaled(spec["minAvailable"], expected, true, 0);
  }
  Json disrupted = budget["status"].value("disruptedPods", Json::object());
  int64_t healthy = 0;
  Json left = Json::object();
  for (const Object& pod : pods) {
    const std::string name = NameOf(*pod);
    if (disrupted.contains(name) && PodActive(*pod)) {
      const int64_t at_ms =
          Cluster::ParseMs(disrupted[name].get<std::string>()) + kDisruptionExpiresMs;
      if (cluster.NowMs() < at_ms) {
        left[name] = disrupted[name];
        NoteDue(due, at_ms);
        continue;
      }
    }
    if (PodActive(*pod) && PodReady(*pod)) ++healthy;
  }
  const int64_t allowed = expected == 0 ? 0 : std::max<int64_t>(0, healthy - desired);
  Json updated = budget;
  Json& status = updated["status"];
  status["observedGeneration"] = IntAt(budget, "/metadata/generation", 1);
  status["disruptionsAllowed"] = allowed;
  status["currentHealthy"] = healthy;
  status["desiredHealthy"] = desired;
  status["expectedPods"] = expected;
  if (left.empty())
    status.erase("disruptedPods");
  else
    status["disruptedPods"] = std::move(left);
  SetCondition(updated,
               {{"type", "DisruptionAllowed"},
                {"status", allowed > 0 ? "True" : "False"},
                {"observedGeneration", IntAt(budget, "/metadata/generation", 1)},
                {"reason", allowed > 0 ? "SufficientPods" : "InsufficientPods"},
                {"message", ""}},
               cluster.Now());
  cluster.Put("PodDisruptionBudget", std::move(updated));
}

}  // namespace

void SweepBudgets(Cluster& cluster, Due& due) {
  const std::vector<Object> budgets = cluster.List("PodDisruptionBudget");
  if (budgets.empty()) return;
  const std::vector<Object> pods = cluster.List("Pod");
  for (const Object& budget : budgets) StepBudget(cluster, *budget, pods, due);
}

// There are no metrics: an autoscaler only holds its target between its bounds, as a real one
// does when it has none.
void SweepAutoscalers(Cluster& cluster) {
  for (const Object& scaler : cluster.List("HorizontalPodAutoscaler")) {
    const Json& target = (*scaler)["spec"]["scaleTargetRef"];
    const Resource* resource = ResourceOfKind(target.value("kind", ""));
    const Object found =
        resource == nullptr || !resource->scale
            ? nullptr
            : cluster.store.Find(*resource, NamespaceOf(*scaler), target.value("name", ""));
    Json updated = *scaler;
    if (found == nullptr) {
      SetCondition(updated,
                   {{"type", "AbleToScale"},
                    {"status", "False"},
                    {"reason", "FailedGetScale"},
                    {"message", "the HPA controller was unable to get the target's current scale"}},
                   cluster.Now());
      cluster.Put("HorizontalPodAutoscaler", std::move(updated));
      continue;
    }
    const int64_t has = IntAt(*found, "/spec/replicas", 1);
    const int64_t wanted = has == 0 ? 0
                                    : std::clamp(has, IntAt(*scaler, "/spec/minReplicas", 1),
                                                 std::max(IntAt(*scaler, "/spec/maxReplicas", 1),
                                                          IntAt(*scaler, "/spec/minReplicas", 1)));
    const bool rescaled = wanted != has;
    if (rescaled) {
      Json scaled = *found;
      scaled["spec"]["replicas"] = wanted;
      scaled["metadata"]["generation"] = IntAt(scaled, "/metadata/generation", 1) + 1;
      cluster.store.Put(*resource, std::move(scaled));
      updated["status"]["desiredReplicas"] = wanted;
      updated["status"]["lastScaleTime"] = cluster.Now();
    }
    updated["status"]["currentReplicas"] = IntAt(*found, "/status/replicas", has);
    SetCondition(
        updated,
        {{"type", "AbleToScale"},
         {"status", "True"},
         {"reason", rescaled ? "SucceededRescale" : "SucceededGetScale"},
         {"message", rescaled ? "the HPA controller was able to update the target scale to " +
                                    std::to_string(wanted)
                              : "the HPA controller was able to get the target's current scale"}},
        cluster.Now());
    if (!rescaled && has > 0)
      SetCondition(updated,
                   {{"type", "ScalingActive"},
                    {"status", "False"},
                    {"reason", "FailedGetResourceMetric"},
                    {"message",
                     "the HPA was unable to compute the replica count: failed to get cpu "
                     "utilization: unable to get metrics for resource cpu: unable to fetch metrics "
                     "from resource metrics API: the server could not find the requested resource "
                     "(get pods.metrics.k8s.io)"}},
                   cluster.Now());
    cluster.Put("HorizontalPodAutoscaler", std::move(updated));
  }
}

void SweepNodes(Cluster& cluster) {
  for (const Object& node : cluster.List("Node")) {
    Json updated = *node;
    Json& spec = updated["spec"];
    Json taints = Json::array();
    bool tainted = false;
    const bool cordoned = spec.value("unschedulable", false);
    for (const Json& taint : spec.value("taints", Json::array())) {
      const bool own = taint.value("key", "") == kUnschedulable;
      tainted = tainted || own;
      if (!own || cordoned) taints.push_back(taint);
    }
    if (cordoned && !tainted)
      taints.push_back(
          {{"key", kUnschedulable}, {"effect", "NoSchedule"}, {"timeAdded", cluster.Now()}});
    if (taints.empty())
      spec.erase("taints");
    else
      spec["taints"] = std::move(taints);
    cluster.Put("Node", std::move(updated));
  }
}

}  // namespace heald::fakes::kubernetes
