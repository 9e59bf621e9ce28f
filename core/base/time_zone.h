// Wall clocks of IANA time zones, by the machine's own database, so that daylight saving is as its
// packages say. Used by the remediation engine's windows and by config, which refuses unknown
// zones. Thread rule: immutable; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace heald {

class TimeZone {
 public:
  // What the clock on the wall and the calendar beside it show.
  struct Local {
    int64_t day = 0;      // days since 1970-01-01
    int weekday = 0;      // 0: Monday
    int64_t time_ns = 0;  // since midnight, as shown: 14:30 is 14.5 h also on the day of a change
  };

  // kNotFound: no such zone. kUnavailable: the machine has no database of them (package tzdata).
  static Result<TimeZone> Find(std::string_view name);
  // "Europe/Berlin", "UTC"…; empty without a database.
  static std::vector<std::string> Names();

  std::string name() const;
  Local At(int64_t ns) const;
  // The first and the last moment at which the wall shows that time on that day; where the clock is
  // put forward over it, both are the moment of the change.
  std::pair<int64_t, int64_t> Moments(int64_t day, int64_t time_ns) const;
  // When the clock is put forward or back next; INT64_MAX: never.
  int64_t NextChange(int64_t ns) const;

 private:
  explicit TimeZone(const void* zone) : zone_(zone) {}
  const void* zone_;  // of the library, which keeps it for ever
};

}  // namespace heald
