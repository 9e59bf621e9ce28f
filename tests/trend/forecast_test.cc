#include "plugins/detectors/trend/forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "core/base/units.h"
#include "plugins/detectors/trend/departure.h"
#include "plugins/detectors/trend/gradient.h"

namespace heald::trend {
namespace {

// One sample per bucket, but for the first, which takes what the step is learnt from.
Buckets Make(uint32_t count, const std::function<double(uint32_t)>& value) {
  Buckets buckets(1);
  for (int64_t i = -3; i < 0; ++i) buckets.Add((1000 + i) * kSecond, value(0));
  for (uint32_t i = 0; i <= count; ++i) buckets.Add((1000 + i) * kSecond, value(i));
  return buckets;
}

// Noise in the past, then a line of slope 1 from 0 for `rising` buckets.
Buckets Ramp(uint32_t rising, double noise, uint32_t seed = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<> normal(0, noise);
  constexpr uint32_t kAll = 125;
  return Make(kAll, [&](uint32_t i) {
    return normal(random) + std::max(0.0, i - static_cast<double>(kAll - rising));
  });
}

Forecast Ask(const Buckets& buckets, double threshold, double horizon, bool open = false,
             double sign = 1) {
  return ForecastOf(buckets, LinesOf(buckets), Habits(), threshold, sign, horizon, open);
}

TEST(TrendGradientTest, AgreesWithTheDefinition) {
  const double y[] = {1, 3, 2, 5, 4, 7};
  const Gradient gradient = GradientOf(y);
  EXPECT_NEAR(gradient.slope, 36.0 / 35, 1e-5);
  double residual = 0;
  for (int i = 0; i < 6; ++i) residual += std::pow(y[i] - 22.0 / 6 - 36.0 / 35 * (i - 2.5), 2);
  EXPECT_NEAR(gradient.standard_error, std::sqrt(residual / 4 / 17.5), 1e-4);
}

TEST(TrendForecastTest, LinesOfEveryLengthAreLeastSquares) {
  std::mt19937_64 random(3);
  std::normal_distribution<> normal(1e6, 5);
  const Buckets buckets = Make(128, [&](uint32_t) { return normal(random); });
  const Lines lines = LinesOf(buckets);
  ASSERT_EQ(lines.count, kLengths);
  for (uint32_t i = 0; i < kLengths; ++i) {
    std::vector<double> values;
    for (uint32_t age = LengthAt(i); age > 0; --age) values.push_back(buckets[age - 1] - 1e6);
    const Gradient expected = GradientOf(values);
    EXPECT_NEAR(lines.of[i].slope, expected.slope, 1e-4);
    EXPECT_NEAR(lines.of[i].error, expected.standard_error, 1e-3);
  }
}

TEST(TrendForecastTest, ASureLineCrossesForSureAndInTime) {
  const Forecast forecast = Ask(Ramp(40, 0.3), 60, 50);
  EXPECT_GE(forecast.buckets, 16u);
  EXPECT_LE(forecast.buckets, 64u);  // not beyond the bend
  EXPECT_GT(forecast.probability, 0.95);
  EXPECT_GT(forecast.confidence, 0.99);
  EXPECT_NEAR(forecast.in, 20, 2);
  EXPECT_LE(forecast.in_low, 20);
  EXPECT_GE(forecast.in_high, 20);
}

TEST(TrendForecastTest, ProbabilityFallsAsTheHorizonDoes) {
  const Buckets buckets = Ramp(40, 2);
  double before = 1;
  for (const double horizon : {60, 40, 22, 18, 10, 5}) {
    const double now = Ask(buckets, 60, horizon).probability;
    EXPECT_LE(now, before) << horizon;
    before = now;
  }
  EXPECT_LT(before, 0.05);
}

TEST(TrendForecastTest, MoreNoiseIsAWiderInterval) {
  const auto width = [](double noise) {
    const Forecast forecast = Ask(Ramp(60, noise), 90, 60, true);
    return forecast.in_high - forecast.in_low;
  };
  EXPECT_LT(width(0.1), width(1));
  EXPECT_LT(width(1), width(4));
}

TEST(TrendForecastTest, FallingTowardsALowerThresholdIsTheSame) {
  const Buckets up = Ramp(40, 0.5);
  const Buckets down = Make(125, [&](uint32_t i) { return i < 125 ? -up[124 - i] : 0; });
  const Forecast above = Ask(up, 60, 50);
  const Forecast below = Ask(down, -60, 50, false, -1);
  EXPECT_NEAR(above.probability, below.probability, 1e-9);
  EXPECT_NEAR(above.in, below.in, 1e-6);
  EXPECT_EQ(above.buckets, below.buckets);
  EXPECT_NEAR(above.level, -below.level, 1e-6);
}

TEST(TrendForecastTest, NothingIsSaidOfNoiseFarFromTheThreshold) {
  std::mt19937_64 random(3);
  std::normal_distribution<> normal(0, 1);
  EXPECT_EQ(Ask(Make(128, [&](uint32_t) { return normal(random); }), 1000, 20).probability, 0);
}

TEST(TrendForecastTest, AStepIsNoTrend) {
  std::mt19937_64 random(3);
  std::normal_distribution<> normal(0, 0.2);
  for (uint32_t at = 3; at < 60; ++at) {
    const Buckets buckets =
        Make(128, [&](uint32_t i) { return normal(random) + (i > 128 - at ? 10 : 0); });
    EXPECT_LE(Ask(buckets, 14, 40).probability, 0.1) << at;
  }
}

TEST(TrendForecastTest, ALevelThatWasHadBeforeIsUsual) {
  const Buckets buckets = Ramp(40, 0.3);
  Habits habits;
  EXPECT_GT(ForecastOf(buckets, LinesOf(buckets), habits, 60, 1, 50, false).probability, 0.9);
  habits.LearnLevel(50, kSecond, 100 * kSecond);
  EXPECT_LE(ForecastOf(buckets, LinesOf(buckets), habits, 60, 1, 50, false).probability, 0.1);
  // Long enough ago it doesn't count any more.
  habits.LearnLevel(0, 102 * kSecond, 100 * kSecond);
  habits.LearnLevel(0, 204 * kSecond, 100 * kSecond);
  EXPECT_GT(ForecastOf(buckets, LinesOf(buckets), habits, 60, 1, 50, false).probability, 0.9);
}

TEST(TrendForecastTest, SlopesThatAreUsualHereSayLittle) {
  Habits habits;
  for (uint32_t i = 20; i < 300; ++i)
    habits.LearnSlopes(LinesOf(Make(i, [](uint32_t at) { return at % 20; })));
  EXPECT_GT(habits.Inflation(0), 5 * Habits().Inflation(0));
}

TEST(TrendForecastTest, WorksAtTheEndsOfTheRange) {
  for (const double size : {1e300, 1e-290}) {
    const Buckets buckets = Make(128, [&](uint32_t i) { return size * i; });
    const Forecast forecast = Ask(buckets, size * 148, 50);
    EXPECT_NEAR(forecast.in, 20, 1.1) << size;
    EXPECT_GT(forecast.probability, 0.9) << size;
  }
  const Buckets denormal = Make(128, [](uint32_t i) { return i * 5e-324; });
  EXPECT_GE(Ask(denormal, 1, 50).probability, 0);
}

TEST(TrendDepartureTest, FindsWhenARangeWasLeft) {
  const Buckets buckets = Make(120, [](uint32_t i) { return i % 3 + (i > 100 ? i - 100.0 : 0); });
  const auto departure = DepartureOf(buckets);
  ASSERT_TRUE(departure);
  EXPECT_EQ(departure->low, 0);
  EXPECT_EQ(departure->high, 2);
  EXPECT_NEAR(static_cast<double>(departure->onset_ns) / 1e9, 1102, 3);
  EXPECT_FALSE(DepartureOf(Make(120, [](uint32_t i) { return i % 3; })));
  EXPECT_FALSE(DepartureOf(Make(120, [](uint32_t i) { return i == 119 ? 50 : i % 3; })));
}

TEST(TrendDepartureTest, LikenessIsSquaredCorrelation) {
  const Buckets a = Make(60, [](uint32_t i) { return i; });
  const Buckets b = Make(60, [](uint32_t i) { return 5 - 3.0 * i; });
  const Buckets c = Make(60, [](uint32_t) { return 7; });
  EXPECT_NEAR(Likeness(a, b, 32), 1, 1e-9);
  EXPECT_EQ(Likeness(a, c, 32), 0);
}

}  // namespace
}  // namespace heald::trend
