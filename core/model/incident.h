// Incidents, decisions and outcomes: the records of the remediation engine, its journal, the API
// and the notifiers. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/finding.h"

namespace heald {

enum class IncidentState : uint8_t {
  kOpen = 0,
  kActing = 1,
  kVerifying = 2,
  kResolved = 3,
  kEscalated = 4
};
enum class Mode : uint8_t { kShadow = 0, kApprove = 1, kEnforce = 2 };
enum class DecisionVerdict : uint8_t { kWouldAct = 0, kAct = 1, kRefused = 2, kAwaitsApproval = 3 };
enum class OutcomeState : uint8_t {
  kIssued = 0,
  kObserved = 1,
  kVerified = 2,
  kFailed = 3,
  kUndone = 4,
  kDryRun = 5
};

// How an incident ended.
enum class Resolution : uint8_t {
  kNone = 0,          // it is open, or stood for a storm
  kHealed = 1,        // an action was verified
  kByItself = 2,      // nothing was done
  kAfterFailure = 3,  // heald's actions failed, and it cleared: by people or by itself
};

std::string_view ToString(Resolution resolution);
std::string_view ToString(IncidentState state);
std::string_view ToString(Mode mode);
std::string_view ToString(DecisionVerdict verdict);
std::string_view ToString(OutcomeState state);

// What people say of an incident afterwards.
inline constexpr std::string_view kIncidentLabels[] = {"true_positive", "false_positive", "noise",
                                                       "expected"};
struct IncidentLabel {
  std::string value;  // one of kIncidentLabels; empty: none
  std::string comment;
  std::string actor;
  int64_t ts_ns = 0;
};

struct Incident {
  uint64_t id = 0;
  IncidentState state = IncidentState::kOpen;
  Severity severity = Severity::kNormal;  // the highest it has had
  std::string trace_id;                   // 32 lower-case hex digits, minted here
  Labels target;
  std::string summary;
  int64_t opened_ns = 0;
  int64_t began_ns = 0;   // when the first of its findings began, by the samples' time
  int64_t closed_ns = 0;  // 0: open
  Resolution resolution = Resolution::kNone;
  std::string healed_by;       // the policy whose action was verified
  bool needed_person = false;  // somebody was asked, or told that heald couldn't help
  uint32_t reopened = 0;       // how often it began again after all of it had cleared
  IncidentLabel label;
  std::vector<Finding> findings;  // latest state of each
  // Of an open one: why nobody is told of it and nothing done about it; not journaled.
  std::string silenced_by;     // id of the silence
  uint64_t muted_by = 0;       // incident whose finding mutes it
  int64_t quiet_since_ns = 0;  // of one that began again and isn't over; 0: something is wrong
};

// Of one with its findings, that began again and has yet to be quiet for long enough: since when
// nothing is wrong. 0: something is, or it is over.
int64_t QuietSinceNs(const Incident& incident);

struct Plan {
  std::string summary;
  bool reversible = false;
  std::string target_uid;
  std::string before;  // the action's own JSON: what observe and undo need to know
  int64_t effect_within_ns = 0;
  bool can_canary = false;  // the target has several members; see Part
};

// Which members of a target with several are meant: the first of the plan, those after it, or all.
enum class Part : uint8_t { kAll = 0, kCanary = 1, kRest = 2 };

struct GuardVerdict {
  std::string guard;
  bool allowed = false;
  std::string reason;
};

struct Decision {
  std::string id;  // idempotency key: hash(policy, target, action, incident epoch)
  uint64_t incident = 0;
  std::string trace_id;
  DecisionVerdict verdict = DecisionVerdict::kRefused;
  Mode mode = Mode::kShadow;
  bool dry_run = false;
  std::string policy;
  std::string action;  // the action node
  std::string actor;   // "heald", or who approved or denied it: "user:anna", "link:slack/anna"
  Labels target;
  std::string finding;  // id of the finding that triggered it
  Plan plan;
  std::string plan_hash;  // hex SHA-256
  std::vector<GuardVerdict> guards;
  std::string why;  // the condition with its values
  int64_t ts_ns = 0;
  uint32_t attempt = 1;    // of this policy in this incident
  uint32_t step = 1;       // of the policy's chain
  uint32_t steps = 1;      // that it had then
  uint32_t next_step = 0;  // where its chain goes on; 0: this decision hasn't ended yet
  // Of one that people are asked about:
  int64_t expires_ns = 0;  // an answer counts until then
  std::string via;         // how it was answered: "api", "cli", "dashboard", "link"; empty: not yet
};

// One whose undo waits until its target can be reached again.
struct WaitingUndo {
  Decision decision;
  int64_t since_ns = 0;
  std::string why;
};

struct Outcome {
  std::string decision;
  uint64_t incident = 0;
  OutcomeState state = OutcomeState::kIssued;
  std::string detail;
  int64_t ts_ns = 0;
};

}  // namespace heald
