// Writes the engine's transitions: each one is a Change in one transaction, between two fault
// points at which tests kill the process. Thread rule: the engine's strand.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/store/store.h"

namespace heald::remedy {

enum class Transition : uint8_t {
  kOpened,     // a new incident with its first finding
  kFinding,    // a finding joined, changed or cleared
  kRefused,    // a guard said no
  kWouldAct,   // shadow
  kAsked,      // waits for a person
  kWithdrawn,  // ... and no longer does: expired, denied, not needed
  kPlanned,    // will act
  kIssued,     // is about to call
  kObserved,   // the target shows the effect
  kVerified,
  kFailed,
  kDryRun,
  kRecovered,  // taken up again after a restart
  kResolved,
  kSetting,  // the switch, a reload
};

struct FaultPointPair {
  std::string_view before;
  std::string_view after;
};

// By Transition; the last is the call itself.
inline constexpr std::array<FaultPointPair, 16> kFaultPoints{{
    {"journal.opened.before", "journal.opened.after"},
    {"journal.finding.before", "journal.finding.after"},
    {"journal.refused.before", "journal.refused.after"},
    {"journal.would_act.before", "journal.would_act.after"},
    {"journal.asked.before", "journal.asked.after"},
    {"journal.withdrawn.before", "journal.withdrawn.after"},
    {"journal.planned.before", "journal.planned.after"},
    {"journal.issued.before", "journal.issued.after"},
    {"journal.observed.before", "journal.observed.after"},
    {"journal.verified.before", "journal.verified.after"},
    {"journal.failed.before", "journal.failed.after"},
    {"journal.dry_run.before", "journal.dry_run.after"},
    {"journal.recovered.before", "journal.recovered.after"},
    {"journal.resolved.before", "journal.resolved.after"},
    {"journal.setting.before", "journal.setting.after"},
    {"action.execute.before", "action.execute.after"},
}};
inline constexpr FaultPointPair kExecuteFaultPoint = kFaultPoints.back();

class Journal {
 public:
  explicit Journal(Store* store) : store_(store) {}

  // For what must be on disk before the engine goes on: on failure nothing is kept.
  Status Write(Transition transition, Change* change);
  // For what has happened anyway: while the store fails it is held back and written, in order,
  // before anything else. Returns the failure for the log.
  Status WriteOrHold(Transition transition, Change* change);
  // Tries again to write what was held back.
  Status Flush();
  size_t held() const { return held_.size(); }
  uint64_t lost_total() const { return lost_total_; }

 private:
  Store* store_;
  std::deque<Change> held_;
  uint64_t lost_total_ = 0;
};

}  // namespace heald::remedy
