#include "plugins/detectors/zscore/zscore.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace heald::zscore {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr double kInf = std::numeric_limits<double>::infinity();

// One series; opens and closes as the detector would.
class Feed {
 public:
  explicit Feed(Config config = {}) : config_(std::move(config)), series_(config_) {}

  Outcome operator()(double value, int64_t step_ns = kSecondNs) {
    ts_ns_ += step_ns;
    return At(ts_ns_, value);
  }
  Outcome At(int64_t ts_ns, double value) {
    const Outcome outcome = series_.Next(config_, ts_ns, value, open_);
    if (outcome.step == Step::kOpened) open_ = true;
    if (outcome.step >= Step::kCleared) open_ = false;
    return outcome;
  }
  // 9, 10, 11, 10, 9…: mean 10, deviation below 1.
  void Normal(int samples) {
    constexpr double kWave[] = {9, 10, 11, 10};
    for (int i = 0; i < samples; ++i) (*this)(kWave[i % 4]);
  }
  bool open() const { return open_; }
  int64_t now_ns() const { return ts_ns_; }
  const Series& series() const { return series_; }

 private:
  Config config_;
  Series series_;
  bool open_ = false;
  int64_t ts_ns_ = 1000 * kSecondNs;
};

TEST(ZscoreTest, IsSilentUntilItHasMinSamples) {
  Feed feed({.min_samples = 5});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(feed(i * 1000).step, Step::kLearning);
  EXPECT_NE(feed(2000).step, Step::kLearning);
}

TEST(ZscoreTest, MinSamplesIsTenOrASmallerWindow) {
  EXPECT_EQ(MinSamples({.window = 20}), 10);
  EXPECT_EQ(MinSamples({.window = 5}), 5);
  EXPECT_EQ(MinSamples({.window = 20, .min_samples = 3}), 3);
}

TEST(ZscoreTest, OpensAtSensitivityAndNotBelow) {
  Feed feed({.sensitivity = 3});
  feed.Normal(20);
  const Spread spread = feed.series().window().Moments();
  Feed other({.sensitivity = 3});
  other.Normal(20);
  EXPECT_EQ(feed(spread.center + 2.999 * spread.deviation).step, Step::kNormal);
  EXPECT_EQ(other(spread.center + 3.001 * spread.deviation).step, Step::kOpened);
}

TEST(ZscoreTest, ScoreIsTheDistanceInDeviations) {
  Feed feed;
  feed.Normal(20);
  const Spread spread = feed.series().window().Moments();
  EXPECT_NEAR(feed(spread.center - 5 * spread.deviation).score, 5, 1e-9);
}

TEST(ZscoreTest, DirectionLeavesTheOtherSideAlone) {
  Feed above({.direction = Direction::kAbove});
  above.Normal(20);
  EXPECT_EQ(above(-100).step, Step::kNormal);
  Feed below({.direction = Direction::kBelow});
  below.Normal(20);
  EXPECT_EQ(below(100).step, Step::kNormal);
  Feed fall({.direction = Direction::kBelow});
  fall.Normal(20);
  EXPECT_EQ(fall(-100).step, Step::kOpened);
}

TEST(ZscoreTest, DeviationHasAnAbsoluteFloor) {
  Feed feed({.min_deviation = 5, .min_deviation_ratio = {0}});
  feed.Normal(20);
  EXPECT_EQ(feed(24).step, Step::kNormal);  // 14 away, 3 × 5 needed
  EXPECT_EQ(feed(26).step, Step::kOpened);
}

TEST(ZscoreTest, DeviationHasAFloorRelativeToTheMean) {
  for (const auto& [value, step] : {std::pair(24.0, Step::kNormal), {26.0, Step::kOpened}}) {
    Feed feed({.min_deviation_ratio = {0.5}});
    feed.Normal(20);
    EXPECT_EQ(feed(value).step, step);  // 15 away is needed
  }
}

TEST(ZscoreTest, AConstantSeriesReportsAChangeButNoRounding) {
  Feed feed({.min_deviation_ratio = {0}});
  for (int i = 0; i < 20; ++i) feed(0.1 + 0.2);
  EXPECT_EQ(feed(0.3).step, Step::kNormal);  // differs in the last bit
  const Outcome outcome = feed(0.4);
  EXPECT_EQ(outcome.step, Step::kOpened);
  EXPECT_EQ(outcome.score, Series::kScoreCap);
}

