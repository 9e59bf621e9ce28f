#include "plugins/detectors/baseline/series.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace heald::baseline {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kMinuteNs = 60 * kSecondNs;

class BaselineSeriesTest : public ::testing::Test {
 protected:
  Surprise Feed(double value, int64_t step_ns = kMinuteNs) {
    ts_ns_ += step_ns;
    return series_.Next(habits_, TimeOfDay(ts_ns_), value, false);
  }
  // Noise without a generator: a value's size hardly repeats.
  double Noise() { return std::sin(static_cast<double>(++n_) * 12.9898) * 0.5; }

  Habits habits_{.min_deviation = 0.001, .min_deviation_ratio = 0.005};
  Series series_;
  int64_t ts_ns_ = 0;
  int n_ = 0;
};

TEST_F(BaselineSeriesTest, AJumpSurprisesMoreTheFurtherItIs) {
  for (int i = 0; i < 500; ++i) EXPECT_LT(Feed(100 + Noise()).amount, 20);
  const Series usual = series_;
  const float small = Feed(102).amount;
  series_ = usual;
  const float large = Feed(110).amount;
  EXPECT_GT(small, 3);
  EXPECT_GT(large, small);
  EXPECT_LE(large, Series::kCap);
}

TEST_F(BaselineSeriesTest, IsSilentWhileItLearns) {
  for (int i = 0; i < 29; ++i) EXPECT_EQ(Feed(i % 7 == 0 ? 1000 : 1).amount, 0);
  EXPECT_TRUE(series_.Learning(habits_));
  Feed(1);
  EXPECT_FALSE(series_.Learning(habits_));
}

TEST_F(BaselineSeriesTest, AStepLargerThanEverStandsOutThoughTheLevelIsUsual) {
  for (int i = 0; i < 2000; ++i) Feed(100 + Noise() * 0.1 + 10 * std::sin(i / 200.0));
  // Within the range of the level, but no step was ever as large.
  const double now = series_.Level();
  EXPECT_GT(Feed(now > 100 ? now - 8 : now + 8).amount, 100);
  EXPECT_TRUE(series_.Within(habits_, ts_ns_, 2));
}

TEST_F(BaselineSeriesTest, RippleOfAFlatSeriesIsNoSurprise) {
  for (int i = 0; i < 500; ++i) Feed(50);
  EXPECT_LT(Feed(50.1).amount, 5);
  EXPECT_GT(Feed(60).amount, 20);
}

TEST_F(BaselineSeriesTest, ASeriesThatWasAlwaysZeroIsSeenToMove) {
  for (const double min_deviation : {0.001, 0.0, 1e-9}) {
    for (const double value : {0.1, 3.0, -3.0, 1e6, 1e300}) {
      SCOPED_TRACE(testing::Message() << value << ", min_deviation " << min_deviation);
      habits_.min_deviation = min_deviation;
      series_ = Series();
      for (int i = 0; i < 500; ++i) EXPECT_EQ(Feed(0).amount, 0);
      EXPECT_GT(Feed(value).amount, 20);
      EXPECT_GT(Feed(value).amount, 100);
      for (int i = 0; i < 2000; ++i) Feed(0);
      // Once is not often: the next time it is still seen.
      EXPECT_GT(Feed(value).amount, 20);
    }
  }
}

TEST_F(BaselineSeriesTest, AZeroSeriesFromWhichNoLeastDeviationIsAskedFollowsItsOwnSize) {
  habits_.min_deviation = 0;
  for (const double unit : {1e-280, 1e-9, 1e12}) {
    series_ = Series();
    for (int i = 0; i < 500; ++i) Feed(0);
    EXPECT_GT(Feed(unit).amount, 100) << unit;
    for (int i = 0; i < 100; ++i) Feed(unit);
    EXPECT_NEAR(series_.Level() / unit, 1, 0.01) << unit;
  }
}

TEST_F(BaselineSeriesTest, AMoveNobodySeesInTheChartHardlyNamesACause) {
  for (int i = 0; i < 2000; ++i) Feed(50 + 50 * std::sin(i / 200.0));
  const Series usual = series_;
  const double now = series_.Level();
  const double side = now > 50 ? -1 : 1;
  const Surprise small = Feed(now + 6 * side);
  series_ = usual;
  const Surprise large = Feed(now + 45 * side);
  EXPECT_GT(small.amount, 20);
  EXPECT_LT(small.named, small.amount / 4);
  EXPECT_GT(large.named, 50);
  EXPECT_LE(large.named, Series::kCap);
}

TEST_F(BaselineSeriesTest, OnlyTheConfiguredSideCounts) {
  habits_.direction = Direction::kAbove;
  for (int i = 0; i < 500; ++i) Feed(100 + Noise());
  const Series usual = series_;
  EXPECT_LT(Feed(80).amount, 5);
  series_ = usual;
  EXPECT_GT(Feed(120).amount, 50);
}

