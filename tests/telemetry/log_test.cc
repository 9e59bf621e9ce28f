#include "core/telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>

#include "core/base/units.h"
#include "core/base/utf8.h"
#include "core/telemetry/log_format.h"

namespace heald {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kTime = 1'795'292'043'250'000'000;  // 2026-11-21T20:14:03.25Z

LogEvent EventOf(LogLevel level, std::string_view message, std::vector<LogField>& fields) {
  return {kTime, level, "payments", message, fields};
}

class LogFormatTest : public ::testing::Test {
 protected:
  void SetUp() override { SetZone("UTC"); }
  void TearDown() override { SetZone(nullptr); }
  static void SetZone(const char* zone) {
    if (zone != nullptr)
      setenv("TZ", zone, 1);
    else
      unsetenv("TZ");
    tzset();
  }
  std::vector<LogField> fields_;
};

TEST_F(LogFormatTest, TextLeavesInfoUnsaid) {
  EXPECT_EQ(FormatText(EventOf(LogLevel::kInfo, "restart ready", fields_)),
            "20:14:03.250  payments  restart ready");
}

TEST_F(LogFormatTest, TextNamesOtherLevelsAndFields) {
  fields_ = {{"attempt", 2}, {"took", 0.25}, {"ok", false}, {"why", "no route"}, {"id", "c1"}};
  EXPECT_EQ(FormatText(EventOf(LogLevel::kError, "restart failed", fields_)),
            "20:14:03.250  error  payments  restart failed  attempt=2 took=0.25 ok=false "
            "why=\"no route\" id=c1");
}

TEST_F(LogFormatTest, WhatOnlyMachinesReadIsInJsonAlone) {
  fields_ = {LogField::ForMachines("trace_id", "70a0"), {"attempt", 2}};
  EXPECT_EQ(FormatText(EventOf(LogLevel::kInfo, "m", fields_)),
            "20:14:03.250  payments  m  attempt=2");
  EXPECT_TRUE(FormatJson(EventOf(LogLevel::kInfo, "m", fields_))
                  .ends_with(R"("fields":{"trace_id":"70a0","attempt":2}})"));
}

TEST_F(LogFormatTest, TextIsInLocalTime) {
  SetZone("UTC-5:30");
  EXPECT_EQ(FormatText(EventOf(LogLevel::kInfo, "m", fields_)).substr(0, 12), "01:44:03.250");
}

TEST_F(LogFormatTest, TextNeverFakesALineOrSteersATerminal) {
  fields_ = {{"k", "a\"b\nc"}};
  const std::string line =
      FormatText(EventOf(LogLevel::kInfo, "one\n20:14:03 two \x1b[31m \xC2\x9B \xff", fields_));
  EXPECT_EQ(line,
            "20:14:03.250  payments  one\\n20:14:03 two \\x1b[31m \\x9b \xEF\xBF\xBD  "
            "k=\"a\\\"b\\nc\"");
}

TEST_F(LogFormatTest, JsonHasTypedFieldsAndRfc3339Time) {
  fields_ = {{"attempt", uint64_t{18446744073709551615u}},
             {"score", 9.5},
             {"ok", true},
             {"unknown", std::nan("")},
             {"id", "c1"}};
  EXPECT_EQ(FormatJson(EventOf(LogLevel::kWarning, "slow", fields_)),
            R"({"time":"2026-11-21T20:14:03.250Z","level":"warning","node":"payments",)"
            R"("msg":"slow","fields":{"attempt":18446744073709551615,"score":9.5,"ok":true,)"
            R"("unknown":null,"id":"c1"}})");
}

TEST_F(LogFormatTest, JsonEscapesEveryPayload) {
  fields_ = {{"k\"", "tab\there"}};
  EXPECT_EQ(FormatJson(EventOf(LogLevel::kInfo, "a\"b\\c\nd\x01 \xff é", fields_)),
            R"({"time":"2026-11-21T20:14:03.250Z","level":"info","node":"payments",)"
            "\"msg\":\"a\\\"b\\\\c\\nd\\u0001 \xEF\xBF\xBD é\","
            R"("fields":{"k\"":"tab\u0009here"}})");
}

