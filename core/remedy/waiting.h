// Runs that a guard refused because of what others do, so that they are looked at as soon as one of
// those is done. Each is woken once; refused again, it waits again. Used by the engine.
// Thread rule: the engine's strand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace heald::remedy {

class Waiting {
 public:
  void Add(std::string_view policy, uint64_t run) {
    std::deque<uint64_t>& line = lines_[std::string(policy)];
    if (std::find(line.begin(), line.end(), run) == line.end()) line.push_back(run);
  }
  // The first few in the policy's line. Those behind them also look again from time to time, and
  // there may be thousands.
  std::vector<uint64_t> Next(std::string_view policy) {
    std::vector<uint64_t> next;
    const auto at = lines_.find(policy);
    if (at == lines_.end()) return next;
    std::deque<uint64_t>& line = at->second;
    while (!line.empty() && next.size() < kAtOnce) {
      next.push_back(line.front());
      line.pop_front();
    }
    if (line.empty()) lines_.erase(at);
    return next;
  }
  std::vector<std::string> Policies() const {
    std::vector<std::string> policies;
    for (const auto& [policy, line] : lines_) policies.push_back(policy);
    return policies;
  }

 private:
  static constexpr size_t kAtOnce = 8;
  std::map<std::string, std::deque<uint64_t>, std::less<>> lines_;
};

}  // namespace heald::remedy
