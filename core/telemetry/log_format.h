// How a log line looks; apart from log.cc so that tests fix the clock. Used by log.cc.
// Thread rule: pure functions (FormatText reads the time zone).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/telemetry/log.h"

namespace heald {

struct LogEvent {
  int64_t ts_ns = 0;
  LogLevel level = LogLevel::kInfo;
  std::string_view node;
  std::string_view message;
  std::span<const LogField> fields;
};

std::string_view ToString(LogLevel level);

// "20:14:03.250  payments  restarted  attempt=1 container=\"pay ments\""; a level other than info
// stands after the time. Control characters are escaped: a message never fakes a second line.
std::string FormatText(const LogEvent& event);
// {"time":"2026-11-21T20:14:03.250Z","level":"info","node":"payments","msg":"…","fields":{…}}
std::string FormatJson(const LogEvent& event);

}  // namespace heald
