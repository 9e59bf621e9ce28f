#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "core/base/units.h"
#include "plugins/detectors/trend/trend.h"

namespace heald::trend {
namespace {

// One series; opens and closes as the detector would. Window 60: four samples to a bucket.
class Feed {
 public:
  explicit Feed(Config config = {.above = 100, .horizon = sdk::Seconds(120)})
      : config_(std::move(config)), series_(config_) {}

  Step operator()(double value, int64_t step_ns = kSecond) {
    ts_ns_ += step_ns;
    const Step step = series_.Next(config_, ts_ns_, value, true, open_);
    if (step == Step::kOpened) {
      open_ = true;
      ++opened_;
    }
    if (step == Step::kCleared || step == Step::kGap) open_ = false;
    return step;
  }
  void Steady(int samples, double level = 10) {
    std::normal_distribution<> noise(level, 0.5);
    for (int i = 0; i < samples; ++i) (*this)(noise(random_));
  }
  // 1 per 4 s; the last value. Stops when a finding opens, if wanted.
  double Rise(int samples, double from = 10, bool stop = false) {
    std::normal_distribution<> noise(0, 0.5);
    double value = from;
    for (int i = 1; i <= samples && !(stop && open_); ++i)
      (*this)((value = from + i / 4.0) + noise(random_));
    return value;
  }
  bool open() const { return open_; }
  int opened() const { return opened_; }
  const Series& series() const { return series_; }
  int64_t now_ns() const { return ts_ns_; }

