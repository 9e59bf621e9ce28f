// Reading the pipeline file again while the agent runs.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/agent/agent.h"
#include "core/agent/self_name.h"
#include "core/remedy/policy_changes.h"
#include "core/telemetry/log.h"
#include "core/telemetry/names.h"
#include "core/telemetry/process_metrics.h"

namespace heald::agent {
namespace {

// The keys of a node's config that are others now and that what it had learnt depends on.
std::string ChangedKeys(const NodeSpec& before, const NodeSpec& after) {
  std::set<std::string> changed;
  for (const auto& [one, other] : {std::pair(&before, &after), std::pair(&after, &before)})
    if (const Value::Map* const map = one->config.AsMap())
      for (const auto& [key, value] : *map)
        if (const Value* const there = other->config.Find(key);
            there == nullptr || !(*there == value))
          changed.insert(key);
  for (const std::string& key : after.keeps_state) changed.erase(key);
  std::string text;
  for (const std::string& key : changed) text += (text.empty() ? "" : ", ") + key;
  return text;
}

// "3 nodes added, 2 restarted, 0 removed; with what they had learnt: unusual; without what they had
// learnt: spikes (window)"
std::string Difference(const PipelineSpec& before, const PipelineSpec& after,
                       const Reloaded& reloaded) {
  std::string kept;
  std::string anew;
  for (const std::string& name : reloaded.restarted) {
    const NodeSpec& node = *after.FindNode(name);
    if (node.kind != Kind::kDetector) continue;
    if (std::count(reloaded.went_on.begin(), reloaded.went_on.end(), name) != 0) {
      kept += (kept.empty() ? "; with what they had learnt: " : ", ") + name;
      continue;
    }
    anew += (anew.empty() ? "; without what they had learnt: " : ", ") + name;
    if (const std::string keys = ChangedKeys(*before.FindNode(name), node); !keys.empty())
      anew += " (" + keys + ")";
  }
  return std::to_string(reloaded.added) + (reloaded.added == 1 ? " node" : " nodes") + " added, " +
         std::to_string(reloaded.restarted.size()) + " restarted, " +
         std::to_string(reloaded.removed) + " removed" + kept + anew;
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
  AgentSpec agent = spec ? spec->agent : AgentSpec();
  agent.state_dir = before.agent.state_dir;  // another one counts from the next start
  Result<std::shared_ptr<const api::ApprovalLinks>> links =
      spec ? MakeLinks(agent) : MakeError(Code::kInvalid, FormatText(diagnostics));
  const Result<Reloaded> applied = links ? runner_->Reload(*spec) : Result<Reloaded>(links.error());
  Counted(names::kReloads, {{"result", applied ? "applied" : "failed"}}).Increment();
  RecordReload(metrics_, applied.ok(), clock_.NowNs());
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
  report.summary = Difference(before, *spec, *applied);
  PipelineSpec in_force = *spec;
  in_force.policies = policies;
  const std::string changes = remedy::ChangesText(remedy::PolicyChanges(before, in_force));
  if (!changes.empty()) report.summary += "; " + changes;
  if (before.agent.listen != spec->agent.listen || before.agent.tls != spec->agent.tls ||
      before.agent.allowed_hosts != spec->agent.allowed_hosts ||
      before.agent.state_dir != spec->agent.state_dir || before.agent.store != spec->agent.store)
    report.summary +=
        "; agent.listen, tls, allowed_hosts, state_dir and store change with the next start";
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
