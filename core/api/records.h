// What the API shows, as plain data: the composition root fills it in, json.cc writes it out and
// openapi.yaml describes it. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/model/component.h"
#include "core/model/forecast.h"
#include "core/model/incident.h"
#include "core/model/matcher.h"
#include "core/model/report.h"

namespace heald::api {

struct SwitchState {
  bool enabled = false;
  std::string actor;       // who set it last: "user:anna", "config"
  int64_t changed_ns = 0;  // 0: unknown
};

// ---- the pipeline ----

// Per second, over the last few seconds.
struct Rates {
  double in = 0;
  double out = 0;
};

// A source, detector, action or notifier; policies are shown as nodes too.
struct NodeStatus {
  std::string name;
  std::string kind;    // "source", "detector", "policy", "action", "notifier"
  std::string plugin;  // empty for a policy
  bool enabled = true;
  bool ok = true;
  // "running", "failing" (it runs, and its last call failed), "hung", "failed", "stopped", "idle",
  // "disabled"
  std::string state;
  std::string detail;  // what is wrong, when not ok
  uint64_t records_in = 0;
  uint64_t records_out = 0;
  uint64_t errors = 0;
  uint64_t dropped = 0;
  uint64_t queued = 0;
  uint64_t series = 0;    // a source's
  uint64_t learning = 0;  // a detector's series that it doesn't judge yet
  Rates rates;
  int64_t received_ns = 0;  // a source's that others push to: when it last took something
};

struct PipelineEdge {
  std::string from;
  std::string to;
  std::string records;               // "samples", "findings", "decisions", "events"
  std::vector<std::string> outputs;  // query names; empty: all
};

struct PipelineReport {
  std::string file;
  std::vector<NodeStatus> nodes;
  std::vector<PipelineEdge> edges;
};

// What holds a policy back beside its condition.
struct GuardStatus {
  int64_t for_ns = 0;
  int64_t cooldown_ns = 0;
  uint64_t max_per_hour = 0;
  std::vector<std::string> excluded;
  std::string max_targets;  // "2", "20%"; empty: no limit
  std::string min_healthy;
  uint64_t breaker_failures = 0;  // 0: no breaker
  int64_t breaker_for_ns = 0;
  uint64_t demote_failures = 0;  // 0: it is never demoted
  uint64_t demote_of = 0;
  std::vector<std::string> windows;  // "mon-fri 09:00 to 17:00 Europe/Berlin"
  std::vector<std::string> deny_windows;
};

// One of the chain of a policy that has `steps:`.
struct StepStatus {
  std::string action;
  Mode mode = Mode::kShadow;  // as it is in force
  int64_t verify_within_ns = 0;
  bool skip_refused = false;
  std::string canary;  // the check as written; empty: none goes first
  int64_t undo_after_ns = 0;
};

struct PolicyStatus {
  std::string name;
  bool enabled = true;
  Mode mode = Mode::kShadow;
  std::string action;
  // What a finding recommends -> the action; it goes before `action`.
  std::vector<std::pair<std::string, std::string>> recommended_actions;
  std::vector<StepStatus> steps;  // empty: `action` is all there is
  std::vector<std::string> inputs;
  std::string when;  // as written; empty: always
  GuardStatus guard;
  int64_t verify_within_ns = 0;
  int64_t approval_expires_ns = 0;  // an answer counts so long
  bool allow_on_prediction = false;
  bool allow_self = false;
  // What the pipeline file says, and who changed it since; empty actor: nobody.
  bool file_enabled = true;
  Mode file_mode = Mode::kShadow;
  std::string changed_by;
  std::string changed_reason;  // where heald itself did: why
  int64_t changed_ns = 0;
};

struct PolicyChange {
  std::optional<bool> enabled;
  std::optional<Mode> mode;
};

struct Link {
  std::string name;
  std::string url;
};

// So many incidents at once that nothing is repaired until it is calm.
struct StormStatus {
  int64_t since_ns = 0;
  int64_t until_ns = 0;  // if it stays calm
  uint64_t incident = 0;
  uint64_t counted = 0;  // findings that were only counted
};

struct StatusReport {
  std::string version;
  std::string pipeline_file;
  int64_t started_ns = 0;
  int64_t now_ns = 0;
  bool learning = false;  // detectors still learn what normal is
  bool dry_run = false;
  SwitchState remediation;
  uint64_t open_incidents = 0;
  uint64_t awaiting_approval = 0;
  uint64_t open_predictions = 0;
  uint64_t silences = 0;  // in force
  std::optional<StormStatus> storm;
  int64_t healthy_since_ns = 0;       // last incident's end, or the start; 0: not healthy now
  int64_t reloaded_ns = 0;            // 0: never since the start
  std::string reload_error;           // of the last reload, when it failed
  std::vector<std::string> problems;  // what keeps heald itself from working, ready for people
  std::vector<NodeStatus> nodes;
  std::vector<PolicyStatus> policies;
  std::vector<Link> links;
};

// ---- what is watched ----

struct Signal {
  std::string source;
  std::string name;  // latency_p99
  Labels labels;     // beside the target's own
  double value = 0;
  int64_t ts_ns = 0;
};

struct ServiceHealth {
  Labels target;
  std::string state;                      // "healthy", "warning", "critical", "acting", "silent"
  std::optional<uint64_t> incident;       // the open one
  std::string summary;                    // of the open incident
  std::optional<uint64_t> last_incident;  // the latest that ended
  int64_t seen_ns = 0;                    // the latest sample of any signal
  uint64_t series = 0;
  std::vector<Signal> signals;  // at most a few dozen
};

// A finding with the incident that took it in.
struct FindingEntry {
  uint64_t incident = 0;
  Finding finding;
  std::optional<Forecast> forecast = {};  // of a prediction: what became of it
};

struct FindingQuery {
  FindingKind kind = FindingKind::kAnomaly;
  size_t limit = 50;
  uint64_t before = 0;  // cursor
  bool open_only = false;
};

struct FindingPage {
  std::vector<FindingEntry> findings;  // newest first
  uint64_t next = 0;                   // 0: that was all
};

struct IncidentQuery {
  size_t limit = 50;       // 1 to 200
  uint64_t before_id = 0;  // only ids below this one; 0: from the newest
  std::optional<IncidentState> state;
  std::string label = {};  // empty: any
};

struct IncidentPage {
  std::vector<Incident> incidents;  // newest first, at most `limit`
  bool more = false;                // there are older ones that match
};

struct ChainEvent {
  int64_t ts_ns = 0;
  std::string actor;     // "heald" or "user:anna"
  std::string event;     // "finding", "decision", "guard", "issued", "verified", "switch"…
  std::string decision;  // id, when it is about one
  std::string detail;    // a JSON object; `text` in it is the line for people
};

// What may have caused it.
struct HintEntry {
  int64_t ts_ns = 0;
  std::string text;
};

// Everything from the first finding to the verification.
struct IncidentChain {
  Incident incident;
  std::vector<HintEntry> hints;
  std::vector<Decision> decisions;  // oldest first, as are the others
  std::vector<Outcome> outcomes;
  std::vector<ChainEvent> timeline;
  std::vector<Forecast> forecasts;
  // By decision that wasn't carried out: what became of the incident without it.
  std::vector<std::pair<std::string, std::string>> afterwards;
};

// ---- what is done ----

struct SilenceEntry {
  std::string id;
  std::vector<std::string> matchers;  // `service="payments"`
  int64_t created_ns = 0;
  int64_t ends_ns = 0;
  std::string actor;
  std::string comment;
  bool active = false;
  std::string ended_by;  // who ended it before its time; empty: nobody
};

struct SilenceRequest {
  std::vector<Matcher> matchers;
  int64_t ends_ns = 0;  // or, where 0:
  int64_t for_ns = 0;   // from now on
  std::string comment;
};

// A person's yes or no to a decision that waits.
struct ApprovalAnswer {
  std::string decision;
  bool approve = false;
  std::string actor;
  std::string via = "api";  // "api", "cli", "dashboard", "link"
  std::string plan_hash;    // of the plan that the person saw; empty: not said
};

struct ActionStatus {
  std::string name;
  std::string plugin;
  bool enabled = true;
  bool ok = true;
  std::string detail;
  std::vector<std::string> policies;  // that use it
};

// One decision that was carried out, or is being.
struct ExecutionEntry {
  std::string decision;
  uint64_t incident = 0;
  std::string policy;
  std::string action;
  std::string target_name;
  std::string plan;   // "restart payments (pid 32114)"
  std::string actor;  // "heald", or who approved it
  bool dry_run = false;
  std::string state;  // "planned", "issued", "observed", "verified", "failed", "undone", "dry_run"
  uint32_t attempt = 1;
  int64_t planned_ns = 0;
  int64_t issued_ns = 0;
  int64_t observed_ns = 0;
  int64_t ended_ns = 0;
  std::string detail;
};

struct ExecutionPage {
  std::vector<ExecutionEntry> executions;  // newest first
  uint64_t next = 0;
};

struct DetectionReport {
  struct Source {
    std::string name;
    bool ok = true;
    std::string detail;
    uint64_t samples = 0;  // that this run brought
  };
  int64_t took_ns = 0;
  std::vector<Source> sources;
  std::vector<FindingEntry> findings;  // open now
};

struct AuditEntry {
  uint64_t seq = 0;
  int64_t ts_ns = 0;
  uint64_t incident = 0;
  std::string kind;
  std::string actor;
  std::string subject;
  std::string detail;  // as in ChainEvent
};

struct AuditPage {
  std::vector<AuditEntry> events;  // newest first
  uint64_t next = 0;
};

// ---- the agent itself ----

struct Diagnostic {
  std::string file;
  int line = 0;  // 1-based; 0: the whole file
  int column = 0;
  std::string severity = "error";  // or "warning"
  std::string message;
};

struct ReloadReport {
  bool applied = false;  // false: the old pipeline goes on
  std::string summary;   // "1 node added, 2 restarted"; or why it failed
  std::vector<Diagnostic> diagnostics;
};

struct PluginEntry {
  Kind kind = Kind::kSource;
  std::string name;
  std::string doc;
  std::string version;
  std::string plugin;  // the plugin it is in
  std::string file;
  uint32_t inputs = 0;
  uint32_t outputs = 0;
  std::string schema;              // JSON Schema text of its config
  std::vector<std::string> nodes;  // of the running pipeline that are made from it
};

// The configuration in force, secrets masked.
struct ConfigReport {
  std::string file;
  std::string yaml;
};

struct Check {
  std::string name;  // "store", "source prom"
  bool ok = true;
  std::string detail;
};

struct RequestRecord {
  std::string_view route;  // "/api/v1/incidents/{id}"; "other" when nothing matched
  std::string_view method;
  int status = 0;
  int64_t duration_ns = 0;
  std::string_view node = {};  // that a refused push was meant for, as its sender wrote it
};

}  // namespace heald::api
