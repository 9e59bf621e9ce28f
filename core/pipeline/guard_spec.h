// What holds automatic action back, as plain data: the guards of a policy, those of the whole
// agent, and which findings mute which. Part of spec.h. Thread rule: immutable once loaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "core/model/matcher.h"

namespace heald {

// A number, or a part of all there are ("20%").
struct Amount {
  double value = 0;
  bool ratio = false;
  bool set = false;
};

// So many failed executions in a row of one policy on one target stop it there for a while.
struct BreakerSpec {
  uint64_t failures = 3;  // 0: off
  int64_t for_ns = 30 * kMinute;
};

// So many failures among the latest executions of a policy, whatever their targets, and it asks
// from then on.
struct DemoteSpec {
  uint64_t failures = 5;  // 0: never
  uint64_t of = 10;
};

// A time of the week by the clock on the wall of its zone.
struct WindowSpec {
  uint8_t days = 0x7f;   // bit 0: Monday; those on which it begins
  int64_t from_ns = 0;   // since midnight
  int64_t to_ns = kDay;  // not after from_ns: on the next day
  std::string timezone = "UTC";
  std::string path;
};

struct GuardSpec {
  int64_t for_ns = 0;
  int64_t cooldown_ns = 0;
  uint64_t max_per_hour = 0;          // 0: no limit
  std::vector<std::string> excluded;  // target names, or label=value
  Amount max_targets;                 // under remediation by this policy at once
  Amount min_healthy;                 // of the targets there are
  BreakerSpec breaker;
  DemoteSpec demote;
  std::vector<WindowSpec> windows;  // act only within one of them; none: at any time
  std::vector<WindowSpec> deny_windows;
};

// Too many new incidents at once: something is wrong that no single repair mends.
struct StormSpec {
  uint64_t incidents = 50;  // 0: off
  int64_t within_ns = kMinute;
  int64_t pause_ns = 10 * kMinute;
};

// While a finding that fits `source` is open, those that fit `target` and have the same values of
// all labels in `equal` are muted.
struct InhibitRule {
  std::string path;
  std::vector<Matcher> source;
  std::vector<Matcher> target;
  std::vector<std::string> equal;
};

}  // namespace heald
