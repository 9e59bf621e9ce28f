#include "plugins/detectors/threshold/detector.h"

#include <gmock/gmock.h>

#include "heald/testing.h"
#include "tests/fakes/problems.h"

namespace heald::threshold {
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

const sdk::LabelSet kDb{{"instance", "db-1"}};
const Config kDisk{.below = {.warning = 20, .critical = 10, .clear = 25}};

TEST(ThresholdDetectorTest, OpensUpdatesAndClearsOneFinding) {
  FakeHost host;
  DetectorHarness<Detector> threshold(host, kDisk);
  threshold.Feed("disk_free_percent", kDb, 50);
  threshold.Feed("disk_free_percent", kDb, 15);
  threshold.Feed("disk_free_percent", kDb, 5);   // worse: told at once
  threshold.Feed("disk_free_percent", kDb, 15);  // milder: waits
  threshold.Feed("disk_free_percent", kDb, 22);
  threshold.Feed("disk_free_percent", kDb, 30);
  const auto& findings = threshold.findings();
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_EQ(findings[0].state, FindingState::kOpen);
  EXPECT_EQ(findings[0].severity, Severity::kWarning);
  EXPECT_EQ(findings[0].metric, "disk_free_percent");
  EXPECT_EQ(findings[0].unit, "%");
  EXPECT_EQ(findings[0].target, kDb);
  EXPECT_EQ(findings[0].expected_low, 20);
  EXPECT_TRUE(std::isnan(findings[0].expected_high));
  EXPECT_EQ(findings[0].score, 0.25);
  EXPECT_EQ(findings[0].confidence, 1);
  EXPECT_THAT(findings[0].recent, ElementsAre(50, 15));
  EXPECT_EQ(findings[1].state, FindingState::kUpdate);
  EXPECT_EQ(findings[1].severity, Severity::kCritical);
  EXPECT_EQ(findings[2].state, FindingState::kClear);
  EXPECT_EQ(findings[2].annotations.Get(sdk::kClearedBecause), "normal");
  for (const Finding& finding : findings) EXPECT_EQ(finding.id, findings[0].id);
}

// A stopped series says nothing about recovery.
TEST(ThresholdDetectorTest, ASilentSeriesStaysOpenUntilItExpires) {
  FakeHost host;
  DetectorHarness<Detector> threshold(host, kDisk);
  threshold.Feed("disk_free", kDb, 5);
  for (int i = 0; i < 100; ++i) {
    host.Advance(sdk::Minutes(10));
    threshold.Tick();
  }
  EXPECT_EQ(threshold.findings().size(), 1u);
  threshold.Expire("disk_free", kDb);
  ASSERT_EQ(threshold.findings().size(), 2u);
  EXPECT_EQ(threshold.findings()[1].annotations.Get(sdk::kClearedBecause), "expired");
}

TEST(ThresholdDetectorTest, AClockThatWasSetBackBlindsNobody) {
  FakeHost host;
  Config config = kDisk;
  config.hold_for = sdk::Seconds(3);
  DetectorHarness<Detector> threshold(host, config);
  for (int i = 0; i < 3; ++i) threshold.Feed("disk_free", kDb, 15);
  host.Advance(sdk::Minutes(-60));
  threshold.Feed("disk_free", kDb, 15);
  EXPECT_TRUE(threshold.findings().empty()) << "hold_for begins anew";
  for (int i = 0; i < 3; ++i) threshold.Feed("disk_free", kDb, 15);
  ASSERT_EQ(threshold.findings().size(), 1u);
  host.Advance(sdk::Minutes(-60));
  threshold.Feed("disk_free", kDb, 15);
  ASSERT_EQ(threshold.findings().size(), 2u) << "an update, by which it is known to be fresh";
  EXPECT_EQ(threshold.findings()[1].ts_ns, host.now_ns());
  EXPECT_LE(threshold.findings()[1].began_ns, host.now_ns());
  threshold.Feed("disk_free", kDb, 30);
  EXPECT_EQ(threshold.findings().back().state, FindingState::kClear);
  EXPECT_EQ(host.MetricTotal("samples_skipped_total"), 0);
}

TEST(ThresholdDetectorTest, OnlyTheClockMakesTheFutureThePast) {
  FakeHost host;
  DetectorHarness<Detector> threshold(host, kDisk);
  const int64_t now_ns = host.now_ns();
  threshold.FeedAt("disk_free", kDb, 50, now_ns);
  threshold.FeedAt("disk_free", kDb, 5, now_ns - 5'000'000'000);  // late
  threshold.FeedAt("disk_free", kDb, 50, now_ns + 3'600'000'000'000);
  threshold.FeedAt("disk_free", kDb, 5, now_ns + 3'500'000'000'000);  // late, of that clock
  threshold.FeedAt("disk_free", kDb, 5, now_ns - 3'600'000'000'000);  // of long ago
  EXPECT_EQ(host.MetricTotal("samples_skipped_total"), 3);
  EXPECT_TRUE(threshold.findings().empty());
}

TEST(ThresholdDetectorTest, SilenceAloneNeverOpens) {
  FakeHost host;
  Config config = kDisk;
  config.hold_for = sdk::Seconds(30);
  DetectorHarness<Detector> threshold(host, config);
  threshold.Feed("disk_free", kDb, 5);
  host.Advance(sdk::Minutes(2));
  threshold.Tick();
  EXPECT_TRUE(threshold.findings().empty());
}

TEST(ThresholdDetectorTest, ForAndOpenFindingsSurviveARestart) {
  FakeHost host;
  Config config = kDisk;
  config.hold_for = sdk::Seconds(10);
  DetectorHarness<Detector> before(host, config);
  for (int i = 0; i < 6; ++i) before.Feed("disk_free", kDb, 5);
  DetectorHarness<Detector> after(host, config);
  after.Restore(before.Snapshot());
  for (int i = 0; i < 5; ++i) after.Feed("disk_free", kDb, 5);
  ASSERT_EQ(after.findings().size(), 1u);

  DetectorHarness<Detector> third(host, config);
  third.Restore(after.Snapshot());
  third.Feed("disk_free", kDb, 5);
  ASSERT_EQ(third.findings().size(), 1u);
  EXPECT_EQ(third.findings()[0].state, FindingState::kUpdate);
  EXPECT_EQ(third.findings()[0].id, after.findings()[0].id);
  EXPECT_THROW(third.Restore("HEALDST1"), sdk::Failure);
}

TEST(ThresholdConfigTest, RefusesWhatMakesNoSense) {
  EXPECT_TRUE(ProblemsIn<Detector>(kDisk).empty());
  EXPECT_THAT(ProblemsIn<Detector>({}),
              ElementsAre(AllOf(StartsWith(": "), HasSubstr("no bounds"))));
  EXPECT_THAT(ProblemsIn<Detector>({.above = {.clear = 1}}),
              ElementsAre(AllOf(StartsWith(": "), HasSubstr("no bounds")),
                          AllOf(StartsWith("/above/clear: "), HasSubstr("level"))));
  EXPECT_THAT(ProblemsIn<Detector>({.above = {.warning = 2, .critical = 1}}),
              ElementsAre("/above/critical: above.critical must not be below above.warning"));
  EXPECT_THAT(ProblemsIn<Detector>({.below = {.warning = 20, .clear = 19}}),
              ElementsAre("/below/warning: below.warning must not be above below.clear"));
  EXPECT_THAT(ProblemsIn<Detector>({.above = {.warning = 1}, .below = {.warning = 2}}),
              ElementsAre(AllOf(StartsWith("/above: "), HasSubstr("lies below"))));
  EXPECT_THAT(ProblemsIn<Detector>({.above = {.warning = std::nan("")}}),
              ElementsAre(AllOf(StartsWith("/above/warning: "), HasSubstr("finite"))));
}

TEST(ThresholdDetectorTest, ScoresHowFarOutOfBoundsEachMomentIs) {
  FakeHost host;
  DetectorHarness<Detector> threshold(host, kDisk);
  EXPECT_EQ(threshold.Score({{"disk_free_percent", 50}}, kDb).at(0).score, 0);
  EXPECT_EQ(threshold.Score({{"disk_free_percent", 15}}, kDb).at(0).score, 0.25);
  EXPECT_EQ(threshold.Score({{"disk_free_percent", 22}}, kDb).at(0).score, 0);  // not clear yet
  EXPECT_EQ(threshold.findings().size(), 1u);
  EXPECT_TRUE(threshold.Score({{"disk_free_percent", std::nan("")}}, kDb).empty());
}

}  // namespace
}  // namespace heald::threshold