TEST(ZscoreTest, AllZeroSeriesReportsAnyChangeWithACappedScore) {
  Feed feed;
  for (int i = 0; i < 20; ++i) feed(0);
  EXPECT_EQ(feed(0).step, Step::kNormal);
  EXPECT_EQ(feed(1e-9).score, Series::kScoreCap);
  EXPECT_TRUE(feed.open());
}

TEST(ZscoreTest, ConfirmWantsSamplesInARow) {
  Feed feed({.confirm = 3});
  feed.Normal(20);
  feed(100);
  feed(100);
  feed.Normal(1);
  EXPECT_FALSE(feed.open());
  EXPECT_EQ(feed(100).step, Step::kNormal);
  const int64_t began_ns = feed.now_ns();
  EXPECT_EQ(feed(100).step, Step::kNormal);
  EXPECT_EQ(feed(100).step, Step::kOpened);
  EXPECT_EQ(feed.series().began_ns(), began_ns);
}

TEST(ZscoreTest, AStreakTooShortEntersTheWindowOnceAndClipped) {
  Feed feed({.confirm = 3});
  feed.Normal(20);
  const Spread before = feed.series().window().Moments();
  feed(1e6);
  feed(1e6);
  feed(10);
  const RollingWindow& window = feed.series().window();
  EXPECT_NEAR(window[18], before.center + 3 * before.deviation, 1e-9);
  EXPECT_EQ(window[19], 10);
  EXPECT_LT(window.Moments().center, before.center + 1);
}

// A short window learns a fault within seconds; without the hold the finding would end by itself,
// which reads as a repair.
TEST(ZscoreTest, HoldsTheWindowWhileAFindingIsOpen) {
  Feed feed;
  feed.Normal(20);
  const Spread before = feed.series().window().Moments();
  EXPECT_EQ(feed(50).step, Step::kOpened);
  for (int i = 0; i < 600; ++i) ASSERT_EQ(feed(50 + i % 3).step, Step::kOngoing) << i;
  EXPECT_EQ(feed.series().window().Moments().center, before.center);
  EXPECT_EQ(feed.series().window().Moments().deviation, before.deviation);
}

TEST(ZscoreTest, ClearsAfterNormalSamplesInARow) {
  Feed feed({.clear_after = 3});
  feed.Normal(20);
  feed(50);
  EXPECT_EQ(feed(10).step, Step::kRecovering);
  EXPECT_EQ(feed(10).step, Step::kRecovering);
  EXPECT_EQ(feed(50).step, Step::kOngoing);
  EXPECT_EQ(feed(10).step, Step::kRecovering);
  EXPECT_EQ(feed(10).step, Step::kRecovering);
  EXPECT_EQ(feed(10).step, Step::kCleared);
  EXPECT_EQ(feed(10).step, Step::kNormal);
}

TEST(ZscoreTest, RebaselinesWhenTheHoldIsOverAndLearnsTheNewLevel) {
  Feed feed({.max_hold = sdk::Seconds(60)});
  feed.Normal(20);
  feed(50);
  for (int i = 0; i < 59; ++i) ASSERT_EQ(feed(50).step, Step::kOngoing);
  EXPECT_EQ(feed(50).step, Step::kRebaselined);
  EXPECT_EQ(feed.series().window().size(), 1u);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(feed(50 + i % 2).step, Step::kLearning);
  EXPECT_EQ(feed(50).step, Step::kNormal);
  EXPECT_EQ(feed(10).step, Step::kOpened);
}

TEST(ZscoreTest, SkipsNaNAndEverythingThatIsNotLater) {
  Feed feed;
  feed.Normal(20);
  const int64_t now = feed.now_ns();
  EXPECT_EQ(feed.At(now + 1, std::nan("")).step, Step::kSkipped);
  EXPECT_EQ(feed.At(now, 1e9).step, Step::kSkipped);
  EXPECT_EQ(feed.At(now - 5, 1e9).step, Step::kSkipped);
  EXPECT_EQ(feed.At(now + 1, 10).step, Step::kNormal);
}

