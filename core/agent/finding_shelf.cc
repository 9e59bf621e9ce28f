#include "core/agent/finding_shelf.h"

#include <utility>

namespace heald::agent {

bool FindingShelf::Put(const Finding& finding) {
  const auto at = open_.find(finding.id);
  if (finding.state == FindingState::kClear) {
    if (at == open_.end()) return false;
    open_.erase(at);
    kept_.push_back(finding);
    return true;
  }
  if (at != open_.end()) {
    Finding& before = kept_[at->second];
    const bool raised = finding.severity > before.severity;
    before = finding;
    before.state = FindingState::kOpen;
    return raised;
  }
  if (kept_.size() >= kMax) {
    ++lost_total_;
    return true;
  }
  open_.emplace(finding.id, kept_.size());
  kept_.push_back(finding);
  kept_.back().state = FindingState::kOpen;
  return true;
}

std::vector<Finding> FindingShelf::Take() {
  open_.clear();
  return std::exchange(kept_, {});
}

std::vector<Finding> FindingShelf::Open() const {
  std::vector<Finding> open;
  for (const Finding& finding : kept_)
    if (const auto at = open_.find(finding.id); at != open_.end() && &kept_[at->second] == &finding)
      open.push_back(finding);
  return open;
}

}  // namespace heald::agent
