#include "plugins/detectors/trend/buckets.h"

#include <gtest/gtest.h>

#include "core/base/units.h"

namespace heald::trend {
namespace {

class BucketsTest : public ::testing::Test {
 protected:
  int Add(double value, double step_s = 1) {
    now_ns_ += static_cast<int64_t>(step_s * 1e9);
    return buckets_.Add(now_ns_, value);
  }

  Buckets buckets_{4};
  int64_t now_ns_ = 1000 * kSecond;
};

TEST_F(BucketsTest, LearnsItsStepFromTheFirstSamples) {
  for (int i = 0; i < 3; ++i) Add(1);
  EXPECT_EQ(buckets_.step_ns(), 0);
  Add(1);
  EXPECT_EQ(buckets_.step_ns(), 4 * kSecond);
}

TEST_F(BucketsTest, HoldsMediansSoThatOneOutlierIsNotSeen) {
  for (int i = 0; i < 40; ++i) Add(i % 4 == 2 ? 1e9 : 10);
  ASSERT_GT(buckets_.size(), 5u);
  for (uint32_t age = 0; age < buckets_.size(); ++age) EXPECT_EQ(buckets_[age], 10);
}

TEST_F(BucketsTest, StepsStayEqualWhenSamplesComeIrregularly) {
  for (int i = 0; i < 8; ++i) Add(1);
  const int64_t before_ns = buckets_.newest_ns();
  const uint32_t had = buckets_.size();
  for (const double step : {0.5, 2.0, 1.0, 3.0, 0.2, 1.3, 6.0, 2.0}) Add(1, step);
  EXPECT_EQ(buckets_.newest_ns() - before_ns, (buckets_.size() - had) * buckets_.step_ns());
}

TEST_F(BucketsTest, BridgesAHoleWithALine) {
  for (int i = 0; i < 8; ++i) Add(0);
  EXPECT_EQ(Add(12, 12), 3);
  Add(12, 4);
  EXPECT_EQ(buckets_[0], 12);
  EXPECT_NEAR(buckets_[1], 8, 1e-9);
  EXPECT_NEAR(buckets_[2], 4, 1e-9);
}

TEST_F(BucketsTest, StartsAnewAfterALongHole) {
  for (int i = 0; i < 40; ++i) Add(0);
  EXPECT_EQ(Add(1, 100), Buckets::kStartedAnew);
  EXPECT_EQ(buckets_.size(), 0u);
}

TEST_F(BucketsTest, StartsAnewWhenSamplesComeMoreSlowly) {
  for (int i = 0; i < 40; ++i) Add(0);
  bool anew = false;
  for (int i = 0; i < 20; ++i) anew |= Add(0, 20) == Buckets::kStartedAnew;
  EXPECT_TRUE(anew);
  EXPECT_EQ(buckets_.step_ns(), 80 * kSecond);
}

TEST_F(BucketsTest, KeepsTheLatest) {
  for (int i = 0; i < 4 * 300; ++i) Add(i);
  ASSERT_EQ(buckets_.size(), Buckets::kCapacity);
  for (uint32_t age = 1; age < buckets_.size(); ++age)
    ASSERT_EQ(buckets_[age - 1] - buckets_[age], 4);
}

TEST_F(BucketsTest, ManySamplesInOneStepAreBounded) {
  for (int i = 0; i < 5; ++i) Add(1);
  for (int i = 0; i < 1000; ++i) Add(1, 0.001);
  for (int i = 0; i < 5; ++i) Add(1);
  EXPECT_EQ(buckets_[0], 1);
}

}  // namespace
}  // namespace heald::trend
