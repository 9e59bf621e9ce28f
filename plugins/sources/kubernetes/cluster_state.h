// What the watches told, and what it is worth: samples, and the states that are findings. Part of
// the kubernetes source. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plugins/sources/kubernetes/finding_book.h"
#include "plugins/sources/kubernetes/objects.h"
#include "plugins/sources/kubernetes/settings.h"
#include "plugins/support/kubernetes/watch.h"

namespace heald::kubernetes {

struct SampleRow {
  std::string_view metric;
  sdk::LabelSet labels;
  double value = 0;
};

class ClusterState {
 public:
  explicit ClusterState(const SourceConfig& config) : config_(config), book_(config.settle.ns) {}

  // One watch's words: `scope` is its resource and namespace. Listing and Synced frame a complete
  // list; what is not told in between is gone.
  void Listing(const Ref& scope);
  void Take(const Ref& scope, Change change, const nlohmann::json& object, int64_t now_ns);
  void Synced(const Ref& scope, int64_t now_ns);

  // What passes with time: windows, pods and nodes that wait too long.
  void Tick(int64_t now_ns);
  // Of this resource as it is; only what is, or was within the window, in trouble of the pods.
  void Samples(const Resource& resource, int64_t now_ns, std::vector<SampleRow>* rows) const;

  FindingBook& book() { return book_; }
  size_t objects() const {
    return pods_.size() + nodes_.size() + workloads_.size() + events_.size();
  }
  uint64_t refused_total() const { return refused_total_; }

 private:
  // An object as it was told, with the list that told it last.
  template <typename T>
  struct Kept {
    T object = {};
    uint64_t list = 0;
  };
  struct PodRecord : Pod {
    std::deque<int64_t> restarts_ns;
    std::deque<int64_t> ooms_ns;
    int64_t troubled_ns = 0;  // when it last was not as it should be
  };
  struct EventRecord : Event {
    int64_t first_count = 0;  // what it had counted when it came into the window
    int64_t first_ns = 0;
    int64_t excused = 0;  // of those since, by a pod that was only beginning
  };
  template <typename T>
  using Shelf = std::unordered_map<std::string, Kept<T>>;

  template <typename T>
  Kept<T>* Place(Shelf<T>& shelf, const std::string& uid);
  template <typename T>
  void Sweep(Shelf<T>& shelf, const Ref& scope, std::string_view prefix, int64_t now_ns);

  void TakePod(const std::string& uid, const nlohmann::json& object, int64_t now_ns);
  void TakeEvent(const std::string& uid, const nlohmann::json& object, int64_t now_ns);
  void Judge(const std::string& uid, PodRecord& pod, int64_t now_ns);
  void Judge(const std::string& uid, const Node& node, int64_t now_ns);
  void Judge(const std::string& uid, const Workload& workload, int64_t now_ns);
  void JudgeEvents(int64_t now_ns);
  bool Wanted(const std::string& name_space) const;
  bool Beginning(const Event& event) const;
  bool InTrouble(const PodRecord& pod, int64_t now_ns) const;

  const SourceConfig& config_;
  FindingBook book_;
  Shelf<PodRecord> pods_;  // all by uid
  Shelf<Node> nodes_;
  Shelf<Workload> workloads_;
  Shelf<EventRecord> events_;
  std::map<std::string, uint64_t> lists_;  // by scope: its latest list
  uint64_t list_ = 0;                      // the number of the latest of all
  uint64_t current_ = 0;                   // what Place writes down
  uint64_t refused_total_ = 0;
};

}  // namespace heald::kubernetes
