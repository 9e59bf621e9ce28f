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

class Payments {
 public:
  // The handlers refer to this object.
  std::vector<Route> Routes();

 private:
  RecordStore store_{"payments", "p-"};
};

}  // namespace heald::demo
