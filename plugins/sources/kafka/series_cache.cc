#include "plugins/sources/kafka/series_cache.h"

#include <algorithm>

namespace heald::kafka {
namespace {

constexpr int64_t kAskAgainNs = 10'000'000'000;  // well below any series_ttl that makes sense
constexpr int64_t kForgetNs = 600'000'000'000;

}  // namespace

uint32_t SeriesCache::Handle(std::string_view name, LabelViews* labels, int64_t now_ns) {
  std::sort(labels->begin(), labels->end());
  key_.assign(name);
  for (const auto& [label, value] : *labels) {
    key_ += '\0';
    key_ += label;
    key_ += '\0';
    key_ += value;
  }
  Prune(now_ns);
  const auto [at, added] = entries_.try_emplace(key_);
  Entry& entry = at->second;
  const bool away = now_ns - entry.used_ns > kAskAgainNs;
  if (added || away) {
    sdk::LabelSet set;
    for (const auto& [label, value] : *labels) set.Set(label, value);
    entry.handle = resolve_(name, set);
  }
  // A refused one keeps the time of its refusal, so that it gets its turn.
  if (added || away || entry.handle != kNoHandle) entry.used_ns = now_ns;
  return entry.handle;
}

void SeriesCache::Prune(int64_t now_ns) {
  if (now_ns - pruned_ns_ < kForgetNs) return;
  pruned_ns_ = now_ns;
  std::erase_if(entries_,
                [&](const auto& entry) { return now_ns - entry.second.used_ns > kForgetNs; });
}

}  // namespace heald::kafka
