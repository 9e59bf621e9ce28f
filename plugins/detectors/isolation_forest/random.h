// A small generator with eight bytes of state, so that a snapshot carries it: the same seed gives
// the same forest on every machine, which the standard library's distributions don't promise
// (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
// Used by Forest and Reservoir. Thread rule: plain values.
#pragma once

#include <cstdint>

namespace heald::isolation_forest {

class Random {
 public:
  explicit Random(uint64_t state) : state_(state) {}

  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  // 0 to bound - 1; bound is far below 2^32, so that the bias doesn't matter.
  uint32_t Below(uint32_t bound) {
    return static_cast<uint32_t>(((Next() >> 32U) * static_cast<uint64_t>(bound)) >> 32U);
  }
  // Above 0, at most 1.
  float Share() { return static_cast<float>((Next() >> 40U) + 1) * 0x1p-24F; }
  uint64_t state() const { return state_; }

 private:
  uint64_t state_;
};

}  // namespace heald::isolation_forest
