#include "plugins/actions/kubernetes/workload.h"

#include <algorithm>
#include <cmath>

#include "heald/time_text.h"
#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using sdk::Effect;
using sdk::EffectState;
using support::At;
using support::Number;
using support::Text;

constexpr int64_t kMostWithinNs = 3'600'000'000'000;
constexpr int64_t kMarginNs = 5'000'000'000;
constexpr int64_t kHundred = 100;

std::string Of(int64_t part, int64_t whole, const char* what) {
  return std::to_string(part) + " of " + std::to_string(whole) + " " + what;
}

Json ProgressingOf(const Json& deployment) {
  const Json& conditions = At(deployment, "/status/conditions");
  if (conditions.is_array())
    for (const Json& condition : conditions)
      if (Text(condition, "/type") == "Progressing") return condition;
  return Json::object();
}

// Empty: all pods are of the present template, and no others are left.
std::string WhyUnrolled(const Json& workload, const Resource& resource) {
  if (!WasSeen(workload)) return "its controller has yet to see the latest change";
  const int64_t wanted = WantedReplicas(workload, resource);
  if (resource == kDaemonSets) {
    const int64_t updated = Number(workload, "/status/updatedNumberScheduled");
    return updated < wanted ? Of(updated, wanted, "nodes have the new pod") : "";
  }
  const int64_t updated = Number(workload, "/status/updatedReplicas");
  if (resource == kStatefulSets) {
    const int64_t partition = Number(workload, "/spec/updateStrategy/rollingUpdate/partition");
    if (updated < wanted - partition) return Of(updated, wanted - partition, "pods updated");
    if (partition == 0 &&
        Text(workload, "/status/updateRevision") != Text(workload, "/status/currentRevision"))
      return "the last pods are being updated";
    return "";
  }
  if (updated < wanted) return Of(updated, wanted, "pods updated");
  const int64_t old = Number(workload, "/status/replicas") - updated;
  return old > 0 ? std::to_string(old) + " old pods are still there" : "";
}

// "25%" or a number; of the replicas, rounded as the controllers do.
int64_t Share(const Json& value, int64_t replicas, int64_t absent, bool up) {
  if (value.is_number()) return value.get<int64_t>();
  if (!value.is_string()) return absent;
  const int64_t part = replicas * std::atoll(value.get<std::string>().c_str());
  return (part + (up ? kHundred - 1 : 0)) / kHundred;
}

// When heald changed it last; empty: never.
std::string WrittenAt(const Json& workload) {
  std::string latest;
  for (const Json& writer : At(workload, "/metadata/managedFields"))
    if (Text(writer, "/manager") == kFieldManager && Text(writer, "/subresource").empty())
      latest = std::max(latest, Text(writer, "/time"));
  return latest;
}

}  // namespace

bool WasSeen(const Json& workload) {
  return Number(workload, "/status/observedGeneration") >= Number(workload, "/metadata/generation");
}

int64_t WantedReplicas(const Json& workload, const Resource& resource) {
  return resource == kDaemonSets ? Number(workload, "/status/desiredNumberScheduled")
                                 : NumberOr(workload, "/spec/replicas", 1);
}

int64_t NumberOr(const Json& object, const char* pointer, int64_t absent) {
  const Json& value = At(object, pointer);
  return value.is_number() ? value.get<int64_t>() : absent;
}

int64_t TimeNs(const Json& object, const char* pointer) {
  int64_t ns = 0;
  return sdk::ParseTimeText(Text(object, pointer), &ns) == nullptr ? ns : 0;
}

int64_t RolledOutNs(const Json& deployment) {
  return TimeNs(ProgressingOf(deployment), "/lastUpdateTime");
}

std::string Shown(const Json& object, const Resource& resource) {
  return Ref{resource, Text(object, "/metadata/namespace"), Text(object, "/metadata/name")}.Shown();
}

Effect JudgeRollout(const Json& workload, const Resource& resource) {
  const std::string shown = Shown(workload, resource);
  if (const std::string why = WhyRolloutFailed(workload, resource); !why.empty())
    return {EffectState::kFailed, why};
  if (const std::string why = WhyUnrolled(workload, resource); !why.empty())
    return {EffectState::kPending, shown + ": " + why};
  const int64_t wanted = WantedReplicas(workload, resource);
  const char* const available =
      resource == kDaemonSets ? "/status/numberAvailable" : "/status/availableReplicas";
  // Servers before 1.22 count no available replicas of a StatefulSet.
  const int64_t up =
      NumberOr(workload, available,
               resource == kStatefulSets ? Number(workload, "/status/readyReplicas") : 0);
  if (up < wanted) return {EffectState::kPending, shown + ": " + Of(up, wanted, "pods available")};
  return {EffectState::kDone, shown + ": all " + std::to_string(wanted) +
                                  " pods updated and "
                                  "available"};
}

