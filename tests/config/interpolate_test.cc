#include "core/config/interpolate.h"

#include <gtest/gtest.h>

#include "core/model/template.h"
#include "tests/config/fakes.h"

namespace heald {
namespace {

class ConfigInterpolateTest : public testing::Test {
 protected:
  ConfigInterpolateTest() {
    environment_.variables["NAME"] = "value";
    environment_.variables["EMPTY"] = "";
    environment_.variables["TRICKY"] = "${env:NAME}$";
    environment_.files["/etc/heald/secret"] = "s3cret\r\n";
    environment_.files["/run/other"] = "two\nlines\n";
  }
  std::string Filled(std::string_view text) {
    const Interpolated out = Interpolate(text, environment_, "/etc/heald");
    if (!out.mistakes.empty())
      return std::to_string(out.mistakes.front().offset) + "+" +
             std::to_string(out.mistakes.front().length) + ": " + out.mistakes.front().message;
    return *RenderText(out.text,
                       [](std::string_view name) { return "<" + std::string(name) + ">"; });
  }
  FakeEnvironment environment_;
};

TEST_F(ConfigInterpolateTest, FillsInVariables) {
  EXPECT_EQ(Filled("a ${env:NAME} b${env:NAME}"), "a value bvalue");
  EXPECT_EQ(Filled("${env:NONE:-fallback}"), "fallback");
  EXPECT_EQ(Filled("${env:EMPTY:-fallback}"), "fallback") << "as in a shell";
  EXPECT_EQ(Filled("${env:EMPTY}"), "");
  EXPECT_EQ(Filled("${env:NONE:-}"), "");
  EXPECT_EQ(Filled("${env:NONE:-a:-b}"), "a:-b");
}

TEST_F(ConfigInterpolateTest, FillsInFilesWithoutTheirLastLineEnd) {
  EXPECT_EQ(Filled("${file:secret}"), "s3cret");
  EXPECT_EQ(Filled("${file:/run/other}"), "two\nlines");
}

TEST_F(ConfigInterpolateTest, LeavesRunTimePlaceholders) {
  EXPECT_EQ(Filled("${target.service} ${env:NAME}"), "<target.service> value");
}

TEST_F(ConfigInterpolateTest, NeverLooksIntoAValue) {
  EXPECT_EQ(Filled("${env:TRICKY}${target.x}"), "${env:NAME}$<target.x>");
}

TEST_F(ConfigInterpolateTest, LeavesEscapesAndLoneDollars) {
  EXPECT_EQ(Filled("${$}${env:NAME}"), "$value");
  EXPECT_EQ(Filled("$${env:NAME} costs 5$ or $5 {}"), "${env:NAME} costs 5$ or $5 {}");
}

TEST_F(ConfigInterpolateTest, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(Filled("ab${env:NONE}"), "2+11: the environment variable NONE is not set");
  EXPECT_EQ(Filled("${env:1X}"), "0+9: '1X' is no variable name");
  EXPECT_EQ(Filled("${env:A:B}"), "0+10: 'A:B' is no variable name");
  EXPECT_EQ(Filled("${file:}"), "0+8: no file name in ${file:}");
  EXPECT_EQ(Filled("${file:none}"), "0+12: 'none': no such file");
  EXPECT_EQ(Filled("${}"), "0+3: unknown placeholder '${}'");
  EXPECT_EQ(Filled("x ${"), "2+2: this ${ has no closing }");
}

TEST_F(ConfigInterpolateTest, TellsWhatCameFromOutside) {
  EXPECT_TRUE(Interpolate("${env:NAME}", environment_, "").from_outside);
  EXPECT_FALSE(Interpolate("${env:NONE:-x}", environment_, "").from_outside);
  EXPECT_FALSE(Interpolate("${target.x}", environment_, "").from_outside);
}

}  // namespace
}  // namespace heald
