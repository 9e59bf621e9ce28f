// Which incidents ended a moment ago, by target, so that what begins again opens the same one. Used
// by the engine. Thread rule: the engine's strand.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

namespace heald::remedy {

class RecentlyClosed {
 public:
  void Add(const std::string& target_key, uint64_t incident, int64_t closed_ns) {
    by_target_[target_key] = {incident, closed_ns};
    order_.push_back({target_key, incident});
    if (order_.size() > kMost) Drop();
  }
  // The incident of that target that ended at `since_ns` or later, which is forgotten then; 0:
  // none.
  uint64_t Take(const std::string& target_key, int64_t since_ns) {
    while (!order_.empty() && !Holds(order_.front(), since_ns)) Drop();
    const auto at = by_target_.find(target_key);
    if (at == by_target_.end() || at->second.closed_ns < since_ns) return 0;
    const uint64_t incident = at->second.incident;
    by_target_.erase(at);
    return incident;
  }

 private:
  static constexpr size_t kMost = 10'000;
  struct Closed {
    uint64_t incident;
    int64_t closed_ns;
  };
  struct Entry {
    std::string target_key;
    uint64_t incident;
  };
  // Not taken, not followed by a later one, not too old.
  bool Holds(const Entry& entry, int64_t since_ns) const {
    const auto at = by_target_.find(entry.target_key);
    return at != by_target_.end() && at->second.incident == entry.incident &&
           at->second.closed_ns >= since_ns;
  }
  void Drop() {
    const Entry& entry = order_.front();
    const auto at = by_target_.find(entry.target_key);
    if (at != by_target_.end() && at->second.incident == entry.incident) by_target_.erase(at);
    order_.pop_front();
  }

  std::unordered_map<std::string, Closed> by_target_;
  std::deque<Entry> order_;  // about oldest first
};

}  // namespace heald::remedy
