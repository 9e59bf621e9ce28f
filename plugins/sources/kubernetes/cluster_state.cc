#include "plugins/sources/kubernetes/cluster_state.h"

#include <algorithm>
#include <type_traits>

#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using sdk::Severity;
using support::Text;

constexpr size_t kMostTimes = 100;  // of one pod's restarts within the window
constexpr size_t kManyOoms = 3;

std::string NameOf(const Pod& pod) {
  return pod.name_space + "/" + pod.name;
}

std::string With(std::string text, const std::string& message) {
  return message.empty() ? text : text + ": " + message;
}

void DropBefore(int64_t ns, std::deque<int64_t>* times) {
  while (!times->empty() && times->front() < ns) times->pop_front();
}

void Add(int64_t ns, std::deque<int64_t>* times) {
  times->push_back(ns);
  if (times->size() > kMostTimes) times->pop_front();
}

const Container* Find(const Pod& pod, const std::string& name) {
  for (const Container& container : pod.containers)
    if (container.name == name) return &container;
  return nullptr;
}

std::string_view NamespaceOf(const Pod& pod) {
  return pod.name_space;
}
std::string_view NamespaceOf(const Workload& workload) {
  return workload.name_space;
}
std::string_view NamespaceOf(const Node&) {
  return {};
}

}  // namespace

bool ClusterState::Wanted(const std::string& name_space) const {
  const auto& out = config_.exclude_namespaces;
  return std::find(out.begin(), out.end(), name_space) == out.end();
}

void ClusterState::Listing(const Ref& scope) {
  lists_[scope.Path()] = ++list_;
}

template <typename T>
ClusterState::Kept<T>* ClusterState::Place(Shelf<T>& shelf, const std::string& uid) {
  const auto at = shelf.find(uid);
  if (at == shelf.end() && objects() >= static_cast<size_t>(config_.max_objects)) {
    ++refused_total_;
    return nullptr;
  }
  Kept<T>& kept = at == shelf.end() ? shelf[uid] : at->second;
  kept.list = current_;
  return &kept;
}

void ClusterState::Take(const Ref& scope, Change change, const nlohmann::json& object,
                        int64_t now_ns) {
  const std::string uid = Text(object, "/metadata/uid");
  if (uid.empty() || !Wanted(Text(object, "/metadata/namespace"))) return;
  const Resource& resource = scope.resource;
  if (change == Change::kDeleted) {
    pods_.erase(uid);
    nodes_.erase(uid);
    workloads_.erase(uid);
    // What was told of events counts for its window, however long the server keeps them.
    if (resource != kEvents) book_.Gone(std::string(resource.plural) + "/" + uid, now_ns);
    return;
  }
  current_ = lists_[scope.Path()];
  if (resource == kPods) {
    TakePod(uid, object, now_ns);
  } else if (resource == kEvents) {
    TakeEvent(uid, object, now_ns);
  } else if (resource == kNodes) {
    if (auto* kept = Place(nodes_, uid)) {
      kept->object = ReadNode(object);
      Judge("nodes/" + uid, kept->object, now_ns);
    }
  } else if (auto* kept = Place(workloads_, uid)) {
    kept->object = ReadWorkload(resource, object);
    Judge(std::string(resource.plural) + "/" + uid, kept->object, now_ns);
  }
}

void ClusterState::TakePod(const std::string& uid, const nlohmann::json& object, int64_t now_ns) {
  const bool known = pods_.contains(uid);
  Kept<PodRecord>* kept = Place(pods_, uid);
  if (kept == nullptr) return;
  PodRecord& record = kept->object;
  const int64_t from_ns = now_ns - config_.window.ns;
  Pod pod = ReadPod(object);
  for (const Container& container : pod.containers) {
    const Container* before = Find(record, container.name);
    // Of the time before heald looked only the latest end is known.
    const int64_t more = before != nullptr ? container.restarts - before->restarts
                         : known           ? container.restarts
                         : container.restarts > 0 && container.ended_ns >= from_ns ? 1
                                                                                   : 0;
    for (int64_t i = 0; i < std::min<int64_t>(more, kMostTimes); ++i)
      Add(known ? now_ns : container.ended_ns, &record.restarts_ns);
    const int64_t former_ns = before != nullptr ? before->oom_ns : 0;
    if (container.oom_ns > former_ns && container.oom_ns >= from_ns)
      Add(container.oom_ns, &record.ooms_ns);
  }
  static_cast<Pod&>(record) = std::move(pod);
  Judge("pods/" + uid, record, now_ns);
}

