// The score of the Numenta Anomaly Benchmark (Lavin & Ahmad 2015): early hits in labelled windows
// against false alarms, over many files with one threshold. Used by the detection benchmark.
// Thread rule: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/detection/vus_pr.h"

namespace heald::bench {

struct NabFile {
  std::vector<double> scores;     // a row each, larger is more anomalous
  std::vector<Interval> windows;  // in order, apart
};

struct NabProfile {
  const char* name;
  double hit;
  double false_alarm;
  double miss;
};
inline constexpr std::array<NabProfile, 3> kNabProfiles = {
    {{"standard", 1, 0.11, 1}, {"low-FP", 1, 0.22, 1}, {"low-FN", 1, 0.11, 2}}};

struct NabResult {
  double best = 0;
  double best_threshold = 0;
  double fixed = 0;  // at the threshold asked for
};
// 100: every window hit at its start and no false alarm; 0: no detection at all. By profile.
std::array<NabResult, 3> NabScore(const std::vector<NabFile>& files, double threshold);

}  // namespace heald::bench
