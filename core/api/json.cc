#include "core/api/json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/api/chain_detail.h"
#include "core/base/units.h"

namespace heald::api {
namespace {

Json Time(int64_t ns) {
  return ns == 0 ? Json() : Json(FormatTime(ns));
}
Json Number(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}
Json Numbers(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) out.push_back(Number(value));
  return out;
}
double Seconds(int64_t ns) {
  return static_cast<double>(ns) / static_cast<double>(kSecond);
}

// null where there is none.
Json Text(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json ToJson(const Contributor& contributor) {
  return {{"name", contributor.name},
          {"share", Number(contributor.share)},
          {"value", Number(contributor.value)},
          {"expected", Number(contributor.expected)}};
}

Json ToJson(const GuardVerdict& verdict) {
  return {{"guard", verdict.guard}, {"allowed", verdict.allowed}, {"reason", verdict.reason}};
}

Json ToJson(const Plan& plan) {
  return {{"summary", plan.summary},
          {"reversible", plan.reversible},
          {"can_canary", plan.can_canary},
          {"target_uid", plan.target_uid},
          {"effect_within_seconds", Seconds(plan.effect_within_ns)}};
}

Json ToJson(const PipelineEdge& edge) {
  return {
      {"from", edge.from}, {"to", edge.to}, {"records", edge.records}, {"outputs", edge.outputs}};
}

Json ToJson(const GuardStatus& guard) {
  return {{"for_seconds", Seconds(guard.for_ns)},
          {"cooldown_seconds", Seconds(guard.cooldown_ns)},
          {"max_per_hour", guard.max_per_hour},
          {"excluded", guard.excluded},
          {"max_targets", Text(guard.max_targets)},
          {"min_healthy", Text(guard.min_healthy)},
          {"breaker",
           {{"failures", guard.breaker_failures}, {"for_seconds", Seconds(guard.breaker_for_ns)}}},
          {"demote", {{"failures", guard.demote_failures}, {"of", guard.demote_of}}},
          {"windows", guard.windows},
          {"deny_windows", guard.deny_windows}};
}

Json ToJson(const StormStatus& storm) {
  return {{"since", Time(storm.since_ns)},
          {"until", Time(storm.until_ns)},
          {"incident", storm.incident},
          {"counted", storm.counted}};
}

Json ToJson(const Signal& signal) {
  return {{"source", signal.source},
          {"name", signal.name},
          {"labels", api::ToJson(signal.labels)},
          {"value", Number(signal.value)},
          {"time", Time(signal.ts_ns)}};
}

Json ToJson(const DetectionReport::Source& source) {
  return {{"name", source.name},
          {"ok", source.ok},
          {"detail", source.detail},
          {"samples", source.samples}};
}

// An audit row's detail: the line for people, and what else there is.
struct Detail {
  Json text = "";
  Json rest;
  explicit Detail(const std::string& json) : rest(Json::parse(json, nullptr, false)) {
    if (!rest.is_object()) rest = Json::object();
    if (const auto at = rest.find("text"); at != rest.end()) {
      text = *at;
      rest.erase(at);
    }
  }
};

Json Id(std::optional<uint64_t> id) {
  return id ? Json(*id) : Json();
}

Json Links(const std::vector<Link>& links) {
  Json out = Json::array();
  for (const Link& link : links) out.push_back({{"name", link.name}, {"url", link.url}});
  return out;
}

}  // namespace

template <typename T>
Json ToJsonArray(const std::vector<T>& items) {
  Json out = Json::array();
  for (const T& item : items) out.push_back(ToJson(item));
  return out;
}
template Json ToJsonArray(const std::vector<Decision>&);
template Json ToJsonArray(const std::vector<WaitingUndo>&);
template Json ToJsonArray(const std::vector<Incident>&);
template Json ToJsonArray(const std::vector<Diagnostic>&);
template Json ToJsonArray(const std::vector<Check>&);
template Json ToJsonArray(const std::vector<ServiceHealth>&);
template Json ToJsonArray(const std::vector<FindingEntry>&);
template Json ToJsonArray(const std::vector<ActionStatus>&);
template Json ToJsonArray(const std::vector<ExecutionEntry>&);
template Json ToJsonArray(const std::vector<AuditEntry>&);
template Json ToJsonArray(const std::vector<PluginEntry>&);
template Json ToJsonArray(const std::vector<PolicyStatus>&);
template Json ToJsonArray(const std::vector<SilenceEntry>&);
template Json ToJsonArray(const std::vector<NodeStatus>&);
template Json ToJsonArray(const std::vector<TokenUse>&);

Json ToJson(const Labels& labels) {
  Json out = Json::object();
  for (const auto& [name, value] : labels.pairs()) out[name] = value;
  return out;
}

Json ToJson(const Finding& f) {
  return {{"id", f.id},
          {"node", f.node},
          {"kind", ToString(f.kind)},
          {"state", ToString(f.state)},
          {"severity", ToString(f.severity)},
          {"target", ToJson(f.target)},
          {"target_name", TargetName(f.target)},
          {"metric", f.metric},
          {"unit", f.unit},
          {"summary", f.summary},
          {"description", Describe(f)},
          {"value", Number(f.value)},
          {"expected_low", Number(f.expected_low)},
          {"expected_high", Number(f.expected_high)},
          {"score", Number(f.score)},
          {"confidence", Number(f.confidence)},
          {"began", Time(f.began_ns)},
          {"time", Time(f.ts_ns)},
          {"contributors", ToJsonArray(f.contributors)},
          {"probability", Number(f.probability)},
          {"eta", Time(f.eta_ns)},
          {"eta_low", Time(f.eta_low_ns)},
          {"eta_high", Time(f.eta_high_ns)},
          {"component", f.component},
          {"recommended_action", f.recommended_action},
          {"recent", Numbers(f.recent)},
          {"recent_step_seconds", Seconds(f.recent_step_ns)},
          {"count", f.count},
          {"annotations", ToJson(f.annotations)}};
}

// null where nobody has said anything.
Json ToJson(const IncidentLabel& label) {
  if (label.value.empty()) return {};
  return {{"value", label.value},
          {"comment", label.comment},
          {"actor", label.actor},
          {"time", Time(label.ts_ns)}};
}

Json ToJson(const Forecast& f) {
  return {{"outcome", ToString(f.outcome)},
          {"text", f.reason},
          {"probability", Number(f.probability)},
          {"made", Time(f.made_ns)},
          {"until", Time(f.until_ns)},
          {"judged", Time(f.judged_ns)},
          {"happened", Time(f.happened_ns)}};
}

Json ToJson(const Incident& incident) {
  return {{"id", incident.id},
          {"state", ToString(incident.state)},
          {"severity", ToString(incident.severity)},
          {"trace_id", incident.trace_id},
          {"target", ToJson(incident.target)},
          {"target_name", TargetName(incident.target)},
          {"summary", incident.summary},
          {"opened", Time(incident.opened_ns)},
          {"closed", Time(incident.closed_ns)},
          {"began", Time(incident.began_ns)},
          {"resolution", ToString(incident.resolution)},
          {"healed_by", Text(incident.healed_by)},
          {"needed_person", incident.needed_person},
          {"reopened", incident.reopened},
          {"label", ToJson(incident.label)},
          {"silenced_by", Text(incident.silenced_by)},
          {"muted_by", incident.muted_by == 0 ? Json() : Json(incident.muted_by)},
          {"quiet_since", Time(incident.quiet_since_ns)},
          {"findings", ToJsonArray(incident.findings)}};
}

Json ToJson(const Decision& d) {
  return {{"id", d.id},
          {"incident", d.incident},
          {"trace_id", d.trace_id},
          {"verdict", ToString(d.verdict)},
          {"mode", ToString(d.mode)},
          {"dry_run", d.dry_run},
          {"policy", d.policy},
          {"action", d.action},
          {"actor", d.actor},
          {"target", ToJson(d.target)},
          {"target_name", TargetName(d.target)},
          {"finding", d.finding},
          {"plan", ToJson(d.plan)},
          {"plan_hash", d.plan_hash},
          {"guards", ToJsonArray(d.guards)},
          {"why", d.why},
          {"step", d.step},
          {"steps", d.steps},
          {"expires", Time(d.expires_ns)},
          {"via", d.via.empty() ? Json() : Json(d.via)},
          {"time", Time(d.ts_ns)}};
}

Json ToJson(const WaitingUndo& undo) {
  return {{"decision", ToJson(undo.decision)}, {"since", Time(undo.since_ns)}, {"why", undo.why}};
}

Json ToJson(const Outcome& outcome) {
  return {{"decision", outcome.decision},
          {"incident", outcome.incident},
          {"state", ToString(outcome.state)},
          {"detail", outcome.detail},
          {"time", Time(outcome.ts_ns)}};
}

Json ToJson(const ChainEvent& event) {
  Detail detail(event.detail);
  Json calls = TakeCalls(&detail.rest);
  Json samples = TakeSamples(&detail.rest);
  return {{"time", Time(event.ts_ns)},        {"actor", event.actor}, {"event", event.event},
          {"decision", Text(event.decision)}, {"text", detail.text},  {"calls", std::move(calls)},
          {"samples", std::move(samples)},    {"detail", detail.rest}};
}

Json ToJson(const IncidentChain& chain) {
  Json out = ToJson(chain.incident);
  out["hints"] = Json::array();
  for (const HintEntry& hint : chain.hints)
    out["hints"].push_back({{"time", Time(hint.ts_ns)}, {"text", hint.text}});
  out["decisions"] = ToJsonArray(chain.decisions);
  out["outcomes"] = ToJsonArray(chain.outcomes);
  out["timeline"] = ToJsonArray(chain.timeline);
  out["afterwards"] = Json::object();
  for (const auto& [decision, text] : chain.afterwards) out["afterwards"][decision] = text;
  out["judgements"] = Json::object();
  for (const Forecast& forecast : chain.forecasts)
    out["judgements"][forecast.finding] = ToJson(forecast);
  return out;
}

Json ToJson(const SwitchState& state) {
  return {{"enabled", state.enabled}, {"actor", state.actor}, {"changed", Time(state.changed_ns)}};
}

Json ToJson(const NodeStatus& node) {
  return {{"name", node.name},
          {"kind", node.kind},
          {"plugin", node.plugin},
          {"enabled", node.enabled},
          {"ok", node.ok},
          {"state", node.state},
          {"detail", node.detail},
          {"records_in", node.records_in},
          {"records_out", node.records_out},
          {"errors", node.errors},
          {"dropped", node.dropped},
          {"queued", node.queued},
          {"series", node.series},
          {"learning", node.learning},
          {"in_per_second", Number(node.rates.in)},
          {"out_per_second", Number(node.rates.out)},
          {"last_received", Time(node.received_ns)}};
}

Json ToJson(const PipelineReport& pipeline) {
  return {{"file", pipeline.file},
          {"nodes", ToJsonArray(pipeline.nodes)},
          {"edges", ToJsonArray(pipeline.edges)}};
}

Json ToJson(const StepStatus& s) {
  return {{"action", s.action},
          {"mode", ToString(s.mode)},
          {"verify_within_seconds", Seconds(s.verify_within_ns)},
          {"on_refused", s.skip_refused ? "next" : "wait"},
          {"canary", Text(s.canary)},
          {"undo_after_seconds", s.undo_after_ns == 0 ? Json() : Json(Seconds(s.undo_after_ns))}};
}

Json ToJson(const PolicyStatus& p) {
  Json recommended = Json::object();
  for (const auto& [recommendation, action] : p.recommended_actions)
    recommended[recommendation] = action;
  return {{"name", p.name},
          {"enabled", p.enabled},
          {"mode", ToString(p.mode)},
          {"action", p.action},
          {"recommended_actions", recommended},
          {"steps", ToJsonArray(p.steps)},
          {"inputs", p.inputs},
          {"when", p.when},
          {"guard", ToJson(p.guard)},
          {"verify_within_seconds", Seconds(p.verify_within_ns)},
          {"approval_expires_seconds", Seconds(p.approval_expires_ns)},
          {"allow_on_prediction", p.allow_on_prediction},
          {"allow_self", p.allow_self},
          {"file_enabled", p.file_enabled},
          {"file_mode", ToString(p.file_mode)},
          {"changed_by", Text(p.changed_by)},
          {"changed_reason", Text(p.changed_reason)},
          {"changed", Time(p.changed_ns)}};
}

Json ToJson(const SilenceEntry& s) {
  return {{"id", s.id},
          {"matchers", s.matchers},
          {"created", Time(s.created_ns)},
          {"ends", Time(s.ends_ns)},
          {"actor", s.actor},
          {"comment", s.comment},
          {"active", s.active},
          {"ended_by", Text(s.ended_by)}};
}

Json ToJson(const ServiceHealth& s) {
  return {{"name", TargetName(s.target)},
          {"target", ToJson(s.target)},
          {"state", s.state},
          {"incident", Id(s.incident)},
          {"summary", s.summary},
          {"last_incident", Id(s.last_incident)},
          {"seen", Time(s.seen_ns)},
          {"series", s.series},
          {"signals", ToJsonArray(s.signals)}};
}

Json ToJson(const FindingEntry& entry) {
  Json out = {{"incident", entry.incident}};
  out.update(ToJson(entry.finding));
  out["judgement"] = entry.forecast ? ToJson(*entry.forecast) : Json();
  return out;
}

Json ToJson(const ActionStatus& a) {
  return {{"name", a.name}, {"plugin", a.plugin}, {"enabled", a.enabled},
          {"ok", a.ok},     {"detail", a.detail}, {"policies", a.policies}};
}

Json ToJson(const ExecutionEntry& e) {
  return {{"decision", e.decision},
          {"incident", e.incident},
          {"policy", e.policy},
          {"action", e.action},
          {"target_name", e.target_name},
          {"plan", e.plan},
          {"actor", e.actor},
          {"dry_run", e.dry_run},
          {"state", e.state},
          {"attempt", e.attempt},
          {"planned", Time(e.planned_ns)},
          {"issued", Time(e.issued_ns)},
          {"observed", Time(e.observed_ns)},
          {"ended", Time(e.ended_ns)},
          {"detail", e.detail}};
}

Json ToJson(const AuditEntry& e) {
  const Detail detail(e.detail);
  return {{"seq", e.seq},
          {"time", Time(e.ts_ns)},
          {"incident", e.incident == 0 ? Json() : Json(e.incident)},
          {"kind", e.kind},
          {"actor", e.actor},
          {"subject", e.subject},
          {"text", detail.text},
          {"detail", detail.rest}};
}

Json ToJson(const DetectionReport& report) {
  return {{"took_seconds", Seconds(report.took_ns)},
          {"sources", ToJsonArray(report.sources)},
          {"findings", ToJsonArray(report.findings)}};
}

Json ToJson(const PluginEntry& p) {
  Json out = {{"kind", ToString(p.kind)},
              {"name", p.name},
              {"doc", p.doc},
              {"version", p.version},
              {"plugin", p.plugin},
              {"file", p.file},
              {"inputs", RecordNames(p.inputs)},
              {"outputs", RecordNames(p.outputs)},
              {"nodes", p.nodes}};
  if (!p.schema.empty()) out["schema"] = Json::parse(p.schema, nullptr, false);
  return out;
}

Json ToJson(const StatusReport& s) {
  return {{"version", s.version},
          {"pipeline_file", s.pipeline_file},
          {"started", Time(s.started_ns)},
          {"now", Time(s.now_ns)},
          {"learning", s.learning},
          {"dry_run", s.dry_run},
          {"remediation", ToJson(s.remediation)},
          {"open_incidents", s.open_incidents},
          {"awaiting_approval", s.awaiting_approval},
          {"open_predictions", s.open_predictions},
          {"silences", s.silences},
          {"storm", s.storm ? ToJson(*s.storm) : Json()},
          {"healthy_since", Time(s.healthy_since_ns)},
          {"reloaded", Time(s.reloaded_ns)},
          {"reload_error", Text(s.reload_error)},
          {"problems", s.problems},
          {"nodes", ToJsonArray(s.nodes)},
          {"policies", ToJsonArray(s.policies)},
          {"links", Links(s.links)}};
}

Json ToJson(const Diagnostic& diagnostic) {
  return {{"file", diagnostic.file},
          {"line", diagnostic.line},
          {"column", diagnostic.column},
          {"severity", diagnostic.severity},
          {"message", diagnostic.message}};
}

Json ToJson(const ReloadReport& report) {
  return {{"applied", report.applied},
          {"summary", report.summary},
          {"diagnostics", ToJsonArray(report.diagnostics)}};
}

Json ToJson(const TokenUse& use) {
  const Token& token = use.token;
  return {{"id", token.id},
          {"name", token.name},
          {"role", ToString(token.role)},
          {"created", Time(token.created_ns)},
          {"created_by", token.created_by},
          {"expires", Time(token.expires_ns)},
          {"last_used", Time(use.last_used_ns)}};
}

Json ToJson(const Check& check) {
  return {{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}};
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace heald::api
