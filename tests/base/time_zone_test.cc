#include "core/base/time_zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/units.h"

namespace heald {
namespace {

int64_t Time(const char* text) {
  const Result<int64_t> ns = ParseTime(text);
  EXPECT_TRUE(ns) << text;
  return ns ? *ns : 0;
}

TimeZone Zone(const char* name) {
  const Result<TimeZone> zone = TimeZone::Find(name);
  EXPECT_TRUE(zone) << name;
  return *zone;
}

// "day weekday hh:mm:ss", the day counted from 2026-01-01.
std::string Shown(const TimeZone& zone, const char* when) {
  const TimeZone::Local local = zone.At(Time(when));
  const int64_t first = Time("2026-01-01T00:00:00Z") / kDay;
  return std::to_string(local.day - first) + " " + std::to_string(local.weekday) + " " +
         FormatTime(local.time_ns).substr(11, 8);
}

TEST(BaseTimeZoneTest, ShowsTheWallClockAndItsCalendar) {
  EXPECT_EQ(Shown(Zone("UTC"), "2026-01-01T00:00:00Z"), "0 3 00:00:00") << "a Thursday";
  EXPECT_EQ(Shown(Zone("Europe/Berlin"), "2025-12-31T23:30:00Z"), "0 3 00:30:00");
  EXPECT_EQ(Shown(Zone("America/New_York"), "2026-01-01T02:00:00Z"), "-1 2 21:00:00");
  EXPECT_EQ(Shown(Zone("Asia/Kathmandu"), "2026-01-01T00:00:00Z"), "0 3 05:45:00");
  EXPECT_EQ(Shown(Zone("Europe/Berlin"), "1969-12-31T23:59:59Z"), "-20454 3 00:59:59");
}

TEST(BaseTimeZoneTest, AClockPutForwardSkipsAnHour) {
  const TimeZone berlin = Zone("Europe/Berlin");
  EXPECT_EQ(Shown(berlin, "2026-03-29T00:59:59Z"), "87 6 01:59:59");
  EXPECT_EQ(Shown(berlin, "2026-03-29T01:00:00Z"), "87 6 03:00:00");
  const int64_t day = berlin.At(Time("2026-03-29T12:00:00Z")).day;
  const auto [first, last] = berlin.Moments(day, 2 * kHour + 30 * kMinute);
  EXPECT_EQ(FormatTime(first), "2026-03-29T01:00:00.000Z") << "02:30 never is";
  EXPECT_EQ(first, last);
}

TEST(BaseTimeZoneTest, AClockPutBackShowsAnHourTwice) {
  const TimeZone berlin = Zone("Europe/Berlin");
  EXPECT_EQ(Shown(berlin, "2026-10-25T00:30:00Z"), "297 6 02:30:00");
  EXPECT_EQ(Shown(berlin, "2026-10-25T01:30:00Z"), "297 6 02:30:00");
  const int64_t day = berlin.At(Time("2026-10-25T12:00:00Z")).day;
  const auto [first, last] = berlin.Moments(day, 2 * kHour + 30 * kMinute);
  EXPECT_EQ(FormatTime(first), "2026-10-25T00:30:00.000Z");
  EXPECT_EQ(FormatTime(last), "2026-10-25T01:30:00.000Z");
}

TEST(BaseTimeZoneTest, KnowsWhenTheClockIsPutForwardOrBackNext) {
  EXPECT_EQ(FormatTime(Zone("Europe/Berlin").NextChange(Time("2026-01-01T00:00:00Z"))),
            "2026-03-29T01:00:00.000Z");
  EXPECT_EQ(Zone("UTC").NextChange(Time("2026-01-01T00:00:00Z")), INT64_MAX);
}

TEST(BaseTimeZoneTest, RefusesWhatIsNoZone) {
  for (const char* name : {"", "Europe/Berlino", "europe/berlin", "../../etc/passwd", "posix"}) {
    const Result<TimeZone> zone = TimeZone::Find(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_EQ(zone.error().code, Code::kNotFound) << name;
  }
  EXPECT_THAT(TimeZone::Names(), ::testing::IsSupersetOf({"Europe/Berlin", "UTC", "Asia/Tokyo"}));
}

}  // namespace
}  // namespace heald
