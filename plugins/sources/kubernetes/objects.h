// What the kubernetes source keeps of pods, nodes, workloads and events: some hundred bytes of the
// ten thousand that the API sends. Thread rule: plain values and pure functions.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "heald/host.h"
#include "plugins/support/kubernetes/resource.h"

namespace heald::kubernetes {

struct Container {
  std::string name = {};
  std::string waiting = {};  // the reason, where it is one that doesn't pass by itself
  std::string message = {};  // the server's words on it
  int64_t restarts = 0;
  int64_t oom_ns = 0;     // when its latest end for lack of memory was; 0: none is known
  int64_t ended_ns = 0;   // of its latest end
  int64_t exit_code = 0;  // of its latest end
};

struct Pod {
  std::string name_space = {};
  std::string name = {};
  std::string node = {};
  std::string owner_label =
      {};  // "deployment", "statefulset", "daemonset", "job"… ; empty: ownerless
  std::string owner = {};
  bool ready = false;
  bool over = false;         // Succeeded, Failed or about to be deleted
  int64_t begun_ns = 0;      // when its node took it up; 0: not known
  int64_t pending_ns = 0;    // since when no node takes it; 0: one did, or it isn't to have one yet
  std::string pending = {};  // why
  std::vector<Container> containers = {};
};

struct Node {
  std::string name = {};
  bool ready = false;
  int64_t unready_ns = 0;  // since when it isn't ready; 0: it is
  bool schedulable = true;
  bool disk_pressure = false;
  bool memory_pressure = false;
  bool pid_pressure = false;
  std::string message = {};  // on why it isn't ready
};

struct Workload {
  std::string label = {};  // "deployment", "statefulset", "daemonset"
  std::string name_space = {};
  std::string name = {};
  int64_t desired = 0;
  int64_t ready = 0;
  int64_t behind = 0;   // generations that its controller has not seen yet
  bool failed = false;  // ProgressDeadlineExceeded
  std::string message = {};
};

struct Event {
  std::string name_space = {};  // of what it is about
  std::string kind = {};
  std::string name = {};
  std::string uid = {};
  std::string reason = {};
  std::string message = {};
  int64_t count = 1;
  int64_t last_ns = 0;
  bool warning = false;
};

Pod ReadPod(const nlohmann::json& object);
Node ReadNode(const nlohmann::json& object);
Workload ReadWorkload(const Resource& resource, const nlohmann::json& object);
Event ReadEvent(const nlohmann::json& object);

// The labels of its series and findings: namespace, pod, and what owns it.
sdk::LabelSet LabelsOf(const Pod& pod);
sdk::LabelSet LabelsOf(const Node& node);
sdk::LabelSet LabelsOf(const Workload& workload);
sdk::LabelSet LabelsOf(const Event& event);

}  // namespace heald::kubernetes
