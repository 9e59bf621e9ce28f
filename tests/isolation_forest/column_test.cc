#include "plugins/detectors/isolation_forest/column.h"

#include <gtest/gtest.h>

namespace heald::isolation_forest {
namespace {

class ForestColumnTest : public ::testing::Test {
 protected:
  void Feed(double value) { column_.Next(++ts_ns_, value, false); }

  Column column_;
  int64_t ts_ns_ = 0;
};

TEST_F(ForestColumnTest, KeepsValuesSoThatTheyCanBeToldAgain) {
  for (const double first : {0.0, 1e-290, 0.3, -40.0, 1e9, 1e300}) {
    column_ = Column();
    for (const double value : {first, first * 1.5, first * -2}) {
      Feed(value);
      EXPECT_NEAR(column_.Outside(column_.inside()), value, std::fabs(first) * 1e-6) << first;
    }
  }
}

TEST_F(ForestColumnTest, SmallNoiseOnALargeLevelIsStillSeen) {
  Feed(1e9);
  Feed(1e9 + 1);
  const float one = column_.inside();
  Feed(1e9 + 2);
  EXPECT_GT(column_.inside(), one);
}

TEST_F(ForestColumnTest, UnrestIsTheSizeOfRecentSteps) {
  for (int i = 0; i < 100; ++i) Feed(10 + i % 2);
  const float lively = column_.unrest();
  EXPECT_NEAR(lively, 0.1, 0.001);  // steps of 1, of what was 10 at first
  for (int i = 0; i < 50; ++i) Feed(10);
  EXPECT_LT(column_.unrest(), lively / 100);
}

TEST_F(ForestColumnTest, AStepFarBeyondWhatWasSeenIsForgottenSoon) {
  for (int i = 0; i < 100; ++i) Feed(10 + i % 2);
  column_.Limit(column_.unrest());
  Feed(std::numeric_limits<double>::infinity());
  EXPECT_GT(column_.unrest(), 0.15);
  for (int i = 0; i < 40; ++i) Feed(10 + i % 2);
  EXPECT_LT(column_.unrest(), 0.11);
}

TEST_F(ForestColumnTest, ASeriesThatStartsAt0FindsItsScaleLater) {
  Feed(0);
  Feed(0);
  Feed(1e-12);
  EXPECT_FLOAT_EQ(column_.inside(), 1);
  column_ = Column();
  Feed(0);
  Feed(std::numeric_limits<double>::infinity());
  Feed(3);
  EXPECT_NEAR(column_.Outside(column_.inside()), 3, 1e-6);
}

TEST_F(ForestColumnTest, AfterASilenceThereIsNoStep) {
  Feed(10);
  Feed(10);
  column_.Next(++ts_ns_, 99, true);
  EXPECT_EQ(column_.unrest(), 0);
}

}  // namespace
}  // namespace heald::isolation_forest
