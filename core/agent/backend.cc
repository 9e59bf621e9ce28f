// What the API asks of the agent as a whole and its nodes. What was found and done: watched.cc;
// what people command: commands.cc.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/agent/agent.h"
#include "core/agent/chain_record.h"
#include "core/agent/policy_status.h"
#include "core/agent/targets.h"
#include "core/agent/version.h"
#include "core/api/json.h"
#include "core/telemetry/log.h"
#include "core/telemetry/names.h"

namespace heald::agent {
namespace {

constexpr int64_t kEngineSilentNs = kMinute;

bool IsWell(const NodeStats& s) {
  return s.ok && s.state != NodeState::kHung && s.state != NodeState::kFailed;
}

api::NodeStatus NodeOf(const NodeSpec& spec, const NodeStats* stats) {
  api::NodeStatus out;
  out.name = spec.name;
  out.kind = ToString(spec.kind);
  out.plugin = spec.plugin;
  out.enabled = spec.enabled;
  out.state = spec.enabled ? "stopped" : "disabled";
  if (stats == nullptr) return out;
  out.ok = IsWell(*stats);
  out.state = stats->state == NodeState::kRunning && !out.ok ? "failing" : ToString(stats->state);
  out.received_ns = stats->received_ns;
  if (!out.ok) out.detail = stats->last_error;
  out.records_in = stats->in;
  out.records_out = stats->out;
  out.errors = stats->errors;
  out.dropped = stats->dropped;
  out.queued = stats->queued;
  out.series = stats->series;
  return out;
}

std::string EdgeRecords(const Catalog& catalog, const NodeSpec* from, const NodeSpec& to) {
  if (from == nullptr || from->kind != Kind::kSource)
    return to.kind == Kind::kNotifier ? "events" : "findings";
  const Component* source = catalog.Find(from->kind, from->plugin);
  const Component* reader = catalog.Find(to.kind, to.plugin);
  return source == nullptr || reader == nullptr ? "samples"
                                                : RecordNames(source->outputs & reader->inputs);
}

// One edge for each node that `to` listens to.
void AddEdges(const std::vector<InputRef>& inputs, const std::string& to,
              const std::function<std::string(const std::string&)>& records,
              std::vector<api::PipelineEdge>* out) {
  const size_t first = out->size();
  for (const InputRef& input : inputs) {
    auto edge = std::find_if(out->begin() + static_cast<std::ptrdiff_t>(first), out->end(),
                             [&](const api::PipelineEdge& e) { return e.from == input.node; });
    if (edge == out->end())
      edge = out->insert(out->end(), {input.node, to, records(input.node), {}});
    if (!input.output.empty()) edge->outputs.push_back(input.output);
  }
}

// All that it may do, each once.
std::vector<std::string> ActionsOf(const PolicySpec& policy) {
  std::vector<std::string> actions = {policy.action};
  const auto add = [&](const std::string& action) {
    if (std::find(actions.begin(), actions.end(), action) == actions.end())
      actions.push_back(action);
  };
  for (const StepSpec& step : policy.steps) add(step.action);
  for (const RecommendedAction& recommended : policy.recommended_actions) add(recommended.action);
  return actions;
}

}  // namespace

// ---- the agent as a whole ----

std::vector<api::NodeStatus> Agent::NodeStatuses() {
  std::map<std::string, NodeStats> stats;
  for (NodeStats& s : runner_->stats()) stats.emplace(s.name, std::move(s));
  std::vector<api::NodeStatus> nodes;
  const std::lock_guard lock(mutex_);
  for (const NodeSpec& spec : spec_.nodes) {
    const auto at = stats.find(spec.name);
    api::NodeStatus& node =
        nodes.emplace_back(NodeOf(spec, at == stats.end() ? nullptr : &at->second));
    // A detector learns until it has seen enough of every series; see `learning_series` in the SDK.
    if (spec.kind == Kind::kDetector)
      node.learning = static_cast<uint64_t>(services_.Gauge(spec.name, "learning_series"));
  }
  for (const PolicySpec& policy : spec_.policies) {
    api::NodeStatus& node = nodes.emplace_back();
    node.name = policy.name;
    node.kind = "policy";
    node.enabled = policy.enabled;
    node.state = policy.enabled ? "running" : "disabled";
    if (const auto at = policy_counts_.find(policy.name); at != policy_counts_.end()) {
      node.records_in = at->second.in;
      node.records_out = at->second.out;
    }
  }
  for (api::NodeStatus& node : nodes)
    if (const auto at = rates_.find(node.name); at != rates_.end()) node.rates = at->second;
  return nodes;
}

api::StatusReport Agent::Status() {
  api::StatusReport report;
  report.version = kVersion;
  report.now_ns = clock_.NowNs();
  report.started_ns = started_ns_;
  EngineView from = StatusView();
  report.remediation = std::move(from.remediation);
  report.policies = std::move(from.policies);
  report.open_incidents = from.incidents;
  report.awaiting_approval = from.awaiting;
  report.open_predictions = from.predictions;
  report.silences = from.silences;
  report.storm = from.storm;
  report.nodes = NodeStatuses();
  std::erase_if(report.nodes, [](const api::NodeStatus& node) { return node.kind == "policy"; });
  for (const api::NodeStatus& node : report.nodes)
    report.learning |= node.enabled && node.kind == ToString(Kind::kDetector) &&
                       (node.learning > 0 || node.records_in == 0);
  report.problems = runner_->Complaints();
  for (std::string& owed : OwedNow()) report.problems.push_back(std::move(owed));
  const std::lock_guard lock(mutex_);
  if (!problem_.empty()) report.problems.insert(report.problems.begin(), "store: " + problem_);
  report.pipeline_file = spec_.file;
  report.dry_run = spec_.agent.dry_run;
  report.healthy_since_ns = healthy_since_ns_;
  report.reloaded_ns = reloaded_ns_;
  report.reload_error = reload_error_;
  for (const auto& [name, url] : spec_.agent.links) report.links.push_back({name, url});
  return report;
}

api::PipelineReport Agent::Pipeline() {
  api::PipelineReport report;
  report.nodes = NodeStatuses();
  const std::lock_guard lock(mutex_);
  report.file = spec_.file;
  for (const NodeSpec& node : spec_.nodes)
    AddEdges(
        node.inputs, node.name,
        [&](const std::string& from) { return EdgeRecords(*loader_, spec_.FindNode(from), node); },
        &report.edges);
  for (const PolicySpec& policy : spec_.policies) {
    AddEdges(
        policy.inputs, policy.name, [](const std::string&) { return "findings"; }, &report.edges);
    for (const std::string& action : ActionsOf(policy))
      if (spec_.FindNode(action) != nullptr)
        report.edges.push_back({policy.name, action, "decisions", {}});
  }
  return report;
}

api::ConfigReport Agent::Config() {
  const std::lock_guard lock(mutex_);
  return {spec_.file, config_yaml_};
}

std::vector<api::PluginEntry> Agent::Plugins() {
  std::vector<api::PluginEntry> out;
  for (const Component* c : loader_->All())
    out.push_back({c->kind,
                   c->name,
                   c->doc,
                   c->version,
                   c->plugin,
                   c->file,
                   c->inputs,
                   c->outputs,
                   c->config_schema,
                   {}});
  const std::lock_guard lock(mutex_);
  for (api::PluginEntry& entry : out)
    for (const NodeSpec& node : spec_.nodes)
      if (node.kind == entry.kind && node.plugin == entry.name) entry.nodes.push_back(node.name);
  return out;
}

std::vector<api::ActionStatus> Agent::Actions() {
  std::vector<api::ActionStatus> actions;
  for (const api::NodeStatus& node : NodeStatuses())
    if (node.kind == ToString(Kind::kAction))
      actions.push_back({node.name, node.plugin, node.enabled, node.ok, node.detail, {}});
  const std::lock_guard lock(mutex_);
  for (api::ActionStatus& action : actions)
    for (const PolicySpec& policy : spec_.policies)
      if (const std::vector<std::string> used = ActionsOf(policy);
          std::find(used.begin(), used.end(), action.name) != used.end())
        action.policies.push_back(policy.name);
  return actions;
}

// ---- for machines ----

std::vector<api::Check> Agent::Health() {
  std::vector<api::Check> checks;
  {
    const std::lock_guard lock(mutex_);
    const int64_t silent_ns = clock_.MonotonicNs() - view_ns_;
    const bool alive = silent_ns < kEngineSilentNs;
    checks.push_back(
        {"engine", alive, alive ? "" : "hasn't come round for " + FormatElapsed(silent_ns)});
  }
  for (const NodeStats& s : runner_->stats())
    if (s.state == NodeState::kHung)
      checks.push_back({std::string(ToString(s.kind)) + " " + s.name, false, s.last_error});
  return checks;
}

std::vector<api::Check> Agent::Ready() {
  std::vector<api::Check> checks = Health();
  {
    // No supervisor mends it by a restart, so it isn't Health's.
    const std::lock_guard lock(mutex_);
    checks.push_back({"store", problem_.empty(), problem_});
  }
  for (const NodeStats& s : runner_->stats()) {
    if (s.state == NodeState::kHung) continue;  // Health has it
    const bool ok = IsWell(s);
    // Of these readiness doesn't wait for the senders.
    checks.push_back({(s.receives ? "receiver" : std::string(ToString(s.kind))) + " " + s.name, ok,
                      ok ? "" : s.last_error});
  }
  return checks;
}

std::string Agent::MetricsPage() {
  return metrics_.Exposition();
}

void Agent::OnRequest(const api::RequestRecord& record) {
  if (!record.node.empty()) CountRefusedPush(record.node, record.status);
  metrics_
      .Get(names::kApiRequests,
           {{"route", std::string(record.route)},
            {"method", std::string(record.method)},
            {"code", std::to_string(record.status)}},
           Lifetime::kPermanent)
      .Increment();
  metrics_.Get(names::kApiDuration, {{"route", std::string(record.route)}}, Lifetime::kPermanent)
      .Record(static_cast<double>(record.duration_ns) / 1e9);
}

}  // namespace heald::agent
