#include "plugins/detectors/threshold/threshold.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace heald::threshold {
namespace {

using sdk::Severity;

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr double kInf = std::numeric_limits<double>::infinity();

class Feed {
 public:
  explicit Feed(Config config) : config_(std::move(config)) {}
  Step operator()(double value, int64_t step_ns = kSecondNs) {
    return At(now_ns_ += step_ns, value);
  }
  Step At(int64_t ts_ns, double value) {
    const Step step = series_.Next(config_, ts_ns, value, open_).step;
    if (step == Step::kOpened) open_ = true;
    if (step == Step::kCleared) open_ = false;
    return step;
  }
  int64_t now_ns() const { return now_ns_; }
  const Series& series() const { return series_; }

 private:
  Config config_;
  Series series_;
  bool open_ = false;
  int64_t now_ns_ = 1000 * kSecondNs;
};

TEST(ThresholdTest, JudgesByTheFurthestLevelCrossed) {
  const Config config{.above = {.info = 1, .warning = 2, .critical = 3}, .below = {.critical = -1}};
  EXPECT_EQ(Judge(config, 0), Severity::kNormal);
  EXPECT_EQ(Judge(config, 1), Severity::kNormal);  // a bound itself is still fine
  EXPECT_EQ(Judge(config, 1.1), Severity::kInfo);
  EXPECT_EQ(Judge(config, 2.1), Severity::kWarning);
  EXPECT_EQ(Judge(config, kInf), Severity::kCritical);
  EXPECT_EQ(Judge(config, -1), Severity::kNormal);
  EXPECT_EQ(Judge(config, -1.1), Severity::kCritical);
  EXPECT_EQ(Judge(config, -kInf), Severity::kCritical);
}

TEST(ThresholdTest, ScoreIsTheDistanceInMultiplesOfTheMildestBound) {
  const Config config{.above = {.warning = 0.5, .critical = 1}, .below = {.warning = -2}};
  EXPECT_EQ(Score(config, 0.5), 0);
  EXPECT_DOUBLE_EQ(Score(config, 1.5), 2);
  EXPECT_DOUBLE_EQ(Score(config, -3), 0.5);
  EXPECT_EQ(Score({.above = {.warning = 0}}, 3), 3);  // a bound of 0: the distance itself
  EXPECT_EQ(Score(config, kInf), 1e6);
}

TEST(ThresholdTest, OpensAtOnceWithoutFor) {
  Feed feed({.above = {.warning = 1}});
  EXPECT_EQ(feed(1), Step::kNormal);
  EXPECT_EQ(feed(1.1), Step::kOpened);
  EXPECT_EQ(feed(1.1), Step::kOngoing);
}

TEST(ThresholdTest, ForCountsTheSamplesOwnTime) {
  Feed feed({.above = {.warning = 1}, .hold_for = sdk::Seconds(30)});
  EXPECT_EQ(feed(2), Step::kNormal);
  const int64_t began_ns = feed.now_ns();
  for (int i = 0; i < 29; ++i) EXPECT_EQ(feed(2), Step::kNormal);
  EXPECT_EQ(feed(2), Step::kOpened);
  EXPECT_EQ(feed.series().began_ns(), began_ns);
}

TEST(ThresholdTest, ForStartsOverAfterANormalSample) {
  Feed feed({.above = {.warning = 1}, .hold_for = sdk::Seconds(10)});
  for (int i = 0; i < 9; ++i) feed(2);
  feed(1);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(feed(2), Step::kNormal);
  EXPECT_EQ(feed(2), Step::kOpened);
}

TEST(ThresholdTest, ForStartsOverAfterASilence) {
  Feed feed({.above = {.warning = 1}, .hold_for = sdk::Seconds(10), .max_gap = sdk::Minutes(5)});
  feed(2);
  EXPECT_EQ(feed(2, 301 * kSecondNs), Step::kNormal);
  EXPECT_EQ(feed(2, 10 * kSecondNs), Step::kOpened);
}

TEST(ThresholdTest, ClearsOnlyBackAtTheClearLevel) {
  Feed feed({.above = {.warning = 1, .clear = 0.8}, .below = {.warning = 0, .clear = 0.1}});
  feed(2);
  EXPECT_EQ(feed(0.9), Step::kRecovering);
  EXPECT_EQ(feed(1.5), Step::kOngoing);
  EXPECT_EQ(feed(0.8), Step::kCleared);
  EXPECT_EQ(feed(0.9), Step::kNormal);
  EXPECT_EQ(feed(-1), Step::kOpened);
  EXPECT_EQ(feed(0.05), Step::kRecovering);
  EXPECT_EQ(feed(0.1), Step::kCleared);
}

TEST(ThresholdTest, ClearsAtTheMildestLevelWithoutAClearLevel) {
  Feed feed({.above = {.warning = 1, .critical = 2}});
  feed(3);
  EXPECT_EQ(feed(1.5), Step::kOngoing);
  EXPECT_EQ(feed(1), Step::kCleared);
}

TEST(ThresholdTest, SkipsNaNAndEverythingThatIsNotLater) {
  Feed feed({.above = {.warning = 1}});
  feed(0);
  EXPECT_EQ(feed.At(feed.now_ns(), 9), Step::kSkipped);
  EXPECT_EQ(feed.At(feed.now_ns() - 1, 9), Step::kSkipped);
  EXPECT_EQ(feed.At(feed.now_ns() + 1, std::nan("")), Step::kSkipped);
  EXPECT_EQ(feed.At(feed.now_ns() + 1, 9), Step::kOpened);
  EXPECT_EQ(feed(std::nan("")), Step::kSkipped);  // no recovery either
  EXPECT_EQ(feed(9), Step::kOngoing);
}

TEST(ThresholdTest, RemembersTheLatestTwentyValues) {
  Feed feed({.above = {.warning = 100}});
  for (int i = 0; i < 25; ++i) feed(i);
  const std::vector<double> recent = feed.series().Recent();
  ASSERT_EQ(recent.size(), 20u);
  EXPECT_EQ(recent.front(), 5);
  EXPECT_EQ(recent.back(), 24);
}

TEST(ThresholdTest, KnowsTheTimeBetweenThemWhereItIsAlwaysTheSame) {
  Feed feed({.above = {.warning = 100}});
  for (int i = 0; i < 5; ++i) feed(1, 5'000'000'000 + i % 2 * 1'000'000);
  EXPECT_NEAR(static_cast<double>(feed.series().recent_step_ns()), 5e9, 1e6);
  feed(1, 9'000'000'000);
  EXPECT_EQ(feed.series().recent_step_ns(), 0) << "one came late";
  for (int i = 0; i < 20; ++i) feed(1, 5'000'000'000);
  EXPECT_EQ(feed.series().recent_step_ns(), 5'000'000'000);
}

}  // namespace
}  // namespace heald::threshold
