// Which incidents ended a moment ago, by target, so that what begins again opens the same one. Used
// by the engine. Thread rule: the engine's strand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

namespace heald::remedy {

class RecentlyClosed {
 public:
  void Add(const std::string& target_key, uint64_t incident, int64_t closed_ns) {
    std::vector<Closed>& all = by_target_[target_key];
    all.push_back({incident, closed_ns});
    if (all.size() > kMostOfTarget) all.erase(all.begin());
    order_.push_back({target_key, incident});
    if (order_.size() > kMost) Drop();
  }
  // Those of that target that ended at `since_ns` or later, the latest first: each is of another
  // fault.
  std::vector<uint64_t> Of(const std::string& target_key, int64_t since_ns) {
    while (!order_.empty() && !Holds(order_.front(), since_ns)) Drop();
    std::vector<uint64_t> incidents;
    if (const auto at = by_target_.find(target_key); at != by_target_.end())
      for (auto closed = at->second.rbegin(); closed != at->second.rend(); ++closed)
        if (closed->closed_ns >= since_ns) incidents.push_back(closed->incident);
    return incidents;
  }
  void ClockWentBack(int64_t now_ns) {
    for (auto& [target_key, all] : by_target_)
      for (Closed& closed : all) closed.closed_ns = std::min(closed.closed_ns, now_ns);
  }
  void Remove(const std::string& target_key, uint64_t incident) {
    const auto at = by_target_.find(target_key);
    if (at == by_target_.end()) return;
    std::erase_if(at->second, [&](const Closed& each) { return each.incident == incident; });
    if (at->second.empty()) by_target_.erase(at);
  }

 private:
  static constexpr size_t kMost = 10'000;
  static constexpr size_t kMostOfTarget = 8;
  struct Closed {
    uint64_t incident;
    int64_t closed_ns;
  };
  struct Entry {
    std::string target_key;
    uint64_t incident;
  };
  // Not removed, not too old.
  bool Holds(const Entry& entry, int64_t since_ns) const {
    const auto at = by_target_.find(entry.target_key);
    return at != by_target_.end() &&
           std::any_of(at->second.begin(), at->second.end(), [&](const Closed& each) {
             return each.incident == entry.incident && each.closed_ns >= since_ns;
           });
  }
  void Drop() {
    Remove(order_.front().target_key, order_.front().incident);
    order_.pop_front();
  }

  std::unordered_map<std::string, std::vector<Closed>> by_target_;  // of each the latest last
  std::deque<Entry> order_;                                         // about oldest first
};

}  // namespace heald::remedy
