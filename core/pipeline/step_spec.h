// One step of a policy's escalation chain, as plain data; `action:` is a chain of one. Part of
// spec.h. Thread rule: immutable once loaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/units.h"
#include "core/model/incident.h"
#include "core/model/when.h"
#include "core/pipeline/guard_spec.h"

namespace heald {

// When what a step did is taken back; only where the plan says that it can be.
struct UndoSpec {
  bool on_failure = true;  // before the next step
  int64_t after_ns = 0;    // so long after it healed; 0: it stays
  bool asked = false;      // one of the two is written, and asks for an undo
};

// A part of the target first, then a look, then the rest.
struct CanarySpec {
  bool set = false;
  When check;                        // beside: the findings got no worse
  int64_t for_ns = 30 * kSecond;     // it must hold, or fail, this long without a break
  int64_t within_ns = 10 * kMinute;  // decided by then, or it has failed
};

struct StepSpec {
  std::string action;
  std::string action_path;
  std::optional<Mode> mode;  // no bolder than its policy's
  GuardSpec own;             // what the step itself says
  GuardSpec guard;           // what holds: the policy's, with that in place of it
  int64_t verify_within_ns = 2 * kMinute;
  bool skip_refused = false;  // refused by a guard of its own: the next step, instead of waiting
  UndoSpec undo;
  CanarySpec canary;
  std::string path;  // "/policies/p/steps/0"

  bool bounded() const { return own.cooldown_ns != 0 || own.max_per_hour != 0; }
};

}  // namespace heald
