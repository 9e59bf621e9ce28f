#include "plugins/detectors/trend/detector.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>
#include <random>

#include "heald/testing.h"
#include "tests/fakes/problems.h"

namespace heald::trend {
namespace {

using fakes::ProblemsIn;
using sdk::Finding;
using sdk::FindingState;
using sdk::Severity;
using sdk::testing::DetectorHarness;
using sdk::testing::FakeHost;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr double kMiB = 1024 * 1024;
constexpr std::string_view kMemory = "process_resident_memory_bytes";

// payments leaks 1 MiB/s from 40 MiB on, towards 256 MiB, looked at once a second.
class TrendDetectorTest : public ::testing::Test {
 protected:
  static Config Leak() {
    Config config;
    config.above = 256 * kMiB;
    config.horizon = sdk::Minutes(2);
    config.metrics = {std::string(kMemory)};
    config.recommended_action = "restart";
    config.update_interval = sdk::Seconds(10);
    return config;
  }
  void Start(const Config& config = Leak()) { trend_.emplace(host_, config); }
  void Feed(double mib) {
    std::normal_distribution<> noise(0, 0.2);
    trend_->Feed(kMemory, labels_, (mib + noise(random_)) * kMiB);
  }
  void Normal(int samples = 200) {
    for (int i = 0; i < samples; ++i) Feed(40);
  }
  void LeakUntilOpen() {
    for (level_ = 40; findings().empty() && level_ < 250; ++level_) Feed(level_);
    ASSERT_EQ(findings().size(), 1u);
  }
  const std::vector<Finding>& findings() { return trend_->findings(); }

