#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/log_patterns/harness.h"

namespace heald::log_patterns {
namespace {

using sdk::FindingState;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Another host whose clock shows the same.
void CatchUp(Harness& to, int64_t now_ns) {
  to.host().Advance({now_ns - to.now_ns()});
}

TEST(LogPatternsSnapshotTest, ARestartForgetsNothingAndGoesOnWithTheOpenFinding) {
  Harness before;
  before.Usual(kShop, 700);
  before.Feed(kShop, "FATAL disk is gone");
  const std::vector<sdk::Finding> opened = before.Take();
  ASSERT_THAT(opened, SizeIs(1));

  Harness after;
  CatchUp(after, before.now_ns());
  after.detector().Restore(before.detector().Snapshot());
  EXPECT_EQ(after.detector().templates().size(), before.detector().templates().size());
  after.Usual(kShop, 30);
  EXPECT_THAT(after.Take(), IsEmpty()) << "known lines are known";
  after.Feed(kShop, "FATAL disk is gone");
  std::vector<sdk::Finding> seen = after.Take();
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].state, FindingState::kUpdate);
  EXPECT_EQ(seen[0].id, opened[0].id);
  EXPECT_EQ(seen[0].count, 2u);
  after.Usual(kShop, 400);
  seen = after.Take();
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].state, FindingState::kClear);
  after.Feed(kShop, "FATAL something else broke");
  seen = after.Take();
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_GT(seen[0].id, opened[0].id) << "ids aren't used twice";
}

TEST(LogPatternsSnapshotTest, LinesWithTimesInFrontAreKnownAgain) {
  const auto live = [](Harness& log) {
    for (int i = 0; i < 700; ++i) {
      log.Pass(1);
      log.Feed(kShop, "22 10:00 INFO user " + Word(static_cast<uint64_t>(i)) + " logged in");
      log.Feed(kShop, "22; 10:00 INFO user " + Word(static_cast<uint64_t>(i)) + " logged in");
    }
  };
  Harness before;
  live(before);
  Harness after;
  CatchUp(after, before.now_ns());
  after.detector().Restore(before.detector().Snapshot());
  live(after);
  EXPECT_EQ(after.detector().templates().size(), before.detector().templates().size());
  EXPECT_THAT(after.Take(), IsEmpty());
}

TEST(LogPatternsSnapshotTest, TheStateIsTheSameAfterARoundTrip) {
  Harness before;
  before.Usual(kShop, 700);
  before.Feed(kShop, "FATAL disk is gone");
  const std::string state = before.detector().Snapshot();
  Harness after;
  CatchUp(after, before.now_ns());
  after.detector().Restore(state);
  EXPECT_EQ(after.detector().Snapshot(), state);
}

TEST(LogPatternsSnapshotTest, DamageAndForeignStateAreRefusedAndChangeNothing) {
  Harness before;
  before.Usual(kShop, 700);
  const std::string state = before.detector().Snapshot();
  Harness after;
  for (size_t cut = 0; cut < state.size(); cut += 97)
    EXPECT_THROW(after.detector().Restore(state.substr(0, cut)), sdk::Failure);
  for (size_t at = 0; at < state.size(); at += 53) {
    std::string broken = state;
    broken[at] ^= 0x20;
    EXPECT_THROW(after.detector().Restore(broken), sdk::Failure) << at;
  }
  EXPECT_EQ(after.detector().templates().size(), 0u);
  EXPECT_THROW(after.detector().Restore(sdk::SnapshotWriter("zscore", 1).Finish()), sdk::Failure);
}

TEST(LogPatternsSnapshotTest, AnotherIntervalKeepsTheTemplatesAndLearnsRatesAnew) {
  Harness before;
  before.Usual(kShop, 700);
  Config config;
  config.interval = sdk::Seconds(10);
  Harness after(config);
  CatchUp(after, before.now_ns());
  after.detector().Restore(before.detector().Snapshot());
  EXPECT_EQ(after.detector().templates().size(), 2u);
  EXPECT_EQ(after.detector().group_count(), 0u);
  after.Usual(kShop, 700);
  EXPECT_THAT(after.Take(), IsEmpty());
}

TEST(LogPatternsSnapshotTest, ASmallerTreeKeepsTheTemplatesUsedLast) {
  Harness before;
  for (char c = 'a'; c < 'z'; ++c) before.Feed(kShop, std::string(3, c) + " happened");
  Config config;
  config.max_templates = 10;
  Harness after(config);
  after.detector().Restore(before.detector().Snapshot());
  EXPECT_EQ(after.detector().templates().size(), 10u);
}

}  // namespace
}  // namespace heald::log_patterns
