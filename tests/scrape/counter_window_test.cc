#include "plugins/sources/scrape/counter_window.h"

#include <gtest/gtest.h>

#include "core/base/units.h"

namespace heald::scrape {
namespace {

class ScrapeCounterTest : public ::testing::Test {
 protected:
  void Page(double value, int64_t after_ns = kSecond) {
    Away(after_ns);
    counter_.Add(value, clock_);
  }
  void Away(int64_t after_ns = kSecond) { clock_.Advance(now_ns_ += after_ns); }
  double Increase() const { return counter_.Increase(clock_); }

  int64_t now_ns_ = 1'000 * kSecond;
  WindowClock clock_{5 * kSecond};
  CounterWindow counter_;
};

TEST_F(ScrapeCounterTest, TheFirstValueIsNoGrowth) {
  Page(1'000'000);
  EXPECT_EQ(Increase(), 0);
  EXPECT_EQ(clock_.SpanNs(), 0);
  Page(1'000'003);
  EXPECT_EQ(Increase(), 3);
  EXPECT_EQ(clock_.SpanNs(), kSecond);
}

TEST_F(ScrapeCounterTest, ForgetsWhatIsOlderThanTheWindow) {
  for (int i = 0; i <= 20; ++i) Page(i * i);
  EXPECT_EQ(clock_.SpanNs(), 5 * kSecond);
  EXPECT_EQ(Increase(), 20 * 20 - 15 * 15);
}

TEST_F(ScrapeCounterTest, ASampleThatComesLateDoesNotShortenTheWindow) {
  for (int i = 0; i <= 20; ++i) Page(10 * i, kSecond + (i % 2 == 0 ? 20'000'000 : -10'000'000));
  EXPECT_GT(clock_.SpanNs(), 5 * kSecond - 50'000'000);
  EXPECT_EQ(Increase(), 50);
}

TEST_F(ScrapeCounterTest, AResetCountsFromZero) {
  Page(100);
  Page(110);
  Page(4);  // restarted: 4 since
  Page(9);
  EXPECT_EQ(Increase(), 10 + 4 + 5);
}

TEST_F(ScrapeCounterTest, KeepsItsGrowthWhileAwayUntilItIsOld) {
  Page(0);
  Page(10);
  for (int i = 0; i < 4; ++i) Away();
  EXPECT_EQ(Increase(), 10);
  Away();
  EXPECT_EQ(Increase(), 0);
  Page(12);
  EXPECT_EQ(Increase(), 2);
}

TEST_F(ScrapeCounterTest, SpacesItsSlotsInLongWindows) {
  clock_ = WindowClock(3600 * kSecond);
  for (int i = 0; i <= 7200; ++i) Page(i);
  const double span = static_cast<double>(clock_.SpanNs()) / kSecond;
  EXPECT_NEAR(span, 3600 * 1.1, 3600 / 50.0 + 1);
  EXPECT_EQ(Increase(), span) << "what it grew by fits the time it had";
}

TEST_F(ScrapeCounterTest, SaysNothingAboutAGapLongerThanTheWindow) {
  Page(0);
  Page(10);
  Page(500, 60 * kSecond);
  EXPECT_EQ(clock_.SpanNs(), 0);
  EXPECT_EQ(Increase(), 0);
  Page(505);
  EXPECT_EQ(Increase(), 5);
}

}  // namespace
}  // namespace heald::scrape
