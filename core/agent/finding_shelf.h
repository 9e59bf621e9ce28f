// What was found while the journal hasn't been read yet, for the engine to take up once it has:
// each finding as it was last seen and, where it is, that it is over. Bounded. Used by the agent.
// Thread rule: the engine's lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/model/finding.h"

namespace heald::agent {

class FindingShelf {
 public:
  static constexpr size_t kMax = 20'000;

  // True: worth telling people. It is new, worse than before or over.
  bool Put(const Finding& finding);
  // All, in the order in which they began and ended; empty from then on.
  std::vector<Finding> Take();
  std::vector<Finding> Open() const;
  // Found when there was no more room.
  uint64_t lost_total() const { return lost_total_; }

 private:
  std::vector<Finding> kept_;
  std::unordered_map<std::string, size_t> open_;  // id -> place
  uint64_t lost_total_ = 0;
};

}  // namespace heald::agent
