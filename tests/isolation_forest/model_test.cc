#include "plugins/detectors/isolation_forest/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace heald::isolation_forest {
namespace {

constexpr float kAbsent = std::numeric_limits<float>::quiet_NaN();

// Two columns, that is four numbers to a row.
class ForestModelTest : public ::testing::Test {
 protected:
  ForestModelTest() {
    model_.AddColumn();
    model_.AddColumn();
  }
  float Noise() {
    const double n = ++n_;
    return static_cast<float>(std::sin(n * 12.9898) + std::sin(n * 78.233) + std::sin(n * 37.719) +
                              std::sin(n * 4.581)) /
           2;
  }
  std::vector<float> Usual() { return {Noise(), 0.1F * Noise(), 5 + Noise(), 0.1F * Noise()}; }
  void Learn(int rows = 500) {
    for (int i = 0; i < rows; ++i) {
      model_.Learn(rules_, Usual());
      ts_ns_ += 1'000'000'000;
      if (model_.Due(rules_, ts_ns_)) {
        model_.Fit(rules_, ts_ns_);
        ++fits_;
      }
    }
  }
  double Score(const std::vector<float>& row) { return model_.Score(row).value_or(-1); }

  Rules rules_{};
  Model model_{1};
  int n_ = 0;
  int64_t ts_ns_ = 1'700'000'000'000'000'000;
  int fits_ = 0;
};

TEST_F(ForestModelTest, IsSilentUntilItHasEnough) {
  Learn(127);
  EXPECT_TRUE(model_.Learning());
  EXPECT_EQ(model_.Score(Usual()), std::nullopt);
  Learn(1);
  EXPECT_FALSE(model_.Learning());
  EXPECT_NE(model_.Score(Usual()), std::nullopt);
}

TEST_F(ForestModelTest, GrowsAgainAsItLearnsThenByTheClock) {
  Learn(1200);
  EXPECT_EQ(fits_, 4);  // at 128, 256, 512 and 1024 rows, or a little later by the clock
  fits_ = 0;
  Learn(4 * 3600);
  EXPECT_EQ(fits_, 4);
}

TEST_F(ForestModelTest, WhatIsOffStandsOut) {
  Learn();
  EXPECT_LT(Score(Usual()), 0.6);
  std::vector<float> row = Usual();
  row[2] = 20;
  row[3] = 3;
  EXPECT_GT(Score(row), Score(Usual()) + 0.1);
  std::vector<double> credit(2);
  EXPECT_GT(model_.Attribute(row, credit), 0.5);
  EXPECT_GT(credit[1], 2 * credit[0]);
}

TEST_F(ForestModelTest, AnAbsentColumnCountsAsUsual) {
  Learn();
  std::vector<float> row = {9, 2, 5, 0};
  const double whole = Score(row);
  row[2] = row[3] = kAbsent;
  EXPECT_NEAR(Score(row), whole, 0.05);
  std::vector<double> credit(2);
  model_.Attribute(row, credit);
  EXPECT_GT(credit[0], 4 * credit[1]);
}

TEST_F(ForestModelTest, WithMostColumnsAbsentNothingIsJudged) {
  Learn();
  EXPECT_EQ(model_.Score(std::vector<float>{kAbsent, kAbsent, kAbsent, kAbsent}), std::nullopt);
}

TEST_F(ForestModelTest, ANewColumnIsJudgedOnceItIsKnown) {
  Learn(1100);
  model_.AddColumn();
  std::vector<float> off = {0, 0, 5, 0, 30, 30};
  const double before = Score(off);
  EXPECT_LT(before, 0.6);
  for (int i = 0; i < 3 * 3600; ++i) {
    std::vector<float> row = Usual();
    row.push_back(Noise());
    row.push_back(0.1F * Noise());
    model_.Learn(rules_, row);
    ts_ns_ += 1'000'000'000;
    if (model_.Due(rules_, ts_ns_)) model_.Fit(rules_, ts_ns_);
  }
  EXPECT_GT(Score(off), before + 0.1);
}

TEST_F(ForestModelTest, ARemovedColumnLeavesTheOthersKnown) {
  Learn();
  model_.RemoveColumn(0);
  EXPECT_TRUE(model_.Learning());
  ASSERT_TRUE(model_.Due(rules_, ts_ns_));
  model_.Fit(rules_, ts_ns_);
  EXPECT_GT(Score({30, 3}), Score({5, 0}) + 0.2);
}

TEST_F(ForestModelTest, ContaminationSetsTheThresholdAtTheShareOfThePast) {
  rules_.contamination = 0.1;
  Learn(1024);
  int above = 0;
  for (int i = 0; i < 1000; ++i) above += Score(Usual()) >= model_.unusual() ? 1 : 0;
  EXPECT_NEAR(above, 100, 50);
  EXPECT_GT(model_.unusual(), model_.typical());
}

TEST_F(ForestModelTest, WhatIsHeldIsLearntOnlyWhenAdopted) {
  Learn(1024);
  const std::vector<float> moved = {4, 0.1F, 12, 0.1F};
  const double before = Score(moved);
  for (int i = 0; i < 60; ++i) model_.Hold(rules_, moved);
  model_.Fit(rules_, ts_ns_);
  EXPECT_NEAR(Score(moved), before, 0.05);
  model_.Adopt();
  EXPECT_TRUE(model_.Due(rules_, ts_ns_));
  model_.Fit(rules_, ts_ns_);
  EXPECT_LT(Score(moved), before - 0.1);
  EXPECT_LT(Score(moved), 0.55);
}

TEST_F(ForestModelTest, ForgetsWhatWasLongAgo) {
  rules_.half_life = 1000;
  Learn(1024);
  const std::vector<float> moved = {40, 0.1F, 12, 0.1F};
  const double before = Score(moved);
  for (int i = 0; i < 4000; ++i) {
    std::vector<float> row = Usual();
    row[0] += 40;
    row[2] += 7;
    model_.Learn(rules_, row);
  }
  model_.Fit(rules_, ts_ns_);
  EXPECT_LT(Score(moved), before - 0.1);
  EXPECT_GT(Score(Usual()), 0.5);
}

}  // namespace
}  // namespace heald::isolation_forest
