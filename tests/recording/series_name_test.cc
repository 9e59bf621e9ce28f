#include "plugins/support/recording/series_name.h"

#include <gtest/gtest.h>

namespace heald::recording {
namespace {

TEST(SeriesNameTest, ReadsWhatItWrites) {
  const RecordedSeries series{"", "latency", {{"path", "/a\\b\"c\"\n,}"}, {"zone", ""}}};
  RecordedSeries parsed;
  EXPECT_EQ(ParseSeriesName(SeriesName(series), &parsed), nullptr);
  EXPECT_EQ(parsed.name, series.name);
  EXPECT_EQ(parsed.labels, series.labels);
}

TEST(SeriesNameTest, TextWithoutBracesIsTheName) {
  RecordedSeries parsed;
  EXPECT_EQ(ParseSeriesName(" CPU usage (%) ", &parsed), nullptr);
  EXPECT_EQ(SeriesName(parsed), "CPU usage (%)");
}

TEST(SeriesNameTest, EmptyBracesAreNoLabels) {
  RecordedSeries parsed;
  EXPECT_EQ(ParseSeriesName("cpu{ }", &parsed), nullptr);
  EXPECT_EQ(SeriesName(parsed), "cpu");
}

TEST(SeriesNameTest, RefusesWhatIsNoSeries) {
  for (const char* bad : {"", "{a=\"b\"}", "m{", "m{a}", "m{a=b}", "m{a=\"b}", "m{a=\"b\" c=\"d\"}",
                          "m{=\"b\"}", "m{a=\"b\"}x"}) {
    RecordedSeries parsed;
    EXPECT_NE(ParseSeriesName(bad, &parsed), nullptr) << bad;
  }
}

}  // namespace
}  // namespace heald::recording
