// What the API asks of the agent. The composition root implements it over the store, the remedy
// engine and the runner; tests fake it. Thread rule: every method is called from several API
// threads at once and answers promptly: Server::Stop waits for calls under way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/approval_link.h"
#include "core/api/http.h"
#include "core/api/records.h"
#include "core/base/result.h"

namespace heald::api {

class Backend {
 public:
  virtual ~Backend() = default;

  virtual StatusReport Status() = 0;
  virtual PipelineReport Pipeline() = 0;
  virtual std::vector<ServiceHealth> Services() = 0;
  virtual Result<FindingPage> Findings(const FindingQuery& query) = 0;
  virtual Result<IncidentPage> Incidents(const IncidentQuery& query) = 0;
  virtual Result<IncidentChain> FindIncident(uint64_t id) = 0;  // kNotFound
  // What people say of it; an empty value takes that back. kNotFound, kInvalid. Without findings.
  virtual Result<Incident> LabelIncident(uint64_t id, const IncidentLabel& label) = 0;
  virtual Result<WeeklyReport> Weekly(int weeks) = 0;
  virtual Result<EfficacyReport> Efficacy() = 0;
  virtual std::vector<ActionStatus> Actions() = 0;
  virtual Result<ExecutionPage> Executions(uint64_t before, size_t limit) = 0;
  virtual Result<AuditPage> Audit(uint64_t before, size_t limit) = 0;
  virtual std::vector<PluginEntry> Plugins() = 0;
  virtual ConfigReport Config() = 0;

  virtual SwitchState Switch() = 0;
  virtual Result<SwitchState> SetSwitch(bool enabled, const std::string& actor) = 0;
  virtual std::vector<PolicyStatus> Policies() = 0;
  // kNotFound: no such policy. kInvalid: not allowed for it, for instance enforcing without a
  // guard.
  virtual Result<PolicyStatus> SetPolicy(const std::string& name, const PolicyChange& change,
                                         const std::string& actor) = 0;
  // Decisions that wait for a person, oldest first.
  virtual std::vector<Decision> Approvals() = 0;
  // Decisions whose undo waits for its target, oldest first; a no gives it up.
  virtual std::vector<WaitingUndo> WaitingUndos() = 0;
  // One of them. kNotFound: never heard of it; kConflict: it is over, and says how.
  virtual Result<Decision> WaitingApproval(const std::string& decision) = 0;
  // Ok: taken; what comes of it is in the incident. Errors as WaitingApproval's; also kConflict:
  // not the plan that was seen, or a guard speaks against it.
  virtual Result<void> Approve(const ApprovalAnswer& answer) = 0;
  // By which approval links are made and checked; null: there are none.
  virtual std::shared_ptr<const ApprovalLinks> Links() = 0;
  // Those in force first, then those that ended lately; each newest first.
  virtual std::vector<SilenceEntry> Silences() = 0;
  // kInvalid: says why.
  virtual Result<SilenceEntry> AddSilence(const SilenceRequest& request,
                                          const std::string& actor) = 0;
  // kNotFound; kConflict: it is over already.
  virtual Result<SilenceEntry> EndSilence(const std::string& id, const std::string& actor) = 0;
  // Polls every polled source now, waits until the detectors have judged what came. kConflict while
  // another such run goes on.
  virtual Result<DetectionReport> Detect(const std::string& actor) = 0;
  // kConflict while another reload runs. A file with errors is a report, not an Error.
  virtual Result<ReloadReport> Reload(const std::string& actor) = 0;

  // What is pushed to a node; the answer is its plugin's. kNotFound: no such node or route;
  // kUnavailable: the sender should come back. Waits for the plugin, up to ten seconds.
  virtual Result<Response> Receive(std::string_view node, const std::string& path,
                                   const Request& request, const std::string& actor) = 0;
  // The bytes that a body for it may have; errors as before.
  virtual Result<uint64_t> ReceiveLimit(std::string_view node, const std::string& path) = 0;

  virtual std::vector<Check> Health() = 0;  // liveness: restart the agent when one fails
  virtual std::vector<Check> Ready() = 0;   // may it be relied on now
  virtual std::string MetricsPage() = 0;
  virtual void OnRequest(const RequestRecord& record) = 0;  // after each answer, for metrics
};

}  // namespace heald::api
