#include <gmock/gmock.h>

#include "heald/testing.h"
#include "plugins/detectors/zscore/detector.h"

namespace heald::zscore {
namespace {

using sdk::Failure;
using sdk::FindingState;
using sdk::testing::DetectorHarness;
using sdk::testing::FakeHost;

const sdk::LabelSet kPayments{{"service", "payments"}};

void Normal(DetectorHarness<Detector>& zscore, int samples = 20) {
  for (int i = 0; i < samples; ++i) zscore.Feed("latency", kPayments, 1 + 0.1 * (i % 2));
}

// Another process: other handles, a clock that went on.
class ZscoreSnapshotTest : public ::testing::Test {
 protected:
  ZscoreSnapshotTest() { after_host_.host().Intern("something_else", {}); }
  void GoOn() { after_host_.SetNow(before_host_.now_ns()); }

  FakeHost before_host_;
  FakeHost after_host_;
  DetectorHarness<Detector> before_{before_host_};
  DetectorHarness<Detector> after_{after_host_};
};

TEST_F(ZscoreSnapshotTest, KnowsWhatIsNormalAfterARestart) {
  Normal(before_);
  after_.Restore(before_.Snapshot());
  GoOn();
  after_.Feed("latency", kPayments, 5);
  ASSERT_EQ(after_.findings().size(), 1u);
  EXPECT_EQ(after_.findings()[0].state, FindingState::kOpen);
}

TEST_F(ZscoreSnapshotTest, AnOpenFindingGoesOnUnderItsId) {
  Normal(before_);
  before_.Feed("latency", kPayments, 5);
  after_.Restore(before_.Snapshot());
  GoOn();
  after_.Feed("latency", kPayments, 5);
  for (int i = 0; i < 3; ++i) after_.Feed("latency", kPayments, 1);
  ASSERT_EQ(after_.findings().size(), 2u);
  const auto& opened = before_.findings().at(0);
  EXPECT_EQ(after_.findings()[0].state, FindingState::kUpdate);
  EXPECT_EQ(after_.findings()[0].id, opened.id);
  EXPECT_EQ(after_.findings()[0].began_ns, opened.began_ns);
  EXPECT_EQ(after_.findings()[0].unit, "s");
  EXPECT_EQ(after_.findings()[0].recent.size(), 20u);
  EXPECT_EQ(after_.findings()[1].state, FindingState::kClear);
  EXPECT_EQ(after_.findings()[1].target, kPayments);
}

TEST_F(ZscoreSnapshotTest, WhateverIsConfiguredOtherwiseTheFaultIsNotLearnt) {
  Normal(before_);
  before_.Feed("latency", kPayments, 5);
  DetectorHarness<Detector> after(
      after_host_,
      {.window = 12, .sensitivity = 6, .direction = Direction::kAbove, .robust = true});
  after.Restore(before_.Snapshot());
  GoOn();
  for (int i = 0; i < 20; ++i) after.Feed("latency", kPayments, 5);
  ASSERT_FALSE(after.findings().empty());
  EXPECT_EQ(after.findings().back().state, FindingState::kUpdate);
  EXPECT_EQ(after.findings().back().id, before_.findings().at(0).id);
  EXPECT_LT(after.findings().back().expected_high, 3);
  for (int i = 0; i < 3; ++i) after.Feed("latency", kPayments, 1);
  EXPECT_EQ(after.findings().back().state, FindingState::kClear);
}

TEST_F(ZscoreSnapshotTest, IdsAreNotUsedAgain) {
  Normal(before_);
  before_.Feed("latency", kPayments, 5);
  for (int i = 0; i < 3; ++i) before_.Feed("latency", kPayments, 1);
  after_.Restore(before_.Snapshot());
  GoOn();
  after_.Feed("latency", kPayments, 5);
  EXPECT_GT(after_.findings().at(0).id, before_.findings().at(0).id);
}

TEST_F(ZscoreSnapshotTest, ASeriesThatStaysAwayIsGivenUp) {
  Normal(before_);
  before_.Feed("latency", kPayments, 5);
  after_.Restore(before_.Snapshot());
  GoOn();
  after_host_.Advance(sdk::Minutes(60));
  after_.Tick();
  EXPECT_TRUE(after_.findings().empty());
  after_host_.Advance(sdk::Seconds(1));
  after_.Tick();
  ASSERT_EQ(after_.findings().size(), 1u);
  EXPECT_EQ(after_.findings()[0].state, FindingState::kClear);
  EXPECT_EQ(after_.findings()[0].annotations.Get(sdk::kClearedBecause), "expired");
}

TEST_F(ZscoreSnapshotTest, ASecondSnapshotKeepsWhatHasNotComeBack) {
  Normal(before_);
  after_.Restore(before_.Snapshot());
  EXPECT_EQ(after_.Snapshot(), before_.Snapshot());
}

TEST_F(ZscoreSnapshotTest, ASmallerWindowTakesTheLatestValues) {
  Normal(before_);
  DetectorHarness<Detector> small(after_host_, {.window = 5});
  small.Restore(before_.Snapshot());
  GoOn();
  small.Feed("latency", kPayments, 5);
  EXPECT_EQ(small.findings().size(), 1u);
}

TEST_F(ZscoreSnapshotTest, RefusesEveryTornOrDamagedState) {
  Normal(before_);
  before_.Feed("latency", kPayments, 5);
  const std::string good = before_.Snapshot();
  for (size_t cut = 0; cut < good.size(); ++cut)
    EXPECT_THROW(after_.Restore(good.substr(0, cut)), Failure) << cut;
  for (size_t at = 0; at < good.size(); ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_THROW(after_.Restore(damaged), Failure) << at;
  }
  // Refusal leaves it as new.
  Normal(after_, 9);
  after_.Feed("latency", kPayments, 1000);
  EXPECT_TRUE(after_.findings().empty());
}

TEST_F(ZscoreSnapshotTest, RefusesAForeignStateAndSaysWhose) {
  const auto refusal = [&](sdk::SnapshotWriter writer) {
    try {
      after_.Restore(std::move(writer).Finish());
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), HEALD_CORRUPT);
      return std::string(failure.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal({"threshold", 1}), ::testing::HasSubstr("belongs to 'threshold'"));
  EXPECT_THAT(refusal({"zscore", 2}), ::testing::HasSubstr("version 2"));
  EXPECT_THAT(refusal({"zscore", 1}), ::testing::HasSubstr("too early"));
}

}  // namespace
}  // namespace heald::zscore
