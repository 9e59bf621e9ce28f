// Has a ramp begun that leads to the threshold? Two questions to the latest buckets, for every
// begin that they cover: how much better a ramp explains them than the noise before it does, and
// how much better than a step; and the same for the differences of neighbours alone, which don't
// mind jumps of the level. Part of trend; README.md explains the method.
// Thread rule: pure functions.
#pragma once

#include <cstdint>

#include "plugins/detectors/trend/buckets.h"
#include "plugins/detectors/trend/noise.h"

namespace heald::trend {

struct Ramp {
  bool found = false;  // good enough to open a prediction
  bool held = false;   // good enough not to clear one
  uint32_t buckets = 0;
  double level = 0;  // now
  double slope = 0;  // per bucket
  double noise = 0;
  double confidence = 0;  // that it is one, 0..1
  // Times in buckets from the newest one.
  double in = 0;
  double in_low = 0;
  double in_high = 0;
  double probability = 0;  // of crossing within the horizon, if it goes on like this
};

// `learned`: from the buckets that were kept before these. sign 1: the threshold lies above.
Ramp RampOf(const Buckets& buckets, const Noise& learned, double threshold, double sign,
            double horizon_buckets);

}  // namespace heald::trend
