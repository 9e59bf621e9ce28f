// What is counted: findings, incidents, decisions, outcomes. rate() and increase() don't see the
// first value of a series, so each is on the page, at 0, before it happens.
#include <algorithm>
#include <set>

#include "core/agent/agent.h"
#include "core/pipeline/graph.h"
#include "core/remedy/guards.h"
#include "core/telemetry/names.h"

namespace heald::agent {
namespace {

// With more policies the page would be mostly zeros; the others are there from their first event
// on.
constexpr size_t kPoliciesAtZero = 200;

// What an action was done about, which may have begun anew since its incident did.
int64_t BeganNs(const remedy::Notice& notice) {
  for (const Finding& finding : notice.incident->findings)
    if (finding.id == notice.decision->finding && finding.began_ns != 0) return finding.began_ns;
  return notice.incident->opened_ns;
}

std::vector<DecisionVerdict> VerdictsOf(Mode mode) {
  using enum DecisionVerdict;
  switch (mode) {
    case Mode::kShadow:
      return {kWouldAct, kRefused};
    case Mode::kApprove:
      return {kAwaitsApproval, kAct, kRefused};
    case Mode::kEnforce:
      break;
  }
  return {kAct, kRefused};
}

template <typename T>
std::string Text(T value) {
  return std::string(ToString(value));
}

}  // namespace

Metric Agent::Counted(const MetricDef& def, const Labels& labels) {
  return metrics_.Get(def, labels, Lifetime::kTouched);
}

void Agent::CollectCounts() {
  for (const char* result : {"applied", "failed"}) Counted(names::kReloads, {{"result", result}});
  for (const auto state :
       {IncidentState::kOpen, IncidentState::kResolved, IncidentState::kEscalated})
    Counted(names::kIncidents, {{"state", Text(state)}});
  const std::lock_guard lock(mutex_);
  for (const NodeSpec& node : spec_.nodes)
    if (node.enabled && (OutputsOf(*loader_, node) & kFindings) != 0)
      for (const auto severity : {Severity::kInfo, Severity::kWarning, Severity::kCritical})
        Counted(names::kFindings, {{"node", node.name}, {"severity", Text(severity)}});
  for (const std::string& detector : predictors_)
    for (const auto outcome : {ForecastOutcome::kCameTrue, ForecastOutcome::kAverted,
                               ForecastOutcome::kFalseAlarm, ForecastOutcome::kUndecidable})
      Counted(names::kPredictions, {{"detector", detector}, {"outcome", Text(outcome)}});
  for (size_t i = 0; i < std::min(spec_.policies.size(), kPoliciesAtZero); ++i)
    if (spec_.policies[i].enabled) CollectPolicy(spec_.policies[i]);
}

void Agent::CollectPolicy(const PolicySpec& policy) {
  using enum OutcomeState;
  bool acts = false;
  std::set<Mode> modes;
  for (uint32_t step = 1; step <= policy.step_count(); ++step) {
    const PolicySpec at = policy.AtStep(step);
    acts |= at.action != "alert" || !at.recommended_actions.empty();
    modes.insert(at.mode);
  }
  for (const Mode mode : modes)
    for (const DecisionVerdict verdict : VerdictsOf(mode))
      Counted(names::kDecisions,
              {{"policy", policy.name}, {"mode", Text(mode)}, {"verdict", Text(verdict)}});
  for (const auto state : {kIssued, kObserved, kVerified, kFailed, kUndone, kDryRun})
    Counted(names::kOutcomes, {{"policy", policy.name}, {"state", Text(state)}});
  for (const std::string_view guard : remedy::kRefusers)
    Counted(names::kRefusals, {{"policy", policy.name}, {"guard", std::string(guard)}});
  if (acts) Counted(names::kHeal, {{"policy", policy.name}});
}

void Agent::CountFinding(const Finding& finding) {
  if (finding.kind == FindingKind::kPrediction) {
    const std::lock_guard lock(mutex_);
    predictors_.insert(finding.node);
  }
  if (finding.state == FindingState::kOpen)
    Counted(names::kFindings, {{"node", finding.node}, {"severity", Text(finding.severity)}})
        .Increment();
}

void Agent::OnJudged(const Forecast& forecast) {
  Counted(names::kPredictions,
          {{"detector", forecast.detector}, {"outcome", Text(forecast.outcome)}})
      .Increment();
}

void Agent::CountNotice(const remedy::Notice& notice) {
  {
    const std::lock_guard lock(mutex_);
    if (notice.seq != 0) problem_.clear();  // the journal is written again
    if (notice.kind == remedy::NoticeKind::kFinding && notice.finding != nullptr)
      for (const std::string& policy : followers_->PoliciesOf(notice.finding->node))
        ++policy_counts_[policy].in;
    if (notice.kind == remedy::NoticeKind::kDecision && notice.decision != nullptr)
      ++policy_counts_[notice.decision->policy].out;
    if (notice.kind == remedy::NoticeKind::kIncident && notice.incident->closed_ns != 0)
      last_incidents_[notice.incident->target.ToString()] = notice.incident->id;
  }
  // What a policy says of an incident is no new state of it.
  if (notice.kind == remedy::NoticeKind::kIncident && notice.incident != nullptr &&
      notice.node.empty() && IsNewState(*notice.incident))
    Counted(names::kIncidents, {{"state", Text(notice.incident->state)}}).Increment();
  if (notice.kind == remedy::NoticeKind::kDecision && notice.decision != nullptr) {
    const Decision& d = *notice.decision;
    Counted(names::kDecisions,
            {{"policy", d.policy}, {"mode", Text(d.mode)}, {"verdict", Text(d.verdict)}})
        .Increment();
    if (d.verdict == DecisionVerdict::kRefused)
      for (const GuardVerdict& guard : d.guards)
        if (!guard.allowed)
          Counted(names::kRefusals, {{"policy", d.policy}, {"guard", guard.guard}}).Increment();
  }
  if (notice.kind == remedy::NoticeKind::kOutcome && notice.outcome != nullptr &&
      notice.decision != nullptr) {
    const std::string& policy = notice.decision->policy;
    Counted(names::kOutcomes, {{"policy", policy}, {"state", Text(notice.outcome->state)}})
        .Increment();
    if (notice.outcome->state == OutcomeState::kVerified && notice.incident != nullptr &&
        notice.decision->action != "alert")
      Counted(names::kHeal, {{"policy", policy}})
          .Record(static_cast<double>(notice.ts_ns - BeganNs(notice)) / 1e9);
  }
}

// An incident tells of more than its states: what is silenced, what comes next…
bool Agent::IsNewState(const Incident& incident) {
  const std::lock_guard lock(mutex_);
  const auto [at, first] = counted_states_.try_emplace(incident.id, incident.state);
  const bool is_new = first || at->second != incident.state;
  at->second = incident.state;
  if (incident.closed_ns != 0) counted_states_.erase(at);
  return is_new;
}

}  // namespace heald::agent
