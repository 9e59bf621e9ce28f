#include "core/backtest/label_windows.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "core/base/units.h"

namespace heald::backtest {
namespace {

using ::testing::HasSubstr;

Result<std::vector<LabelWindow>> Parse(const std::string& text) {
  const std::string path = ::testing::TempDir() + "labels-" + std::to_string(getpid()) + ".csv";
  std::ofstream(path) << text;
  Result<std::vector<LabelWindow>> windows = ReadLabelWindows(path);
  unlink(path.c_str());
  return windows;
}

TEST(LabelWindowsTest, ComeByTimeWithOrWithoutNames) {
  const auto windows =
      Parse("2026-11-22 02:00:00,2026-11-22T02:10:00Z\r\n\n100,200,\"disk full\"\n");
  ASSERT_TRUE(windows) << windows.error().message;
  ASSERT_EQ(windows->size(), 2u);
  EXPECT_EQ((*windows)[0].start_ns, 100 * kSecond);
  EXPECT_EQ((*windows)[0].name, "disk full");
  EXPECT_EQ(FormatTime((*windows)[1].end_ns), "2026-11-22T02:10:00.000Z");
  EXPECT_EQ((*windows)[1].name, "");
}

TEST(LabelWindowsTest, MistakesNameTheirLine) {
  EXPECT_THAT(Parse("start,end\n1,2\nsoon,later\n").error().message, HasSubstr(".csv:3: "));
  EXPECT_THAT(Parse("start,end\n1\n").error().message, HasSubstr(":2: there is no comma"));
  EXPECT_THAT(Parse("start,end,name\n").error().message, HasSubstr("there is no label in it"));
  EXPECT_THAT(ReadLabelWindows("/no/such/file").error().message, HasSubstr("No such file"));
}

}  // namespace
}  // namespace heald::backtest
