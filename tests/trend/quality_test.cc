// How often trend is right: false alarms on healthy series, predictions of failures that come,
// calibration. Prints its tables; README.md quotes them. Beside it runs what most tools ship: a
// least-squares line through the same 60 samples, extended by the same horizon.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>

#include "plugins/detectors/trend/gradient.h"
#include "plugins/detectors/trend/trend.h"
#include "tests/trend/families.h"
#include "tests/trend/real_data.h"

namespace heald::trend {
namespace {

using testing::Column;
using testing::Random;
using testing::Values;

constexpr int64_t kStepNs = 15'000'000'000;
constexpr int64_t kStartNs = 1000 * kStepNs;
constexpr double kPerMinute = 4;  // samples

struct Alarm {
  size_t at = 0;  // sample
  double eta = 0;
  double low = 0;
  double high = 0;
};

// Feeds all of it; `look` sees the state after each sample.
std::vector<Alarm> AlarmsOf(const Config& config, const Values& values,
                            const std::function<void(size_t, const Series&)>& look = {}) {
  Series series(config);
  std::vector<Alarm> alarms;
  bool open = false;
  for (size_t i = 0; i < values.size(); ++i) {
    const Step step =
        series.Next(config, kStartNs + static_cast<int64_t>(i) * kStepNs, values[i], true, open);
    if (step == Step::kOpened) {
      open = true;
      const auto sample = [&](double in) {
        return static_cast<double>(series.TimeNs(in) - kStartNs) / kStepNs;
      };
      const Forecast& forecast = series.forecast();
      alarms.push_back({i, sample(forecast.in), sample(forecast.in_low), sample(forecast.in_high)});
    }
    if (step >= Step::kCleared) open = false;
    if (look) look(i, series);
  }
  return alarms;
}

bool PlainRegressionAlarms(const Config& config, const Values& values) {
  const auto window = static_cast<size_t>(config.window);
  const double horizon = static_cast<double>(config.horizon.ns) / kStepNs;
  for (size_t end = window; end <= values.size(); ++end) {
    const std::span<const double> recent(&values[end - window], window);
    const double slope = GradientOf(recent).slope;
    double mean = 0;
    for (const double v : recent) mean += v / static_cast<double>(window);
    if (mean + slope * (static_cast<double>(window - 1) / 2 + horizon) >= *config.above)
      return true;
  }
  return false;
}

TEST(TrendQualityTest, HealthySeriesRaiseFewFalseAlarms) {
  const Config config{.above = 1.2};  // healthy levels go up to about 1
  constexpr int kEach = 5;
  int plain = 0, ours = 0, all = 0;
  std::printf("45 healthy series, twelve hours each (daily: two days)\n%-18s %6s %17s\n", "",
              "trend", "plain regression");
  for (const testing::Family& family : testing::HealthyFamilies()) {
    Random random(11);
    int family_plain = 0, family_ours = 0;
    for (int i = 0; i < kEach; ++i) {
      const Values values = family.make(random, family.name == "daily" ? 11'520 : 2'880);
      family_ours += AlarmsOf(config, values).empty() ? 0 : 1;
      family_plain += PlainRegressionAlarms(config, values) ? 1 : 0;
    }
    std::printf("%-18s %6d %17d\n", family.name.c_str(), family_ours, family_plain);
    plain += family_plain;
    ours += family_ours;
    all += kEach;
  }
  std::printf("%-18s %6d %17d  of %d\n", "together", ours, plain, all);
  EXPECT_LE(ours, 14);   // most go straight at the threshold for an hour, as a leak does
  EXPECT_GE(plain, 25);  // else these series prove nothing
}

struct Reliability {
  std::array<double, 10> said{};
  std::array<double, 10> came{};
  std::array<double, 10> count{};
  double brier = 0;
  double all = 0;
  double failures = 0;

