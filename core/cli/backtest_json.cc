#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/cli/backtest.h"

namespace heald::cli {
namespace {

using namespace backtest;
using Json = nlohmann::ordered_json;

double Seconds(int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

Json TimeOrNull(int64_t ns) {
  return ns == 0 ? Json() : Json(FormatTime(ns));
}

Json NumberOrNull(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

std::string_view Decided(const Act& act) {
  if (act.tells_only) return "told";
  if (act.verdict == DecisionVerdict::kAwaitsApproval) return "asked";
  return act.verdict == DecisionVerdict::kWouldAct || act.dry_run ? "would_act" : "executed";
}

std::string_view Name(Afterwards after) {
  constexpr std::string_view kNames[] = {"cleared_by_itself", "still_bad", "unknown"};
  return kNames[static_cast<size_t>(after)];
}

Json ToJson(const FoundFinding& f) {
  Json out = {{"detector", f.detector},
              {"metric", f.metric},
              {"target", f.target},
              {"kind", ToString(f.kind)},
              {"severity", ToString(f.severity)},
              {"value", NumberOrNull(f.value)},
              {"unit", f.unit},
              {"expected_low", NumberOrNull(f.expected_low)},
              {"expected_high", NumberOrNull(f.expected_high)},
              {"score", NumberOrNull(f.score)},
              {"began", TimeOrNull(f.began_ns)},
              {"told", TimeOrNull(f.told_ns)},
              {"cleared", TimeOrNull(f.cleared_ns)}};
  if (f.kind != FindingKind::kPrediction) return out;
  out["probability"] = NumberOrNull(f.probability);
  out["eta"] = TimeOrNull(f.eta_ns);
  out["outcome"] = ToString(f.outcome);
  out["happened"] = TimeOrNull(f.happened_ns);
  return out;
}

Json ToJson(const backtest::Backtest& run, const Act& act, int64_t by_itself_ns) {
  const int64_t cleared_ns = ClearedAt(*run.ledger, act);
  Json out = {{"at", FormatTime(act.ts_ns)},
              {"policy", act.policy},
              {"mode", ToString(act.mode)},
              {"decided", Decided(act)},
              {"action", act.action},
              {"plan", act.plan},
              {"why", act.why},
              {"step", act.step},
              {"attempt", act.attempt},
              {"after_begin_seconds", Seconds(act.ts_ns - act.began_ns)}};
  if (act.tells_only) return out;
  out["history"] = Name(AfterAct(run, act, by_itself_ns));
  out["cleared_after_seconds"] = cleared_ns == 0 ? Json() : Json(Seconds(cleared_ns - act.ts_ns));
  return out;
}

Json ToJson(const backtest::Backtest& run, const SeenIncident& incident, int64_t by_itself_ns) {
  constexpr size_t kFindings = 20;
  Json findings = Json::array();
  for (size_t i = 0; i < std::min(incident.findings.size(), kFindings); ++i)
    findings.push_back(ToJson(run.ledger->findings[incident.findings[i]]));
  Json acts = Json::array();
  for (const size_t act : incident.acts)
    acts.push_back(ToJson(run, run.ledger->acts[act], by_itself_ns));
  Json recent = Json::array();
  for (const double value : incident.recent) recent.push_back(NumberOrNull(value));
  return {{"id", incident.id},
          {"target", incident.target},
          {"labels", incident.target_key},
          {"severity", ToString(incident.severity)},
          {"summary", incident.summary},
          {"began", FormatTime(incident.began_ns)},
          {"opened", FormatTime(incident.opened_ns)},
          {"closed", TimeOrNull(incident.closed_ns)},
          {"muted", incident.quiet},
          {"findings_total", incident.findings.size()},
          {"findings", std::move(findings)},
          {"acts", std::move(acts)},
          {"recent", std::move(recent)},
          {"expected_low", NumberOrNull(incident.expected_low)},
          {"expected_high", NumberOrNull(incident.expected_high)},
          {"unit", incident.unit}};
}

Json ToJson(const BacktestResult& result, const DetectorSummary& d) {
  Json severities = Json::object();
  for (const auto& [severity, count] : d.by_severity)
    severities[std::string(ToString(severity))] = count;
  Json out = {
      {"name", d.name},
      {"plugin", d.plugin},
      {"findings", d.findings},
      {"per_day", d.per_day},
      {"by_severity", std::move(severities)},
      {"median_seconds", Seconds(d.median_ns)},
      {"open_seconds", Seconds(d.open_ns)},
      {"worst", d.worst == SIZE_MAX ? Json() : ToJson(result.run.ledger->findings[d.worst])}};
  if (d.predictions != 0)
    out["predictions"] = {{"total", d.predictions},
                          {"came_true", d.came_true},
                          {"false_alarms", d.false_alarms},
                          {"median_lead_seconds", Seconds(d.median_lead_ns)}};
  return out;
}

Json ToJson(const PolicySummary& p) {
  Json held = Json::array();
  for (const auto& [guard, back] : p.held_back)
    held.push_back({{"guard", guard}, {"times", back.times}, {"example", back.example}});
  return {{"name", p.name},
          {"mode", ToString(p.mode)},
          {"enabled", p.enabled},
          {"executed", p.executed},
          {"would_act", p.would_act},
          {"asked", p.asked},
          {"told", p.told},
          {"incidents", p.incidents},
          {"cleared_by_itself", p.cleared},
          {"still_bad", p.still_bad},
          {"unknown", p.unknown},
          {"median_after_begin_seconds", Seconds(p.median_wait_ns)},
          {"median_cleared_after_seconds", Seconds(p.median_clear_ns)},
          {"held_back", std::move(held)}};
}

Json ToJson(const LabelSummary& labels) {
  Json windows = Json::array();
  for (const LabelSummary::Of& of : labels.windows)
    windows.push_back({{"start", FormatTime(of.window.start_ns)},
                       {"end", FormatTime(of.window.end_ns)},
                       {"name", of.window.name},
                       {"found", of.found},
                       {"incident", of.found ? Json(of.incident) : Json()},
                       {"delay_seconds", of.found ? Json(Seconds(of.delay_ns)) : Json()}});
  const auto share = [](uint64_t part, size_t of) {
    return of == 0 ? Json() : Json(static_cast<double>(part) / static_cast<double>(of));
  };
  return {{"recall", share(labels.found, labels.windows.size())},
          {"precision", share(labels.incidents_in, labels.incidents)},
          {"median_delay_seconds", Seconds(labels.median_delay_ns)},
          {"windows", std::move(windows)}};
}

// By time; where there are too many, the worst and longest.
std::vector<size_t> Pick(const backtest::Backtest& run, size_t max_incidents) {
  const std::vector<SeenIncident>& incidents = run.ledger->incidents;
  std::vector<size_t> picked(incidents.size());
  for (size_t i = 0; i < picked.size(); ++i) picked[i] = i;
  if (max_incidents == 0 || picked.size() <= max_incidents) return picked;
  const auto rank = [&](size_t i) {
    const SeenIncident& in = incidents[i];
    const int64_t end_ns = in.closed_ns == 0 ? run.span.to_ns : in.closed_ns;
    return std::tuple(in.acts.size(), in.severity, end_ns - in.opened_ns);
  };
  std::stable_sort(picked.begin(), picked.end(),
                   [&](size_t a, size_t b) { return rank(a) > rank(b); });
  picked.resize(max_incidents);
  std::sort(picked.begin(), picked.end());
  return picked;
}

Json ToJson(const BacktestResult& result, int64_t by_itself_ns, size_t max_incidents) {
  const backtest::Backtest& run = result.run;
  const Summary& s = result.summary;
  Json by_day = Json::array();
  for (const auto& [day_ns, count] : s.by_day)
    by_day.push_back({{"day", FormatTime(day_ns).substr(0, 10)}, {"incidents", count}});
  Json detectors = Json::array();
  for (const DetectorSummary& d : s.detectors) detectors.push_back(ToJson(result, d));
  Json policies = Json::array();
  for (const PolicySummary& p : s.policies) policies.push_back(ToJson(p));
  Json entities = Json::array();
  for (const EntitySummary& e : s.entities)
    entities.push_back({{"target", e.target},
                        {"incidents", e.incidents},
                        {"findings", e.findings},
                        {"acts", e.acts},
                        {"open_seconds", Seconds(e.open_ns)},
                        {"worst", ToString(e.worst)}});
  Json incidents = Json::array();
  for (const size_t i : Pick(run, max_incidents))
    incidents.push_back(ToJson(run, run.ledger->incidents[i], by_itself_ns));
  Json out = {{"pipeline", result.file},
              {"from", FormatTime(run.span.from_ns)},
              {"to", FormatTime(run.span.to_ns)},
              {"days", s.days},
              {"learnt_from", FormatTime(run.span.begin_ns)},
              {"samples", run.samples},
              {"samples_learnt", run.learnt},
              {"series", run.series},
              {"seconds", run.seconds},
              {"notes", run.notes},
              {"incidents_total", s.incidents},
              {"incidents_muted", s.quiet},
              {"alerts_per_day", s.alerts_per_day},
              {"open_at_end", s.open_at_end},
              {"median_open_seconds", Seconds(s.median_open_ns)},
              {"cleared_by_itself", s.by_itself},
              {"cleared_by_itself_of", s.judged},
              {"by_day", std::move(by_day)},
              {"detectors", std::move(detectors)},
              {"policies", std::move(policies)},
              {"entities", std::move(entities)}};
  if (s.labels) out["labels"] = ToJson(*s.labels);
  out["incidents"] = std::move(incidents);
  return out;
}

}  // namespace

std::string BacktestJson(const BacktestReport& report, size_t max_incidents, int indent) {
  Json results = Json::array();
  for (const BacktestResult& result : report.results)
    results.push_back(ToJson(result, report.by_itself_ns, max_incidents));
  Json differences = Json::array();
  for (const BacktestResult& one : report.results)
    for (const BacktestResult& other : report.results) {
      if (&one == &other) continue;
      Json ids = Json::array();
      for (const size_t i : OnlyIn(one.run, other.run))
        ids.push_back(one.run.ledger->incidents[i].id);
      differences.push_back(
          {{"only_in", one.file}, {"not_in", other.file}, {"incidents", std::move(ids)}});
    }
  const Json out = {{"input", report.input.empty() ? Json() : Json(report.input)},
                    {"by_itself_within_seconds", Seconds(report.by_itself_ns)},
                    {"results", std::move(results)},
                    {"differences", std::move(differences)}};
  return out.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace heald::cli
