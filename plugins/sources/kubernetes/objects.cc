#include "plugins/sources/kubernetes/objects.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "heald/time_text.h"
#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using nlohmann::json;
using support::At;
using support::Number;
using support::Text;

constexpr size_t kMostMessageBytes = 300;

// Waiting for these doesn't end by itself, or ends in the same again. ContainerCreating and
// PodInitializing are how pods begin.
constexpr std::array<std::string_view, 9> kBadReasons = {
    "CrashLoopBackOff",     "ImagePullBackOff",  "ErrImagePull",
    "InvalidImageName",     "ErrImageNeverPull", "CreateContainerConfigError",
    "CreateContainerError", "RunContainerError", "PostStartHookError"};

int64_t TimeOf(const json& object, const char* pointer) {
  int64_t ns = 0;
  const std::string text = Text(object, pointer);
  return !text.empty() && sdk::ParseTimeText(text, &ns) == nullptr ? ns : 0;
}

std::string Message(const json& object, const char* pointer) {
  std::string text = Text(object, pointer);
  if (text.size() <= kMostMessageBytes) return text;
  size_t end = kMostMessageBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

// Null where there is no such condition.
const json& ConditionOf(const json& object, std::string_view type) {
  static const json none;
  for (const json& condition : At(object, "/status/conditions"))
    if (Text(condition, "/type") == type) return condition;
  return none;
}

bool Holds(const json& object, std::string_view type) {
  return Text(ConditionOf(object, type), "/status") == "True";
}

// The workload that people know: a Deployment's pods belong to a ReplicaSet with the template's
// hash in its name.
void ReadOwner(const json& object, Pod* pod) {
  for (const json& owner : At(object, "/metadata/ownerReferences")) {
    if (At(owner, "/controller") != true) continue;
    std::string kind = Text(owner, "/kind");
    pod->owner = Text(owner, "/name");
    const std::string hash = Text(At(object, "/metadata/labels"), "/pod-template-hash");
    if (kind == "ReplicaSet" && !hash.empty() && pod->owner.ends_with("-" + hash)) {
      kind = "Deployment";
      pod->owner.resize(pod->owner.size() - hash.size() - 1);
    }
    for (char& c : kind)
      if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    pod->owner_label = std::move(kind);
  }
}

Container ReadContainer(const json& status) {
  Container container{.name = Text(status, "/name"), .restarts = Number(status, "/restartCount")};
  std::string reason = Text(status, "/state/waiting/reason");
  // The two take turns while a pull is tried again and again.
  if (reason == "ErrImagePull") reason = "ImagePullBackOff";
  if (std::find(kBadReasons.begin(), kBadReasons.end(), reason) != kBadReasons.end()) {
    container.waiting = std::move(reason);
    container.message = Message(status, "/state/waiting/message");
  }
  for (const char* where : {"/lastState/terminated", "/state/terminated"}) {
    const json& end = At(status, where);
    const int64_t ended_ns = TimeOf(end, "/finishedAt");
    if (ended_ns == 0) continue;
    container.ended_ns = ended_ns;
    container.exit_code = Number(end, "/exitCode");
    if (Text(end, "/reason") == "OOMKilled") container.oom_ns = ended_ns;
  }
  return container;
}

}  // namespace

Pod ReadPod(const json& object) {
  Pod pod{.name_space = Text(object, "/metadata/namespace"),
          .name = Text(object, "/metadata/name"),
          .node = Text(object, "/spec/nodeName")};
  ReadOwner(object, &pod);
  const std::string phase = Text(object, "/status/phase");
  pod.over = phase == "Succeeded" || phase == "Failed" ||
             !Text(object, "/metadata/deletionTimestamp").empty();
  pod.ready = Holds(object, "Ready");
  pod.begun_ns = TimeOf(object, "/status/startTime");
  const json& scheduled = ConditionOf(object, "PodScheduled");
  // Whoever closed a gate of the pod wants it to wait.
  if (Text(scheduled, "/status") == "False" && Text(scheduled, "/reason") != "SchedulingGated") {
    pod.pending_ns = std::max<int64_t>(TimeOf(scheduled, "/lastTransitionTime"), 1);
    pod.pending = Message(scheduled, "/message");
  }
  for (const char* where : {"/status/initContainerStatuses", "/status/containerStatuses"})
    for (const json& status : At(object, where)) pod.containers.push_back(ReadContainer(status));
  return pod;
}

