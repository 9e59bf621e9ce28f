// When a series left the range it had kept, and how alike two series run: what trend says about the
// others of a target. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "plugins/detectors/trend/buckets.h"

namespace heald::trend {

struct Departure {
  int64_t onset_ns = 0;  // the first bucket outside
  double low = 0;        // the range before
  double high = 0;
};

// The older half of the buckets, with half of its own width around it, is the range; the newest
// buckets must all lie outside. Empty where they don't, or with fewer than 16 buckets.
std::optional<Departure> DepartureOf(const Buckets& buckets);

// Squared correlation of the latest `count` buckets, 0..1.
double Likeness(const Buckets& a, const Buckets& b, uint32_t count);

}  // namespace heald::trend
