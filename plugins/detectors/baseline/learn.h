// How means and deviations of a series and of an entity follow what is seen.
// Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace heald::baseline {

// What is young learns fast; while something is wrong this share of it.
inline constexpr float kHeld = 0.25F;

// Of the newest sample after `count` others: a mean of all until it has learnt enough to forget.
inline float ShareOf(float forget, uint32_t count) {
  return std::max(forget, 1.0F / (static_cast<float>(count) + 1));
}

// What is young takes in full what lies within this many deviations only: of the rest it learns as
// little as what is old, else its first fault would be usual the second time.
inline constexpr float kBelieved = 4;

// A mean, its variance, and one more sample that is `off` from it. least: what counts as variance
// at least; infinite while nothing is judged yet.
inline void Learn(float& mean, float& variance, float off, float share, float forget,
                  float least) {
  const float most = kBelieved * kBelieved * (variance + least);
  const float square = off * off;
  if (square > most && share > forget) [[unlikely]] {
    const float young = share - forget;
    mean += forget * off + young * std::copysign(std::sqrt(most), off);
    variance = (1 - share) * (variance + forget * square + young * most);
    return;
  }
  mean += share * off;
  variance = (1 - share) * (variance + share * square);
}

// As they were before the latest sample, `value`, was learnt like that.
inline void Unlearn(float& mean, float& variance, float value, float share, float forget,
                    float least) {
  const float off = (value - mean) / (1 - share);  // nearly, where it was believed in part
  const float square = off * off;
  const float young = share - forget;
  const float most = kBelieved * kBelieved;
  const float before =
      (variance / (1 - share) - forget * square - young * most * least) / (1 + young * most);
  if (young > 0 && square > most * (before + least)) {
    variance = std::max(before, 0.0F);
    mean -= forget * off + young * std::copysign(std::sqrt(most * (variance + least)), off);
  } else {
    variance = std::max(variance / (1 - share) - share * square, 0.0F);
    mean -= share * off;
  }
}

inline void Move(float& mean, float value, float share) {
  mean += share * (value - mean);
}

}  // namespace heald::baseline