void ClusterState::TakeEvent(const std::string& uid, const nlohmann::json& object, int64_t now_ns) {
  Event event = ReadEvent(object);
  if (!event.warning || event.last_ns < now_ns - config_.window.ns) return;
  const bool known = events_.contains(uid);
  Kept<EventRecord>* kept = Place(events_, uid);
  if (kept == nullptr) return;
  EventRecord& record = kept->object;
  if (!known) {
    record.first_ns = event.last_ns;
    // How often it came before heald looked says nothing of the window.
    record.first_count = event.count - 1;
  }
  if (Beginning(event)) record.excused = event.count - record.first_count;
  static_cast<Event&>(record) = std::move(event);
}

// Probes fail until a pod is up: that is how a pod begins.
bool ClusterState::Beginning(const Event& event) const {
  if (event.reason != "Unhealthy") return false;
  const auto pod = pods_.find(event.uid);
  return pod != pods_.end() &&
         event.last_ns - pod->second.object.begun_ns < config_.ready_within.ns;
}

template <typename T>
void ClusterState::Sweep(Shelf<T>& shelf, const Ref& scope, std::string_view prefix,
                         int64_t now_ns) {
  const uint64_t list = lists_[scope.Path()];
  std::erase_if(shelf, [&](const auto& entry) {
    const Kept<T>& kept = entry.second;
    if (kept.list >= list) return false;
    if (!scope.name_space.empty() && NamespaceOf(kept.object) != scope.name_space) return false;
    if constexpr (std::is_same_v<T, Workload>)
      if (kept.object.label + "s" != scope.resource.plural) return false;
    book_.Gone(std::string(prefix) + "/" + entry.first, now_ns);
    return true;
  });
}

void ClusterState::Synced(const Ref& scope, int64_t now_ns) {
  const std::string_view plural = scope.resource.plural;
  if (scope.resource == kPods)
    Sweep(pods_, scope, plural, now_ns);
  else if (scope.resource == kNodes)
    Sweep(nodes_, scope, plural, now_ns);
  else if (scope.resource != kEvents)
    Sweep(workloads_, scope, plural, now_ns);
}

bool ClusterState::InTrouble(const PodRecord& pod, int64_t now_ns) const {
  return !pod.restarts_ns.empty() || !pod.ooms_ns.empty() || pod.pending_ns != 0 ||
         now_ns - pod.troubled_ns < config_.window.ns;
}

void ClusterState::Judge(const std::string& owner, PodRecord& pod, int64_t now_ns) {
  const int64_t from_ns = now_ns - config_.window.ns;
  DropBefore(from_ns, &pod.restarts_ns);
  DropBefore(from_ns, &pod.ooms_ns);
  std::vector<Condition> conditions;
  for (const Container& container : pod.containers) {
    sdk::LabelSet target = LabelsOf(pod);
    target.Set("container", container.name);
    if (!container.waiting.empty())
      conditions.push_back({.metric = container.waiting,
                            .target = target,
                            .severity = Severity::kCritical,
                            .summary = With("container " + container.name + " of pod " +
                                                NameOf(pod) + " waits, " + container.waiting,
                                            container.message)});
    if (container.oom_ns >= from_ns && !pod.ooms_ns.empty()) {
      const size_t times = pod.ooms_ns.size();
      conditions.push_back(
          {.metric = "OOMKilled",
           .target = target,
           .severity = times >= kManyOoms ? Severity::kCritical : Severity::kWarning,
           .summary = "container " + container.name + " of pod " + NameOf(pod) +
                      " was killed: out of its memory",
           .value = static_cast<double>(times)});
    }
  }
  if (pod.pending_ns != 0 && now_ns - pod.pending_ns >= config_.pending_for.ns)
    conditions.push_back({.metric = "Unschedulable",
                          .target = LabelsOf(pod),
                          .severity = Severity::kWarning,
                          .summary = With("no node takes pod " + NameOf(pod), pod.pending)});
  if (!pod.over && (!pod.ready || !conditions.empty())) pod.troubled_ns = now_ns;
  // What is about to go has no states that anybody could repair.
  if (pod.over) conditions.clear();
  book_.Show(owner, std::move(conditions), now_ns);
}

void ClusterState::Judge(const std::string& owner, const Node& node, int64_t now_ns) {
  std::vector<Condition> conditions;
  const auto add = [&](bool holds, const char* metric, Severity severity, const std::string& text) {
    if (holds)
      conditions.push_back(
          {.metric = metric, .target = LabelsOf(node), .severity = severity, .summary = text});
  };
  const std::string name = "node " + node.name;
  add(!node.ready && now_ns - node.unready_ns >= config_.not_ready_for.ns, "NodeNotReady",
      Severity::kCritical, With(name + " is not ready", node.message));
  add(node.disk_pressure, "DiskPressure", Severity::kCritical, name + " runs out of disk");
  add(node.memory_pressure, "MemoryPressure", Severity::kCritical, name + " runs out of memory");
  add(node.pid_pressure, "PIDPressure", Severity::kWarning, name + " runs out of process ids");
  book_.Show(owner, std::move(conditions), now_ns);
}

