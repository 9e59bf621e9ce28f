// What no healthy source sends: every sample is judged or skipped, nothing stays behind, and what
// changes for good is re-baselined and said so.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "heald/testing.h"
#include "plugins/detectors/baseline/detector.h"

namespace heald::baseline {
namespace {

using sdk::Finding;
using sdk::FindingState;
using sdk::testing::DetectorHarness;
using sdk::testing::FakeHost;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class BaselineOddInputTest : public ::testing::Test {
 protected:
  void Start(const Config& config = {}) { baseline_.emplace(host_, config); }
  double Noise() { return std::sin(static_cast<double>(++n_) * 12.9898); }
  // One moment of two series; the score.
  double Feed(double cpu, double memory, sdk::Duration step = sdk::Seconds(15)) {
    const auto scores = baseline_->Score({{"cpu", cpu}, {"memory", memory}}, labels_, step);
    return scores.empty() ? 0 : scores[0].score;
  }
  double Usual() { return Feed(0.3 + 0.02 * Noise(), 500 + 5 * Noise()); }
  void Normal(int moments = 300) {
    for (int i = 0; i < moments; ++i) {
      const double score = Usual();
      ASSERT_TRUE(std::isfinite(score));
      ASSERT_GE(score, 0);
    }
  }
  size_t Opened() {
    size_t opened = 0;
    for (const Finding& finding : baseline_->findings())
      opened += finding.state == FindingState::kOpen ? 1 : 0;
    return opened;
  }
  std::vector<std::string_view> ClearReasons() {
    std::vector<std::string_view> reasons;
    for (const Finding& finding : baseline_->findings())
      if (finding.state == FindingState::kClear)
        reasons.push_back(finding.annotations.Get(sdk::kClearedBecause));
    return reasons;
  }

  FakeHost host_;
  std::optional<DetectorHarness<Detector>> baseline_;
  sdk::LabelSet labels_{{"instance", "a:9100"}};
  int n_ = 0;
};

TEST_F(BaselineOddInputTest, AnOddValueIsFoundAndForgotten) {
  for (const double odd : {kInfinity, -kInfinity, 1e300, -1e300, 1.7e308, 1e12}) {
    SCOPED_TRACE(odd);
    Start();
    Normal();
    for (int i = 0; i < 3; ++i) {
      const double score = Feed(odd, 500 + 5 * Noise());
      EXPECT_TRUE(std::isfinite(score));
      EXPECT_GT(score, 4);
    }
    EXPECT_EQ(Opened(), 1u);
    Normal(1500);
    EXPECT_THAT(ClearReasons(), ElementsAre("normal"));
    // What it knew is still there.
    for (int i = 0; i < 6; ++i) Feed(0.3, 900);
    EXPECT_EQ(Opened(), 2u);
  }
}

TEST_F(BaselineOddInputTest, NothingAtAllIsNoFault) {
  for (const double tiny : {0.0, -0.0, 1e-300, 5e-324}) {
    SCOPED_TRACE(tiny);
    Start();
    for (int i = 0; i < 2000; ++i) ASSERT_LT(Feed(tiny, 500 + 5 * Noise()), 4.7);
    EXPECT_EQ(Opened(), 0u);
  }
}

TEST_F(BaselineOddInputTest, NanAndInfinityAtTheStartAreSkipped) {
  Start();
  Feed(std::nan(""), kInfinity);
  Feed(-kInfinity, std::nan(""));
  EXPECT_EQ(host_.MetricTotal("samples_skipped_total"), 4);
  Normal();
  EXPECT_EQ(Opened(), 0u);
}

TEST_F(BaselineOddInputTest, AConstantSeriesIsSilentUntilItMoves) {
  Start();
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(Feed(7, 7) > 0.5, false) << i;
  EXPECT_EQ(Opened(), 0u);
  for (int i = 0; i < 5; ++i) Feed(7, 9);
  EXPECT_EQ(Opened(), 1u);
}

TEST_F(BaselineOddInputTest, ASeriesThatComesAndGoesIsNoFault) {
  Start();
  for (int i = 0; i < 2000; ++i) {
    if (i % 7 < 4)
      Usual();
    else
      baseline_->Score({{"memory", 500 + 5 * Noise()}}, labels_, sdk::Seconds(15));
  }
  EXPECT_EQ(Opened(), 0u);
}

TEST_F(BaselineOddInputTest, TheFirstValueAfterALongSilenceIsNoStep) {
  Start();
  for (int i = 0; i < 2000; ++i) Feed(0.3 + 0.0001 * i, 500 + 5 * Noise());
  // The level went on while nobody looked; there was no jump.
  for (int i = 0; i < 200; ++i)
    Feed(0.5 + 0.0001 * i, 500 + 5 * Noise(), i == 0 ? sdk::Minutes(7 * 60) : sdk::Seconds(15));
  EXPECT_EQ(Opened(), 0u);
}

TEST_F(BaselineOddInputTest, LateAndRepeatedSamplesChangeNothing) {
  Start();
  Normal();
  const std::string before = baseline_->Snapshot();
  for (const int64_t late_ns : {int64_t{0}, int64_t{-1}, -sdk::Minutes(60).ns}) {
    baseline_->FeedAt("cpu", labels_, 1e9, host_.now_ns() + late_ns);
    baseline_->FeedAt("memory", labels_, -5, host_.now_ns() + late_ns);
  }
  EXPECT_EQ(baseline_->Snapshot(), before);
  EXPECT_EQ(host_.MetricTotal("samples_skipped_total"), 6);
}

TEST_F(BaselineOddInputTest, ACountersResetIsAtMostOneFindingThatEndsByItself) {
  Start();
  double counter = 0;
  constexpr int kEvery = 400;
  constexpr int kResets = 25;
  for (int i = 0; i < kResets * kEvery; ++i) {
    counter = i % kEvery == 0 ? 0 : counter + 10 + Noise();
    ASSERT_TRUE(std::isfinite(Feed(0.3 + 0.02 * Noise(), counter)));
  }
  EXPECT_GE(Opened(), 1u);
  EXPECT_LE(Opened(), kResets);
  EXPECT_THAT(ClearReasons(), Each("normal"));
  EXPECT_EQ(ClearReasons().size(), Opened());
}

TEST_F(BaselineOddInputTest, ARestartThatLeavesAnotherLevelIsReBaselined) {
  Start({.max_hold = sdk::Minutes(30)});
  Normal(1000);
  const auto restarted = [&] { return Feed(0.3 + 0.02 * Noise(), 120 + 2 * Noise()); };
  for (int i = 0; i < 300; ++i) restarted();
  EXPECT_THAT(ClearReasons(), ElementsAre("re-baselined"));
  EXPECT_THAT(baseline_->findings().back().summary,
              HasSubstr("settled at another level (memory from "));
  EXPECT_THAT(baseline_->findings().back().summary, HasSubstr("no recovery"));
  for (int i = 0; i < 2000; ++i) restarted();
  EXPECT_EQ(Opened(), 1u);
  for (int i = 0; i < 8; ++i) Usual();  // back to what was usual once is news again
  EXPECT_EQ(Opened(), 2u);
}

TEST_F(BaselineOddInputTest, HistoryMakesItReadyAtOnce) {
  Start();
  // A backfill: the past comes as any samples, faster than time.
  const int64_t now_ns = sdk::Minutes(600).ns;
  for (int64_t ts = now_ns - sdk::Minutes(15).ns; ts < now_ns; ts += sdk::Seconds(10).ns) {
    baseline_->FeedAt("cpu", labels_, 0.3 + 0.02 * Noise(), ts);
    baseline_->FeedAt("memory", labels_, 500 + 5 * Noise(), ts);
  }
  host_.SetNow(now_ns);
  for (int i = 0; i < 3; ++i) Feed(0.9, 500, sdk::Seconds(10));
  EXPECT_EQ(Opened(), 1u);
}

}  // namespace
}  // namespace heald::baseline
