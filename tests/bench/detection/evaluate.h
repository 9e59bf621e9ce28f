// The benchmark's parts: one detector over hosts, over single series, over ramps.
// Thread rule: one thread.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/backtest/score_run.h"
#include "tests/bench/detection/data.h"
#include "tests/bench/detection/nab_score.h"

namespace heald::bench {

struct Detector {
  const plugin::Loader* plugins;
  std::string name;
  Value config;
};

struct HostResult {
  std::string name;
  double vus_pr = 0;
  double auc_pr = 0;
  size_t events = 0;
  size_t events_found = 0;             // a finding was open during the event
  std::vector<double> delays_minutes;  // of those, from the event's begin
  // The first contributor is a labelled cause, where the score is greatest.
  size_t causes_right = 0;
  size_t causes_right_of_found = 0;
  double train_alerts_per_day = 0;  // on the mostly normal part
  double test_alerts_per_day = 0;
  double ns_per_sample = 0;  // with reading, host and plugin
};
// Trains on the training part, then goes on over the test part.
Result<HostResult> EvaluateHost(const Detector& detector, const Host& host);

struct SeriesResult {
  std::array<NabResult, 3> scores;  // of the score column
  std::array<NabResult, 3> alerts;  // of rows with an alert, others 0; fixed: every alert counts
  size_t alert_count = 0;
};
Result<SeriesResult> EvaluateSeries(const Detector& detector,
                                    const std::vector<WindowedFile>& files);

// Where the noise comes from: `block` rows at a time from one column of the training parts.
struct TrendNoise {
  const char* name = "";
  uint64_t seed = 1;
  size_t block = 60;
  bool own = false;  // mean and deviation of the series itself, not of the whole column
};
// What was said against what came, by tenths of probability.
struct Reliability {
  std::array<double, 10> said{}, came{}, count{};
};
struct TrendResult {
  bool generated = false;  // no training parts: the noise is generated
  size_t series = 0;
  size_t ramps = 0, predicted = 0, ten_minutes = 0, inside = 0, inside_of_ten = 0;
  size_t healthy = 0, healthy_alarmed = 0;
  std::vector<double> leads_minutes;
  double brier = 0;
  double climatology = 0;  // Brier score of always saying the base rate
  Reliability reliability{};
};
// 500 series of six hours, in every second one a ramp to the threshold.
Result<TrendResult> EvaluateTrend(const Detector& detector, const TrendNoise& noise);

}  // namespace heald::bench
