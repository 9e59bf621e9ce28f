// Writes the engine's transitions: each one is a Change in one transaction, between two fault
// points at which tests kill the process. Thread rule: the engine's strand.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/store/held.h"
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
  kSetting,     // the switch, a reload
  kCanary,      // its check was decided, or can't be
  kUndoIssued,  // is about to call
  kUndoDone,    // or no longer wanted
  kUndoFailed,
};

struct FaultPointPair {
  std::string_view before;
  std::string_view after;
};

// By Transition; the last two are the calls themselves.
inline constexpr std::array<FaultPointPair, 21> kFaultPoints{{
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
    {"journal.canary.before", "journal.canary.after"},
    {"journal.undo_issued.before", "journal.undo_issued.after"},
    {"journal.undo_done.before", "journal.undo_done.after"},
    {"journal.undo_failed.before", "journal.undo_failed.after"},
    {"action.execute.before", "action.execute.after"},
    {"action.undo.before", "action.undo.after"},
}};
inline constexpr FaultPointPair kExecuteFaultPoint = kFaultPoints[kFaultPoints.size() - 2];
inline constexpr FaultPointPair kUndoFaultPoint = kFaultPoints.back();

class Journal {
 public:
  // `held`: where changes wait while the store is away; null: in memory.
  explicit Journal(Store* store, HeldChanges* held = nullptr);

  // Acting goes on while the store is away, with the held changes' file as the journal.
  void set_act_without_store(bool act);

  // For what must be on disk before the engine goes on: on failure nothing is kept, unless the
  // change is in doubt().
  Status Write(Transition transition, Change* change);
  // For what has happened anyway: while the store fails it is held back and written, in order,
  // before anything else. Returns the failure for the log.
  Status WriteOrHold(Transition transition, Change* change);
  // The last Write failed, and what it was to say may be in the store; it will be, sooner or later.
  // Only the issue of a call fails that way, because a call has to be either recorded or not made;
  // of other transitions Write says that they are written.
  bool in_doubt() const { return in_doubt_; }
  // The last Write failed because it contradicts what is in the store: a defect.
  bool contradicted() const { return contradicted_; }
  // Tries again to write what was held back; a part of it where that is much.
  Status Flush();
  // All of it: for a start, which has nothing else to do.
  Status FlushAll();
  // Whether an action may be started.
  bool may_act() const { return held_->empty() || act_without_store_; }
  // As the store's, which they ask; with act_without_store from memory, so without it too.
  Result<StoreReader::Issues> IssuesSince(std::string_view policy, std::string_view target_key,
                                          int64_t since_ns, uint32_t step = 0);
  Result<std::vector<int64_t>> FailuresInRow(std::string_view policy, std::string_view target_key,
                                             int64_t since_ns, uint32_t step = 0);
  size_t held() const { return held_->size(); }
  uint64_t lost_total() const { return held_->lost_total(); }

 private:
  struct Issued {
    std::string decision;
    int64_t issued_ns = 0;
    int64_t ended_ns = 0;
    ExecutionState state = ExecutionState::kIssued;
    uint32_t step = 1;
    Proof proof = Proof::kPlain;
  };
  using IssuedOf = std::vector<Issued>;  // by time of issue

  Status ReadIssued();
  void Remember(const Execution& execution);
  // Of a policy and target; null: none.
  const IssuedOf* Find(std::string_view policy, std::string_view target_key) const;

  Store* store_;
  HeldChanges memory_;
  HeldChanges* held_;
  bool act_without_store_ = false;
  bool in_doubt_ = false;
  bool contradicted_ = false;
  uint64_t last_number_;
  // Only with act_without_store_:
  bool issued_read_ = false;
  std::map<std::pair<std::string, std::string>, IssuedOf> issued_;
};

}  // namespace heald::remedy