std::string WhyBusy(const Json& workload, const Resource& resource) {
  if (!WhyRolloutFailed(workload, resource).empty()) return "";
  const std::string under_way = "a rollout of " + Shown(workload, resource) + " is under way: ";
  if (const std::string why = WhyUnrolled(workload, resource); !why.empty()) return under_way + why;
  // Complete once, it stays so for the controller, however sick its pods are later.
  const std::string reason = Text(ProgressingOf(workload), "/reason");
  for (const char* unfinished : {"ReplicaSetUpdated", "NewReplicaSetCreated", "FoundNewReplicaSet"})
    if (resource == kDeployments && reason == unfinished)
      return under_way + "its new pods aren't available yet";
  return "";
}

std::string WhyRolloutFailed(const Json& workload, const Resource& resource) {
  if (resource != kDeployments || !WasSeen(workload)) return "";
  const Json progressing = ProgressingOf(workload);
  if (Text(progressing, "/reason") != "ProgressDeadlineExceeded") return "";
  // It says so until a later rollout has got on by a pod: from before our change it is about the
  // rollout before. Both times are the server's, to the second.
  if (Text(progressing, "/lastUpdateTime") <= WrittenAt(workload)) return "";
  return "the last rollout of " + Shown(workload, resource) +
         " has failed: " + Text(progressing, "/message");
}

std::string WhyNotRolled(const Json& workload, const Resource& resource) {
  const std::string shown = Shown(workload, resource);
  if (resource == kDeployments)
    return At(workload, "/spec/paused") == true
               ? shown + " is paused: `kubectl rollout resume` it first"
               : "";
  if (Text(workload, "/spec/updateStrategy/type") == "OnDelete")
    return shown +
           " has updateStrategy OnDelete: a change of its template waits until somebody "
           "deletes its pods";
  if (resource == kStatefulSets) {
    const int64_t partition = Number(workload, "/spec/updateStrategy/rollingUpdate/partition");
    if (partition >= WantedReplicas(workload, resource) && partition > 0)
      return shown + " has the partition " + std::to_string(partition) +
             ": a change of its template reaches no pod";
  }
  return "";
}

int64_t RolloutWithinNs(const Json& workload, const Resource& resource, int64_t ready_within_ns) {
  const int64_t wanted = std::max<int64_t>(WantedReplicas(workload, resource), 1);
  int64_t batch = 1;
  if (resource == kDeployments) {
    const std::string type = Text(workload, "/spec/strategy/type");
    const Json& rolling = At(workload, "/spec/strategy/rollingUpdate");
    batch = type == "Recreate" ? wanted
                               : Share(At(rolling, "/maxUnavailable"), wanted, 0, false) +
                                     Share(At(rolling, "/maxSurge"), wanted, 1, true);
  } else if (resource == kDaemonSets) {
    batch =
        Share(At(workload, "/spec/updateStrategy/rollingUpdate/maxUnavailable"), wanted, 1, true);
  }
  batch = std::clamp<int64_t>(batch, 1, wanted);
  const int64_t batches = (wanted + batch - 1) / batch;
  const int64_t most = kMostWithinNs / std::max<int64_t>(ready_within_ns, 1) + 1;
  return std::min(std::min(batches, most) * ready_within_ns, kMostWithinNs) + kMarginNs;
}

std::string SelectorText(const Json& label_selector) {
  std::string text;
  const auto add = [&](const std::string& term) { text += (text.empty() ? "" : ",") + term; };
  if (const Json& labels = At(label_selector, "/matchLabels"); labels.is_object())
    for (const auto& [name, value] : labels.items())
      add(name + "=" + (value.is_string() ? value.get<std::string>() : ""));
  if (const Json& expressions = At(label_selector, "/matchExpressions"); expressions.is_array())
    for (const Json& expression : expressions) {
      const std::string key = Text(expression, "/key");
      const std::string op = Text(expression, "/operator");
      if (op == "Exists" || op == "DoesNotExist") {
        add((op == "Exists" ? "" : "!") + key);
        continue;
      }
      std::string values;
      for (const Json& value : At(expression, "/values"))
        values += (values.empty() ? "" : ",") + value.get<std::string>();
      add(key + (op == "In" ? " in (" : " notin (") + values + ")");
    }
  return text;
}

Json RestartedAt(const Json& workload) {
  const Json& annotations = At(workload, "/spec/template/metadata/annotations");
  const auto at = annotations.is_object() ? annotations.find(kRestartedAt) : annotations.end();
  return annotations.is_object() && at != annotations.end() ? *at : Json();
}

}  // namespace heald::kubernetes
