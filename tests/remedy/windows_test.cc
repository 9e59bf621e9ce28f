#include "core/remedy/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/units.h"

namespace heald::remedy {
namespace {

using ::testing::HasSubstr;

constexpr uint8_t kWeekdays = 0x1f;
constexpr uint8_t kSaturday = 0x20;
constexpr uint8_t kEveryDay = 0x7f;

int64_t Time(const std::string& text) {
  const Result<int64_t> ns = ParseTime(text);
  EXPECT_TRUE(ns) << text;
  return ns ? *ns : 0;
}

WindowSpec Window(uint8_t days, double from_h, double to_h, std::string zone = "UTC") {
  const auto ns = [](double h) { return static_cast<int64_t>(h * 3600) * kSecond; };
  return {days, ns(from_h), ns(to_h), std::move(zone), ""};
}

struct Set {
  std::vector<WindowSpec> allow;
  std::vector<WindowSpec> deny;
};

// "open" or when it opens next.
std::string At(const Set& policy, const std::string& when, const Set& agent = {}) {
  const Windows windows(
      {{&policy.allow, &policy.deny, "policy p"}, {&agent.allow, &agent.deny, "the agent"}});
  const Windows::Answer& answer = windows.At(Time(when));
  if (answer.open) return "open";
  return answer.next_ns == 0 ? "never" : FormatTime(answer.next_ns).substr(0, 16);
}

TEST(RemedyWindowsTest, HoldOnTheirDaysAndTimesOnly) {
  const Set office = {{Window(kWeekdays, 9, 17)}, {}};
  EXPECT_EQ(At(office, "2026-01-01T08:59:59Z"), "2026-01-01T09:00") << "a Thursday";
  EXPECT_EQ(At(office, "2026-01-01T09:00:00Z"), "open");
  EXPECT_EQ(At(office, "2026-01-01T16:59:59Z"), "open");
  EXPECT_EQ(At(office, "2026-01-01T17:00:00Z"), "2026-01-02T09:00");
  EXPECT_EQ(At(office, "2026-01-02T17:00:00Z"), "2026-01-05T09:00") << "over the weekend";
  EXPECT_EQ(At({}, "2026-01-02T17:00:00Z"), "open") << "none: at any time";
}

TEST(RemedyWindowsTest, CrossMidnightFromTheDayOnWhichTheyBegin) {
  const Set night = {{Window(kSaturday, 22, 6)}, {}};
  EXPECT_EQ(At(night, "2026-01-03T05:00:00Z"), "2026-01-03T22:00") << "no Friday night";
  EXPECT_EQ(At(night, "2026-01-03T23:00:00Z"), "open");
  EXPECT_EQ(At(night, "2026-01-04T05:59:59Z"), "open") << "Sunday morning";
  EXPECT_EQ(At(night, "2026-01-04T06:00:00Z"), "2026-01-10T22:00");
  const Set all_day = {{Window(kSaturday, 0, 24)}, {}};
  EXPECT_EQ(At(all_day, "2026-01-03T23:59:59Z"), "open");
  EXPECT_EQ(At(all_day, "2026-01-04T00:00:00Z"), "2026-01-10T00:00");
}

TEST(RemedyWindowsTest, FollowTheClockOfTheirZone) {
  const Set office = {{Window(kWeekdays, 9, 17, "Europe/Berlin")}, {}};
  EXPECT_EQ(At(office, "2026-01-05T08:00:00Z"), "open") << "09:00 in winter";
  EXPECT_EQ(At(office, "2026-07-06T07:00:00Z"), "open") << "09:00 in summer";
  EXPECT_EQ(At(office, "2026-07-06T06:59:00Z"), "2026-07-06T07:00");
  const Set east = {{Window(kWeekdays, 0, 24, "Pacific/Auckland")}, {}};
  EXPECT_EQ(At(east, "2026-01-04T11:00:00Z"), "open") << "already Monday there";
}

TEST(RemedyWindowsTest, AWindowInTheSkippedHourHoldsFromTheChangeOn) {
  // 2026-03-29: at 02:00 the clock is put to 03:00 (01:00 UTC).
  const Set partly = {{Window(kEveryDay, 2.5, 4, "Europe/Berlin")}, {}};
  EXPECT_EQ(At(partly, "2026-03-29T00:59:59Z"), "2026-03-29T01:00");
  EXPECT_EQ(At(partly, "2026-03-29T01:00:00Z"), "open");
  EXPECT_EQ(At(partly, "2026-03-29T02:00:00Z"), "2026-03-30T00:30") << "04:00";
  const Set inside = {{Window(kEveryDay, 2, 3, "Europe/Berlin")}, {}};
  EXPECT_EQ(At(inside, "2026-03-29T00:30:00Z"), "2026-03-30T00:00") << "not on that day";
}

TEST(RemedyWindowsTest, AWindowInTheDoubledHourHoldsTwice) {
  // 2026-10-25: at 03:00 the clock is put back to 02:00 (01:00 UTC).
  const Set window = {{Window(kEveryDay, 2, 2.5, "Europe/Berlin")}, {}};
  EXPECT_EQ(At(window, "2026-10-25T00:00:00Z"), "open");
  EXPECT_EQ(At(window, "2026-10-25T00:30:00Z"), "2026-10-25T01:00");
  EXPECT_EQ(At(window, "2026-10-25T01:00:00Z"), "open");
  EXPECT_EQ(At(window, "2026-10-25T01:30:00Z"), "2026-10-26T01:00");
}

TEST(RemedyWindowsTest, DenyWindowsGoFirstAndBothSetsCount) {
  const Set policy = {{Window(kEveryDay, 8, 20)}, {Window(kEveryDay, 12, 13)}};
  const Set agent = {{}, {Window(kEveryDay, 19, 21)}};
  EXPECT_EQ(At(policy, "2026-01-05T11:00:00Z", agent), "open");
  EXPECT_EQ(At(policy, "2026-01-05T12:30:00Z", agent), "2026-01-05T13:00");
  EXPECT_EQ(At(policy, "2026-01-05T19:00:00Z", agent), "2026-01-06T08:00");
  EXPECT_EQ(At(policy, "2026-01-05T19:00:00Z"), "open");
}

TEST(RemedyWindowsTest, SayWhichOneItIs) {
  const std::vector<WindowSpec> allow = {Window(kWeekdays, 9, 17, "Europe/Berlin")};
  const std::vector<WindowSpec> deny = {Window(0x24, 22, 23.5)};
  const Windows both({{&allow, &deny, "policy p"}});
  EXPECT_EQ(both.At(Time("2026-01-03T12:00:00Z")).why,
            "outside the windows of policy p: mon-fri 09:00 to 17:00 Europe/Berlin");
  const std::vector<WindowSpec> none;
  const Windows only_deny({{&none, &deny, "the agent"}});
  EXPECT_EQ(only_deny.At(Time("2026-01-03T22:10:00Z")).why,
            "within a deny window of the agent: wed,sat 22:00 to 23:30 UTC");
  EXPECT_EQ(only_deny.At(Time("2026-01-03T23:30:00Z")).why, "not within a deny window");
}

TEST(RemedyWindowsTest, NeverOpenWhereOneDeniesTheWholeWeek) {
  const Set never = {{}, {Window(kEveryDay, 0, 24)}};
  EXPECT_EQ(At(never, "2026-01-03T12:00:00Z"), "never");
  EXPECT_EQ(At({{Window(kEveryDay, 9, 17, "Mars/Base")}, {}}, "2026-01-03T12:00:00Z"), "never")
      << "a zone that this machine doesn't know";
}

// The remembered answer is the same as one that is worked out anew.
TEST(RemedyWindowsTest, RememberNothingWrong) {
  const std::vector<WindowSpec> allow = {Window(kWeekdays, 21, 3.25, "Europe/Berlin"),
                                         Window(kSaturday, 1, 2.5, "America/New_York")};
  const std::vector<WindowSpec> deny = {Window(kEveryDay, 23.5, 0.5, "Asia/Kolkata")};
  const Windows kept({{&allow, &deny, "p"}});
  for (const char* from : {"2026-03-27T00:00:00Z", "2026-10-23T00:00:00Z"})
    for (int64_t minute = 0; minute < 5 * 24 * 60; minute += 7) {
      const int64_t now_ns = Time(from) + minute * kMinute;
      const Windows fresh({{&allow, &deny, "p"}});
      ASSERT_EQ(kept.At(now_ns).open, fresh.At(now_ns).open) << FormatTime(now_ns);
      ASSERT_EQ(kept.At(now_ns).next_ns, fresh.At(now_ns).next_ns) << FormatTime(now_ns);
      if (fresh.At(now_ns).open) continue;
      const int64_t next_ns = fresh.At(now_ns).next_ns;
      const Windows then({{&allow, &deny, "p"}});
      ASSERT_TRUE(then.At(next_ns).open) << FormatTime(next_ns);
      const Windows before({{&allow, &deny, "p"}});
      ASSERT_FALSE(before.At(next_ns - 1).open) << FormatTime(next_ns);
    }
}

}  // namespace
}  // namespace heald::remedy
