// One row per series, found by the slot in its handle. Slots are the agent's, shared by all nodes,
// so a detector sees few of them and far apart: a small index leads to rows that lie together. A
// row remembers its whole handle, generation included; when a slot is used again the old row is
// handed to the caller before the new one starts.
// Used by heald/series_book.h and by any component that keeps something per series.
// Thread rule: one thread at a time, as all [data] hooks of an instance. Rows don't move.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "heald/abi/records.h"

namespace heald::sdk {

template <typename Row>
class SlotTable {
 public:
  // Null where this very series (slot and generation) has no row. Constant time.
  Row* Find(heald_series series) {
    Entry* entry = EntryAt(HEALD_SERIES_SLOT(series));
    return entry != nullptr && entry->series == series ? &entry->row : nullptr;
  }

  // The row of a series; made by make() where it has none. displaced(series, row) is called first
  // with what another generation left in the slot.
  template <typename Make, typename Displaced>
  Row& FindOrAdd(heald_series series, Make&& make, Displaced&& displaced) {
    if (Row* row = Find(series)) return *row;
    const uint32_t slot = HEALD_SERIES_SLOT(series);
    Entry* entry = EntryAt(slot);
    if (entry != nullptr) {
      displaced(entry->series, entry->row);
    } else {
      if (pages_.size() <= slot / kPage) pages_.resize(slot / kPage + 1);
      if (pages_[slot / kPage] == nullptr) {
        pages_[slot / kPage] = std::make_unique<Page>();
        pages_[slot / kPage]->fill(kNoRow);
      }
      entry = &EntryOf((*pages_[slot / kPage])[slot % kPage] = FreeRow());
      ++size_;
    }
    entry->series = series;
    entry->row = make();
    return entry->row;
  }

  // Frees the row of this very series; false where it has none.
  bool Remove(heald_series series) {
    const uint32_t slot = HEALD_SERIES_SLOT(series);
    Entry* entry = EntryAt(slot);
    if (entry == nullptr || entry->series != series) return false;
    entry->series = HEALD_SERIES_NONE;
    entry->row = Row{};
    free_.push_back((*pages_[slot / kPage])[slot % kPage]);
    (*pages_[slot / kPage])[slot % kPage] = kNoRow;
    --size_;
    return true;
  }

  // visit(series, row), in no particular order.
  template <typename F>
  void ForEach(F&& visit) {
    for (uint32_t i = 0; i < used_; ++i)
      if (Entry& entry = EntryOf(i); entry.series != HEALD_SERIES_NONE)
        visit(entry.series, entry.row);
  }

  size_t size() const { return size_; }

 private:
  struct Entry {
    Row row{};
    heald_series series = HEALD_SERIES_NONE;
  };
  static constexpr uint32_t kPage = 1024;
  static constexpr uint32_t kChunk = 64;
  static constexpr uint32_t kNoRow = 0xffffffffu;
  using Page = std::array<uint32_t, kPage>;

  Entry& EntryOf(uint32_t row) { return chunks_[row / kChunk][row % kChunk]; }
  Entry* EntryAt(uint32_t slot) {
    if (slot / kPage >= pages_.size() || pages_[slot / kPage] == nullptr) return nullptr;
    const uint32_t row = (*pages_[slot / kPage])[slot % kPage];
    return row == kNoRow ? nullptr : &EntryOf(row);
  }
  uint32_t FreeRow() {
    if (!free_.empty()) {
      const uint32_t row = free_.back();
      free_.pop_back();
      return row;
    }
    if (used_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<Entry[]>(kChunk));
    return used_++;
  }

  std::vector<std::unique_ptr<Page>> pages_;      // by slot; leads to a row's number
  std::vector<std::unique_ptr<Entry[]>> chunks_;  // the rows
  std::vector<uint32_t> free_;
  uint32_t used_ = 0;
  size_t size_ = 0;
};

}  // namespace heald::sdk
