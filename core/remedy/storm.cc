#include "core/remedy/storm.h"

#include <algorithm>

namespace heald::remedy {

bool Storm::Admit(int64_t now_ns) {
  if (spec_.incidents == 0) return true;
  while (opened_ns_.size() > spec_.incidents ||
         (!opened_ns_.empty() && now_ns - opened_ns_.front() >= spec_.within_ns))
    opened_ns_.pop_front();
  if (!on() && opened_ns_.size() < spec_.incidents) {
    opened_ns_.push_back(now_ns);
    return true;
  }
  if (!on()) since_ns_ = now_ns;
  until_ns_ = std::max(until_ns_, now_ns + spec_.pause_ns);
  return false;
}

void Storm::Restore(int64_t since_ns, int64_t until_ns, std::vector<Kind> counted) {
  since_ns_ = since_ns;
  until_ns_ = until_ns;
  kinds_ = std::move(counted);
  for (const Kind& kind : kinds_) merged_total_ += kind.total;
}

void Storm::ClockWentBack(int64_t now_ns) {
  for (int64_t& opened_ns : opened_ns_) opened_ns = std::min(opened_ns, now_ns);
  for (auto& [finding, followed] : followed_) followed.seen_ns = std::min(followed.seen_ns, now_ns);
  since_ns_ = std::min(since_ns_, now_ns);
  until_ns_ = std::min(until_ns_, now_ns + spec_.pause_ns);
}

void Storm::End() {
  since_ns_ = until_ns_ = 0;
  opened_ns_.clear();
  kinds_.clear();
  followed_.clear();
  merged_total_ = 0;
}

Storm::Kind* Storm::Merge(const Finding& finding, int64_t now_ns) {
  if (const auto at = followed_.find(Hash(finding.id)); at != followed_.end()) {
    at->second.seen_ns = now_ns;
    return nullptr;
  }
  const bool follow = followed_.size() < kMaxFollowed;
  if (!follow && finding.state != FindingState::kOpen) return nullptr;  // was counted as it opened
  auto kind = std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& k) {
    return k.node == finding.node && k.metric == finding.metric;
  });
  if (kind == kinds_.end() && kinds_.size() < kMaxKinds)
    kind = kinds_.insert(kinds_.end(), {finding.node, finding.metric, finding.target,
                                        finding.severity, finding.began_ns, 0, 0});
  if (kind == kinds_.end()) --kind;  // the last one stands for all others
  if (kind->example.empty()) kind->example = finding.target;
  ++merged_total_;
  ++kind->total;
  kind->severity = std::max(kind->severity, finding.severity);
  if (follow) {
    ++kind->open;
    followed_[Hash(finding.id)] = {static_cast<uint32_t>(kind - kinds_.begin()), now_ns};
  }
  return &*kind;
}

bool Storm::Cleared(const std::string& finding_id) {
  const auto at = followed_.find(Hash(finding_id));
  if (at == followed_.end()) return false;
  --kinds_[at->second.kind].open;
  followed_.erase(at);
  return true;
}

template <typename Which>
void Storm::Drop(Which which) {
  std::erase_if(followed_, [&](const auto& entry) {
    if (!which(entry.second)) return false;
    --kinds_[entry.second.kind].open;
    return true;
  });
}

void Storm::NodeGone(std::string_view node) {
  Drop([&](const Followed& followed) { return kinds_[followed.kind].node == node; });
}

void Storm::Forget(int64_t before_ns) {
  Drop([&](const Followed& followed) { return followed.seen_ns < before_ns; });
}

bool Storm::Calm(int64_t now_ns) const {
  return spec_.incidents == 0 || (now_ns >= until_ns_ && followed_.size() <= spec_.incidents);
}

}  // namespace heald::remedy
