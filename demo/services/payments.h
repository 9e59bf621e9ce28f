// The payments service: charges an amount, and declines what is above its limit. Used by main.
// Thread rule: handlers from any thread.
#pragma once

#include <vector>

#include "demo/services/record_store.h"
#include "demo/services/router.h"

namespace heald::demo {

// Shared with orders, which passes these on.
inline constexpr int kMaxAmountCents = 1'000'000;
inline constexpr int kDeclineAboveCents = 500'000;

class DataFolder;

class Payments {
 public:
  // data: what it keeps, outlives it; null: nothing.
  explicit Payments(DataFolder* data = nullptr) : data_(data) {}
  // The handlers refer to this object.
  std::vector<Route> Routes();

 private:
  DataFolder* const data_;
  RecordStore store_{"payments", "p-"};
};

}  // namespace heald::demo