  FakeHost host_;
  std::optional<DetectorHarness<Detector>> trend_;
  sdk::LabelSet labels_{{"namespace", "shop"}, {"service", "payments"}};
  std::mt19937_64 random_{5};
  double level_ = 0;
};

TEST_F(TrendDetectorTest, OpensWithEverythingAReaderNeeds) {
  Start();
  Normal();
  const int64_t leak_ns = host_.now_ns();
  LeakUntilOpen();
  const Finding& finding = findings()[0];
  EXPECT_EQ(finding.kind, sdk::FindingKind::kPrediction);
  EXPECT_EQ(finding.state, FindingState::kOpen);
  EXPECT_EQ(finding.severity, Severity::kWarning);
  EXPECT_EQ(finding.metric, kMemory);
  EXPECT_EQ(finding.unit, "By");
  EXPECT_EQ(finding.target, labels_);
  EXPECT_GE(finding.probability, 0.8);
  EXPECT_LE(finding.probability, 1);
  EXPECT_GT(finding.confidence, 0.9);
  EXPECT_EQ(finding.component, "payments resident memory");
  EXPECT_EQ(finding.recommended_action, "restart");
  EXPECT_EQ(finding.annotations.Get("limit"), "268435456");
  const double left_s = 256 - level_;
  const auto in_s = [&](int64_t ns) { return static_cast<double>(ns - host_.now_ns()) / 1e9; };
  EXPECT_NEAR(in_s(finding.eta_ns), left_s, 0.15 * left_s);
  EXPECT_LT(finding.eta_low_ns, finding.eta_ns);
  EXPECT_GT(finding.eta_high_ns, finding.eta_ns);
  EXPECT_LE(in_s(finding.eta_low_ns), left_s);
  EXPECT_GE(in_s(finding.eta_high_ns), left_s);
  EXPECT_NEAR(static_cast<double>(finding.began_ns - leak_ns) / 1e9, 0, 12);
  EXPECT_NEAR(finding.expected_high / kMiB, 41, 2);
  EXPECT_TRUE(std::isnan(finding.expected_low));
  EXPECT_GT(finding.score, 0.8);
  EXPECT_EQ(finding.recent.size(), 20u);
  EXPECT_EQ(finding.recent.back(), finding.value);
  EXPECT_THAT(finding.summary, HasSubstr("resident memory "));
  EXPECT_THAT(finding.summary, HasSubstr(" MiB, reaches 256 MiB in "));
  ASSERT_EQ(finding.contributors.size(), 1u);
  EXPECT_EQ(finding.contributors[0].share, 1);
  EXPECT_NEAR(finding.contributors[0].expected / kMiB, 40, 1);
  EXPECT_EQ(finding.annotations.Get("moved_first"), "");
}

TEST_F(TrendDetectorTest, UpdatesSeldomAndTurnsCritical) {
  Start();
  Normal();
  LeakUntilOpen();
  const double opened_at = level_;
  for (; level_ < 255; ++level_) Feed(level_);
  const auto updates = static_cast<double>(findings().size() - 1);
  EXPECT_LE(updates, (level_ - opened_at) / 10 + 1);
  EXPECT_GE(updates, (level_ - opened_at) / 10 - 2);
  for (const Finding& finding : findings()) EXPECT_EQ(finding.id, findings()[0].id);
  EXPECT_EQ(findings().back().severity, Severity::kCritical);
  EXPECT_NEAR(findings().back().expected_high, findings()[0].expected_high, 1);
  EXPECT_GT(findings().back().score, findings()[0].score);
}

TEST_F(TrendDetectorTest, ARestartClearsItAsRecovered) {
  Start();
  Normal();
  LeakUntilOpen();
  for (int i = 0; i < 5; ++i) Feed(38);
  ASSERT_EQ(findings().back().state, FindingState::kClear);
  EXPECT_EQ(findings().back().severity, Severity::kNormal);
  EXPECT_EQ(findings().back().annotations.Get(sdk::kClearedBecause), "normal");
  EXPECT_EQ(findings().back().eta_ns, 0);
  EXPECT_NEAR(findings().back().value / kMiB, 38, 1);
  const size_t had = findings().size();
  Normal(500);
  EXPECT_EQ(findings().size(), had);
}

TEST_F(TrendDetectorTest, SaysWhichSeriesOfTheTargetMovedFirst) {
  Start();
  const sdk::LabelSet users{{"service", "users"}};
  const auto round = [&](double mib, double in_flight, double of_users) {
    trend_->Feed("in_flight", labels_, in_flight, sdk::Seconds(0));
    trend_->Feed("in_flight", users, of_users, sdk::Seconds(0));
    Feed(mib);
  };
  host_.Advance(sdk::Seconds(1));
  for (int i = 0; i < 200; ++i) round(40, 2 + i % 2, 2 + i % 2);
  for (int i = 0; i < 30; ++i) round(40, 20 + i, 20 + i);
  for (int i = 1; i < 200 && findings().empty(); ++i) round(40 + i, 50 + i, 50 + i);
  ASSERT_EQ(findings().size(), 1u);
  const Finding& finding = findings()[0];
  EXPECT_THAT(std::string(finding.annotations.Get("moved_first")),
              ::testing::MatchesRegex("in_flight from 2\\.[0-9]+ to [0-9.]+, [0-9]+ s earlier"));
  ASSERT_EQ(finding.contributors.size(), 2u);
  EXPECT_EQ(finding.contributors[0].name, kMemory);
  EXPECT_EQ(finding.contributors[1].name, "in_flight");
  EXPECT_NEAR(finding.contributors[0].share + finding.contributors[1].share, 1, 1e-9);
  EXPECT_GE(finding.contributors[0].share, finding.contributors[1].share);
}

TEST_F(TrendDetectorTest, OnlyTheNamedMetricsArePredicted) {
  Start();
  for (int i = 0; i < 200; ++i) trend_->Feed("other", labels_, 40 * kMiB);
  for (int i = 0; i < 200; ++i) trend_->Feed("other", labels_, (40 + i) * kMiB);
  EXPECT_TRUE(findings().empty());
}

TEST_F(TrendDetectorTest, FreeSpaceRunsOutDownwards) {
  Start({.below = 0, .horizon = sdk::Minutes(2), .component = "the data disk"});
  for (int i = 0; i < 200; ++i) trend_->Feed("disk_free_bytes", labels_, (100 + i % 3) * kMiB);
  for (int i = 0; i < 100 && findings().empty(); ++i)
    trend_->Feed("disk_free_bytes", labels_, (100 - i + i % 3) * kMiB);
  ASSERT_EQ(findings().size(), 1u);
  EXPECT_EQ(findings()[0].component, "the data disk");
  EXPECT_NEAR(findings()[0].expected_low / kMiB, 97, 6);
  EXPECT_TRUE(std::isnan(findings()[0].expected_high));
  EXPECT_THAT(findings()[0].summary, HasSubstr("reaches 0 B in "));
}

TEST_F(TrendDetectorTest, ReachingTheThresholdIsSaid) {
  Start();
  Normal();
  LeakUntilOpen();
  for (; level_ < 280; ++level_) Feed(level_);
  EXPECT_EQ(findings().back().probability, 1);
  EXPECT_THAT(findings().back().summary, HasSubstr("256 MiB is reached"));
}

TEST_F(TrendDetectorTest, ExpiryClearsAsUnknown) {
  Start();
  Normal();
  LeakUntilOpen();
  trend_->Expire(kMemory, labels_);
  EXPECT_EQ(findings().back().annotations.Get(sdk::kClearedBecause), "expired");
  EXPECT_EQ(findings().back().kind, sdk::FindingKind::kPrediction);
}

TEST_F(TrendDetectorTest, LearnsUntilThereIsALine) {
  Start();
  Feed(40);
  EXPECT_EQ(host_.MetricTotal("learning_series"), 1);
  Normal(60);
  const double told = host_.MetricTotal("learning_series");
  trend_->Tick();
  EXPECT_EQ(host_.MetricTotal("learning_series"), told);
}

TEST_F(TrendDetectorTest, CountsWhatItSkips) {
  Start();
  Feed(std::nan(""));
  Feed(40);
  EXPECT_EQ(host_.MetricTotal("samples_skipped_total"), 1);
}

TEST_F(TrendDetectorTest, AClockThatWasSetBackBlindsNobody) {
  Start();
  Normal();
  host_.Advance(sdk::Minutes(-60));
  Normal();
  LeakUntilOpen();
  EXPECT_EQ(host_.MetricTotal("samples_skipped_total"), 0);
}

TEST(TrendConfigTest, RefusesWhatCanNeverWork) {
  EXPECT_TRUE(ProblemsIn<Detector>({.above = 1}).empty());
  EXPECT_TRUE(ProblemsIn<Detector>({.above = 1, .below = 0}).empty());
  EXPECT_THAT(ProblemsIn<Detector>({}),
              ElementsAre(AllOf(StartsWith(": "), HasSubstr("no threshold"))));
  EXPECT_THAT(ProblemsIn<Detector>({.above = 1, .below = 2}),
              ElementsAre(AllOf(StartsWith("/above: "), HasSubstr("above the lower one"))));
  EXPECT_THAT(ProblemsIn<Detector>({.above = INFINITY}),
              ElementsAre(AllOf(StartsWith("/above: "), HasSubstr("finite"))));
}

TEST_F(TrendDetectorTest, ScoresEachMomentWithTheProbabilityOfFailing) {
  Start();
  const auto score = [&](double mib) {
    return trend_->Score({{std::string(kMemory), mib * kMiB}, {"other", 1}}, labels_);
  };
  for (int i = 0; i < 200; ++i) {
    const auto scored = score(40 + i % 2);
    ASSERT_EQ(scored.size(), 1u);  // only what has the threshold
    EXPECT_LT(scored[0].score, 0.1);
  }
  double before = 0;
  for (level_ = 40; findings().empty() && level_ < 250; ++level_) before = score(level_)[0].score;
  ASSERT_EQ(findings().size(), 1u);
  EXPECT_EQ(before, findings()[0].probability);
  // One sample there may be a spike; what stays there has failed.
  for (int i = 0; i < 8; ++i) score(257);
  EXPECT_EQ(score(257)[0].score, 1);
}

}  // namespace
}  // namespace heald::trend
