#include "plugins/detectors/zscore/detector.h"

#include <gmock/gmock.h>

#include "heald/testing.h"
#include "tests/fakes/problems.h"

namespace heald::zscore {
namespace {

using fakes::ProblemsIn;
using sdk::Finding;
using sdk::FindingState;
using sdk::Severity;
using sdk::testing::DetectorHarness;
using sdk::testing::FakeHost;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ZscoreDetectorTest : public ::testing::Test {
 protected:
  void Start(const Config& config = {}) { zscore_.emplace(host_, config); }
  void Feed(double value, sdk::Duration step = sdk::Seconds(1)) {
    zscore_->Feed("latency_p99", labels_, value, step);
  }
  void Normal(int samples = 20) {
    constexpr double kWave[] = {0.9, 1.0, 1.1, 1.0};
    for (int i = 0; i < samples; ++i) Feed(kWave[i % 4]);
  }
  const std::vector<Finding>& findings() { return zscore_->findings(); }
  std::vector<std::string_view> ClearReasons() {
    std::vector<std::string_view> reasons;
    for (const Finding& finding : findings())
      if (finding.state == FindingState::kClear)
        reasons.push_back(finding.annotations.Get(sdk::kClearedBecause));
    return reasons;
  }

  FakeHost host_;
  std::optional<DetectorHarness<Detector>> zscore_;
  sdk::LabelSet labels_{{"namespace", "shop"}, {"service", "payments"}};
};

TEST_F(ZscoreDetectorTest, OpensWithEverythingAReaderNeeds) {
  Start();
  Normal();
  EXPECT_TRUE(findings().empty());
  Feed(5);
  ASSERT_EQ(findings().size(), 1u);
  const Finding& finding = findings()[0];
  EXPECT_EQ(finding.kind, sdk::FindingKind::kAnomaly);
  EXPECT_EQ(finding.state, FindingState::kOpen);
  EXPECT_EQ(finding.metric, "latency_p99");
  EXPECT_EQ(finding.unit, "s");
  EXPECT_EQ(finding.target, labels_);
  EXPECT_EQ(finding.value, 5);
  EXPECT_NEAR(finding.expected_high, 1 + 3 * 0.0726, 0.001);
  EXPECT_NEAR(finding.expected_low, 1 - 3 * 0.0726, 0.001);
  EXPECT_NEAR(finding.score, 4 / 0.0726, 0.1);
  EXPECT_GT(finding.confidence, 0.9);
  EXPECT_EQ(finding.began_ns, host_.now_ns());
  EXPECT_EQ(finding.ts_ns, host_.now_ns());
  ASSERT_EQ(finding.contributors.size(), 1u);
  EXPECT_EQ(finding.contributors[0].name, "latency_p99");
  EXPECT_EQ(finding.contributors[0].share, 1);
  EXPECT_EQ(finding.contributors[0].value, 5);
  EXPECT_NEAR(finding.contributors[0].expected, 1, 1e-9);
  ASSERT_EQ(finding.recent.size(), 20u);
  EXPECT_EQ(finding.recent.back(), 5);
  EXPECT_EQ(finding.recent[18], 1.0);
}

TEST_F(ZscoreDetectorTest, OneSidedRangeHasNoOtherBound) {
  Start({.direction = Direction::kAbove});
  Normal();
  Feed(5);
  EXPECT_TRUE(std::isnan(findings().at(0).expected_low));
  EXPECT_FALSE(std::isnan(findings().at(0).expected_high));
}

TEST_F(ZscoreDetectorTest, SeverityFollowsTheMultiplesOfSensitivity) {
  const auto severity = [&](double deviations) {
    Start({.min_deviation = 1, .warning_at = 1.5, .critical_at = 3});
    Normal();
    Feed(1 + deviations);
    return findings().at(0).severity;
  };
  EXPECT_EQ(severity(3.1), Severity::kInfo);
  EXPECT_EQ(severity(4.6), Severity::kWarning);
  EXPECT_EQ(severity(9.1), Severity::kCritical);
}

TEST_F(ZscoreDetectorTest, UpdatesAtMostEachIntervalAndAtOnceWhenItGetsWorse) {
  Start({.min_deviation = 1, .update_interval = sdk::Seconds(10)});
  Normal();
  Feed(5);                              // opens as a warning
  for (int i = 0; i < 9; ++i) Feed(5);  // 9 s later: still quiet
  EXPECT_EQ(findings().size(), 1u);
  Feed(5);
  ASSERT_EQ(findings().size(), 2u);
  EXPECT_EQ(findings()[1].state, FindingState::kUpdate);
  Feed(50);
  ASSERT_EQ(findings().size(), 3u);
  EXPECT_EQ(findings()[2].severity, Severity::kCritical);
  for (int i = 0; i < 9; ++i) Feed(5);  // milder: waits for its turn
  EXPECT_EQ(findings().size(), 3u);
  Feed(5);
  EXPECT_EQ(findings().at(3).severity, Severity::kWarning);
  for (const Finding& finding : findings()) EXPECT_EQ(finding.id, findings()[0].id);
}

TEST_F(ZscoreDetectorTest, ClearsOnceWithSeverityNormal) {
  Start({.clear_after = 3});
  Normal();
  Feed(5);
  Feed(1);
  Feed(1);
  EXPECT_EQ(findings().size(), 1u);
  Feed(1);
  ASSERT_EQ(findings().size(), 2u);
  EXPECT_EQ(findings()[1].state, FindingState::kClear);
  EXPECT_EQ(findings()[1].severity, Severity::kNormal);
  EXPECT_EQ(findings()[1].id, findings()[0].id);
  EXPECT_EQ(findings()[1].value, 1);
  EXPECT_THAT(ClearReasons(), ElementsAre("normal"));
  Normal();
  EXPECT_EQ(findings().size(), 2u);
}

TEST_F(ZscoreDetectorTest, DoesNotClearByItselfWhileTheFaultLasts) {
  Start();
  Normal();
  for (int i = 0; i < 300; ++i) Feed(5);
  EXPECT_TRUE(ClearReasons().empty());
}

TEST_F(ZscoreDetectorTest, SaysThatARebaselineIsNoRecovery) {
  Start({.max_hold = sdk::Seconds(30)});
  Normal();
  for (int i = 0; i < 40; ++i) Feed(5);
  EXPECT_THAT(ClearReasons(), ElementsAre("re-baselined"));
  EXPECT_THAT(findings().back().summary, ::testing::HasSubstr("re-baselined"));
  EXPECT_EQ(host_.MetricTotal("rebaselined_total"), 1);
}

TEST_F(ZscoreDetectorTest, AGapEndsAFindingAsUnknown) {
  Start({.max_gap = sdk::Minutes(5)});
  Normal();
  Feed(5);
  Feed(1, sdk::Minutes(6));
  EXPECT_THAT(ClearReasons(), ElementsAre("gap"));
}

TEST_F(ZscoreDetectorTest, SeriesAreIndependent) {
  Start();
  const sdk::LabelSet orders{{"service", "orders"}};
  for (int i = 0; i < 20; ++i) {
    Feed(1 + 0.1 * (i % 2));
    zscore_->Feed("latency_p99", orders, 100 + i % 2);
  }
  EXPECT_TRUE(findings().empty());
  Feed(100);
  zscore_->Feed("latency_p99", orders, 1);
  ASSERT_EQ(findings().size(), 2u);
  EXPECT_NE(findings()[0].id, findings()[1].id);
}

TEST_F(ZscoreDetectorTest, ExpiryFreesTheSeriesAndClearsItsFinding) {
  Start();
  Normal();
  Feed(5);
  zscore_->Expire("latency_p99", labels_);
  EXPECT_THAT(ClearReasons(), ElementsAre("expired"));
  EXPECT_EQ(findings().back().target, labels_);
  // Its slot goes to another series, which starts from nothing.
  labels_ = {{"service", "users"}};
  for (int i = 0; i < 10; ++i) Feed(1000 * i);
  EXPECT_EQ(findings().size(), 2u);
}

TEST_F(ZscoreDetectorTest, ASlotUsedAgainWithoutNoticeEndsTheOldFinding) {
  Start();
  Normal();
  Feed(5);
  host_.Expire(host_.host().Intern("latency_p99", labels_));
  labels_ = {{"service", "users"}};
  Feed(1);
  EXPECT_THAT(ClearReasons(), ElementsAre("expired"));
}

TEST_F(ZscoreDetectorTest, CountsWhatItSkips) {
  Start();
  Feed(std::nan(""));
  Feed(1);
  Feed(1, sdk::Seconds(0));
  EXPECT_EQ(host_.MetricTotal("samples_skipped_total"), 2);
}

TEST_F(ZscoreDetectorTest, AClockThatWasSetBackBlindsNobody) {
  Start();
  Normal();
  host_.Advance(sdk::Minutes(-60));
  Normal();
  Feed(5);
  EXPECT_EQ(findings().size(), 1u);
  EXPECT_EQ(host_.MetricTotal("samples_skipped_total"), 0);
}

TEST_F(ZscoreDetectorTest, ConfiguredUnitWins) {
  Start({.unit = "ms"});
  Normal();
  Feed(5);
  EXPECT_EQ(findings().at(0).unit, "ms");
}

TEST(ZscoreConfigTest, RefusesWhatCanNeverWork) {
  EXPECT_TRUE(ProblemsIn<Detector>({}).empty());
  EXPECT_TRUE(ProblemsIn<Detector>({.window = 5}).empty());
  EXPECT_THAT(ProblemsIn<Detector>({.window = 5, .min_samples = 6}),
              ElementsAre(AllOf(StartsWith("/min_samples: "), HasSubstr("larger than window"))));
  EXPECT_THAT(ProblemsIn<Detector>({.warning_at = 3}), ElementsAre(StartsWith("/critical_at: ")));
}

TEST_F(ZscoreDetectorTest, ScoresEveryMomentAndFindsTheSame) {
  Start({.direction = Direction::kAbove});
  std::vector<double> scores;
  for (const double value : {0.9, 1.0, 1.1, 1.0, 0.9, 1.0, 1.1, 1.0, 0.9, 1.0, 1.1, 0.5, 5.0}) {
    const auto scored = zscore_->Score({{"latency_p99", value}}, labels_);
    ASSERT_EQ(scored.size(), 1u);
    EXPECT_EQ(scored[0].ts_ns, host_.now_ns());
    scores.push_back(scored[0].score);
  }
  EXPECT_EQ(scores[0], 0);  // learning
  EXPECT_EQ(scores[9], 0);
  EXPECT_NEAR(scores[10], 0.11 / 0.0738, 0.01);  // nothing is wrong, a score all the same
  EXPECT_EQ(scores[11], 0);                      // the side that doesn't count
  ASSERT_EQ(findings().size(), 1u);
  EXPECT_EQ(findings()[0].score, scores[12]);
  // A sample without a judgement has no score either.
  EXPECT_TRUE(zscore_->Score({{"latency_p99", std::nan("")}}, labels_).empty());
}

}  // namespace
}  // namespace heald::zscore
