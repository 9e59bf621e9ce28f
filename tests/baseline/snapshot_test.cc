#include <gmock/gmock.h>

#include <cmath>

#include "heald/testing.h"
#include "plugins/detectors/baseline/detector.h"

namespace heald::baseline {
namespace {

using sdk::Failure;
using sdk::FindingState;
using sdk::testing::DetectorHarness;
using sdk::testing::FakeHost;

const sdk::LabelSet kHost{{"instance", "a:9100"}};

void Feed(DetectorHarness<Detector>& baseline, double cpu, double memory) {
  baseline.Score({{"cpu", cpu}, {"memory", memory}}, kHost, sdk::Seconds(15));
}
void Normal(DetectorHarness<Detector>& baseline, int moments = 200) {
  for (int i = 0; i < moments; ++i)
    Feed(baseline, 0.3 + 0.02 * std::sin(i * 12.9898), 500 + 5 * std::sin(i * 78.233));
}

// Another process: other handles, a clock that went on.
class BaselineSnapshotTest : public ::testing::Test {
 protected:
  BaselineSnapshotTest() { after_host_.host().Intern("something_else", {}); }
  void GoOn() { after_host_.SetNow(before_host_.now_ns()); }

  FakeHost before_host_;
  FakeHost after_host_;
  DetectorHarness<Detector> before_{before_host_};
  DetectorHarness<Detector> after_{after_host_};
};

TEST_F(BaselineSnapshotTest, KnowsWhatIsUsualAfterARestart) {
  Normal(before_);
  after_.Restore(before_.Snapshot());
  GoOn();
  for (int i = 0; i < 4; ++i) Feed(after_, 0.9, 900);
  ASSERT_FALSE(after_.findings().empty());
  EXPECT_EQ(after_.findings()[0].state, FindingState::kOpen);
}

TEST_F(BaselineSnapshotTest, JudgesAsIfNothingHadHappened) {
  Normal(before_);
  after_.Restore(before_.Snapshot());
  GoOn();
  for (int i = 0; i < 50; ++i) {
    const double cpu = 0.3 + 0.1 * std::sin(i * 0.7);
    const auto one = before_.Score({{"cpu", cpu}, {"memory", 500}}, kHost, sdk::Seconds(15));
    const auto two = after_.Score({{"cpu", cpu}, {"memory", 500}}, kHost, sdk::Seconds(15));
    ASSERT_EQ(one.size(), two.size());
    EXPECT_EQ(one[0].score, two[0].score) << i;
  }
}

TEST_F(BaselineSnapshotTest, AnOpenFindingGoesOnUnderItsId) {
  Normal(before_);
  for (int i = 0; i < 5; ++i) Feed(before_, 0.9, 900);
  after_.Restore(before_.Snapshot());
  GoOn();
  Feed(after_, 0.9, 900);
  for (int i = 0; i < 5; ++i) Feed(after_, 0.3, 500);
  ASSERT_GE(after_.findings().size(), 2u);
  EXPECT_EQ(after_.findings().front().state, FindingState::kUpdate);
  EXPECT_EQ(after_.findings().back().state, FindingState::kClear);
  for (const sdk::Finding& finding : after_.findings()) {
    EXPECT_EQ(finding.id, before_.findings()[0].id);
    EXPECT_EQ(finding.began_ns, before_.findings()[0].began_ns);
    EXPECT_EQ(finding.target, kHost);
  }
}

TEST_F(BaselineSnapshotTest, AnOpenFindingIsNotOverWhileItsLeadsAreOutOfTheirRange) {
  Config config;
  config.clear_after = 1;
  DetectorHarness<Detector> before(before_host_, config);
  DetectorHarness<Detector> after(after_host_, config);
  Normal(before);
  for (int i = 0; i < 5; ++i) Feed(before, 0.9, 900);
  after.Restore(before.Snapshot());
  GoOn();
  for (int i = 0; i < 50; ++i) Feed(after, 0.9, 900);
  ASSERT_FALSE(after.findings().empty());
  EXPECT_NE(after.findings().back().state, FindingState::kClear);
  EXPECT_EQ(after.findings().back().expected_high, before.findings()[0].expected_high);
  for (int i = 0; i < 3; ++i) Feed(after, 0.3, 500);
  EXPECT_EQ(after.findings().back().state, FindingState::kClear);
}

TEST_F(BaselineSnapshotTest,
       AFindingEndsAsItWouldHaveWhereSeverityAndEndsAreJudgedOtherwiseMeanwhile) {
  Normal(before_);
  for (int i = 0; i < 5; ++i) Feed(before_, 0.9, 900);
  Config config;
  config.threshold = 3;
  config.critical_at = 50;
  config.clear_after = 5;
  config.update_interval = {};
  DetectorHarness<Detector> after(after_host_, config);
  after.Restore(before_.Snapshot());
  GoOn();
  for (int i = 0; i < 20; ++i) Feed(after, 0.9, 900);
  ASSERT_FALSE(after.findings().empty());
  EXPECT_EQ(after.findings().front().severity, sdk::Severity::kWarning);
  for (int i = 0; i < 5; ++i) Feed(after, 0.3, 500);
  for (const sdk::Finding& finding : after.findings()) {
    EXPECT_EQ(finding.id, before_.findings()[0].id);
    EXPECT_EQ(finding.expected_low, before_.findings()[0].expected_low);
    EXPECT_EQ(finding.expected_high, before_.findings()[0].expected_high);
  }
  EXPECT_EQ(after.findings().back().state, FindingState::kClear);
  EXPECT_EQ(after.findings().back().annotations.Get(sdk::kClearedBecause), "normal");
}

TEST_F(BaselineSnapshotTest, AnEntityThatStaysAwayIsGivenUp) {
  Normal(before_);
  for (int i = 0; i < 5; ++i) Feed(before_, 0.9, 900);
  after_.Restore(before_.Snapshot());
  GoOn();
  after_host_.Advance(sdk::Minutes(361));
  after_.Tick();
  ASSERT_EQ(after_.findings().size(), 1u);
  EXPECT_EQ(after_.findings()[0].annotations.Get(sdk::kClearedBecause), "expired");
}

TEST_F(BaselineSnapshotTest, ASecondSnapshotKeepsWhatHasNotComeBack) {
  Normal(before_);
  for (int i = 0; i < 5; ++i) Feed(before_, 0.9, 900);
  after_.Restore(before_.Snapshot());
  DetectorHarness<Detector> third(before_host_);
  third.Restore(after_.Snapshot());
  EXPECT_EQ(third.Snapshot(), after_.Snapshot());
}

TEST_F(BaselineSnapshotTest, RefusesEveryTornOrDamagedState) {
  Normal(before_);
  for (int i = 0; i < 5; ++i) Feed(before_, 0.9, 900);
  const std::string good = before_.Snapshot();
  for (size_t cut = 0; cut < good.size(); ++cut)
    EXPECT_THROW(after_.Restore(good.substr(0, cut)), Failure) << cut;
  for (size_t at = 0; at < good.size(); ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_THROW(after_.Restore(damaged), Failure) << at;
  }
  // Refusal leaves it as new.
  Normal(after_, 20);
  Feed(after_, 1000, 1000);
  EXPECT_TRUE(after_.findings().empty());
}

TEST_F(BaselineSnapshotTest, RefusesAForeignState) {
  EXPECT_THROW(after_.Restore(std::move(sdk::SnapshotWriter("zscore", 1)).Finish()), Failure);
  EXPECT_THROW(after_.Restore(std::move(sdk::SnapshotWriter("baseline", 2)).Finish()), Failure);
  EXPECT_THROW(after_.Restore(std::move(sdk::SnapshotWriter("baseline", 1)).Finish()), Failure);
}

}  // namespace
}  // namespace heald::baseline
