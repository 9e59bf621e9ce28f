// Reading the pipeline file again while the agent runs.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/agent/agent.h"
#include "core/agent/self_name.h"
#include "core/remedy/policy_changes.h"
#include "core/telemetry/log.h"
#include "core/telemetry/names.h"

namespace heald::agent {
namespace {

// "3 nodes added, 1 restarted, 0 removed; without what they had learnt: unusual"
std::string Difference(const PipelineSpec& before, const PipelineSpec& after) {
  size_t added = 0;
  size_t changed = 0;
  size_t removed = 0;
  std::string anew;
  for (const NodeSpec& node : after.nodes) {
    const NodeSpec* old = before.FindNode(node.name);
    if (old == nullptr)
      ++added;
    else if (old->plugin != node.plugin || old->config != node.config ||
             old->enabled != node.enabled) {
      ++changed;
      if (node.kind == Kind::kDetector && node.enabled)
        anew += (anew.empty() ? "; without what they had learnt: " : ", ") + node.name;
    }
  }
  for (const NodeSpec& node : before.nodes)
    if (after.FindNode(node.name) == nullptr) ++removed;
  return std::to_string(added) + (added == 1 ? " node" : " nodes") + " added, " +
         std::to_string(changed) + " restarted, " + std::to_string(removed) + " removed" + anew;
}

api::Diagnostic ForApi(const Diagnostic& d) {
  return {d.file, d.line, d.column, d.level == Level::kError ? "error" : "warning",
          d.hint.empty() ? d.message : d.message + " (" + d.hint + ")"};
}

}  // namespace

Result<api::ReloadReport> Agent::Reload(const std::string& actor) {
  const std::unique_lock reloading(reload_mutex_, std::try_to_lock);
  if (!reloading) return MakeError(Code::kConflict, "another reload is running");
  api::ReloadReport report;
  std::vector<Diagnostic> diagnostics;
  const std::optional<PipelineSpec> spec = Load(&diagnostics);
  for (const Diagnostic& d : diagnostics) report.diagnostics.push_back(ForApi(d));
  PipelineSpec before;
  {
    const std::lock_guard lock(mutex_);
    before = spec_;
  }
  heald::Status applied;
  AgentSpec agent = spec ? spec->agent : AgentSpec();
  agent.state_dir = before.agent.state_dir;  // another one counts from the next start
  Result<std::shared_ptr<const api::ApprovalLinks>> links =
      spec ? MakeLinks(agent) : MakeError(Code::kInvalid, FormatText(diagnostics));
  applied = links ? runner_->Reload(*spec) : heald::Status(links.error());
  Counted(names::kReloads, {{"result", applied ? "applied" : "failed"}}).Increment();
  metrics_.Get(names::kReloadOk).Record(applied ? 1 : 0);
  if (!applied) {
    report.summary = spec ? applied.error().message : "the file has errors";
    {
      const std::lock_guard lock(mutex_);
      reload_error_ = applied.error().message;
    }
    Log(LogLevel::kError, kSelf,
        "reload by " + actor + " failed, the old pipeline goes on: " + report.summary);
    for (const Diagnostic& d : diagnostics)
      Log(d.level == Level::kError ? LogLevel::kError : LogLevel::kWarning, kSelf,
          d.file + ":" + std::to_string(d.line) + ":" + std::to_string(d.column) + ": " +
              ForApi(d).message);
    Publish("reload", api::ToJson(report));
    return report;
  }
  ApplySpec(*spec);
  if (before.agent.traces != spec->agent.traces) {
    agent.store = before.agent.store;
    SetTraces(agent);
  }
  std::vector<PolicySpec> policies = AskLane<std::vector<PolicySpec>>([this, &spec, &actor] {
    if (engine_ == nullptr) return spec->policies;
    engine_->SetPolicies(*spec, actor);
    return engine_->policies();
  });
  server_->UpdateAccess(spec->agent.token, spec->agent.allow_no_token);
  report.applied = true;
  report.summary = Difference(before, *spec);
  PipelineSpec in_force = *spec;
  in_force.policies = policies;
  const std::string changes = remedy::ChangesText(remedy::PolicyChanges(before, in_force));
  if (!changes.empty()) report.summary += "; " + changes;
  if (before.agent.listen != spec->agent.listen || before.agent.tls != spec->agent.tls ||
      before.agent.allowed_hosts != spec->agent.allowed_hosts ||
      before.agent.state_dir != spec->agent.state_dir || before.agent.store != spec->agent.store)
    report.summary +=
        "; agent.listen, tls, allowed_hosts, state_dir and store change with the next start";
  metrics_.Get(names::kReloadTime).Record(static_cast<double>(clock_.NowNs()) / 1e9);
  {
    const std::lock_guard lock(mutex_);
    spec_.policies = std::move(policies);
    links_ = std::move(*links);
    reload_error_.clear();
    reloaded_ns_ = clock_.NowNs();
    next_owed_ns_ = clock_.MonotonicNs() + kTakeOverNs;
  }
  Log(LogLevel::kInfo, kSelf, "reloaded by " + actor + ": " + report.summary);
  Publish("reload", api::ToJson(report));
  return report;
}

}  // namespace heald::agent
