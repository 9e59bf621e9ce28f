// The journal: incidents, findings, decisions, executions, settings and the append-only audit
// trail, behind an interface that every database implements the same way (tests/store holds the
// contract). Written by core/remedy; read by the API and by `heald explain` and `heald incidents`.
// Thread rule: one thread at a time per object; another thread opens a reader of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/model/forecast.h"
#include "core/model/incident.h"
#include "core/store/history.h"
#include "core/store/progress.h"

namespace heald {

enum class ExecutionState : uint8_t {
  kPlanned = 0,   // decided, nothing called yet
  kIssued = 1,    // about to be called, or called: only the target knows
  kObserved = 2,  // the target shows the effect
  kVerified = 3,
  kFailed = 4,
  kUndone = 5,
  kDryRun = 6,
};
std::string_view ToString(ExecutionState state);
inline bool IsFinished(ExecutionState state) {
  return state >= ExecutionState::kVerified;
}

// What became of one decision. Its key is the decision's id, so there is never a second one.
struct Execution {
  std::string decision;
  uint64_t incident = 0;
  std::string policy;
  std::string action;
  std::string target_key;  // of the incident's target; cooldown and max_per_hour count by it
  ExecutionState state = ExecutionState::kPlanned;
  uint32_t attempt = 1;
  uint32_t step = 1;    // of the policy's chain
  uint32_t issues = 0;  // fence: how often execute was about to be called under this decision
  int64_t planned_ns = 0;
  int64_t issued_ns = 0;  // the latest issue; 0: never
  int64_t observed_ns = 0;
  int64_t ended_ns = 0;
  std::string detail;
  Progress progress;
};

// How a breaker counts: failures in a row, oldest first, up to this end of an execution. What
// helped, and be it for a while, is none: without it all would be worse.
inline void CountFailure(ExecutionState state, Proof proof, int64_t ended_ns,
                         std::vector<int64_t>* failed_ns) {
  if (proof != Proof::kPlain && proof != Proof::kDidNotLast) return;
  if (state == ExecutionState::kVerified) failed_ns->clear();
  if (state == ExecutionState::kFailed || state == ExecutionState::kUndone)
    failed_ns->push_back(ended_ns);
}

struct AuditEvent {
  uint64_t seq = 0;  // given by the store, without gaps
  int64_t ts_ns = 0;
  uint64_t incident = 0;  // 0: of no incident
  std::string trace_id;
  std::string kind;     // "finding.opened", "execution.issued"…
  std::string actor;    // "heald", "user:anna"
  std::string subject;  // id of the finding, decision or setting it is about
  std::string detail;   // a JSON object; `text` in it is the line for people
  std::string hash;     // given by the store: of this row and the hash before it (audit_chain.h)
};

struct StoredFinding {
  uint64_t incident = 0;
  Finding finding;
  std::optional<Forecast> forecast = {};  // of a prediction that is read; written on its own
};

struct StoredLabel {
  uint64_t incident = 0;
  IncidentLabel label;
};

// One transition: everything in it is written, or nothing.
struct Change {
  std::vector<Incident> incidents;  // without their findings
  std::vector<StoredFinding> findings;
  std::vector<Decision> decisions;
  std::vector<Execution> executions;
  std::vector<Forecast> forecasts;
  std::vector<StoredLabel> labels;
  std::vector<AuditEvent> events;  // Commit fills in seq and hash
  std::vector<std::pair<std::string, std::string>> settings;
  // Ever growing numbers, by which a store knows what it has already: a change is written once,
  // however often it is committed. `first` where several were made one. 0: the store counts.
  uint64_t first = 0;
  uint64_t number = 0;
};

// All there is about one incident, oldest first.
struct Chain {
  Incident incident;  // with its findings
  std::vector<Decision> decisions;
  std::vector<Execution> executions;
  std::vector<AuditEvent> events;
  std::vector<Forecast> forecasts;
};

struct IncidentFilter {
  std::vector<IncidentState> states;  // empty: any
  uint64_t before = 0;                // cursor: only ids below; 0: from the newest
  size_t limit = 50;
  std::string label = {};  // empty: any, and those without
};

struct IncidentPage {
  std::vector<Incident> incidents;  // newest first, without findings
  uint64_t next = 0;                // pass as `before`; 0: that was all
};

// Where a list goes on, and how much of it to read.
struct PageFrom {
  uint64_t before = 0;  // cursor: `next` of the page before; 0: from the newest
  size_t limit = 50;
};

template <typename T>
struct Page {
  std::vector<T> items;  // newest first
  uint64_t next = 0;     // pass as `before`; 0: that was all
};

struct FindingFilter {
  bool predictions = false;  // else everything that is none
  bool open_only = false;
  PageFrom from;
};

// The two ends of the audit trail's chain of hashes (audit_chain.h).
struct AuditEnds {
  std::string store_id;
  uint64_t seq = 0;  // of the latest row; 0: none yet
  std::string hash;
  uint64_t cut_seq = 0;  // the last row that retention took away; 0: none
  std::string cut_hash;
};

// What may be thrown away: what had ended, or was recorded, before these times. 0: nothing.
struct Retention {
  int64_t incidents_before_ns = 0;
  int64_t audit_before_ns = 0;
};
struct Retained {
  size_t incidents = 0;
  size_t audit_rows = 0;
};

struct DecidedExecution {
  Execution execution;
  Decision decision;
};

class StoreReader : public HistoryReader {
 public:
  virtual Result<IncidentPage> Incidents(const IncidentFilter& filter) = 0;
  virtual Result<Page<StoredFinding>> Findings(const FindingFilter& filter) = 0;
  virtual Result<Page<DecidedExecution>> Executions(const PageFrom& from) = 0;
  virtual Result<Page<AuditEvent>> Audit(const PageFrom& from) = 0;
  virtual Result<std::optional<Chain>> ChainOf(uint64_t incident) = 0;
  // What an agent takes up again at start: incidents that aren't closed, and closed ones of which
  // something is still to be undone; of their events those of open ones that say what people were told, by the
  // kinds incident.* and execution.verified.
  virtual Result<std::vector<Chain>> Unfinished() = 0;
  // 0 when there was none yet.
  virtual Result<uint64_t> LastIncidentId() = 0;
  // Times of issue since `since_ns`, oldest first; `last_ns` is the latest ever, or 0. Of one step
  // of the policy, or of all with 0.
  struct Issues {
    std::vector<int64_t> times_ns;
    int64_t last_ns = 0;
  };
  virtual Result<Issues> IssuesSince(std::string_view policy, std::string_view target_key,
                                     int64_t since_ns, uint32_t step = 0) = 0;
  // When executions that had been issued failed, oldest first, since `since_ns` and the last one
  // that was verified. Those that prove nothing (Proof) don't count.
  virtual Result<std::vector<int64_t>> FailuresInRow(std::string_view policy,
                                                     std::string_view target_key, int64_t since_ns,
                                                     uint32_t step = 0) = 0;
  virtual Result<std::vector<AuditEvent>> Events(uint64_t after_seq, size_t limit) = 0;
  virtual Result<std::optional<std::string>> Setting(std::string_view name) = 0;
  virtual Result<AuditEnds> Ends() {
    return MakeError(Code::kUnsupported, "this store keeps no chain of hashes");
  }
};

class Store : public StoreReader {
 public:
  // Atomic, and durable against a kill of the process once it returns. Waits two seconds at most.
  // kUnavailable: the store is away, come again; kConflict: another agent writes it now; kInvalid:
  // it would take the place of a decision or execution that has ended, and never will be written.
  virtual Status Commit(Change* change) = 0;
  // After a failed Commit: whether nobody can tell if it was written. The same change, committed
  // again once the store is back, finds out and is there once.
  virtual bool in_doubt() const { return false; }
  // Whether a Commit may be tried. Waits for the first try after a loss; the others are made behind
  // the scenes.
  virtual Status Ready() { return {}; }
  // Of the latest change in it, as of the last Ready or Commit.
  virtual uint64_t last_number() const { return 0; }
  // False: another agent has written since the one with this state_dir did.
  virtual bool sole_writer() const { return true; }
  // Throws away a small part of what is too old; call again until it finds nothing.
  virtual Result<Retained> Retain(const Retention&, int64_t /*now_ns*/) { return Retained(); }
  // Nothing is going on: the moment for housekeeping that takes milliseconds.
  virtual void Idle() = 0;
  // Part of every incident's trace id; made with it, never changes.
  virtual const std::string& id() const = 0;
};

}  // namespace heald