  void Add(double probability, bool came_true) {
    const auto bin = static_cast<size_t>(std::min(probability * 10, 9.0));
    said[bin] += probability;
    came[bin] += came_true;
    count[bin] += 1;
    brier += (probability - came_true) * (probability - came_true);
    all += 1;
    failures += came_true;
  }
  double Brier() const { return brier / all; }
  double Climatology() const { return failures / all * (1 - failures / all); }
  void Print() const {
    std::printf("Brier score %.4f (always saying the base rate %.3f: %.4f)\n", Brier(),
                failures / all, Climatology());
    std::printf("  %-10s %8s %8s %8s\n", "said", "mean", "came", "times");
    for (size_t bin = 0; bin < 10; ++bin)
      if (count[bin] > 0)
        std::printf("  %.1f–%.1f    %8.3f %8.3f %8.0f\n", static_cast<double>(bin) / 10,
                    static_cast<double>(bin + 1) / 10, said[bin] / count[bin],
                    came[bin] / count[bin], count[bin]);
  }
};

struct Ramps {
  int healthy = 0, healthy_alarmed = 0;
  int ramps = 0, predicted = 0, ten_minutes = 0, inside = 0, inside_of_ten = 0;
  std::vector<double> leads;  // minutes
  Reliability reliability;

  double FalseAlarms() const { return static_cast<double>(healthy_alarmed) / healthy; }
  double Predicted() const { return static_cast<double>(predicted) / ramps; }
  double Inside() const { return static_cast<double>(inside) / predicted; }
  double TenMinutesBefore() const { return static_cast<double>(ten_minutes) / ramps; }
  double InsideOfTen() const { return static_cast<double>(inside_of_ten) / ten_minutes; }
  void Print(const char* name) {
    std::sort(leads.begin(), leads.end());
    std::printf(
        "%s: healthy alarmed %.1f %%, ramps predicted %.1f %% (10 min before: %.1f %%), median "
        "lead "
        "%.1f min, time inside the interval %.1f %%\n",
        name, 100 * FalseAlarms(), 100 * Predicted(), 100.0 * ten_minutes / ramps,
        leads.empty() ? 0 : leads[leads.size() / 2], 100 * Inside());
  }
};

// Six hours each: noise of mean 0 and deviation 1, in every second one a ramp that begins somewhere
// and is at the threshold of 6 after 20 to 120 minutes.
Ramps Try(const Config& config, const std::function<Values(Random&, size_t)>& noise, int count) {
  constexpr size_t kSamples = 1440;
  constexpr double kThreshold = 6;
  Random random(1);
  Ramps result;
  for (int i = 0; i < count; ++i) {
    Values values = noise(random, kSamples);
    const bool ramp = i % 2 == 1;
    const size_t crossing = ramp ? testing::AddRamp(random, kThreshold, values) : kSamples;
    const double horizon = static_cast<double>(config.horizon.ns) / kStepNs;
    const auto alarms = AlarmsOf(config, values, [&](size_t at, const Series& series) {
      constexpr size_t kFirst = 120;
      if (at < crossing && at > kFirst && at % 4 == 0)
        result.reliability.Add(series.forecast().probability,
                               ramp && static_cast<double>(crossing - at) <= horizon);
    });
    if (!ramp) {
      ++result.healthy;
      result.healthy_alarmed += alarms.empty() ? 0 : 1;
      continue;
    }
    ++result.ramps;
    if (alarms.empty() || alarms[0].at >= crossing) continue;
    const auto truth = static_cast<double>(crossing);
    const double lead = (truth - static_cast<double>(alarms[0].at)) / kPerMinute;
    ++result.predicted;
    result.ten_minutes += lead >= 10;
    const bool inside = truth >= alarms[0].low && truth <= alarms[0].high;
    result.inside += inside;
    result.inside_of_ten += inside && lead >= 10;
    result.leads.push_back(lead);
  }
  return result;
}

const Config kAbove6{.above = 6};
const Config kEarly{.above = 6, .horizon = sdk::Minutes(30), .probability = {0.5}};

// Each in two tests, which run side by side: they take their time.
void ExpectGeneratedFailuresPredicted(const char* name, const Config& config) {
  Ramps result = Try(config, &testing::Noise, 500);
  result.Print(name);
  result.reliability.Print();
  EXPECT_LE(result.FalseAlarms(), 0.02);
  EXPECT_GE(result.Predicted(), 0.55);
  EXPECT_GE(result.Inside(), 0.75);
  EXPECT_LT(result.reliability.Brier(), 0.6 * result.reliability.Climatology());
  // What it says is nearly sure happens nearly always.
  EXPECT_GT(result.reliability.came[9] / result.reliability.count[9], 0.85);
  EXPECT_LT(result.reliability.came[0] / result.reliability.count[0], 0.05);
}

TEST(TrendQualityTest, GeneratedFailuresArePredictedAndCalibrated) {
  ExpectGeneratedFailuresPredicted("generated noise, shipped settings", kAbove6);
}

TEST(TrendQualityTest, GeneratedFailuresArePredictedAndCalibratedWithALongHorizon) {
  ExpectGeneratedFailuresPredicted("generated noise, horizon 30m, probability 0.5", kEarly);
}

// most: of the healthy series that may be alarmed.
void ExpectFailuresInRealNoisePredicted(const char* name, const Config& config, double most) {
  const std::string folder = testing::DataFolder();
  if (folder.empty())
    GTEST_SKIP() << "no ../shared/data (or $HEALD_SHARED/data): the generated series stand in";
  const std::vector<Column> columns = testing::SmdTraining(folder);
  const auto noise = [&](Random& random, size_t samples) {
    constexpr size_t kBlock = 60;
    return testing::Bootstrap(random, columns[random() % columns.size()].values, kBlock, samples);
  };
  Ramps result = Try(config, noise, 500);
  result.Print(name);
  result.reliability.Print();
  EXPECT_LE(result.FalseAlarms(), most);
  EXPECT_GE(result.TenMinutesBefore(), 0.86);
  EXPECT_GE(result.InsideOfTen(), 0.8);
  EXPECT_LT(result.reliability.Brier(), 0.6 * result.reliability.Climatology());
  EXPECT_GT(result.reliability.came[9] / result.reliability.count[9], 0.75);
}

TEST(TrendQualityTest, FailuresInRealNoiseArePredictedAndCalibrated) {
  ExpectFailuresInRealNoisePredicted("server noise, shipped settings", kAbove6, 0.02);
}

// Looks further, alarms more.
TEST(TrendQualityTest, FailuresInRealNoiseArePredictedAndCalibratedWithALongHorizon) {
  ExpectFailuresInRealNoisePredicted("server noise, horizon 30m, probability 0.5", kEarly, 0.035);
}

// None of them ever reaches a threshold a tenth above its own greatest value.
TEST(TrendQualityTest, RealSeriesThatNeverFailRaiseFewFalseAlarms) {
  const std::string folder = testing::DataFolder();
  if (folder.empty())
    GTEST_SKIP() << "no ../shared/data (or $HEALD_SHARED/data): the generated series stand in";
  const auto count = [](const char* name, const std::vector<Column>& columns, size_t each) {
    size_t alarmed = 0, alarms = 0, samples = 0, series = 0;
    for (size_t i = 0; i < columns.size(); i += each, ++series) {
      const Column& column = columns[i];
      const auto [low, high] = std::minmax_element(column.values.begin(), column.values.end());
      const auto found = AlarmsOf({.above = *high + 0.1 * (*high - *low)}, column.values);
      alarmed += found.empty() ? 0 : 1;
      alarms += found.size();
      samples += column.values.size();
    }
    std::printf("%s: %zu of %zu series alarmed, %zu alarms in %zu samples\n", name, alarmed, series,
                alarms, samples);
    return static_cast<double>(alarms) / static_cast<double>(samples);
  };
  EXPECT_LE(count("server metrics (SMD, training, every third)", testing::SmdTraining(folder), 3),
            1e-4);
  EXPECT_LE(count("cloud metrics (NAB)", testing::Nab(folder), 1), 2e-4);
}

}  // namespace
}  // namespace heald::trend
