// A bounded sample of the rows of the past: every row while it is young, later one that forgets
// half within so many rows (Vitter, "Random sampling with a reservoir", 1985; Aggarwal, "On biased
// reservoir sampling", 2006). Used by Model. Thread rule: plain values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include "plugins/detectors/isolation_forest/random.h"

namespace heald::isolation_forest {

class Reservoir {
 public:
  // row: as wide as the reservoir. NaN: absent.
  void Offer(std::span<const float> row, size_t capacity, double half_life, Random& random) {
    ++seen_;
    if (size() < capacity) {
      rows_.insert(rows_.end(), row.begin(), row.end());
      return;
    }
    const double kept = static_cast<double>(size());
    const double share = std::max(kept / static_cast<double>(seen_),
                                  std::min(1.0, kept * std::numbers::ln2 / half_life));
    if (static_cast<double>(random.Share()) <= share)
      Replace(random.Below(static_cast<uint32_t>(size())), row);
  }
  void Replace(size_t at, std::span<const float> row) {
    std::copy(row.begin(), row.end(), rows_.begin() + static_cast<std::ptrdiff_t>(at * width_));
  }
  // More numbers to a row; the rows of the past don't have them. So new rows count as much as when
  // it was young, until most have them.
  void Widen(size_t width) {
    std::vector<float> rows(size() * width, std::numeric_limits<float>::quiet_NaN());
    for (size_t i = 0; i < size(); ++i)
      std::copy_n(rows_.begin() + static_cast<std::ptrdiff_t>(i * width_), width_,
                  rows.begin() + static_cast<std::ptrdiff_t>(i * width));
    seen_ = size();
    rows_ = std::move(rows);
    width_ = width;
  }
  // The numbers `count` from `first` on leave every row.
  void Remove(size_t first, size_t count) {
    size_t to = 0;
    for (size_t i = 0; i < rows_.size(); ++i)
      if (i % width_ < first || i % width_ >= first + count) rows_[to++] = rows_[i];
    rows_.resize(to);
    width_ -= count;
    if (width_ == 0) seen_ = 0;
  }

  std::span<const float> row(size_t at) const {
    return std::span(rows_).subspan(at * width_, width_);
  }
  size_t size() const { return width_ == 0 ? 0 : rows_.size() / width_; }
  size_t width() const { return width_; }
  uint64_t seen() const { return seen_; }
  std::vector<float>& rows() { return rows_; }  // for a snapshot
  void Resume(size_t width, uint64_t seen, std::vector<float> rows) {
    width_ = width;
    seen_ = seen;
    rows_ = std::move(rows);
  }

 private:
  size_t width_ = 0;
  uint64_t seen_ = 0;
  std::vector<float> rows_;
};

}  // namespace heald::isolation_forest
