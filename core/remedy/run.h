// One policy at work on one incident: where it stands. Internal to the engine.
// Thread rule: the engine's strand.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/remedy/policy.h"
#include "core/store/store.h"

namespace heald::remedy {

enum class Phase : uint8_t {
  kWatching,      // the condition, its `for`, the guards
  kPlanning,      // plan() was asked for
  kAwaiting,      // a person's yes
  kRevalidating,  // journaled before a crash, to be done once it is known to be still right
  kReplanning,    // ... or approved: plan() was asked for once more
  kDryRunning,
  kExecuting,
  kObserving,
  kCanary,  // a part is done; its check decides on the rest
  kVerifying,
  kUndoing,  // it failed and is taken back; then the next step
  kDone,     // has said its word on this incident: shadow, dry run, alert, denied
};

// True from the journal's `planned` on: what runs then is finished whatever the file says later.
inline bool IsUnderWay(Phase phase) {
  return phase >= Phase::kRevalidating && phase <= Phase::kUndoing;
}

struct Hold {
  std::string finding;
  int64_t since_ns = 0;  // 0: the condition isn't true now
};

// What was done before and verified.
struct Verified {
  std::vector<Finding> covered;  // as Progress::covered
  Decision decision;
  Execution execution;
};

struct Run {
  uint64_t id = 0;
  uint64_t incident = 0;
  PolicyPtr policy;
  Phase phase = Phase::kWatching;
  int64_t due_ns = INT64_MAX;
  uint64_t call = 0;  // serial of the action call in flight; 0: none

  std::vector<Hold> holds;
  int64_t retry_ns = 0;  // no new plan() before this
  int64_t backoff_ns = 0;
  // A dry run that failed: why, and how long until the next one.
  std::string dry_failure;
  int64_t dry_pause_ns = 0;
  int64_t dry_again_ns = 0;
  bool planned = false;         // decision.plan is what a guard refused last
  uint64_t plan_asked = 0;      // Leases::ended() when plan() was asked for
  bool plan_repeated = false;   // ... anew, as one had ended since
  int64_t judged_until_ns = 0;  // guards needn't be asked before, unless something happens
  std::map<std::string, std::string, std::less<>> refused;  // guard -> reason already recorded
  uint32_t told_step = 1;                                   // the furthest that people were told of
  uint32_t refusals = 0;
  Decision refusal;  // the latest
  uint32_t attempt = 1;
  int64_t blind_since_ns = 0;      // its chain ended, and nobody knows of what; 0: known
  bool decided = false;            // there was a decision that wasn't refused
  Mode done_mode = Mode::kShadow;  // kDone: under these, and no others
  bool done_dry = false;
  std::optional<Mode> denied;   // a person said no, under that mode of the policy
  bool retired = false;         // its policy is gone
  int64_t inconclusive_ns = 0;  // since when; 0: it is conclusive

  std::vector<Verified> verified;  // the latest last
  Decision decision;               // under consideration or under way
  Execution execution;             // from kRevalidating on
  int64_t deadline_ns = 0;
  bool recovered = false;  // its execute() was issued by a process that is gone
  int64_t recovered_ns = 0;
  int64_t observe_step_ns = 0;
  uint32_t observe_calls = 0;
  std::vector<Call> calls;           // that execute(), dry_run() or undo() made
  std::vector<Call> observed_calls;  // ... and the latest observe()
  std::string reply;                 // what execute() said
  std::string last_effect;           // what the latest observe() said
  bool last_absent = false;
  bool unchanged = false;                  // what failed surely changed nothing
  Verdict check = Verdict::kInconclusive;  // of a canary, and since when; 0: not looked at yet
  int64_t check_since_ns = 0;
  int64_t held_off_ns = 0;     // since when the lease of another alone refuses it; 0: it doesn't
  bool told_held_off = false;  // ... as people know
  int64_t alone_ns = 0;        // since when what was done on top of it stays; 0: nothing does
  bool leased = false;         // holds its target
  int64_t call_ended_ns = 0;   // when execute() answered; 0: not in this process
  bool asked_if_gone = false;  // of the execution that is being verified
};

}  // namespace heald::remedy