 private:
  Config config_;
  Series series_;
  bool open_ = false;
  int opened_ = 0;
  int64_t ts_ns_ = 1000 * kSecond;
  std::mt19937_64 random_{1};
};

TEST(TrendTest, PredictsALeakBeforeTheLimitIsReached) {
  Feed feed;
  feed.Steady(300);
  const double value = feed.Rise(400, 10, true);
  ASSERT_TRUE(feed.open());
  EXPECT_LT(value, 92);  // 32 s before
  EXPECT_GT(value, 50);  // more than half of the way is done
  const double left_s = (100 - value) * 4;
  const double eta_s =
      static_cast<double>(feed.series().TimeNs(feed.series().forecast().in) - feed.now_ns()) / 1e9;
  EXPECT_NEAR(eta_s, left_s, 15);
  EXPECT_NEAR(static_cast<double>(feed.now_ns() - feed.series().OnsetNs()) / 1e9, (value - 10) * 4,
              70);
}

TEST(TrendTest, SaysNothingWhileAllIsSteady) {
  Feed feed;
  feed.Steady(5000);
  EXPECT_EQ(feed.opened(), 0);
  EXPECT_EQ(feed.series().forecast().probability, 0);
}

TEST(TrendTest, ASlowLeakIsNotPredictedBeforeTheHorizon) {
  Feed feed({.above = 1000, .horizon = sdk::Seconds(120)});
  feed.Steady(300);
  feed.Rise(2000);  // to 510 of 1000: half an hour is left
  EXPECT_EQ(feed.opened(), 0);
}

TEST(TrendTest, WatchedSeriesPredictNothing) {
  Series series(Config{.above = 100});
  for (int64_t i = 1; i < 1000; ++i)
    ASSERT_NE(series.Next({.above = 100}, i * kSecond, static_cast<double>(i) / 10, false, false),
              Step::kOpened);
}

TEST(TrendTest, ARestartClearsAndTheNextLeakIsPredictedAgain) {
  Feed feed;
  feed.Steady(300);
  for (int round = 1; round <= 2; ++round) {
    const double value = feed.Rise(400, 10, true);
    ASSERT_EQ(feed.opened(), round);
    feed.Rise(8, value);
    EXPECT_TRUE(feed.open());
    feed.Steady(3);
    EXPECT_FALSE(feed.open());
    feed.Steady(300);
  }
}

TEST(TrendTest, ATrendThatEndsIsCleared) {
  Feed feed;
  feed.Steady(300);
  const double value = feed.Rise(400, 10, true);
  ASSERT_TRUE(feed.open());
  feed.Steady(120, value);
  EXPECT_FALSE(feed.open());
  EXPECT_EQ(feed.opened(), 1);
}

TEST(TrendTest, StaysOpenWhileTheThresholdIsPassed) {
  Feed feed;
  feed.Steady(300);
  feed.Rise(400, 10);
  EXPECT_TRUE(feed.series().beyond());
  EXPECT_TRUE(feed.open());
  feed.Steady(200, 110);
  EXPECT_TRUE(feed.open());
  feed.Steady(3);
  EXPECT_FALSE(feed.open());
}

// The second time such a rise is known here.
TEST(TrendTest, AFalsePredictionIsLearnt) {
  Feed feed({.above = 100, .horizon = sdk::Seconds(120)});
  for (int i = 0; i < 4; ++i) {
    feed.Steady(300);
    feed.Rise(260);
    feed.Steady(200, 75);
  }
  EXPECT_LE(feed.opened(), 1);
}

TEST(TrendTest, TeethThatFallByThemselvesAgainAndAgainAreLearnt) {
  Feed feed({.above = 100, .horizon = sdk::Seconds(240)});
  feed.Steady(400);
  for (int i = 0; i < 12; ++i) feed.Rise(260);
  EXPECT_LE(feed.opened(), 4);
}

TEST(TrendTest, ALevelShiftIsNoTrend) {
  Feed feed;
  feed.Steady(400);
  feed.Steady(400, 60);
  feed.Steady(400, 80);
  EXPECT_EQ(feed.opened(), 0);
}

// A series that lives on two levels: its falls and steps on the way up don't say that the way was
// harmless. From 240 to 480 samples before the end on it rises; ten minutes are left at least.
TEST(TrendTest, JumpsWithinARiseDoNotMakeItUsual) {
  constexpr int kSeries = 24;
  std::mt19937_64 random(3);
  std::uniform_real_distribution<> share(0, 1);
  std::normal_distribution<> noise(0, 0.02);
  int predicted = 0;
  for (int i = 0; i < kSeries; ++i) {
    Feed feed({.above = 6});
    constexpr int64_t kStepNs = 15 * kSecond;
    constexpr int kBlock = 20;
    const int crossing = 700 + static_cast<int>(600 * share(random));
    const double rise = 240 + 240 * share(random);
    double level = 0;
    for (int at = 0; at < crossing - 40 && !feed.open(); ++at) {
      if (at % kBlock == 0) level = share(random) < 0.2 ? 2 : -0.5;
      feed(level + noise(random) + 6 * std::max(0.0, 1 - (crossing - at) / rise), kStepNs);
    }
    predicted += feed.open() ? 1 : 0;
  }
  EXPECT_GE(predicted, 21);
}

// Memory that is taken in blocks: a stair is no jump that makes the series begin anew.
TEST(TrendTest, AfterSixteenBucketsASeriesIsReady) {
  for (int stair = 1; stair <= 64; ++stair) {
    Feed feed;
    for (int i = 0; i < 16 * 4 + 1; ++i) feed(10 + i / stair);
    EXPECT_TRUE(feed.series().ready()) << "steps of " << stair << " s";
  }
}

TEST(TrendTest, ConfirmWantsSamplesInARow) {
  const auto opened_at = [](int64_t confirm) {
    Feed feed({.above = 100, .horizon = sdk::Seconds(120), .confirm = confirm});
    feed.Steady(300);
    return feed.Rise(400, 10, true);
  };
  EXPECT_GE(opened_at(20), opened_at(1) + 19 / 4.0);
}

// The scrape and what writes the value are out of step: some scrapes see no step, some see two.
TEST(TrendTest, PredictsARiseThatIsSeenInUnevenSteps) {
  Feed feed({.above = 200, .horizon = sdk::Seconds(60), .window = 16});
  double value = 10;
  for (int i = 0; i < 120; ++i) feed(value);
  constexpr double kSteps[] = {7, 0, 14, 7, 7, 0, 7, 14, 0, 7, 14, 0};
  int at = 0;
  while (!feed.open() && value < 200) feed(value += kSteps[at++ % 12]);
  EXPECT_TRUE(feed.open());
  EXPECT_LT(value, 190);
}

TEST(TrendTest, SkipsWhatIsNoNumberOrNotLater) {
  Feed feed;
  feed.Steady(100);
  EXPECT_EQ(feed(std::nan("")), Step::kSkipped);
  EXPECT_EQ(feed(std::numeric_limits<double>::infinity()), Step::kSkipped);
  EXPECT_EQ(feed(1e307), Step::kSkipped);
  EXPECT_NE(feed(10), Step::kSkipped);
  EXPECT_EQ(feed(10, 0), Step::kSkipped);
  EXPECT_EQ(feed(10, -5), Step::kSkipped);
}

TEST(TrendTest, ALongSilenceEndsAPredictionAsUnknown) {
  Feed feed({.above = 100, .horizon = sdk::Seconds(120), .max_gap = sdk::Minutes(5)});
  feed.Steady(300);
  const double value = feed.Rise(400, 10, true);
  ASSERT_TRUE(feed.open());
  EXPECT_EQ(feed(value, 301 * kSecond), Step::kGap);
}

TEST(TrendTest, HolesAndJitterDoNotMislead) {
  std::mt19937_64 random(4);
  Feed feed;
  feed.Steady(300);
  double t = 0;
  for (int i = 0; i < 400 && !feed.open(); ++i) {
    const double step = std::uniform_real_distribution<>(0.2, 2.5)(random);
    t += step;
    feed(10 + t / 4, static_cast<int64_t>(step * 1e9));
  }
  ASSERT_TRUE(feed.open());
  EXPECT_LT(10 + t / 4, 95);
}

TEST(TrendTest, OddValuesDoNotCrashIt) {
  std::mt19937_64 random(9);
  constexpr double kOdd[] = {0,     -0.0,   1e300, -1e300, 1e-300, 5e-324,
                             1e306, -1e306, 100,   1,      -1,     1e15};
  for (int round = 0; round < 50; ++round) {
    Feed feed({.above = kOdd[random() % 12], .window = 16});
    for (int i = 0; i < 400; ++i)
      feed(kOdd[random() % (round % 12 + 1)], static_cast<int64_t>(random() % 5'000'000'000));
    EXPECT_FALSE(std::isnan(feed.series().forecast().probability));
  }
}

}  // namespace
}  // namespace heald::trend