Node ReadNode(const json& object) {
  Node node{.name = Text(object, "/metadata/name")};
  node.ready = Holds(object, "Ready");
  if (!node.ready) {
    const json& ready = ConditionOf(object, "Ready");
    node.message = Message(ready, "/message");
    node.unready_ns = TimeOf(ready, "/lastTransitionTime");
    if (node.unready_ns == 0) node.unready_ns = TimeOf(object, "/metadata/creationTimestamp");
    node.unready_ns = std::max<int64_t>(node.unready_ns, 1);
  }
  node.schedulable = At(object, "/spec/unschedulable") != true;
  node.disk_pressure = Holds(object, "DiskPressure");
  node.memory_pressure = Holds(object, "MemoryPressure");
  node.pid_pressure = Holds(object, "PIDPressure");
  return node;
}

Workload ReadWorkload(const Resource& resource, const json& object) {
  Workload workload{.label = std::string(resource.plural.substr(0, resource.plural.size() - 1)),
                    .name_space = Text(object, "/metadata/namespace"),
                    .name = Text(object, "/metadata/name")};
  const bool per_node = resource == kDaemonSets;
  workload.desired = Number(object, per_node ? "/status/desiredNumberScheduled" : "/spec/replicas");
  workload.ready = Number(object, per_node ? "/status/numberReady" : "/status/readyReplicas");
  workload.behind = std::max<int64_t>(
      Number(object, "/metadata/generation") - Number(object, "/status/observedGeneration"), 0);
  const json& progressing = ConditionOf(object, "Progressing");
  workload.failed = Text(progressing, "/reason") == "ProgressDeadlineExceeded";
  if (workload.failed) workload.message = Message(progressing, "/message");
  return workload;
}

Event ReadEvent(const json& object) {
  Event event{.name_space = Text(object, "/involvedObject/namespace"),
              .kind = Text(object, "/involvedObject/kind"),
              .name = Text(object, "/involvedObject/name"),
              .uid = Text(object, "/involvedObject/uid"),
              .reason = Text(object, "/reason"),
              .message = Message(object, "/message")};
  event.warning = Text(object, "/type") == "Warning";
  // Written through events.k8s.io they count in a series and have no lastTimestamp.
  event.count = std::max<int64_t>({Number(object, "/count"), Number(object, "/series/count"), 1});
  for (const char* where :
       {"/lastTimestamp", "/series/lastObservedTime", "/eventTime", "/metadata/creationTimestamp"})
    if (event.last_ns == 0) event.last_ns = TimeOf(object, where);
  return event;
}

sdk::LabelSet LabelsOf(const Pod& pod) {
  sdk::LabelSet labels{{"namespace", pod.name_space}, {"pod", pod.name}};
  if (!pod.owner_label.empty()) labels.Set(pod.owner_label, pod.owner);
  return labels;
}

sdk::LabelSet LabelsOf(const Node& node) {
  return {{"node", node.name}};
}

sdk::LabelSet LabelsOf(const Workload& workload) {
  return {{"namespace", workload.name_space}, {workload.label, workload.name}};
}

sdk::LabelSet LabelsOf(const Event& event) {
  std::string kind = event.kind.empty() ? "object" : event.kind;
  for (char& c : kind)
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  sdk::LabelSet labels{{kind, event.name}};
  if (!event.name_space.empty()) labels.Set("namespace", event.name_space);
  return labels;
}

}  // namespace heald::kubernetes
