// How well scores rank labelled rows. VUS-PR: volume under the precision-recall surface over buffer
// lengths (Paparrizos et al., VLDB 2022; TSB-AD, NeurIPS 2024). Used by the detection benchmark.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace heald::bench {

// Rows begin to end - 1.
struct Interval {
  size_t begin = 0;
  size_t end = 0;
};
// The runs of labelled rows.
std::vector<Interval> Runs(std::span<const char> labels);

// Labels are 0 or 1, scores finite, larger is more anomalous. For every buffer length from 0 to
// max_buffer the labelled runs are widened by half of it on both sides, with weights that fall off;
// the average precision at 250 thresholds is averaged over all lengths. 0 where nothing is
// labelled.
double VusPr(std::span<const char> labels, std::span<const double> scores, size_t max_buffer);

// Average precision over every threshold; rows with equal scores come together.
double AucPr(std::span<const char> labels, std::span<const double> scores);

}  // namespace heald::bench
