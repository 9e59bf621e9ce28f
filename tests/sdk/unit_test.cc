#include "heald/unit.h"

#include <gtest/gtest.h>

namespace heald::sdk {
namespace {

TEST(SdkUnitTest, ReadsTheUnitFromTheName) {
  EXPECT_EQ(GuessUnit("http_request_duration_seconds"), "s");
  EXPECT_EQ(GuessUnit("latency_p99"), "s");
  EXPECT_EQ(GuessUnit("latency_milliseconds"), "ms");
  EXPECT_EQ(GuessUnit("node_memory_MemFree_bytes"), "By");
  EXPECT_EQ(GuessUnit("job:errors:ratio"), "1");
  EXPECT_EQ(GuessUnit("cpu_percent"), "%");
  EXPECT_EQ(GuessUnit("node_network_bytes_per_second"), "By/s");
  EXPECT_EQ(GuessUnit("requests_per_second"), "1/s");
}

TEST(SdkUnitTest, SaysNothingWhereTheNameDoesNot) {
  EXPECT_EQ(GuessUnit(""), "");
  EXPECT_EQ(GuessUnit("up"), "");
  EXPECT_EQ(GuessUnit("error_rate"), "");
  EXPECT_EQ(GuessUnit("secondsish"), "");
}

TEST(SdkUnitTest, WritesValuesAsPeopleDo) {
  EXPECT_EQ(FormatValue(1.8432, "s"), "1.84 s");
  EXPECT_EQ(FormatValue(536870912, "By"), "512 MiB");
  EXPECT_EQ(FormatValue(0.731, "1"), "73.1 %");
  EXPECT_EQ(FormatValue(12345, "1/s"), "12345 /s");
  EXPECT_EQ(FormatValue(7, ""), "7");
  EXPECT_EQ(FormatValue(std::nan(""), "s"), "unknown");
}

}  // namespace
}  // namespace heald::sdk
