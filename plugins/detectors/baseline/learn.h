// How means and deviations of a series and of an entity follow what is seen.
// Thread rule: pure functions.
#pragma once

namespace heald::baseline {

// What is young learns fast; while something is wrong this share of it.
inline constexpr float kHeld = 0.25F;

inline void Move(float& mean, float value, float share) {
  mean += share * (value - mean);
}

}  // namespace heald::baseline
