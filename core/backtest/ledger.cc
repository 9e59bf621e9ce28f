#include "core/backtest/ledger.h"

#include <algorithm>

namespace heald::backtest {
namespace {

constexpr size_t kMaxProblems = 20;

bool OnlyTells(const PipelineSpec& spec, const std::string& action) {
  const NodeSpec* node = spec.FindNode(action);
  return node == nullptr ? action == "alert" : node->plugin == "alert";
}

}  // namespace

Ledger::Ledger(const PipelineSpec& spec) : spec_(spec) {}

void Ledger::OnFinding(const Finding& finding, int64_t now_ns) {
  auto at = open_findings_.find(finding.id);
  if (at == open_findings_.end()) {
    if (finding.state == FindingState::kClear) return;
    at = open_findings_.emplace(finding.id, findings.size()).first;
    FoundFinding& found = findings.emplace_back();
    found.detector = Keep(finding.node);
    found.metric = Keep(finding.metric);
    found.target = Keep(TargetName(finding.target));
    found.unit = Keep(finding.unit);
    found.kind = finding.kind;
    found.began_ns = finding.began_ns;
    found.told_ns = now_ns;
    found.probability = finding.probability;
    found.eta_ns = finding.eta_ns;
    if (finding.kind == FindingKind::kPrediction) predictions_[finding.id] = at->second;
  }
  FoundFinding& found = findings[at->second];
  if (finding.state == FindingState::kClear) {
    found.cleared_ns = now_ns;
    found.recovered = Recovered(finding);
    open_findings_.erase(at);
    return;
  }
  found.began_ns = std::min(found.began_ns, finding.began_ns);
  if (std::pair(finding.severity, finding.score) < std::pair(found.severity, found.score)) return;
  found.severity = finding.severity;
  found.score = finding.score;
  found.value = finding.value;
  found.expected_low = finding.expected_low;
  found.expected_high = finding.expected_high;
}

void Ledger::OnNotice(const remedy::Notice& notice) {
  switch (notice.kind) {
    case remedy::NoticeKind::kFinding: {
      SeenIncident& incident = IncidentOf(*notice.incident);
      const auto at = open_findings_.find(notice.finding->id);
      if (at == open_findings_.end()) return;
      findings[at->second].incident = incident.id;
      incident.began_ns = std::min(incident.began_ns, findings[at->second].began_ns);
      if (std::find(incident.findings.begin(), incident.findings.end(), at->second) ==
          incident.findings.end())
        incident.findings.push_back(at->second);
      if (incident.recent.empty() && incident_of_.size() <= kMaxRecent) {
        incident.recent = notice.finding->recent;
        incident.expected_low = notice.finding->expected_low;
        incident.expected_high = notice.finding->expected_high;
        incident.unit = notice.finding->unit;
      }
      return;
    }
    case remedy::NoticeKind::kIncident:
      return OnIncident(notice);
    case remedy::NoticeKind::kDecision:
      return OnDecision(notice);
    case remedy::NoticeKind::kOutcome: {
      const auto at = act_of_.find(notice.decision->id);
      if (at == act_of_.end()) return;
      if (notice.outcome->state == OutcomeState::kVerified) acts[at->second].verified = true;
      if (notice.outcome->state >= OutcomeState::kVerified) act_of_.erase(at);
      return;
    }
  }
}

SeenIncident& Ledger::IncidentOf(const Incident& incident) {
  const auto [at, is_new] = incident_of_.try_emplace(incident.id, incidents.size());
  if (is_new) {
    SeenIncident& seen = incidents.emplace_back();
    seen.id = incident.id;
    seen.target = TargetName(incident.target);
    seen.target_key = incident.target.ToString();
    seen.summary = incident.summary;
    seen.began_ns = seen.opened_ns = incident.opened_ns;
  }
  SeenIncident& seen = incidents[at->second];
  if (incident.severity > seen.severity) {
    seen.severity = incident.severity;
    seen.summary = incident.summary;
  }
  seen.closed_ns = incident.closed_ns;  // 0 again where it began again
  return seen;
}

void Ledger::OnIncident(const remedy::Notice& notice) {
  SeenIncident& seen = IncidentOf(*notice.incident);
  if (notice.incident->opened_ns == notice.ts_ns) seen.quiet = notice.quiet;
}

void Ledger::OnDecision(const remedy::Notice& notice) {
  const Decision& decision = *notice.decision;
  if (decision.verdict == DecisionVerdict::kRefused) {
    act_of_.erase(decision.id);  // one that was asked for is withdrawn
    for (const GuardVerdict& guard : decision.guards) {
      if (guard.allowed || guard.guard == "approval") continue;
      HeldBack& held = held_back[decision.policy][guard.guard];
      ++held.times;
      held.example = guard.reason;
    }
    return;
  }
  SeenIncident& incident = IncidentOf(*notice.incident);
  if (!act_of_.emplace(decision.id, acts.size()).second) return;
  incident.acts.push_back(acts.size());
  Act& act = acts.emplace_back();
  act.policy = decision.policy;
  act.action = decision.action;
  act.plan = decision.plan.summary;
  act.why = decision.why;
  act.mode = decision.mode;
  act.verdict = decision.verdict;
  act.dry_run = decision.dry_run;
  act.tells_only = OnlyTells(spec_, decision.action);
  act.step = decision.step;
  act.attempt = decision.attempt;
  act.incident = decision.incident;
  act.ts_ns = notice.ts_ns;
  act.began_ns = incident.began_ns;
  if (const auto at = open_findings_.find(decision.finding); at != open_findings_.end()) {
    act.finding = at->second;
    act.began_ns = findings[at->second].began_ns;
  }
  if (const PolicySpec* policy = spec_.FindPolicy(decision.policy))
    act.verify_ns = policy->AtStep(decision.step).verify_within_ns;
}

void Ledger::OnProblem(const Error& error) {
  if (problems.size() < kMaxProblems) problems.push_back(error.message);
}

void Ledger::OnJudged(const Forecast& forecast) {
  const auto at = predictions_.find(forecast.finding);
  if (at == predictions_.end()) return;
  FoundFinding& found = findings[at->second];
  // Nothing was done in the history, so nothing was averted.
  found.outcome = forecast.outcome == ForecastOutcome::kAverted ? ForecastOutcome::kFalseAlarm
                                                                : forecast.outcome;
  found.happened_ns = forecast.happened_ns;
  predictions_.erase(at);
}

}  // namespace heald::backtest
