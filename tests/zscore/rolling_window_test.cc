#include "plugins/detectors/zscore/rolling_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>
#include <vector>

namespace heald::zscore {
namespace {

// The definition, in extended precision.
Spread Moments(const std::deque<double>& values) {
  long double mean = 0;
  for (const double v : values) mean += v;
  mean /= values.size();
  long double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {static_cast<double>(mean), static_cast<double>(std::sqrt(squares / (values.size() - 1)))};
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n % 2 != 0 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

Spread Robust(const std::deque<double>& values) {
  const double median = Median({values.begin(), values.end()});
  std::vector<double> distances;
  for (const double v : values) distances.push_back(std::fabs(v - median));
  return {median, 1.4826 * Median(distances)};
}

void Follow(RollingWindow& window, std::deque<double>& model, size_t capacity, double value) {
  window.Push(value);
  model.push_back(value);
  if (model.size() > capacity) model.pop_front();
}

TEST(ZscoreWindowTest, AgreesWithTheDefinitionAtEveryFill) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> noise(10, 3);
  RollingWindow window(7, false);
  std::deque<double> model;
  for (int i = 0; i < 500; ++i) {
    Follow(window, model, 7, noise(random));
    if (model.size() < 2) continue;
    EXPECT_NEAR(window.Moments().center, Moments(model).center, 1e-10);
    EXPECT_NEAR(window.Moments().deviation, Moments(model).deviation, 1e-10);
  }
}

TEST(ZscoreWindowTest, KeepsTheLatestValuesOldestFirst) {
  RollingWindow window(3, false);
  for (const double v : {1.0, 2.0, 3.0, 4.0, 5.0}) window.Push(v);
  ASSERT_EQ(window.size(), 3u);
  EXPECT_EQ(window[0], 3);
  EXPECT_EQ(window[1], 4);
  EXPECT_EQ(window[2], 5);
}

TEST(ZscoreWindowTest, DoesNotDriftInTenMillionSamples) {
  // A large offset is where naive rolling sums lose their digits.
  std::mt19937_64 random(2);
  RollingWindow window(20, false);
  std::deque<double> model;
  for (int i = 0; i < 10'000'000; ++i) {
    const double value = 1e9 + static_cast<double>(random() >> 40) * 1e-6;
    window.Push(value);
    if (i >= 10'000'000 - 20) model.push_back(value);
  }
  EXPECT_NEAR(window.Moments().center, Moments(model).center, 1e-6);
  EXPECT_NEAR(window.Moments().deviation / Moments(model).deviation, 1, 1e-6);
}

TEST(ZscoreWindowTest, ForgetsAHugeValueCompletely) {
  RollingWindow window(20, false);
  std::deque<double> model;
  std::mt19937_64 random(3);
  std::normal_distribution<double> noise(5, 0.1);
  for (int i = 0; i < 50; ++i) Follow(window, model, 20, i == 15 ? 1e15 : noise(random));
  EXPECT_NEAR(window.Moments().deviation / Moments(model).deviation, 1, 1e-6);
  EXPECT_NEAR(window.Moments().center, Moments(model).center, 1e-9);
}

TEST(ZscoreWindowTest, SurvivesTheEndsOfTheRange) {
  for (const double size : {1e300, 7e307, 1e-300}) {
    RollingWindow window(10, false);
    for (int i = 0; i < 40; ++i) window.Push(i % 2 == 0 ? size : size / 2);
    EXPECT_NEAR(window.Moments().center / size, 0.75, 1e-12) << size;
    EXPECT_NEAR(window.Moments().deviation / size, 0.25 * std::sqrt(10.0 / 9), 1e-12) << size;
  }
}

TEST(ZscoreWindowTest, ChangesItsUnitAsTheValuesDo) {
  RollingWindow window(8, false);
  std::deque<double> model;
  for (const double size : {1.0, 1e300, 1e-300, 1e10, -1e305, 2.0})
    for (int i = 0; i < 16; ++i) {
      Follow(window, model, 8, size * (1 + i % 3));
      ASSERT_TRUE(model.size() < 2 || std::isfinite(window.Moments().deviation));
    }
  EXPECT_NEAR(window.Moments().deviation, Moments(model).deviation, 1e-12);
}

TEST(ZscoreWindowTest, AConstantSeriesHasNoDeviation) {
  RollingWindow window(20, false);
  for (int i = 0; i < 100; ++i) window.Push(0.1);
  EXPECT_NEAR(window.Moments().center, 0.1, 1e-16);
  EXPECT_LT(window.Moments().deviation, 1e-15);
}

TEST(ZscoreWindowTest, RobustAgreesWithTheDefinition) {
  std::mt19937_64 random(4);
  for (const uint32_t capacity : {3u, 8u, 21u}) {
    RollingWindow window(capacity, true);
    std::deque<double> model;
    for (int i = 0; i < 300; ++i) {
      // Few distinct values: ties are where a sorted window goes wrong.
      Follow(window, model, capacity, static_cast<double>(random() % 7));
      EXPECT_DOUBLE_EQ(window.Robust().center, Robust(model).center);
      EXPECT_NEAR(window.Robust().deviation, Robust(model).deviation, 1e-12);
    }
  }
}

TEST(ZscoreWindowTest, RobustIgnoresAFewOutliers) {
  RollingWindow window(20, true);
  for (int i = 0; i < 20; ++i) window.Push(i < 4 ? 1e9 : 10 + i % 3);
  EXPECT_NEAR(window.Robust().center, 11, 1);
  EXPECT_LT(window.Robust().deviation, 3);
}

TEST(ZscoreWindowTest, StartsAnewAfterClear) {
  RollingWindow window(4, true);
  for (const double v : {1e300, 2e300, 3e300, 4e300, 5e300}) window.Push(v);
  window.Clear();
  EXPECT_EQ(window.size(), 0u);
  window.Push(1);
  window.Push(3);
  EXPECT_EQ(window.Robust().center, 2);
}

}  // namespace
}  // namespace heald::zscore
