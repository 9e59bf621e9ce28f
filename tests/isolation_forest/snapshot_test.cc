#include <gmock/gmock.h>

#include <cmath>

#include "heald/testing.h"
#include "plugins/detectors/isolation_forest/detector.h"

namespace heald::isolation_forest {
namespace {

using sdk::Failure;
using sdk::FindingState;
using sdk::testing::DetectorHarness;
using sdk::testing::FakeHost;

const sdk::LabelSet kHost{{"instance", "a:9100"}};

// Another process: other handles, a clock that went on.
class ForestSnapshotTest : public ::testing::Test {
 protected:
  ForestSnapshotTest() { after_host_.host().Intern("something_else", {}); }

  static auto Feed(DetectorHarness<Detector>& forest, double cpu, double memory) {
    return forest.Score({{"cpu", cpu}, {"memory", memory}}, kHost, sdk::Seconds(15));
  }
  static double Hill(double i) {
    return std::sin(i * 12.9898) + std::sin(i * 78.233) + std::sin(i * 37.719) +
           std::sin(i * 4.581);
  }
  static void Normal(DetectorHarness<Detector>& forest, int moments = 200) {
    for (int i = 0; i < moments; ++i) Feed(forest, 0.3 + 0.02 * Hill(i), 500 + 5 * Hill(i + 0.5));
  }
  static void Fault(DetectorHarness<Detector>& forest, int moments) {
    for (int i = 0; i < moments; ++i)
      Feed(forest, 0.9 + 0.2 * std::sin(i * 12.9), 900 + 80 * std::sin(i * 7.7));
  }
  void Restart() {
    after_.Restore(before_.Snapshot());
    after_host_.SetNow(before_host_.now_ns());
  }

  FakeHost before_host_;
  FakeHost after_host_;
  Config small_{.n_estimators = 20, .max_samples = 32, .min_samples = 32};
  DetectorHarness<Detector> before_{before_host_, small_};
  DetectorHarness<Detector> after_{after_host_, small_};
};

TEST_F(ForestSnapshotTest, JudgesAsIfNothingHadHappened) {
  Normal(before_);
  Restart();
  for (int i = 0; i < 300; ++i) {  // with several new forests on the way
    const double cpu = 0.3 + 0.1 * std::sin(i * 0.7);
    const auto one = Feed(before_, cpu, 500);
    const auto two = Feed(after_, cpu, 500);
    ASSERT_EQ(one.size(), two.size()) << i;
    ASSERT_GT(one[0].score, 0);
    ASSERT_EQ(one[0].score, two[0].score) << i;
  }
}

TEST_F(ForestSnapshotTest, AnOpenFindingGoesOnUnderItsId) {
  Normal(before_);
  Fault(before_, 8);
  ASSERT_FALSE(before_.findings().empty());
  Restart();
  Fault(after_, 1);
  Normal(after_, 20);
  ASSERT_GE(after_.findings().size(), 2u);
  EXPECT_EQ(after_.findings().front().state, FindingState::kUpdate);
  EXPECT_EQ(after_.findings().back().state, FindingState::kClear);
  for (const sdk::Finding& finding : after_.findings()) {
    EXPECT_EQ(finding.id, before_.findings()[0].id);
    EXPECT_EQ(finding.began_ns, before_.findings()[0].began_ns);
    EXPECT_EQ(finding.target, kHost);
  }
}

TEST_F(ForestSnapshotTest, AnotherThresholdCountsAtOnce) {
  Normal(before_);
  Config strict = small_;
  strict.thresholds = {.warning = 0.95, .critical = 0.99};
  DetectorHarness<Detector> after(after_host_, strict);
  after.Restore(before_.Snapshot());
  after_host_.SetNow(before_host_.now_ns());
  Fault(before_, 8);
  Fault(after, 8);
  EXPECT_FALSE(before_.findings().empty());
  EXPECT_TRUE(after.findings().empty());
}

TEST_F(ForestSnapshotTest, WhatIsStillFarOutIsNotLearntAfterARestartEither) {
  const Config config{.thresholds = {.warning = 0.57, .critical = 0.8}};
  DetectorHarness<Detector> before(before_host_, config);
  DetectorHarness<Detector> after(after_host_, config);
  const auto feed = [](DetectorHarness<Detector>& forest, int i, double more) {
    return forest.Score({{"a", Hill(i) + more},
                         {"b", Hill(i + 0.2) + more},
                         {"c", Hill(i + 0.4)},
                         {"d", Hill(i + 0.6)}},
                        kHost, sdk::Seconds(1));
  };
  for (int i = 0; i < 300; ++i) feed(before, i, 0);
  for (int i = 0; i < 100; ++i) feed(before, i, 60);
  ASSERT_FALSE(before.findings().empty());
  ASSERT_EQ(before.findings().back().state, FindingState::kClear);
  after.Restore(before.Snapshot());
  after_host_.SetNow(before_host_.now_ns());
  for (int i = 0; i < 900; ++i) {
    const double more = i < 600 ? 60 : 0;
    EXPECT_EQ(feed(after, i, more)[0].score, feed(before, i, more)[0].score) << i;
  }
}

TEST_F(ForestSnapshotTest, AnEntityThatStaysAwayIsGivenUp) {
  Normal(before_);
  Fault(before_, 8);
  Restart();
  after_host_.Advance(sdk::Minutes(361));
  after_.Tick();
  ASSERT_EQ(after_.findings().size(), 1u);
  EXPECT_EQ(after_.findings()[0].annotations.Get(sdk::kClearedBecause), "expired");
}

TEST_F(ForestSnapshotTest, ASecondSnapshotKeepsWhatHasNotComeBack) {
  Normal(before_);
  Fault(before_, 8);
  Restart();
  EXPECT_EQ(after_.Snapshot(), before_.Snapshot());
}

TEST_F(ForestSnapshotTest, RefusesEveryTornOrDamagedState) {
  Normal(before_, 40);
  Fault(before_, 8);
  const std::string good = before_.Snapshot();
  const size_t step = good.size() / 400 + 1;
  for (size_t cut = 0; cut < good.size(); cut += step)
    EXPECT_THROW(after_.Restore(good.substr(0, cut)), Failure) << cut;
  for (size_t at = 0; at < good.size(); at += step) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_THROW(after_.Restore(damaged), Failure) << at;
  }
  // Refusal leaves it as new.
  EXPECT_EQ(Feed(after_, 1000, 1000)[0].score, 0);
}

TEST_F(ForestSnapshotTest, RefusesAForeignState) {
  EXPECT_THROW(after_.Restore(std::move(sdk::SnapshotWriter("baseline", 1)).Finish()), Failure);
  EXPECT_THROW(after_.Restore(std::move(sdk::SnapshotWriter("isolation_forest", 3)).Finish()),
               Failure);
  EXPECT_THROW(after_.Restore(std::move(sdk::SnapshotWriter("isolation_forest", 2)).Finish()),
               Failure);
}

TEST_F(ForestSnapshotTest, SaysThatTheStateIsCorrupt) {
  Normal(before_, 40);
  std::string state = before_.Snapshot();
  state.resize(state.size() / 2);
  try {
    after_.Restore(state);
    FAIL() << "a torn state was loaded";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_CORRUPT);
  }
}

}  // namespace
}  // namespace heald::isolation_forest
