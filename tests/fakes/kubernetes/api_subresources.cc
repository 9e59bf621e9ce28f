// Evictions, which a budget may forbid, and scales.
#include <algorithm>

#include "tests/fakes/kubernetes/api.h"
#include "tests/fakes/kubernetes/objects.h"
#include "tests/fakes/kubernetes/patches.h"
#include "tests/fakes/kubernetes/selectors.h"
#include "tests/fakes/kubernetes/validation.h"

namespace heald::fakes::kubernetes {
namespace {

Refusal Disrupted(const std::string& cause) {
  return {429, StatusBody(429, "TooManyRequests",
                          "Cannot evict pod as it would violate the pod's disruption budget.",
                          {{"causes",
                            Json::array({{{"reason", "DisruptionBudget"}, {"message", cause}}})}})};
}

// Selectors as the status of a Scale writes them: "app=web,tier in (a,b)".
std::string SelectorText(const Json& selector) {
  std::string text;
  const Json labels = selector.value("matchLabels", Json::object());
  for (const auto& [key, value] : labels.items())
    text += (text.empty() ? "" : ",") + key + "=" + value.get<std::string>();
  return text;
}

Json ScaleOf(const Json& object) {
  const Json& metadata = object["metadata"];
  Json scale = {{"kind", "Scale"},
                {"apiVersion", "autoscaling/v1"},
                {"metadata", Json::object()},
                {"spec", {{"replicas", IntAt(object, "/spec/replicas", 0)}}},
                {"status",
                 {{"replicas", IntAt(object, "/status/replicas", 0)},
                  {"selector", SelectorText(object["spec"].value("selector", Json::object()))}}}};
  for (const char* field : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"})
    if (metadata.contains(field)) scale["metadata"][field] = metadata[field];
  return scale;
}

}  // namespace

FakeReply Api::Evict(const Request& request) {
  const Json eviction = request.Body();
  const std::string named = NameOf(eviction);
  if (!named.empty() && named != request.name)
    throw BadRequest("name in URL does not match name in Eviction object");
  const Object pod = Wanted(request);
  const Json options = eviction.value("deleteOptions", Json::object());
  const bool dry_run = request.dry_run() || options.value("dryRun", Json()) == Json({"All"});
  const std::string phase = TextAt(*pod, "/status/phase");
  const bool counted = phase == "Running" && PodActive(*pod);

  std::vector<Object> budgets;
  for (const Object& budget : cluster_.List("PodDisruptionBudget", request.space))
    if (LabelSelector::Of((*budget)["spec"].value("selector", Json::object())).Matches(*pod))
      budgets.push_back(budget);
  if (counted && budgets.size() > 1)
    throw Refusal(500, StatusBody(500, "InternalError",
                                  "Internal error occurred: This pod has more than one "
                                  "PodDisruptionBudget, which the eviction subresource does not "
                                  "support."));
  if (counted && budgets.size() == 1) {
    const Json& budget = *budgets.front();
    const int64_t healthy = IntAt(budget, "/status/currentHealthy", 0);
    const int64_t desired = IntAt(budget, "/status/desiredHealthy", 0);
    const int64_t allowed = IntAt(budget, "/status/disruptionsAllowed", 0);
    // A pod that doesn't serve anyway may go as long as enough others do.
    const bool spared =
        !PodReady(*pod) && (TextAt(budget, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow" ||
                            (healthy >= desired && desired > 0));
    if (!spared) {
      if (IntAt(budget, "/status/observedGeneration", 0) <
          IntAt(budget, "/metadata/generation", 1)) {
        Refusal refusal = Disrupted("The disruption budget " + NameOf(budget) +
                                    " is still being processed by the server.");
        refusal.retry_after_s = 10;
        refusal.body["details"]["retryAfterSeconds"] = 10;
        throw refusal;
      }
      if (allowed <= 0)
        throw Disrupted("The disruption budget " + NameOf(budget) + " needs " +
                        std::to_string(desired) + " healthy pods and has " +
                        std::to_string(healthy) + " currently");
      if (!dry_run) {
        // Charged before the delete is tried, and not given back when that fails.
        Json charged = budget;
        charged["status"]["disruptionsAllowed"] = allowed - 1;
        charged["status"]["disruptedPods"][request.name] = cluster_.Now();
        cluster_.Put("PodDisruptionBudget", std::move(charged));
      }
    }
  }
  const std::string uid = TextAt(options, "/preconditions/uid");
  if (!uid.empty() && uid != UidOf(*pod))
    throw UidMismatch(*request.resource, request.name, uid, UidOf(*pod));
  if (!dry_run) {
    bool gone = false;
    Delete(cluster_, *request.resource, *pod,
           IntAt(options, "/gracePeriodSeconds",
                 IntAt(*pod, "/spec/terminationGracePeriodSeconds", 30)),
           &gone);
  }
  return Reply(201, StatusBody(201, "", ""));
}

FakeReply Api::Scale(const Request& request) {
  const Resource& resource = *request.resource;
  const Object object = Wanted(request);
  Json scale = ScaleOf(*object);
  if (request.http.method == "GET") return Reply(200, scale);
  if (request.http.method == "PATCH") {
    scale = ApplyPatch(scale, std::string(request.http.Header("content-type")), request.http.body);
  } else if (request.http.method == "PUT") {
    scale = request.Body();
  } else {
    throw NoSuchResource();
  }
  const int64_t replicas = IntAt(scale, "/spec/replicas", 0);
  if (replicas < 0)
    throw Invalid(
        "Scale", "autoscaling", request.name,
        {{"FieldValueInvalid",
          "Invalid value: " + std::to_string(replicas) + ": must be greater than or equal to 0",
          "spec.replicas"}});
  const std::string version = TextAt(scale, "/metadata/resourceVersion");
  if (!version.empty() && version != TextAt(*object, "/metadata/resourceVersion"))
    throw Modified(resource, request.name);
  Json sized = *object;
  sized["spec"]["replicas"] = replicas;
  return Reply(200, ScaleOf(*Write(request, object, std::move(sized), false)));
}

}  // namespace heald::fakes::kubernetes
