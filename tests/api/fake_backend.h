// A backend with settable answers. Thread rule: set before the server runs; records are locked.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "core/api/backend.h"

namespace heald::api {

class FakeBackend : public Backend {
 public:
  static constexpr int64_t kNow = 1'795'292'043'250'000'000;

  StatusReport Status() override {
    if (throws) throw std::runtime_error("the store is gone");
    return status;
  }
  Result<IncidentPage> Incidents(const IncidentQuery& query) override {
    const std::lock_guard lock(mutex);
    last_query = query;
    if (store_error.code != Code::kOk) return store_error;
    return page;
  }
  Result<IncidentChain> FindIncident(uint64_t id) override {
    if (id != chain.incident.id)
      return MakeError(Code::kNotFound, "there is no incident " + std::to_string(id));
    return chain;
  }
  Result<Incident> LabelIncident(uint64_t id, const IncidentLabel& label) override {
    if (id != chain.incident.id)
      return MakeError(Code::kNotFound, "there is no incident " + std::to_string(id));
    const std::lock_guard lock(mutex);
    chain.incident.label = label;
    return chain.incident;
  }
  Result<WeeklyReport> Weekly(int weeks) override {
    WeeklyReport report = weekly;
    report.weeks.resize(static_cast<size_t>(weeks));
    return report;
  }
  Result<EfficacyReport> Efficacy() override { return efficacy; }
  PipelineReport Pipeline() override { return pipeline; }
  std::vector<ServiceHealth> Services() override { return services; }
  Result<FindingPage> Findings(const FindingQuery& query) override {
    const std::lock_guard lock(mutex);
    last_findings = query;
    if (store_error.code != Code::kOk) return store_error;
    return findings;
  }
  std::vector<ActionStatus> Actions() override { return actions; }
  Result<ExecutionPage> Executions(uint64_t before, size_t limit) override {
    const std::lock_guard lock(mutex);
    last_query = {limit, before, std::nullopt};
    return executions;
  }
  Result<AuditPage> Audit(uint64_t before, size_t limit) override {
    const std::lock_guard lock(mutex);
    last_query = {limit, before, std::nullopt};
    return audit;
  }
  std::vector<PluginEntry> Plugins() override { return plugins; }
  ConfigReport Config() override { return {"/etc/heald/pipeline.yaml", "version: 1\n"}; }
  std::vector<PolicyStatus> Policies() override {
    const std::lock_guard lock(mutex);
    return policies;
  }
  Result<PolicyStatus> SetPolicy(const std::string& name, const PolicyChange& change,
                                 const std::string& actor) override {
    const std::lock_guard lock(mutex);
    for (PolicyStatus& policy : policies) {
      if (policy.name != name) continue;
      policy.mode = change.mode.value_or(policy.mode);
      policy.enabled = change.enabled.value_or(policy.enabled);
      policy.changed_by = actor;
      return policy;
    }
    return MakeError(Code::kNotFound, "there is no policy '" + name + "'");
  }
  Result<DetectionReport> Detect(const std::string& actor) override {
    const std::lock_guard lock(mutex);
    detect_actor = actor;
    return detection;
  }
  SwitchState Switch() override {
    const std::lock_guard lock(mutex);
    return remediation;
  }
  Result<SwitchState> SetSwitch(bool enabled, const std::string& actor) override {
    const std::lock_guard lock(mutex);
    remediation = {enabled, actor, 1'795'292'043'250'000'000};
    return remediation;
  }
  std::vector<Decision> Approvals() override { return chain.decisions; }
  std::vector<WaitingUndo> WaitingUndos() override { return undos; }
  Result<Decision> WaitingApproval(const std::string& decision) override {
    const std::lock_guard lock(mutex);
    if (!approved.empty()) return MakeError(Code::kConflict, "answered: " + approved);
    if (chain.decisions.empty() || decision != chain.decisions[0].id)
      return MakeError(Code::kNotFound, "no decision " + decision + " waits");
    return chain.decisions[0];
  }
  Result<void> Approve(const ApprovalAnswer& answer) override {
    if (Result<Decision> waiting = WaitingApproval(answer.decision); !waiting)
      return waiting.error();
    const std::lock_guard lock(mutex);
    if (!answer.plan_hash.empty() && answer.plan_hash != chain.decisions[0].plan_hash)
      return MakeError(Code::kConflict, "another plan");
    approved = (answer.approve ? "yes by " : "no by ") + answer.actor + " (" + answer.via + ")";
    return {};
  }
  std::shared_ptr<const ApprovalLinks> Links() override { return links; }
  std::vector<SilenceEntry> Silences() override {
    const std::lock_guard lock(mutex);
    return silences;
  }
  Result<SilenceEntry> AddSilence(const SilenceRequest& request,
                                  const std::string& actor) override {
    const std::lock_guard lock(mutex);
    SilenceEntry silence{"s1", {}, kNow, request.ends_ns, actor, request.comment, true, ""};
    if (request.ends_ns == 0) silence.ends_ns = kNow + request.for_ns;
    for (const Matcher& matcher : request.matchers) silence.matchers.push_back(matcher.ToString());
    silences.push_back(silence);
    return silence;
  }
  Result<SilenceEntry> EndSilence(const std::string& id, const std::string& actor) override {
    const std::lock_guard lock(mutex);
    for (SilenceEntry& silence : silences) {
      if (silence.id != id) continue;
      silence.active = false;
      silence.ended_by = actor;
      return silence;
    }
    return MakeError(Code::kNotFound, "there is no silence '" + id + "'");
  }
  Result<ReloadReport> Reload(const std::string& actor) override {
    std::unique_lock lock(mutex);
    reload_actor = actor;
    entered = true;
    changed.notify_all();
    changed.wait(lock, [this] { return !hold_reload; });
    return reload;
  }
  std::vector<Check> Health() override { return health; }
  std::vector<Check> Ready() override { return ready; }
  Result<Response> Receive(std::string_view node, const std::string& path, const Request& request,
                           const std::string& actor) override {
    const std::lock_guard lock(mutex);
    pushed.push_back(std::string(node) + path + " " + request.body + " by " + actor);
    return Response{204, "", "", {}};
  }
  Result<uint64_t> ReceiveLimit(std::string_view node, const std::string& path) override {
    if (node == "hook" && path.empty()) return push_limit;
    return MakeError(Code::kNotFound, "there is no node '" + std::string(node) + "'");
  }
  uint64_t push_limit = 2 * 1024 * 1024;
  std::vector<std::string> pushed;  // guarded by mutex
  std::string MetricsPage() override { return "a_total 1\n"; }
  void OnRequest(const RequestRecord& record) override {
    const std::lock_guard lock(mutex);
    ++requests;
    last_route = record.route;
    last_method = record.method;
    last_status = record.status;
  }

  StatusReport status;
  bool throws = false;
  IncidentPage page;
  IncidentChain chain;
  std::vector<WaitingUndo> undos;
  WeeklyReport weekly;
  EfficacyReport efficacy;
  Error store_error = MakeError(Code::kOk, "");
  ReloadReport reload;
  std::vector<Check> health, ready;
  PipelineReport pipeline;
  std::vector<ServiceHealth> services;
  FindingPage findings;
  std::vector<ActionStatus> actions;
  ExecutionPage executions;
  AuditPage audit;
  std::vector<PluginEntry> plugins;
  DetectionReport detection;

  std::mutex mutex;
  std::condition_variable changed;
  bool hold_reload = false;  // these under mutex
  bool entered = false;
  std::string approved;
  std::shared_ptr<const ApprovalLinks> links;
  IncidentQuery last_query;
  FindingQuery last_findings;
  std::vector<PolicyStatus> policies;
  std::vector<SilenceEntry> silences;
  std::string detect_actor;
  SwitchState remediation;
  std::string reload_actor;
  uint64_t requests = 0;
  std::string last_route, last_method;
  int last_status = 0;
};

}  // namespace heald::api
