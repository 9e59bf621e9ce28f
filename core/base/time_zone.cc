#include "core/base/time_zone.h"

#include <date/tz.h>

#include <chrono>
#include <exception>

#include "core/base/units.h"

namespace heald {
namespace {

using Nanoseconds = std::chrono::nanoseconds;
using SysTime = date::sys_time<Nanoseconds>;
using LocalTime = date::local_time<Nanoseconds>;

const date::time_zone& Zone(const void* zone) {
  return *static_cast<const date::time_zone*>(zone);
}

}  // namespace

Result<TimeZone> TimeZone::Find(std::string_view name) {
  try {
    for (const date::time_zone& zone : date::get_tzdb().zones) {
      if (zone.name() != name) continue;
      static_cast<void>(zone.get_info(date::sys_seconds()));  // reads it, or throws
      return TimeZone(&zone);
    }
    return MakeError(Code::kNotFound, "there is no time zone '" + std::string(name) + "'");
  } catch (const std::exception& error) {
    return MakeError(Code::kUnavailable, std::string("the time zone can't be read (") +
                                             error.what() + "); is the package tzdata installed?");
  }
}

std::vector<std::string> TimeZone::Names() {
  std::vector<std::string> names;
  try {
    for (const date::time_zone& zone : date::get_tzdb().zones) names.push_back(zone.name());
  } catch (const std::exception&) {
    names.clear();
  }
  return names;
}

std::string TimeZone::name() const {
  return Zone(zone_).name();
}

TimeZone::Local TimeZone::At(int64_t ns) const {
  const LocalTime local = Zone(zone_).to_local(SysTime(Nanoseconds(ns)));
  const date::local_days day = date::floor<date::days>(local);
  const auto weekday = static_cast<int>(date::weekday(day).iso_encoding()) - 1;
  return {day.time_since_epoch().count(), weekday, (local - day).count()};
}

std::pair<int64_t, int64_t> TimeZone::Moments(int64_t day, int64_t time_ns) const {
  const LocalTime local = date::local_days(date::days(day)) + Nanoseconds(time_ns);
  const auto moment = [&](date::choose which) {
    return Zone(zone_).to_sys(local, which).time_since_epoch().count();
  };
  return {moment(date::choose::earliest), moment(date::choose::latest)};
}

int64_t TimeZone::NextChange(int64_t ns) const {
  const date::sys_seconds now = date::floor<std::chrono::seconds>(SysTime(Nanoseconds(ns)));
  const int64_t end_s = Zone(zone_).get_info(now).end.time_since_epoch().count();
  return end_s >= INT64_MAX / kSecond ? INT64_MAX : end_s * kSecond;
}

}  // namespace heald