TEST_F(BaselineSeriesTest, FindsTheTimeOfDayByItself) {
  constexpr int64_t kStep = 5 * kMinuteNs;
  constexpr int kDay = 288;
  const auto daily = [&](int i) { return 100 + 50 * std::sin(i * 2 * M_PI / kDay) + Noise(); };
  int i = 0;
  for (; i < 6 * kDay; ++i) Feed(daily(i), kStep);
  EXPECT_TRUE(series_.Seasonal());
  for (; i < 7 * kDay; ++i) {
    Feed(daily(i), kStep);
    EXPECT_NEAR(series_.Expected(habits_, ts_ns_), daily(i), 12) << i % kDay;
  }
  // Noon's value at midnight is within the range, but not at this hour.
  i += kDay / 2 + kDay / 4;
  EXPECT_GT(Feed(150, kStep * (kDay / 2 + kDay / 4)).amount, 50);
}

TEST_F(BaselineSeriesTest, AConstantSeriesHasNoSeason) {
  for (int i = 0; i < 2000; ++i) Feed(5, 5 * kMinuteNs);
  EXPECT_FALSE(series_.Seasonal());
}

TEST_F(BaselineSeriesTest, ExtremeValuesLeaveItUsable) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double odd : {kInfinity, -kInfinity, 1e300, -1e300, 1e308, -1e308}) {
    series_ = Series();
    for (int i = 0; i < 200; ++i) Feed(100 + Noise());
    EXPECT_GT(Feed(odd).amount, 50) << odd;
    for (int i = 0; i < 2000; ++i) EXPECT_TRUE(std::isfinite(Feed(100 + Noise()).amount)) << odd;
    EXPECT_NEAR(series_.Expected(habits_, ts_ns_), 100, 5) << odd;
    EXPECT_GT(Feed(1e6).amount, 50) << odd;
  }
}

TEST_F(BaselineSeriesTest, VeryLargeAndVerySmallSeriesAreJudgedAlike) {
  habits_.min_deviation = 0;
  for (const double unit : {1e-290, 1e-9, 1.0, 1e9, 1e300}) {
    series_ = Series();
    n_ = 0;
    for (int i = 0; i < 500; ++i) EXPECT_LT(Feed((100 + Noise()) * unit).amount, 20) << unit;
    EXPECT_GT(Feed(110 * unit).amount, 50) << unit;
    EXPECT_NEAR(series_.Level() / unit, 102.5, 1) << unit;
  }
}

TEST_F(BaselineSeriesTest, SmallNoiseOnALargeLevelIsSeenAsNoise) {
  habits_.min_deviation_ratio = 0;
  for (int i = 0; i < 500; ++i) Feed(1e9 + Noise());
  EXPECT_GT(Feed(1e9 + 20).amount, 20);
}

TEST_F(BaselineSeriesTest, AHeldSampleTeachesLess) {
  for (int i = 0; i < 100; ++i) Feed(100 + Noise());
  Series held = series_;
  for (int i = 0; i < 30; ++i) {
    ts_ns_ += kMinuteNs;
    series_.Next(habits_, TimeOfDay(ts_ns_), 200, false);
    held.Next(habits_, TimeOfDay(ts_ns_), 200, true);
  }
  EXPECT_LT(held.Expected(habits_, ts_ns_), 102);
  EXPECT_GT(series_.Expected(habits_, ts_ns_), 105);
}

TEST_F(BaselineSeriesTest, ARebaselineMovesTheExpectedLevel) {
  for (int i = 0; i < 1000; ++i) Feed(100 + Noise());
  for (int i = 0; i < 200; ++i) Feed(200 + Noise());
  EXPECT_TRUE(series_.Settled());
  EXPECT_FALSE(series_.Within(habits_, ts_ns_, 1));
  series_.Rebaseline();
  EXPECT_NEAR(series_.Expected(habits_, ts_ns_), 200, 2);
}

TEST_F(BaselineSeriesTest, TheLatestSampleCanBeLeftOutOfWhatIsUsual) {
  for (int i = 0; i < 40; ++i) Feed(100 + Noise());
  const double expected = series_.Expected(habits_, ts_ns_);
  const double deviation = series_.Deviation(habits_);
  Feed(140);
  EXPECT_GT(series_.Deviation(habits_), 1.1 * deviation);
  const Series before = series_.WithoutLatest(habits_);
  EXPECT_NEAR(before.Expected(habits_, ts_ns_), expected, 0.01);
  EXPECT_NEAR(before.Deviation(habits_), deviation, 0.2 * deviation);
}

TEST_F(BaselineSeriesTest, ACounterResetIsOneStep) {
  double counter = 0;
  for (int i = 0; i < 1000; ++i) Feed(counter += 10 + Noise());
  EXPECT_GT(Feed(counter = 0).amount, 50);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(std::isfinite(Feed(counter += 10 + Noise()).amount));
}

}  // namespace
}  // namespace heald::baseline
