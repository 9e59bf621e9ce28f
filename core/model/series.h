// The table of all series: labels once, a 32-bit handle everywhere else. Sources intern, the runner
// checks and touches handles as batches go by, detectors index their state by slot.
// A handle is 22 bits of slot and 10 bits of generation: after a series expired its slot is used
// again with another generation, so an old handle is recognised for what it is.
// Thread rule: safe from any thread; Valid, Touch and Get don't lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "core/model/labels.h"

namespace heald {

class SeriesTable {
 public:
  struct Series {
    uint32_t handle = 0;
    uint32_t owner = 0;  // index of the node that interned it
    uint32_t name = 0;   // index of its metric (query) name, see NameId
    Labels labels;       // with __name__
    std::atomic<int64_t> touched_ns{0};
    // The latest sample, for people to look at; the two are not one atomic whole.
    std::atomic<double> value{0};
    std::atomic<int64_t> ts_ns{0};  // 0: none yet
  };

  static constexpr uint32_t kMaxSlots = 1u << 22;
  static constexpr uint32_t Slot(uint32_t handle) { return handle & (kMaxSlots - 1); }

  SeriesTable();
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;
  ~SeriesTable();

  // The handle of `owner`'s series with these labels. kFull: the owner has `limit` live series.
  Result<uint32_t> Intern(uint32_t owner, const Labels& labels, uint64_t limit, int64_t now_ns);

  // Null when the handle has expired. The pointer stays good until the second Expire after the one
  // that dropped the series.
  const Series* Get(uint32_t handle) const {
    const uint32_t slot = Slot(handle);
    const Chunk* chunk = chunks_[slot / kChunk].load(std::memory_order_acquire);
    if (chunk == nullptr) return nullptr;
    const Series* series = (*chunk)[slot % kChunk].load(std::memory_order_acquire);
    return series != nullptr && series->handle == handle ? series : nullptr;
  }
  // A sample of it went by. `series` comes from Get.
  static void Touch(const Series* series, int64_t now_ns, double value, int64_t ts_ns) {
    Series* const touched = const_cast<Series*>(series);
    touched->touched_ns.store(now_ns, std::memory_order_relaxed);
    touched->value.store(value, std::memory_order_relaxed);
    touched->ts_ns.store(ts_ns, std::memory_order_relaxed);
  }

  // A number for a metric name; the same name has the same number as long as the table lives.
  uint32_t NameId(std::string_view name);

  // Drops the series untouched since `before_ns`, and all of owners in `gone`; returns their
  // handles.
  std::vector<uint32_t> Expire(int64_t before_ns, const std::vector<uint32_t>& gone = {});

  // Calls `visit` with every live series, in no order; nothing is interned meanwhile.
  void ForEach(const std::function<void(const Series&)>& visit) const;

  size_t size() const;
  size_t size_of(uint32_t owner) const;
  // How often a new series of this owner was refused.
  uint64_t refused_of(uint32_t owner) const;

 private:
  static constexpr uint32_t kChunk = 4096;
  using Chunk = std::array<std::atomic<Series*>, kChunk>;
  struct Key {
    uint32_t owner;
    Labels labels;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };

  uint32_t NameIdLocked(std::string_view name);

  std::array<std::atomic<Chunk*>, kMaxSlots / kChunk> chunks_{};
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::unordered_map<Key, std::unique_ptr<Series>, KeyHash> live_;
  struct Owner {
    size_t live = 0;
    uint64_t refused = 0;
  };
  std::unordered_map<uint32_t, Owner> owners_;
  std::unordered_map<std::string, uint32_t> names_;
  std::deque<uint32_t> free_;  // handles with the generation they get next, oldest first
  uint32_t used_slots_ = 0;
  std::array<std::vector<std::unique_ptr<Series>>, 2>
      graveyard_;  // dropped; freed two rounds later
};

}  // namespace heald
