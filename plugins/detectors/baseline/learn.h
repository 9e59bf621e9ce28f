// How means and deviations of a series and of an entity follow what is seen.
// Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <cstdint>

namespace heald::baseline {

// What is young learns fast; while something is wrong this share of it.
inline constexpr float kHeld = 0.25F;

// Of the newest sample after `count` others: a mean of all until it has learnt enough to forget.
inline float ShareOf(float forget, uint32_t count) {
  return std::max(forget, 1.0F / (static_cast<float>(count) + 1));
}

inline void Move(float& mean, float value, float share) {
  mean += share * (value - mean);
}

}  // namespace heald::baseline
