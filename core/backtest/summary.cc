#include "core/backtest/summary.h"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace heald::backtest {
namespace {

constexpr int64_t kSameNs = kMinute;  // incidents of two pipelines so near are the same

int64_t Median(std::vector<int64_t>* values) {
  if (values->empty()) return 0;
  const auto middle = values->begin() + static_cast<ptrdiff_t>(values->size() / 2);
  std::nth_element(values->begin(), middle, values->end());
  return *middle;
}

int64_t EndOr(int64_t cleared_ns, const Span& span) {
  return cleared_ns != 0 ? cleared_ns : span.to_ns;
}

// Of intervals that may overlap.
int64_t Covered(std::vector<std::pair<int64_t, int64_t>> intervals) {
  std::sort(intervals.begin(), intervals.end());
  int64_t covered_ns = 0;
  int64_t until_ns = INT64_MIN;
  for (const auto& [begin_ns, end_ns] : intervals) {
    if (end_ns <= until_ns) continue;
    covered_ns += end_ns - std::max(begin_ns, until_ns);
    until_ns = end_ns;
  }
  return covered_ns;
}

DetectorSummary SummarizeDetector(const Backtest& run, const NodeSpec& node, double days) {
  DetectorSummary out;
  out.name = node.name;
  out.plugin = node.plugin;
  std::vector<std::pair<int64_t, int64_t>> open;
  std::vector<int64_t> lengths;
  std::vector<int64_t> leads;
  const std::vector<FoundFinding>& findings = run.ledger->findings;
  for (size_t i = 0; i < findings.size(); ++i) {
    const FoundFinding& found = findings[i];
    if (found.detector != node.name) continue;
    ++out.findings;
    ++out.by_severity[found.severity];
    open.emplace_back(found.told_ns, EndOr(found.cleared_ns, run.span));
    if (found.cleared_ns != 0) lengths.push_back(found.cleared_ns - found.told_ns);
    if (out.worst == SIZE_MAX ||
        std::pair(found.severity, found.score) >
            std::pair(findings[out.worst].severity, findings[out.worst].score))
      out.worst = i;
    if (found.kind != FindingKind::kPrediction) continue;
    ++out.predictions;
    out.false_alarms += found.outcome == ForecastOutcome::kFalseAlarm;
    if (found.outcome != ForecastOutcome::kCameTrue) continue;
    ++out.came_true;
    if (found.happened_ns != 0) leads.push_back(found.happened_ns - found.told_ns);
  }
  out.per_day = static_cast<double>(out.findings) / days;
  out.open_ns = Covered(std::move(open));
  out.median_ns = Median(&lengths);
  out.median_lead_ns = Median(&leads);
  return out;
}

PolicySummary SummarizePolicy(const Backtest& run, const PolicySpec& policy, int64_t by_itself_ns) {
  PolicySummary out;
  out.name = policy.name;
  out.mode = policy.mode;
  out.enabled = policy.enabled;
  std::set<uint64_t> incidents;
  std::vector<int64_t> waits;
  std::vector<int64_t> clears;
  for (const Act& act : run.ledger->acts) {
    if (act.policy != policy.name) continue;
    incidents.insert(act.incident);
    if (act.tells_only) {
      ++out.told;
      continue;
    }
    if (act.verdict == DecisionVerdict::kAwaitsApproval)
      ++out.asked;
    else if (act.verdict == DecisionVerdict::kWouldAct || act.dry_run)
      ++out.would_act;
    else
      ++out.executed;
    waits.push_back(act.ts_ns - act.began_ns);
    const int64_t cleared_ns = ClearedAt(*run.ledger, act);
    if (cleared_ns != 0) clears.push_back(cleared_ns - act.ts_ns);
    const Afterwards after = AfterAct(run, act, by_itself_ns);
    out.cleared += after == Afterwards::kCleared;
    out.still_bad += after == Afterwards::kStillBad;
    out.unknown += after == Afterwards::kUnknown;
  }
  out.incidents = incidents.size();
  if (const auto held = run.ledger->held_back.find(policy.name);
      held != run.ledger->held_back.end())
    out.held_back = held->second;
  out.median_wait_ns = Median(&waits);
  out.median_clear_ns = Median(&clears);
  return out;
}

std::vector<EntitySummary> SummarizeEntities(const Backtest& run) {
  std::unordered_map<std::string, size_t> at;
  std::vector<EntitySummary> out;
  for (const SeenIncident& incident : run.ledger->incidents) {
    const auto [found, is_new] = at.try_emplace(incident.target, out.size());
    if (is_new) out.emplace_back().target = incident.target;
    EntitySummary& entity = out[found->second];
    ++entity.incidents;
    entity.findings += incident.findings.size();
    entity.acts += incident.acts.size();
    entity.open_ns += EndOr(incident.closed_ns, run.span) - incident.opened_ns;
    entity.worst = std::max(entity.worst, incident.severity);
  }
  std::sort(out.begin(), out.end(), [](const EntitySummary& a, const EntitySummary& b) {
    return std::tuple(b.incidents, b.open_ns, a.target) <
           std::tuple(a.incidents, a.open_ns, b.target);
  });
  return out;
}

LabelSummary SummarizeLabels(const Backtest& run, const std::vector<LabelWindow>& labels) {
  LabelSummary out;
  const auto overlap = [&](const SeenIncident& incident, const LabelWindow& window) {
    return incident.opened_ns <= window.end_ns &&
           EndOr(incident.closed_ns, run.span) >= window.start_ns;
  };
  std::vector<int64_t> delays;
  for (const LabelWindow& window : labels) {
    if (window.end_ns < run.span.from_ns || window.start_ns > run.span.to_ns) continue;
    LabelSummary::Of& of = out.windows.emplace_back();
    of.window = window;
    for (const SeenIncident& incident : run.ledger->incidents) {
      if (!overlap(incident, window)) continue;
      of.found = true;
      of.incident = incident.id;
      of.delay_ns = incident.opened_ns - window.start_ns;
      break;  // they come by time of opening
    }
    out.found += of.found;
    if (of.found) delays.push_back(of.delay_ns);
  }
  for (const SeenIncident& incident : run.ledger->incidents) {
    if (incident.quiet) continue;
    ++out.incidents;
    out.incidents_in +=
        std::any_of(out.windows.begin(), out.windows.end(),
                    [&](const LabelSummary::Of& of) { return overlap(incident, of.window); });
  }
  out.median_delay_ns = Median(&delays);
  return out;
}

}  // namespace

