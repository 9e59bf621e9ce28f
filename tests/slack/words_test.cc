#include "plugins/support/words.h"

#include <gtest/gtest.h>

#include <cmath>

namespace heald::support {
namespace {

std::string Line(std::vector<double> values, size_t width = 40) {
  return Sparkline(values, width);
}

TEST(SupportWordsTest, DrawsASparklineFromLowestToHighest) {
  EXPECT_EQ(Line({0, 1, 2, 3, 4, 5, 6, 7}), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(Line({5, 5, 5}), "▁▁▁");
  EXPECT_EQ(Line({1, 2, 3, 100}, 2), "▁█");
}

TEST(SupportWordsTest, LeavesGapsInASparklineForWhatIsNotKnown) {
  EXPECT_EQ(Line({0, NAN, 1, HUGE_VAL}), "▁ █ ");
  EXPECT_EQ(Line({}), "");
  EXPECT_EQ(Line({1}), "");
  EXPECT_EQ(Line({NAN, NAN, 1}), "");
  EXPECT_EQ(Line({-1e308, 1e308}), "▁█") << "their difference is more than a double holds";
}

TEST(SupportWordsTest, SaysWhatIsExpected) {
  heald_finding finding{};
  finding.unit = {"s", 1};
  finding.expected_low = 0.04;
  finding.expected_high = 0.09;
  EXPECT_EQ(ExpectedText(finding), "0.04 s to 0.09 s");
  finding.expected_low = NAN;
  EXPECT_EQ(ExpectedText(finding), "at most 0.09 s");
  finding.expected_low = std::exchange(finding.expected_high, NAN);
  EXPECT_EQ(ExpectedText(finding), "at least 0.09 s");
  finding.expected_low = NAN;
  EXPECT_EQ(ExpectedText(finding), "");
}

TEST(SupportWordsTest, ShortensByCharactersNotBytes) {
  EXPECT_EQ(Shortened("äöü", 3), "äöü");
  EXPECT_EQ(Shortened("äöüß", 3), "äö…");
  EXPECT_EQ(Shortened("", 3), "");
}

TEST(SupportWordsTest, NamesATargetByItsService) {
  const heald_label labels[] = {{{"pod", 3}, {"p-1", 3}}, {{"service", 7}, {"pay", 3}}};
  EXPECT_EQ(TargetName({labels, 2}), "pay");
  EXPECT_EQ(TargetName({labels, 1}), "p-1");
  const heald_label odd[] = {{{"zone", 4}, {"b", 1}}};
  EXPECT_EQ(TargetName({odd, 1}), "zone=b");
  EXPECT_EQ(TargetName({}), "-");
}

}  // namespace
}  // namespace heald::support