TEST(ZscoreTest, NaNNeitherClearsNorInterruptsAStreak) {
  Feed feed({.confirm = 2, .clear_after = 2});
  feed.Normal(20);
  feed(50);
  feed(std::nan(""));
  EXPECT_EQ(feed(50).step, Step::kOpened);
  feed(10);
  EXPECT_EQ(feed(std::nan("")).step, Step::kSkipped);
  EXPECT_TRUE(feed.open());
  EXPECT_EQ(feed(10).step, Step::kCleared);
}

TEST(ZscoreTest, InfinityIsAnAnomalyThatNeverEntersTheWindow) {
  Feed feed;
  EXPECT_EQ(feed(kInf).step, Step::kLearning);
  EXPECT_EQ(feed.series().window().size(), 0u);
  feed.Normal(20);
  const Outcome outcome = feed(kInf);
  EXPECT_EQ(outcome.step, Step::kOpened);
  EXPECT_EQ(outcome.score, Series::kScoreCap);
  EXPECT_EQ(feed(-kInf).step, Step::kOngoing);
  Feed above({.direction = Direction::kAbove});
  above.Normal(20);
  EXPECT_EQ(above(-kInf).step, Step::kNormal);
  EXPECT_TRUE(std::isfinite(above.series().window().Moments().center));
}

TEST(ZscoreTest, StartsAnewAfterALongSilence) {
  Feed feed({.max_gap = sdk::Minutes(5)});
  feed.Normal(20);
  EXPECT_EQ(feed(10, 300 * kSecondNs).step, Step::kNormal);
  EXPECT_EQ(feed(1000, 301 * kSecondNs).step, Step::kLearning);
  EXPECT_EQ(feed.series().window().size(), 1u);
}

TEST(ZscoreTest, ALongSilenceEndsAnOpenFindingAsUnknown) {
  Feed feed({.max_gap = sdk::Minutes(5)});
  feed.Normal(20);
  feed(50);
  EXPECT_EQ(feed(10, 301 * kSecondNs).step, Step::kGap);
}

TEST(ZscoreTest, WorksAtTheEndsOfTheRange) {
  for (const bool robust : {false, true})
    for (const double size : {1e300, 1e-300}) {
      Feed feed({.robust = robust});
      for (int i = 0; i < 40; ++i) feed(size * (1 + 0.1 * (i % 4)));
      EXPECT_FALSE(feed.open()) << size;
      EXPECT_EQ(feed(size * 5).step, Step::kOpened) << size;
      EXPECT_EQ(feed(-8e307).step, Step::kOngoing) << size;
    }
}

TEST(ZscoreTest, RobustSeesAFaultRightAfterAnother) {
  // Two outliers in the window hide a third from mean and deviation, not from median and MAD.
  const auto outcome = [](bool robust) {
    Feed feed({.min_samples = 8, .robust = robust});
    for (const double v : {10.0, 11.0, 60.0, 9.0, 10.0, 55.0, 11.0, 10.0}) feed(v);
    return feed(50).step;
  };
  EXPECT_EQ(outcome(false), Step::kNormal);
  EXPECT_EQ(outcome(true), Step::kOpened);
}

TEST(ZscoreTest, ConfidenceGrowsWithSamplesAndDistance) {
  EXPECT_LT(Confidence(10, 3), Confidence(20, 3));
  EXPECT_LT(Confidence(20, 3), Confidence(20, 6));
  EXPECT_NEAR(Confidence(20, 3), 1 - (19.0 / 9 + 1) / std::sqrt(420.0), 1e-12);
  EXPECT_EQ(Confidence(20, 0), 0);
  EXPECT_EQ(Confidence(20, 0.5), 0);
  EXPECT_LT(Confidence(10'000, Series::kScoreCap), 1);
}

// README states this rate; it is what a short window costs.
TEST(ZscoreTest, FalseAlarmsOnGaussianNoiseAreAsDocumented) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> noise(100, 10);
  Config config{.min_deviation_ratio = {0}};
  Series series(config);
  int alarms = 0;
  for (int64_t i = 1; i <= 200'000; ++i)
    if (series.Next(config, i, noise(random), false).step == Step::kOpened) ++alarms;
  EXPECT_NEAR(alarms / 200'000.0, 0.0095, 0.003);
}

}  // namespace
}  // namespace heald::zscore