int64_t ClearedAt(const Ledger& ledger, const Act& act) {
  if (act.finding == SIZE_MAX) return 0;
  const FoundFinding& found = ledger.findings[act.finding];
  return found.recovered ? std::max(found.cleared_ns, act.ts_ns) : 0;
}

Afterwards AfterAct(const Backtest& run, const Act& act, int64_t by_itself_ns) {
  const int64_t cleared_ns = ClearedAt(*run.ledger, act);
  if (cleared_ns != 0 && cleared_ns - act.ts_ns <= by_itself_ns) return Afterwards::kCleared;
  const FoundFinding* const found =
      act.finding == SIZE_MAX ? nullptr : &run.ledger->findings[act.finding];
  const bool vanished = found == nullptr || (found->cleared_ns != 0 && !found->recovered &&
                                             found->cleared_ns - act.ts_ns <= by_itself_ns);
  if (vanished || (cleared_ns == 0 && run.span.to_ns - act.ts_ns < by_itself_ns))
    return Afterwards::kUnknown;
  return Afterwards::kStillBad;
}

Summary Summarize(const Backtest& run, const std::vector<LabelWindow>& labels,
                  int64_t by_itself_ns) {
  Summary out;
  const int64_t length_ns = std::max(run.span.to_ns - run.span.from_ns, kSecond);
  out.days = static_cast<double>(length_ns) / static_cast<double>(kDay);
  for (int64_t day_ns = run.span.from_ns / kDay * kDay; day_ns <= run.span.to_ns; day_ns += kDay)
    out.by_day.emplace_back(day_ns, 0);
  std::vector<int64_t> lengths;
  for (const SeenIncident& incident : run.ledger->incidents) {
    if (incident.quiet) {
      ++out.quiet;
      continue;
    }
    ++out.incidents;
    const auto day = static_cast<size_t>(incident.opened_ns / kDay - run.span.from_ns / kDay);
    if (day < out.by_day.size()) ++out.by_day[day].second;
    if (incident.closed_ns != 0) lengths.push_back(incident.closed_ns - incident.opened_ns);
    out.open_at_end += incident.closed_ns == 0;
    if (incident.closed_ns == 0 && run.span.to_ns - incident.opened_ns < by_itself_ns) continue;
    ++out.judged;
    out.by_itself +=
        incident.closed_ns != 0 && incident.closed_ns - incident.opened_ns <= by_itself_ns;
  }
  out.alerts_per_day = static_cast<double>(out.incidents) / out.days;
  out.median_open_ns = Median(&lengths);
  for (const NodeSpec& node : run.spec->nodes)
    if (node.kind == Kind::kDetector && node.enabled)
      out.detectors.push_back(SummarizeDetector(run, node, out.days));
  for (const PolicySpec& policy : run.spec->policies)
    out.policies.push_back(SummarizePolicy(run, policy, by_itself_ns));
  out.entities = SummarizeEntities(run);
  if (!labels.empty()) out.labels = SummarizeLabels(run, labels);
  return out;
}

std::vector<size_t> OnlyIn(const Backtest& of, const Backtest& other) {
  std::unordered_map<std::string, std::vector<const SeenIncident*>> by_target;
  for (const SeenIncident& incident : other.ledger->incidents)
    by_target[incident.target_key].push_back(&incident);
  std::vector<size_t> only;
  for (size_t i = 0; i < of.ledger->incidents.size(); ++i) {
    const SeenIncident& incident = of.ledger->incidents[i];
    const auto at = by_target.find(incident.target_key);
    const bool seen =
        at != by_target.end() &&
        std::any_of(at->second.begin(), at->second.end(), [&](const SeenIncident* there) {
          return there->opened_ns <= EndOr(incident.closed_ns, of.span) + kSameNs &&
                 EndOr(there->closed_ns, other.span) + kSameNs >= incident.opened_ns;
        });
    if (!seen) only.push_back(i);
  }
  return only;
}

}  // namespace heald::backtest