void ClusterState::Judge(const std::string& owner, const Workload& workload, int64_t now_ns) {
  std::vector<Condition> conditions;
  if (workload.failed)
    conditions.push_back(
        {.metric = "RolloutFailed",
         .target = LabelsOf(workload),
         .severity = Severity::kCritical,
         .summary = With("the rollout of " + workload.label + " " + workload.name_space + "/" +
                             workload.name + " doesn't get on",
                         workload.message)});
  book_.Show(owner, std::move(conditions), now_ns);
}

void ClusterState::JudgeEvents(int64_t now_ns) {
  const int64_t from_ns = now_ns - config_.window.ns;
  std::erase_if(events_, [&](const auto& entry) {
    if (entry.second.object.last_ns >= from_ns) return false;
    book_.Show("events/" + entry.first, {}, now_ns);
    return true;
  });
  if (config_.repeated_events == 0) return;
  for (const auto& [uid, kept] : events_) {
    const EventRecord& event = kept.object;
    const int64_t count = event.count - event.first_count - event.excused;
    // The pods' own states say the same, and when it is over.
    if (count < config_.repeated_events || event.reason == "BackOff" ||
        event.reason == "FailedScheduling")
      continue;
    book_.Show("events/" + uid,
               {{.metric = event.reason.empty() ? "Warning" : event.reason,
                 .target = LabelsOf(event),
                 .severity = Severity::kWarning,
                 .summary = With(event.kind + " " + event.name, event.message),
                 .began_ns = event.first_ns,
                 .value = static_cast<double>(count)}},
               now_ns);
  }
}

void ClusterState::Tick(int64_t now_ns) {
  for (auto& [uid, kept] : pods_)
    if (InTrouble(kept.object, now_ns)) Judge("pods/" + uid, kept.object, now_ns);
  for (const auto& [uid, kept] : nodes_)
    if (!kept.object.ready) Judge("nodes/" + uid, kept.object, now_ns);
  JudgeEvents(now_ns);
}

void ClusterState::Samples(const Resource& resource, int64_t now_ns,
                           std::vector<SampleRow>* rows) const {
  const auto add = [&](std::string_view metric, const sdk::LabelSet& labels, double value) {
    rows->push_back({metric, labels, value});
  };
  if (resource == kPods) {
    for (const auto& [uid, kept] : pods_) {
      const PodRecord& pod = kept.object;
      if (pod.over || !InTrouble(pod, now_ns)) continue;
      const sdk::LabelSet labels = LabelsOf(pod);
      const bool waits = std::any_of(pod.containers.begin(), pod.containers.end(),
                                     [](const auto& each) { return !each.waiting.empty(); });
      add("pod_ready", labels, pod.ready ? 1 : 0);
      add("pod_waiting", labels, waits ? 1 : 0);
      add("restarts", labels, static_cast<double>(pod.restarts_ns.size()));
      add("oom_kills", labels, static_cast<double>(pod.ooms_ns.size()));
    }
  } else if (resource == kNodes) {
    for (const auto& [uid, kept] : nodes_) {
      const Node& node = kept.object;
      const sdk::LabelSet labels = LabelsOf(node);
      add("node_ready", labels, node.ready ? 1 : 0);
      add("node_schedulable", labels, node.schedulable ? 1 : 0);
      add("node_disk_pressure", labels, node.disk_pressure ? 1 : 0);
      add("node_memory_pressure", labels, node.memory_pressure ? 1 : 0);
      add("node_pid_pressure", labels, node.pid_pressure ? 1 : 0);
    }
  } else if (resource == kEvents) {
    std::map<std::pair<sdk::LabelSet, std::string>, int64_t> counts;
    for (const auto& [uid, kept] : events_) {
      const EventRecord& event = kept.object;
      counts[{LabelsOf(event), event.reason}] += event.count - event.first_count;
    }
    for (const auto& [about, count] : counts) {
      sdk::LabelSet labels = about.first;
      labels.Set("reason", about.second);
      add("warning_events", labels, static_cast<double>(count));
    }
  } else {
    for (const auto& [uid, kept] : workloads_) {
      const Workload& workload = kept.object;
      if (workload.label + "s" != resource.plural) continue;
      const sdk::LabelSet labels = LabelsOf(workload);
      add("replicas_desired", labels, static_cast<double>(workload.desired));
      add("replicas_ready", labels, static_cast<double>(workload.ready));
      add("rollout_failed", labels, workload.failed ? 1 : 0);
      add("rollout_behind", labels, static_cast<double>(workload.behind));
    }
  }
}

}  // namespace heald::kubernetes
