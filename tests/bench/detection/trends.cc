#include <algorithm>
#include <cmath>
#include <span>

#include "core/backtest/scratch.h"
#include "tests/bench/detection/evaluate.h"
#include "tests/trend/families.h"
#include "tests/trend/real_data.h"

namespace heald::bench {

namespace {

using trend::testing::Random;
using trend::testing::Values;

constexpr int64_t kStepNs = 15 * kSecond;
constexpr int64_t kStartNs = 1000 * kStepNs;
constexpr size_t kSamples = 1440;
constexpr double kThreshold = 6;
constexpr double kPerMinute = 4;

struct Brier {
  double squares = 0, all = 0, came = 0;
  Reliability reliability{};
  void Add(double said, bool came_true) {
    const auto tenth = static_cast<size_t>(std::clamp(said * 10, 0.0, 9.0));
    reliability.said[tenth] += said;
    reliability.came[tenth] += came_true;
    reliability.count[tenth] += 1;
    squares += (said - came_true) * (said - came_true);
    came += came_true;
    all += 1;
  }
};

double SampleAt(int64_t ns) {
  return static_cast<double>(ns - kStartNs) / static_cast<double>(kStepNs);
}

// False: it hardly varies.
bool Standardise(Values& values) {
  const auto count = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / count;
  for (const double value : values) squares += (value - mean) * (value - mean) / count;
  if (squares < 1e-12) return false;
  for (double& value : values) value = (value - mean) / std::sqrt(squares);
  return true;
}

// One series from its begin; what the detector said first about it.
Status Try(const Detector& detector, const Values& values, bool ramp, size_t crossing,
           double horizon_ns, TrendResult* result, Brier* brier) {
  const backtest::Scratch scratch;
  auto run = backtest::ScoreRun::Create(
      *detector.plugins, {detector.name, detector.config, {"level"}, "series", scratch.path()});
  if (!run) return run.error();
  const double horizon = horizon_ns / static_cast<double>(kStepNs);
  std::vector<Finding> first;
  for (size_t at = 0; at < values.size(); ++at) {
    const double value = values[at];
    const auto score =
        (*run)->Feed(kStartNs + static_cast<int64_t>(at) * kStepNs, std::span(&value, 1));
    if (!score) return score.error();
    if (first.empty() && score->alert) first = (*run)->findings();
    constexpr size_t kFirst = 120;
    if (at < crossing && at > kFirst && at % 4 == 0)
      brier->Add(score->score, ramp && static_cast<double>(crossing - at) <= horizon);
  }
  if (!ramp) {
    ++result->healthy;
    result->healthy_alarmed += first.empty() ? 0 : 1;
    return {};
  }
  ++result->ramps;
  const auto truth = static_cast<double>(crossing);
  if (first.empty() || SampleAt(first[0].ts_ns) >= truth) return {};
  const double lead = (truth - SampleAt(first[0].ts_ns)) / kPerMinute;
  const bool inside =
      truth >= SampleAt(first[0].eta_low_ns) && truth <= SampleAt(first[0].eta_high_ns);
  ++result->predicted;
  result->ten_minutes += lead >= 10 ? 1 : 0;
  result->inside += inside ? 1 : 0;
  result->inside_of_ten += inside && lead >= 10 ? 1 : 0;
  result->leads_minutes.push_back(lead);
  return {};
}

}  // namespace

Result<TrendResult> EvaluateTrend(const Detector& detector, const TrendNoise& noise) {
  constexpr size_t kSeries = 500;
  const std::string folder = trend::testing::DataFolder();
  std::vector<trend::testing::Column> columns;
  if (!folder.empty()) columns = trend::testing::SmdTraining(folder);
  const Value* const horizon = detector.config.Find("horizon");
  const auto horizon_ns = static_cast<double>(
      horizon != nullptr && horizon->AsInt() != nullptr ? *horizon->AsInt() : 15 * kMinute);
  TrendResult result;
  result.generated = columns.empty();
  Brier brier;
  Random random(noise.seed);
  for (size_t i = 0; i < kSeries;) {
    Values values = columns.empty() ? trend::testing::Noise(random, kSamples)
                                    : trend::testing::Bootstrap(
                                          random, columns[random() % columns.size()].values,
                                          noise.block, kSamples);
    if (noise.own && !Standardise(values)) continue;  // nothing happened in these blocks
    const bool ramp = i % 2 == 1;
    const size_t crossing = ramp ? trend::testing::AddRamp(random, kThreshold, values) : kSamples;
    if (Status status = Try(detector, values, ramp, crossing, horizon_ns, &result, &brier); !status)
      return status.error();
    ++result.series;
    ++i;
  }
  result.reliability = brier.reliability;
  result.brier = brier.squares / brier.all;
  result.climatology = brier.came / brier.all * (1 - brier.came / brier.all);
  return result;
}

}  // namespace heald::bench
