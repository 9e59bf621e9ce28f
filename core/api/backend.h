// What the API asks of the agent. The composition root implements it over the store, the remedy
// engine and the runner; tests fake it. Thread rule: every method is called from several API
// threads at once and answers promptly: Server::Stop waits for calls under way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/component.h"
#include "core/model/incident.h"

namespace heald::api {

struct SwitchState {
  bool enabled = false;
  std::string actor;       // who set it last: "user:anna", "config"
  int64_t changed_ns = 0;  // 0: unknown
};

struct NodeStatus {
  std::string name;
  Kind kind = Kind::kSource;
  std::string plugin;
  bool enabled = true;
  bool ok = true;
  std::string detail;  // what is wrong, when not ok
  uint64_t records_in = 0;
  uint64_t records_out = 0;
  uint64_t errors = 0;
  uint64_t dropped = 0;
};

struct PolicyStatus {
  std::string name;
  bool enabled = true;
  Mode mode = Mode::kShadow;
  std::string action;
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
  int64_t healthy_since_ns = 0;  // last incident's end, or the start; 0: not healthy now
  int64_t reloaded_ns = 0;       // 0: never since the start
  std::string reload_error;      // of the last reload, when it failed
  std::vector<NodeStatus> nodes;
  std::vector<PolicyStatus> policies;
};

struct IncidentQuery {
  size_t limit = 50;       // 1 to 200
  uint64_t before_id = 0;  // only ids below this one; 0: from the newest
  std::optional<IncidentState> state;
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
  std::string detail;
};

// Everything from the first finding to the verification.
struct IncidentChain {
  Incident incident;
  std::vector<Decision> decisions;  // oldest first, as are the others
  std::vector<Outcome> outcomes;
  std::vector<ChainEvent> timeline;
};

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
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual StatusReport Status() = 0;
  virtual Result<IncidentPage> Incidents(const IncidentQuery& query) = 0;
  virtual Result<IncidentChain> FindIncident(uint64_t id) = 0;  // kNotFound
  virtual SwitchState Switch() = 0;
  virtual Result<SwitchState> SetSwitch(bool enabled, const std::string& actor) = 0;
  // Decisions that wait for a person, oldest first.
  virtual std::vector<Decision> Approvals() = 0;
  // Ok: taken; what comes of it is in the incident. kNotFound: nothing waits under that id.
  virtual Result<void> Approve(const std::string& decision, bool approve,
                               const std::string& actor) = 0;
  // kConflict while another reload runs. A file with errors is a report, not an Error.
  virtual Result<ReloadReport> Reload(const std::string& actor) = 0;
  virtual std::vector<Check> Health() = 0;  // liveness: restart the agent when one fails
  virtual std::vector<Check> Ready() = 0;   // may it be relied on now
  virtual std::string MetricsPage() = 0;
  virtual void OnRequest(const RequestRecord& record) = 0;  // after each answer, for metrics
};

}  // namespace heald::api
