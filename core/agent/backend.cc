// What the API asks for: read from the engine on its lane, from the store through a reader of its
// own, from the runner's counters.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/agent/agent.h"
#include "core/agent/chain_record.h"
#include "core/agent/targets.h"
#include "core/agent/version.h"
#include "core/api/json.h"
#include "core/telemetry/log.h"
#include "core/telemetry/names.h"

namespace heald::agent {
namespace {

constexpr int64_t kServicesEveryNs = kSecond;
constexpr int64_t kDetectWithinNs = 15 * kSecond;

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
  out.state = ToString(stats->state);
  out.ok = IsWell(*stats);
  if (!out.ok) out.detail = stats->last_error;
  out.records_in = stats->in;
  out.records_out = stats->out;
  out.errors = stats->errors;
  out.dropped = stats->dropped;
  out.queued = stats->queued;
  out.series = stats->series;
  return out;
}

std::string InputName(const InputRef& input) {
  return input.output.empty() ? input.node : input.node + "." + input.output;
}

std::vector<std::string> WindowTexts(const std::vector<WindowSpec>& windows) {
  std::vector<std::string> out;
  for (const WindowSpec& window : windows) out.push_back(remedy::Describe(window));
  return out;
}

api::GuardStatus GuardOf(const GuardSpec& guard) {
  api::GuardStatus out;
  out.for_ns = guard.for_ns;
  out.cooldown_ns = guard.cooldown_ns;
  out.max_per_hour = guard.max_per_hour;
  out.excluded = guard.excluded;
  if (guard.max_targets.set) out.max_targets = remedy::AmountText(guard.max_targets);
  if (guard.min_healthy.set) out.min_healthy = remedy::AmountText(guard.min_healthy);
  out.breaker_failures = guard.breaker.failures;
  out.breaker_for_ns = guard.breaker.for_ns;
  out.demote_failures = guard.demote.failures;
  out.demote_of = guard.demote.of;
  out.windows = WindowTexts(guard.windows);
  out.deny_windows = WindowTexts(guard.deny_windows);
  return out;
}

api::SilenceEntry SilenceOf(const remedy::Silence& silence, int64_t now_ns) {
  api::SilenceEntry out;
  out.id = silence.id;
  for (const Matcher& matcher : silence.matchers) out.matchers.push_back(matcher.ToString());
  out.created_ns = silence.created_ns;
  out.ends_ns = silence.ends_ns;
  out.actor = silence.actor;
  out.comment = silence.comment;
  out.active = silence.ActiveAt(now_ns);
  out.ended_by = silence.ended_by;
  return out;
}

api::PolicyStatus PolicyOf(const PolicySpec& policy, const remedy::Engine& engine) {
  api::PolicyStatus out;
  out.name = policy.name;
  out.enabled = out.file_enabled = policy.enabled;
  out.mode = out.file_mode = policy.mode;
  out.action = policy.action;
  for (const RecommendedAction& recommended : policy.recommended_actions)
    out.recommended_actions.emplace_back(recommended.recommendation, recommended.action);
  for (uint32_t number = 1; number <= policy.steps.size(); ++number) {
    const PolicySpec step = policy.AtStep(number);
    out.steps.push_back({step.action, step.mode, step.verify_within_ns, step.skip_refused,
                         step.canary.set ? step.canary.check.text() : "", step.undo.after_ns});
  }
  for (const InputRef& input : policy.inputs) out.inputs.push_back(InputName(input));
  out.when = policy.when.text();
  out.guard = GuardOf(policy.guard);
  out.verify_within_ns = policy.verify_within_ns;
  out.approval_expires_ns = engine.ApprovalNs(policy);
  out.allow_on_prediction = policy.allow_on_prediction;
  out.allow_self = policy.allow_self;
  if (const auto at = engine.overrides().find(policy.name); at != engine.overrides().end()) {
    out.file_enabled = at->second.file_enabled;
    out.file_mode = at->second.file_mode;
    out.changed_by = at->second.actor;
    out.changed_reason = at->second.reason;
    out.changed_ns = at->second.changed_ns;
  }
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
    nodes.push_back(NodeOf(spec, at == stats.end() ? nullptr : &at->second));
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
  struct FromEngine {
    api::SwitchState remediation;
    std::vector<api::PolicyStatus> policies;
    uint64_t incidents = 0;
    uint64_t awaiting = 0;
    uint64_t predictions = 0;
    uint64_t silences = 0;
    std::optional<api::StormStatus> storm;
  };
  FromEngine from = AskEngine<FromEngine>([this] {
    FromEngine out;
    out.remediation = {engine_->switch_on(), engine_->switch_actor(), engine_->switch_changed_ns()};
    for (const PolicySpec& policy : engine_->policies())
      out.policies.push_back(PolicyOf(policy, *engine_));
    out.incidents = engine_->incidents().all().size();
    out.awaiting = engine_->AwaitingApproval().size() + engine_->HeldCanaries().size();
    for (const remedy::Silence& silence : engine_->silences().all())
      out.silences += silence.ActiveAt(clock_.NowNs());
    if (const remedy::Storm& storm = engine_->storm(); storm.on())
      out.storm = {storm.since_ns(), storm.until_ns(), engine_->storm_incident(),
                   storm.merged_total()};
    for (const auto& [id, open] : engine_->incidents().all())
      for (const Finding& finding : open->incident.findings)
        out.predictions +=
            finding.kind == FindingKind::kPrediction && finding.state != FindingState::kClear;
    return out;
  });
  report.remediation = std::move(from.remediation);
  report.policies = std::move(from.policies);
  report.open_incidents = from.incidents;
  report.awaiting_approval = from.awaiting;
  report.open_predictions = from.predictions;
  report.silences = from.silences;
  report.storm = from.storm;
  report.nodes = NodeStatuses();
  std::erase_if(report.nodes, [](const api::NodeStatus& node) { return node.kind == "policy"; });
  // A detector learns until it has seen enough of every series; see `learning_series` in the SDK.
  report.learning = services_.Sum("learning_series") > 0;
  for (const api::NodeStatus& node : report.nodes)
    report.learning |=
        node.enabled && node.kind == ToString(Kind::kDetector) && node.records_in == 0;
  report.problems = runner_->Complaints();
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

// ---- what is watched ----

std::vector<api::ServiceHealth> Agent::Services() {
  const std::lock_guard one_at_a_time(targets_mutex_);
  const int64_t now_ns = clock_.MonotonicNs();
  if (targets_ns_ != 0 && now_ns - targets_ns_ < kServicesEveryNs) return targets_;
  TargetFacts facts;
  facts.now_ns = clock_.NowNs();
  facts.open = AskEngine<std::vector<TargetIncident>>([this] {
    std::vector<TargetIncident> open;
    for (const auto& [id, i] : engine_->incidents().all())
      open.push_back(
          {id, i->incident.target, i->incident.state, i->incident.severity, i->incident.summary});
    return open;
  });
  for (const NodeStats& s : runner_->stats())
    if (s.kind == Kind::kSource) facts.sources[s.index] = s.name;
  {
    const std::lock_guard lock(mutex_);
    facts.group_by = spec_.agent.group_by;
    facts.last_incidents = last_incidents_;
  }
  targets_ = ListTargets(series_, facts);
  targets_ns_ = now_ns;
  return targets_;
}

Result<api::FindingPage> Agent::Findings(const api::FindingQuery& query) {
  FindingFilter filter;
  filter.predictions = query.kind == FindingKind::kPrediction;
  filter.open_only = query.open_only;
  filter.from = {query.before, query.limit};
  api::FindingPage page;
  {
    const std::lock_guard lock(reader_mutex_);
    Result<Page<StoredFinding>> stored = reader_->Findings(filter);
    if (!stored) return stored.error();
    for (StoredFinding& finding : stored->items)
      page.findings.push_back(
          {finding.incident, std::move(finding.finding), std::move(finding.forecast)});
    page.next = stored->next;
  }
  // Values change more often than the journal is written.
  auto shared = std::make_shared<api::FindingPage>(std::move(page));
  AskEngine<bool>([this, shared] {
    for (api::FindingEntry& entry : shared->findings) {
      const auto open = engine_->incidents().all().find(entry.incident);
      if (open == engine_->incidents().all().end()) continue;
      for (const Finding& finding : open->second->incident.findings)
        if (finding.id == entry.finding.id) entry.finding = finding;
    }
    return true;
  });
  return std::move(*shared);
}

Result<api::IncidentPage> Agent::Incidents(const api::IncidentQuery& query) {
  IncidentFilter filter;
  if (query.state) filter.states = {*query.state};
  filter.before = query.before_id;
  filter.label = query.label;
  filter.limit = query.limit;
  Result<IncidentPage> page = [&] {
    const std::lock_guard lock(reader_mutex_);
    return reader_->Incidents(filter);
  }();
  if (!page) return page.error();
  ShowQuiet(&page->incidents);
  return api::IncidentPage{std::move(page->incidents), page->next != 0};
}

void Agent::ShowQuiet(std::vector<Incident>* incidents) {
  using Quiet = std::pair<std::string, uint64_t>;
  std::vector<uint64_t> ids;
  for (const Incident& incident : *incidents) ids.push_back(incident.id);
  const std::map<uint64_t, Quiet> quiet = AskEngine<std::map<uint64_t, Quiet>>([this, ids] {
    std::map<uint64_t, Quiet> out;
    for (const uint64_t id : ids)
      if (const auto at = engine_->incidents().all().find(id);
          at != engine_->incidents().all().end() && at->second->quiet())
        out[id] = {at->second->incident.silenced_by, at->second->incident.muted_by};
    return out;
  });
  for (Incident& incident : *incidents)
    if (const auto at = quiet.find(incident.id); at != quiet.end())
      std::tie(incident.silenced_by, incident.muted_by) = at->second;
}

Result<api::IncidentChain> Agent::FindIncident(uint64_t id) {
  Result<std::optional<Chain>> chain = [&] {
    const std::lock_guard lock(reader_mutex_);
    return reader_->ChainOf(id);
  }();
  if (!chain) return chain.error();
  if (!*chain) return MakeError(Code::kNotFound, "there is no incident " + std::to_string(id));
  std::vector<Incident> shown = {std::move((*chain)->incident)};
  ShowQuiet(&shown);
  (*chain)->incident = std::move(shown.front());
  return ChainRecord(std::move(**chain));
}

// ---- what is done ----

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

Result<api::ExecutionPage> Agent::Executions(uint64_t before, size_t limit) {
  const std::lock_guard lock(reader_mutex_);
  Result<Page<DecidedExecution>> page = reader_->Executions({before, limit});
  if (!page) return page.error();
  api::ExecutionPage out;
  out.next = page->next;
  for (const auto& [e, decision] : page->items)
    out.executions.push_back({e.decision, e.incident, e.policy, e.action,
                              TargetName(decision.target), decision.plan.summary, decision.actor,
                              decision.dry_run, std::string(ToString(e.state)), e.attempt,
                              e.planned_ns, e.issued_ns, e.observed_ns, e.ended_ns, e.detail});
  return out;
}

Result<api::AuditPage> Agent::Audit(uint64_t before, size_t limit) {
  const std::lock_guard lock(reader_mutex_);
  Result<Page<AuditEvent>> page = reader_->Audit({before, limit});
  if (!page) return page.error();
  api::AuditPage out;
  out.next = page->next;
  for (const AuditEvent& e : page->items)
    out.events.push_back({e.seq, e.ts_ns, e.incident, e.kind, e.actor, e.subject, e.detail});
  return out;
}

api::SwitchState Agent::Switch() {
  return AskEngine<api::SwitchState>([this] {
    return api::SwitchState{engine_->switch_on(), engine_->switch_actor(),
                            engine_->switch_changed_ns()};
  });
}

Result<api::SwitchState> Agent::SetSwitch(bool enabled, const std::string& actor) {
  const heald::Status set = AskEngine<heald::Status>(
      [this, enabled, actor] { return engine_->SetSwitch(enabled, actor); });
  if (!set) return set.error();
  api::SwitchState state = Switch();
  Publish("switch", api::ToJson(state));
  return state;
}

std::vector<api::PolicyStatus> Agent::Policies() {
  return AskEngine<std::vector<api::PolicyStatus>>([this] {
    std::vector<api::PolicyStatus> out;
    for (const PolicySpec& policy : engine_->policies()) out.push_back(PolicyOf(policy, *engine_));
    return out;
  });
}

Result<api::PolicyStatus> Agent::SetPolicy(const std::string& name, const api::PolicyChange& change,
                                           const std::string& actor) {
  Result<api::PolicyStatus> changed =
      AskEngine<Result<api::PolicyStatus>>([&]() -> Result<api::PolicyStatus> {
        const heald::Status set = engine_->ChangePolicy(name, change.enabled, change.mode, actor);
        if (!set) return set.error();
        for (const PolicySpec& policy : engine_->policies())
          if (policy.name == name) return PolicyOf(policy, *engine_);
        return MakeError(Code::kNotFound, "there is no policy '" + name + "'");
      });
  if (!changed) return changed;
  {
    const std::lock_guard lock(mutex_);
    for (PolicySpec& policy : spec_.policies) {
      if (policy.name != name) continue;
      policy.enabled = changed->enabled;
      policy.mode = changed->mode;
    }
  }
  Publish("policy", api::ToJson(*changed));
  return changed;
}

std::vector<Decision> Agent::Approvals() {
  return AskEngine<std::vector<Decision>>([this] {
    std::vector<Decision> waiting;
    for (const Decision* decision : engine_->AwaitingApproval()) waiting.push_back(*decision);
    for (Decision& held : engine_->HeldCanaries()) waiting.push_back(std::move(held));
    std::sort(waiting.begin(), waiting.end(),
              [](const Decision& a, const Decision& b) { return a.ts_ns < b.ts_ns; });
    return waiting;
  });
}

Result<Decision> Agent::WaitingApproval(const std::string& decision) {
  return AskEngine<Result<Decision>>([&] { return engine_->Awaiting(decision); });
}

Result<void> Agent::Approve(const api::ApprovalAnswer& answer) {
  return AskEngine<heald::Status>([&] {
    const remedy::Engine::Answer how{answer.via, answer.plan_hash};
    return answer.approve ? engine_->Approve(answer.decision, answer.actor, how)
                          : engine_->Deny(answer.decision, answer.actor, how);
  });
}

std::shared_ptr<const api::ApprovalLinks> Agent::Links() {
  const std::lock_guard lock(mutex_);
  return links_;
}

std::vector<api::SilenceEntry> Agent::Silences() {
  std::vector<api::SilenceEntry> out = AskEngine<std::vector<api::SilenceEntry>>([this] {
    std::vector<api::SilenceEntry> all;
    for (const remedy::Silence& silence : engine_->silences().all())
      all.push_back(SilenceOf(silence, clock_.NowNs()));
    return all;
  });
  std::reverse(out.begin(), out.end());
  std::stable_partition(out.begin(), out.end(),
                        [](const api::SilenceEntry& silence) { return silence.active; });
  return out;
}

Result<api::SilenceEntry> Agent::AddSilence(const api::SilenceRequest& request,
                                            const std::string& actor) {
  const Result<remedy::Silence> added = AskEngine<Result<remedy::Silence>>([&] {
    const int64_t ends_ns =
        request.ends_ns != 0 ? request.ends_ns : clock_.NowNs() + request.for_ns;
    return engine_->AddSilence(request.matchers, ends_ns, actor, request.comment);
  });
  if (!added) return added.error();
  api::SilenceEntry silence = SilenceOf(*added, clock_.NowNs());
  Publish("silence", api::ToJson(silence));
  return silence;
}

Result<api::SilenceEntry> Agent::EndSilence(const std::string& id, const std::string& actor) {
  const Result<remedy::Silence> ended =
      AskEngine<Result<remedy::Silence>>([&] { return engine_->EndSilence(id, actor); });
  if (!ended) return ended.error();
  api::SilenceEntry silence = SilenceOf(*ended, clock_.NowNs());
  Publish("silence", api::ToJson(silence));
  return silence;
}

Result<api::DetectionReport> Agent::Detect(const std::string& actor) {
  const std::unique_lock running(detect_mutex_, std::try_to_lock);
  if (!running) return MakeError(Code::kConflict, "another detection run is under way");
  const int64_t start_ns = clock_.MonotonicNs();
  const std::string asked = "detection run asked for by " + actor;
  Log(LogLevel::kInfo, "heald", asked);
  AskEngine<bool>([&] {
    engine_->Record("detection.run", actor, "", asked);
    return true;
  });
  api::DetectionReport report;
  for (const Runner::Polled& polled : runner_->PollNow(kDetectWithinNs))
    report.sources.push_back({polled.source, static_cast<bool>(polled.status),
                              polled.status ? "" : polled.status.error().message, polled.samples});
  report.findings = AskEngine<std::vector<api::FindingEntry>>([this] {
    std::vector<api::FindingEntry> open;
    for (const auto& [id, i] : engine_->incidents().all())
      for (const Finding& finding : i->incident.findings)
        if (finding.state != FindingState::kClear) open.push_back({id, finding});
    return open;
  });
  report.took_ns = clock_.MonotonicNs() - start_ns;
  return report;
}

// ---- for machines ----

std::vector<api::Check> Agent::Health() {
  std::vector<api::Check> checks;
  {
    const std::lock_guard lock(mutex_);
    checks.push_back({"store", problem_.empty(), problem_});
  }
  for (const NodeStats& s : runner_->stats())
    if (s.state == NodeState::kHung)
      checks.push_back({std::string(ToString(s.kind)) + " " + s.name, false, s.last_error});
  return checks;
}

std::vector<api::Check> Agent::Ready() {
  std::vector<api::Check> checks = Health();
  for (const NodeStats& s : runner_->stats()) {
    // A notifier that can't deliver holds up nothing: what it has to say waits on disk.
    if (s.state == NodeState::kHung || s.kind == Kind::kNotifier) continue;
    const bool ok = IsWell(s);
    checks.push_back({std::string(ToString(s.kind)) + " " + s.name, ok, ok ? "" : s.last_error});
  }
  return checks;
}

std::string Agent::MetricsPage() {
  return metrics_.Exposition();
}

void Agent::OnRequest(const api::RequestRecord& record) {
  metrics_
      .Get(names::kApiRequests,
           {{"route", std::string(record.route)},
            {"method", std::string(record.method)},
            {"code", std::to_string(record.status)}},
           Lifetime::kTouched)
      .Increment();
  metrics_.Get(names::kApiDuration, {{"route", std::string(record.route)}}, Lifetime::kTouched)
      .Record(static_cast<double>(record.duration_ns) / 1e9);
}

}  // namespace heald::agent
