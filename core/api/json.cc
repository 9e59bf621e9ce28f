#include "core/api/json.h"

#include <cmath>
#include <nlohmann/json.hpp>

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
          {"target_uid", plan.target_uid},
          {"effect_within_seconds", Seconds(plan.effect_within_ns)}};
}

Json ToJson(const NodeStatus& node) {
  return {{"name", node.name},
          {"kind", ToString(node.kind)},
          {"plugin", node.plugin},
          {"enabled", node.enabled},
          {"ok", node.ok},
          {"detail", node.detail},
          {"records_in", node.records_in},
          {"records_out", node.records_out},
          {"errors", node.errors},
          {"dropped", node.dropped}};
}

Json ToJson(const PolicyStatus& policy) {
  return {{"name", policy.name},
          {"enabled", policy.enabled},
          {"mode", ToString(policy.mode)},
          {"action", policy.action}};
}

}  // namespace

template <typename T>
Json ToJsonArray(const std::vector<T>& items) {
  Json out = Json::array();
  for (const T& item : items) out.push_back(ToJson(item));
  return out;
}
template Json ToJsonArray(const std::vector<Decision>&);
template Json ToJsonArray(const std::vector<Incident>&);
template Json ToJsonArray(const std::vector<Diagnostic>&);
template Json ToJsonArray(const std::vector<Check>&);

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
          {"time", Time(d.ts_ns)}};
}

Json ToJson(const Outcome& outcome) {
  return {{"decision", outcome.decision},
          {"incident", outcome.incident},
          {"state", ToString(outcome.state)},
          {"detail", outcome.detail},
          {"time", Time(outcome.ts_ns)}};
}

Json ToJson(const ChainEvent& event) {
  return {{"time", Time(event.ts_ns)},
          {"actor", event.actor},
          {"event", event.event},
          {"decision", event.decision.empty() ? Json() : Json(event.decision)},
          {"detail", event.detail}};
}

Json ToJson(const IncidentChain& chain) {
  Json out = ToJson(chain.incident);
  out["decisions"] = ToJsonArray(chain.decisions);
  out["outcomes"] = ToJsonArray(chain.outcomes);
  out["timeline"] = ToJsonArray(chain.timeline);
  return out;
}

Json ToJson(const SwitchState& state) {
  return {{"enabled", state.enabled}, {"actor", state.actor}, {"changed", Time(state.changed_ns)}};
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
          {"healthy_since", Time(s.healthy_since_ns)},
          {"reloaded", Time(s.reloaded_ns)},
          {"reload_error", s.reload_error.empty() ? Json() : Json(s.reload_error)},
          {"nodes", ToJsonArray(s.nodes)},
          {"policies", ToJsonArray(s.policies)}};
}

Json ToJson(const Diagnostic& diagnostic) {
  return {{"file", diagnostic.file},
          {"line", diagnostic.line},
          {"column", diagnostic.column},
          {"severity", diagnostic.severity},
          {"message", diagnostic.message}};
}

Json ToJson(const Check& check) {
  return {{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}};
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace heald::api
