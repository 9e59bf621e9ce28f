#include "core/model/series.h"

#include <algorithm>
#include <functional>

namespace heald {

size_t SeriesTable::KeyHash::operator()(const Key& key) const {
  size_t hash = key.owner * 0x9e3779b97f4a7c15ull;
  for (const Labels::Pair& pair : key.labels.pairs())
    for (const std::string* text : {&pair.first, &pair.second})
      hash = (hash ^ std::hash<std::string_view>{}(*text)) * 0x100000001b3ull;
  return hash;
}

SeriesTable::SeriesTable() = default;

SeriesTable::~SeriesTable() {
  for (auto& chunk : chunks_) delete chunk.load();
}

Result<uint32_t> SeriesTable::Intern(uint32_t owner, const Labels& labels, uint64_t limit,
                                     int64_t now_ns) {
  const std::string_view name = labels.Get("__name__");
  if (name.empty())
    return MakeError(Code::kInvalid, "a series needs the label __name__: " + labels.ToString());
  const std::lock_guard lock(mutex_);
  Key key{owner, labels};
  if (const auto at = live_.find(key); at != live_.end()) {
    at->second->touched_ns.store(now_ns, std::memory_order_relaxed);
    return at->second->handle;
  }
  Owner& of = owners_[owner];
  if (of.live >= limit) {
    ++of.refused;
    return MakeError(Code::kFull, "max_series " + std::to_string(limit) + " reached; refused " +
                                      labels.ToString());
  }
  uint32_t handle = 0;
  // Slots rest as long as possible before they are used again.
  if (used_slots_ < kMaxSlots - 1 && free_.size() < 1024) {
    handle = used_slots_++;
    auto& chunk = chunks_[handle / kChunk];
    if (chunk.load(std::memory_order_relaxed) == nullptr)
      chunk.store(new Chunk{}, std::memory_order_release);
  } else if (!free_.empty()) {
    handle = free_.front();
    free_.pop_front();
  } else {
    return MakeError(Code::kFull,
                     "the agent holds " + std::to_string(kMaxSlots - 1) + " series, its limit");
  }
  auto series = std::make_unique<Series>();
  series->handle = handle;
  series->owner = owner;
  series->name = NameIdLocked(name);
  series->labels = labels;
  series->touched_ns.store(now_ns, std::memory_order_relaxed);
  (*chunks_[Slot(handle) / kChunk].load())[Slot(handle) % kChunk].store(series.get(),
                                                                        std::memory_order_release);
  live_.emplace(std::move(key), std::move(series));
  ++of.live;
  return handle;
}

uint32_t SeriesTable::NameId(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return NameIdLocked(name);
}

uint32_t SeriesTable::NameIdLocked(std::string_view name) {
  return names_.try_emplace(std::string(name), static_cast<uint32_t>(names_.size())).first->second;
}

std::vector<uint32_t> SeriesTable::Expire(int64_t before_ns, const std::vector<uint32_t>& gone) {
  const std::lock_guard lock(mutex_);
  graveyard_[0] = std::move(graveyard_[1]);
  graveyard_[1].clear();
  std::vector<uint32_t> expired;
  for (auto at = live_.begin(); at != live_.end();) {
    Series& series = *at->second;
    if (series.touched_ns.load(std::memory_order_relaxed) >= before_ns &&
        std::find(gone.begin(), gone.end(), series.owner) == gone.end()) {
      ++at;
      continue;
    }
    expired.push_back(series.handle);
    const uint32_t slot = Slot(series.handle);
    (*chunks_[slot / kChunk].load())[slot % kChunk].store(nullptr, std::memory_order_release);
    free_.push_back(series.handle + kMaxSlots);  // next generation; wraps after 1,024 uses
    --owners_[series.owner].live;
    graveyard_[1].push_back(std::move(at->second));
    at = live_.erase(at);
  }
  return expired;
}

void SeriesTable::ForEach(const std::function<void(const Series&)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, series] : live_) visit(*series);
}

size_t SeriesTable::size() const {
  const std::lock_guard lock(mutex_);
  return live_.size();
}

size_t SeriesTable::size_of(uint32_t owner) const {
  const std::lock_guard lock(mutex_);
  const auto at = owners_.find(owner);
  return at == owners_.end() ? 0 : at->second.live;
}

uint64_t SeriesTable::refused_of(uint32_t owner) const {
  const std::lock_guard lock(mutex_);
  const auto at = owners_.find(owner);
  return at == owners_.end() ? 0 : at->second.refused;
}

}  // namespace heald