TEST(Utf8Test, ReplacesOverlongSurrogateAndCutOffBytes) {
  EXPECT_EQ(ValidUtf8("é€😀"), "é€😀");
  EXPECT_EQ(ValidUtf8("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(ValidUtf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(ValidUtf8("a\xF0\x9F\x98"), "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(ValidUtf8("\xF4\x90\x80\x80").size(), 12u);
}

class LogTest : public ::testing::Test {
 protected:
  void Init(const std::string& format, const std::string& level) {
    const Status status =
        InitLog({format, level, [this](std::string_view line) { lines_.emplace_back(line); }});
    ASSERT_TRUE(status.ok()) << status.error().message;
  }
  void TearDown() override { ASSERT_TRUE(InitLog({}).ok()); }
  std::vector<std::string> lines_;
};

TEST_F(LogTest, WritesFromItsLevelUp) {
  Init("text", "warning");
  Log(LogLevel::kInfo, "api", "quiet");
  Log(LogLevel::kWarning, "api", "loud");
  EXPECT_FALSE(LogEnabled(LogLevel::kInfo));
  EXPECT_THAT(lines_, ElementsAre(EndsWith("  warning  api  loud")));
}

TEST_F(LogTest, TakesBracesAndPercentsAsTheyAre) {
  Init("text", "info");
  Log(LogLevel::kInfo, "api", "{} %v {0}");
  EXPECT_THAT(lines_, ElementsAre(EndsWith("  api  {} %v {0}")));
}

TEST_F(LogTest, RefusesUnknownOptionsAndKeepsTheOld) {
  Init("json", "info");
  EXPECT_THAT(InitLog({"text", "loud", nullptr}).error().message,
              HasSubstr("use debug, info, warning or error"));
  EXPECT_THAT(InitLog({"xml", "info", nullptr}).error().message, HasSubstr("use text or json"));
  Log(LogLevel::kInfo, "api", "still here");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("\"msg\":\"still here\"")));
}

TEST_F(LogTest, KeepsLinesOfManyThreadsWhole) {
  Init("json", "info");
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 250; ++i) Log(LogLevel::kInfo, "node", "message", {{"i", i}});
    });
  threads.clear();
  ASSERT_THAT(lines_, SizeIs(1000));
  for (const std::string& line : lines_) {
    EXPECT_EQ(line.front(), '{');
    EXPECT_THAT(line, EndsWith("}}"));
  }
}

TEST_F(LogTest, LimiterWritesOncePerPeriodWithACount) {
  Init("text", "info");
  LogLimiter limiter(10 * kSecond);
  EXPECT_TRUE(limiter.Log(kTime, "refused", LogLevel::kWarning, "prom", "connection refused"));
  for (int i = 1; i <= 7; ++i)
    EXPECT_FALSE(limiter.Log(kTime + i * kSecond, "refused", LogLevel::kWarning, "prom", "again"));
  EXPECT_TRUE(limiter.Log(kTime, "other", LogLevel::kWarning, "prom", "other"));
  EXPECT_TRUE(limiter.Log(kTime + 10 * kSecond, "refused", LogLevel::kWarning, "prom",
                          "connection refused", {{"url", "http://x"}}));
  EXPECT_THAT(lines_, ElementsAre(Not(HasSubstr("repeated")), EndsWith("other"),
                                  EndsWith("connection refused  url=http://x repeated=7")));
}

TEST_F(LogTest, LimiterStaysBounded) {
  Init("text", "info");
  LogLimiter limiter(kMinute);
  int written = 0;
  for (int i = 0; i < 5000; ++i)
    written += limiter.Log(kTime, "key" + std::to_string(i), LogLevel::kInfo, "n", "m") ? 1 : 0;
  EXPECT_EQ(written, 1025);  // its keys, and one for all that found no room
}

}  // namespace
}  // namespace heald
