#include "plugins/detectors/log_patterns/rate.h"

#include <gtest/gtest.h>

namespace heald::log_patterns {
namespace {

const RateSettings kSettings{.min_count = 10, .learn = 5, .memory = 50, .max_hold = 4};

void Fill(Rate& rate, int64_t interval, int count) {
  rate.AdvanceTo(kSettings, interval);
  for (int i = 0; i < count; ++i) EXPECT_TRUE(rate.Add(kSettings, interval));
}
Rate Learnt(int count, int64_t intervals = 20) {
  Rate rate(0);
  for (int64_t i = 0; i < intervals; ++i) Fill(rate, i, count + static_cast<int>(i % 3));
  return rate;
}

TEST(RateTest, SaysTooManyAtOnceAndOnlyAfterItHasLearnt) {
  Rate rate(0);
  Fill(rate, 0, 1);
  Fill(rate, 1, 1000);
  EXPECT_FALSE(rate.TooMany(kSettings, 1)) << "still learning";
  rate = Learnt(20);
  Fill(rate, 20, 60);
  EXPECT_FALSE(rate.TooMany(kSettings, 20)) << "not three times as many";
  Fill(rate, 21, 200);
  EXPECT_TRUE(rate.TooMany(kSettings, 21));
}

TEST(RateTest, FewAreNeverTooMany) {
  Rate rate = Learnt(0);
  Fill(rate, 20, 9);
  EXPECT_FALSE(rate.TooMany(kSettings, 20));
  Fill(rate, 20, 1);
  EXPECT_TRUE(rate.TooMany(kSettings, 20));
}

TEST(RateTest, BatchesThatComeNowAndThenAreUsual) {
  Rate rate(0);
  for (int64_t i = 0; i < 100; ++i) Fill(rate, i, i % 10 == 0 ? 100 : 0);
  Fill(rate, 100, 100);
  EXPECT_FALSE(rate.TooMany(kSettings, 100));
}

TEST(RateTest, TakesLinesOfTheIntervalBeforeAndNoneThatIsOlder) {
  Rate rate = Learnt(5);
  Fill(rate, 20, 1);
  EXPECT_TRUE(rate.Add(kSettings, 19));
  EXPECT_FALSE(rate.Add(kSettings, 18));
  EXPECT_EQ(rate.CountIn(19), 5u + 19 % 3 + 1);
}

TEST(RateTest, DoesntLearnAFaultUntilItHasStayedForMaxHold) {
  Rate rate = Learnt(20);
  const double usual = rate.mean();
  for (int64_t i = 20; i < 24; ++i) Fill(rate, i, 500);
  EXPECT_LT(rate.mean(), usual + 2);
  EXPECT_EQ(rate.rebaselined(), INT64_MIN);
  for (int64_t i = 24; i < 28; ++i) Fill(rate, i, 500);
  EXPECT_EQ(rate.mean(), 500);
  EXPECT_EQ(rate.rebaselined(), 23);
  EXPECT_FALSE(rate.TooMany(kSettings, 27));
}

TEST(RateTest, SilenceIsLearntAsIfIntervalByInterval) {
  Rate one = Learnt(30);
  Rate other = one;
  for (int64_t i = 20; i < 2000; ++i) one.AdvanceTo(kSettings, i);
  other.AdvanceTo(kSettings, 1999);
  EXPECT_NEAR(one.mean(), other.mean(), 1e-9);
  EXPECT_NEAR(one.deviation(), other.deviation(), 1e-9);
  EXPECT_EQ(one.limit(), 10u);
  other.AdvanceTo(kSettings, int64_t{1} << 60);
  EXPECT_EQ(other.limit(), 10u) << "no time is too far";
}

}  // namespace
}  // namespace heald::log_patterns
