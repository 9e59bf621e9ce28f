#include "plugins/detectors/isolation_forest/judge.h"

#include <gtest/gtest.h>

namespace heald::isolation_forest {
namespace {

class ForestJudgeTest : public ::testing::Test {
 protected:
  Step Feed(double score) { return judge_.Next(limits_, ts_ns_ += 1'000'000'000, score); }
  Step Feed(double score, int times) {
    for (int i = 1; i < times; ++i) Feed(score);
    return Feed(score);
  }

  Limits limits_{.max_hold_ns = 60'000'000'000};
  Judge judge_;
  int64_t ts_ns_ = 0;
};

TEST_F(ForestJudgeTest, OneOddMomentIsNoFinding) {
  EXPECT_EQ(Feed(0.4, 20), Step::kNormal);
  EXPECT_EQ(Feed(0.75), Step::kNormal);
  EXPECT_EQ(Feed(0.4, 20), Step::kNormal);
}

TEST_F(ForestJudgeTest, SeveralOddMomentsAreOneThatBeganWithTheRise) {
  Feed(0.4, 20);
  const int64_t rise = ts_ns_;
  EXPECT_FALSE(judge_.Odd());
  EXPECT_EQ(Feed(0.7, 2), Step::kNormal);
  EXPECT_TRUE(judge_.Odd());
  EXPECT_EQ(Feed(0.7), Step::kOpened);
  EXPECT_GT(judge_.began_ns(), rise);
  EXPECT_LT(judge_.began_ns(), ts_ns_);
  EXPECT_EQ(Feed(0.7, 5), Step::kOngoing);
}

TEST_F(ForestJudgeTest, ClearsAfterSoManyNormalMoments) {
  Feed(0.7, 20);
  ASSERT_TRUE(judge_.open());
  EXPECT_EQ(Feed(0.3), Step::kOngoing);
  EXPECT_EQ(Feed(0.3, 2), Step::kRecovering);
  EXPECT_EQ(Feed(0.3), Step::kCleared);
  EXPECT_FALSE(judge_.open());
}

TEST_F(ForestJudgeTest, WhatHangsBetweenIsNotOver) {
  Feed(0.7, 20);
  EXPECT_EQ(Feed(0.57, 30), Step::kOngoing);
}

TEST_F(ForestJudgeTest, AfterMaxHoldOnlyWhatIsWorseOpensAnother) {
  Feed(0.7, 60);
  EXPECT_EQ(Feed(0.7), Step::kRebaselined);
  EXPECT_EQ(Feed(0.7, 50), Step::kNormal);
  EXPECT_FALSE(judge_.Odd());  // it is learnt
  EXPECT_EQ(Feed(0.9), Step::kOpened);
}

TEST_F(ForestJudgeTest, AfterMaxHoldAndARecoveryTheThresholdIsAsBefore) {
  Feed(0.7, 62);
  Feed(0.3, 20);
  EXPECT_EQ(Feed(0.7, 10), Step::kOngoing);
}

}  // namespace
}  // namespace heald::isolation_forest
