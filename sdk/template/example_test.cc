#include "example.h"

#include <gtest/gtest.h>

#include "heald/testing.h"

namespace {

using heald::sdk::FindingState;

class ExampleTest : public testing::Test {
 protected:
  void Feed(int times, double value) {
    for (int i = 0; i < times; ++i) detector_.Feed("queue_length", {{"service", "a"}}, value);
  }
  heald::sdk::testing::FakeHost host_;
  heald::sdk::testing::DetectorHarness<Example> detector_{host_};
};

TEST_F(ExampleTest, ReportsAValueFarAboveItsMeanAndItsEnd) {
  Feed(20, 10);
  EXPECT_TRUE(detector_.findings().empty());
  Feed(5, 100);
  ASSERT_EQ(detector_.findings().size(), 1u);
  EXPECT_EQ(detector_.findings()[0].state, FindingState::kOpen);
  EXPECT_EQ(detector_.findings()[0].expected_high, 20);
  Feed(1, 10);
  ASSERT_EQ(detector_.findings().size(), 2u);
  EXPECT_EQ(detector_.findings()[1].state, FindingState::kClear);
}

TEST_F(ExampleTest, IsSilentWhileItLearns) {
  Feed(9, 10);
  Feed(1, 1000);
  EXPECT_TRUE(detector_.findings().empty());
}

}  // namespace
