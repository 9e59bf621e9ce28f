// What an execution has beside its one call: the parts in which it was done and how it was taken
// back. Part of the journal's records. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/model/incident.h"

namespace heald {

enum class UndoState : uint8_t {
  kNone = 0,     // nothing is to be taken back
  kDue = 1,      // planned: from `due_ns` on
  kIssued = 2,   // about to be called, or called: only the target knows
  kDone = 3,     // the target is as it was before
  kFailed = 4,   // needs a person
  kDropped = 5,  // no longer wanted before it was called
};
std::string_view ToString(UndoState state);

struct Undo {
  UndoState state = UndoState::kNone;
  bool after_failure = false;  // else after it healed
  int64_t due_ns = 0;
  int64_t issued_ns = 0;  // the latest issue; 0: never
  int64_t ended_ns = 0;
  uint32_t issues = 0;  // fence: how often it was about to be called
  int64_t away_ns = 0;  // since when its target can't be reached, as people know; 0: it always was
  std::string detail;   // why it waits, or how it ended

  bool open() const { return state == UndoState::kDue || state == UndoState::kIssued; }
};

enum class CanaryState : uint8_t {
  kNone = 0,      // done in one go
  kRunning = 1,   // the first part is under way
  kChecking = 2,  // it shows its effect; its check runs
  kHeld = 3,      // ... and can't be decided: no rest until it is
  kPassed = 4,    // the rest may be done
  kFailed = 5,
};
std::string_view ToString(CanaryState state);
std::string_view ToString(Part part);

struct Canary {
  CanaryState state = CanaryState::kNone;
  int64_t issued_ns = 0;
  int64_t observed_ns = 0;
  int64_t decided_ns = 0;
  Severity severity = Severity::kNormal;  // the worst of the findings when it was issued
  std::string detail;                     // what the check says, or why it is held
};

// What an execution proves, where its state alone would say too much.
enum class Proof : uint8_t {
  kPlain = 0,         // what its state says
  kInconclusive = 1,  // failed, but nobody knows whether it helped: there was no fresh data
  kTooEarly = 2,      // verified, but what was wrong ended before it could have helped
  kDidNotLast = 3,    // verified, and it began again soon
  kCancelled = 4,     // failed, as a person stopped it half-way
  kSuperseded = 5,    // its watch made way for another action, so nobody knows what helped
};
std::string_view ToString(Proof proof);

// The policy's rules for what is under way, as they were when it was planned. It runs by them to
// its end, whatever becomes of the policy meanwhile, and over a restart too.
struct Rules {
  struct Check {
    std::string text;                  // of the condition; empty: no finding got worse
    std::vector<std::string> samples;  // that it reads
    int64_t for_ns = 0;
    int64_t within_ns = 0;
  };
  uint32_t steps = 1;  // of the chain
  int64_t verify_within_ns = 0;
  bool undo_on_failure = false;
  int64_t undo_after_ns = 0;
  std::vector<std::pair<std::string, std::string>> inputs;  // node, output
  std::optional<Check> canary;
};

struct Progress {
  std::optional<Rules> rules;  // until it has ended
  Part part = Part::kAll;      // of the latest issue
  // Which of all issues that was: the clock doesn't tell their order, as it may be set back.
  uint64_t number = 0;
  Severity gravity = Severity::kNormal;  // of what it was issued for; kNormal: not known
  // The decisions whose actions its watch made way for, but for those that were taken back. Of those
  // that stay for good it names one.
  std::vector<std::string> made_way_for;
  Canary canary;
  Undo undo;
  Proof proof = Proof::kPlain;
  // When what it was done about had begun; 0: with its incident. An incident that began again has
  // been well in between.
  int64_t began_ns = 0;
  // Of what was verified: the findings that were wrong when it was done or since. When one of them
  // is back soon, it didn't last.
  std::vector<std::string> covered;
  // When that was known, or when nothing more could be learned of it; 0: not yet.
  int64_t settled_ns = 0;
  // Of a canary to which a person said no: under which mode of the policy.
  std::optional<Mode> denied_mode;
};

// Only what is there; an empty object for an execution in one go that stays.
nlohmann::json ToJson(const Progress& progress);
// Throws on what isn't one, as json.cc does.
Progress ReadProgress(const nlohmann::json& json);
// Two facts of a column of many rows, of which hardly any has one.
struct ProgressFacts {
  Proof proof = Proof::kPlain;
  int64_t began_ns = 0;
};
ProgressFacts ReadFacts(std::string_view progress);

}  // namespace heald
