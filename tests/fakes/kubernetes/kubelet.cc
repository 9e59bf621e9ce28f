// The scheduler and the kubelets: pods get a node, become Ready or fail as told, and go.
#include <algorithm>

#include "tests/fakes/kubernetes/controllers.h"

namespace heald::fakes::kubernetes {
namespace {

constexpr int64_t kFirstBackOffMs = 10000;
constexpr int64_t kLastBackOffMs = 300000;

const Resource& PodResource() {
  static const Resource& kPod = *ResourceOfKind("Pod");
  return kPod;
}

Json Condition(const char* type, bool yes) {
  return {{"type", type}, {"status", yes ? "True" : "False"}, {"lastProbeTime", nullptr}};
}

bool Schedulable(const Json& pod, const Json& node) {
  if (TextAt(ControllerOf(pod), "/kind") == "DaemonSet")
    return TextAt(pod,
                  "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/"
                  "nodeSelectorTerms/0/matchFields/0/values/0") == NameOf(node);
  const Json* ready = FindCondition(node, "Ready");
  if (node["spec"].value("unschedulable", false) ||
      (ready != nullptr && (*ready)["status"] != "True"))
    return false;
  for (const Json& taint : node["spec"].value("taints", Json::array()))
    if (taint.value("effect", "") != "PreferNoSchedule") return false;
  return SelectsNode(pod["spec"].value("nodeSelector", Json::object()), node);
}

Json Terminated(PodFate fate, const std::string& from, const std::string& to) {
  const bool oom = fate == PodFate::kOom;
  return {{"terminated",
           {{"exitCode", fate == PodFate::kSucceeds ? 0
                         : oom                      ? 137
                                                    : 1},
            {"reason", fate == PodFate::kSucceeds ? "Completed"
                       : oom                      ? "OOMKilled"
                                                  : "Error"},
            {"startedAt", from},
            {"finishedAt", to}}}};
}

Json ContainerStatus(const Json& container, PodFate fate, int restarts, const std::string& since,
                     const std::string& now) {
  const std::string image = container.value("image", "");
  const std::string name = container.value("name", "");
  Json status = {{"name", name},
                 {"image", image},
                 {"imageID", "fake://sha256:0"},
                 {"lastState", Json::object()},
                 {"ready", fate == PodFate::kReady},
                 {"started", fate == PodFate::kReady || fate == PodFate::kUnready},
                 {"restartCount", restarts}};
  switch (fate) {
    case PodFate::kReady:
    case PodFate::kUnready:
      status["state"] = {{"running", {{"startedAt", since}}}};
      break;
    case PodFate::kImagePull:
      status["imageID"] = "";
      status["state"] = {{"waiting",
                          {{"reason", "ImagePullBackOff"},
                           {"message", "Back-off pulling image \"" + image + "\""}}}};
      break;
    case PodFate::kCrashLoop:
    case PodFate::kOom:
      status["lastState"] = Terminated(fate, since, now);
      status["state"] = {{"waiting",
                          {{"reason", "CrashLoopBackOff"},
                           {"message", "back-off restarting failed container " + name}}}};
      break;
    case PodFate::kSucceeds:
    case PodFate::kFails:
      status["state"] = Terminated(fate, since, now);
      break;
  }
  return status;
}

std::string PhaseOf(PodFate fate) {
  if (fate == PodFate::kSucceeds) return "Succeeded";
  if (fate == PodFate::kFails) return "Failed";
  return fate == PodFate::kImagePull ? "Pending" : "Running";
}

}  // namespace

bool SelectsNode(const Json& selector, const Json& node) {
  const Json labels = node["metadata"].value("labels", Json::object());
  for (const auto& [key, value] : selector.items())
    if (labels.value(key, "") != value) return false;
  return true;
}

PodFate FateOf(const Cluster& cluster, const Json& pod) {
  const Kubelets& kubelets = cluster.kubelets;
  if (const auto own = kubelets.fate_of_pod.find(NameOf(pod)); own != kubelets.fate_of_pod.end())
    return own->second;
  static const std::map<std::string, PodFate> kByTag = {
      {"broken", PodFate::kImagePull}, {"crash", PodFate::kCrashLoop}, {"oom", PodFate::kOom},
      {"unready", PodFate::kUnready},  {"done", PodFate::kSucceeds},   {"fails", PodFate::kFails}};
  for (const Json& container : pod["spec"].value("containers", Json::array())) {
    const std::string image = container.value("image", "");
    if (const auto told = kubelets.fate_of_image.find(image); told != kubelets.fate_of_image.end())
      return told->second;
    if (const auto tag = kByTag.find(image.substr(image.rfind(':') + 1)); tag != kByTag.end())
      return tag->second;
  }
  return TextAt(ControllerOf(pod), "/kind") == "Job" ? PodFate::kSucceeds : PodFate::kReady;
}

void Kubelet::Schedule(Cluster& cluster, const Json& pod, std::map<std::string, int>& load) {
  std::string chosen;
  for (const Object& node : cluster.List("Node"))
    if (Schedulable(pod, *node) && (chosen.empty() || load[NameOf(*node)] < load[chosen]))
      chosen = NameOf(*node);
  Json updated = pod;
  Json condition = Condition("PodScheduled", !chosen.empty());
  if (chosen.empty()) {
    condition["reason"] = "Unschedulable";
    condition["message"] = "no node takes the pod";
  } else {
    ++load[chosen];
    updated["spec"]["nodeName"] = chosen;
  }
  SetCondition(updated, condition, cluster.Now());
  cluster.Put("Pod", std::move(updated));
  if (chosen.empty()) return;
  lives_[UidOf(pod)].bound_ms = cluster.NowMs();
  RecordEvent(cluster, PodResource(), pod, "Normal", "Scheduled",
              "Successfully assigned " + NamespaceOf(pod) + "/" + NameOf(pod) + " to " + chosen,
              "default-scheduler");
}

void Kubelet::Live(Cluster& cluster, const Json& pod, Life& life, Due& due) {
  const int64_t now_ms = cluster.NowMs();
  if (pod["metadata"].contains("deletionTimestamp")) {
    if (life.deleted_ms == 0) life.deleted_ms = now_ms;
    const int64_t grace_ms = IntAt(pod, "/metadata/deletionGracePeriodSeconds", 30) * 1000;
    const int64_t gone_ms =
        life.deleted_ms + std::min<int64_t>(grace_ms, cluster.kubelets.termination_delay.count());
    if (now_ms < gone_ms) return NoteDue(due, gone_ms);
    lives_.erase(UidOf(pod));  // `life` ends here
    return cluster.store.Remove(PodResource(), pod);
  }
  const std::string phase = TextAt(pod, "/status/phase");
  if (phase == "Succeeded" || phase == "Failed") return;
  if (life.bound_ms == 0) life.bound_ms = now_ms;
  const PodFate fate = FateOf(cluster, pod);
  const int64_t begin_ms = life.bound_ms + cluster.kubelets.ready_delay.count();
  if (now_ms < begin_ms) return NoteDue(due, begin_ms);
  const bool crashes = fate == PodFate::kCrashLoop || fate == PodFate::kOom;
  if (crashes && now_ms >= life.next_restart_ms) {
    life.next_restart_ms =
        now_ms + std::min(kLastBackOffMs, kFirstBackOffMs << std::min(life.restarts, 5));
    ++life.restarts;
    RecordEvent(cluster, PodResource(), pod, "Warning", "BackOff",
                "Back-off restarting failed container", "kubelet");
  }
  if (crashes) NoteDue(due, life.next_restart_ms);
  Json updated = pod;
  Json& status = updated["status"];
  const std::string was_since = status.value("startTime", "");
  const std::string since = was_since.empty() ? cluster.Now() : was_since;
  status["startTime"] = since;
  status["phase"] = PhaseOf(fate);
  status["hostIP"] = "127.0.0.1";
  if (!status.contains("podIP")) {
    const int ip = next_ip_++;
    status["podIP"] = "10.0." + std::to_string(ip / 250) + "." + std::to_string(ip % 250 + 1);
    status["podIPs"] = Json::array({{{"ip", status["podIP"]}}});
  }
  const bool ready = fate == PodFate::kReady;
  SetCondition(updated, Condition("Initialized", true), cluster.Now());
  SetCondition(updated, Condition("Ready", ready), cluster.Now());
  SetCondition(updated, Condition("ContainersReady", ready), cluster.Now());
  Json containers = Json::array();
  for (const Json& container : pod["spec"]["containers"]) {
    Json made = ContainerStatus(container, fate, life.restarts, since,
                                Cluster::Time(std::max(life.bound_ms, now_ms)));
    // What has not changed keeps its times.
    for (const Json& old : status.value("containerStatuses", Json::array()))
      if (old["name"] == made["name"] && old["restartCount"] == made["restartCount"] &&
          old["ready"] == made["ready"] && old["image"] == made["image"] &&
          old["state"].begin().key() == made["state"].begin().key())
        made = old;
    containers.push_back(std::move(made));
  }
  status["containerStatuses"] = std::move(containers);
  cluster.Put("Pod", std::move(updated));
}

void Kubelet::Sweep(Cluster& cluster, Due& due) {
  const std::vector<Object> pods = cluster.List("Pod");
  std::map<std::string, int> load;
  for (const Object& pod : pods)
    if (const std::string node = TextAt(*pod, "/spec/nodeName"); !node.empty()) ++load[node];
  for (const Object& pod : pods) {
    if (TextAt(*pod, "/spec/nodeName").empty())
      Schedule(cluster, *pod, load);
    else if (!cluster.kubelets.stopped)
      Live(cluster, *pod, lives_[UidOf(*pod)], due);
  }
}

}  // namespace heald::fakes::kubernetes
