#include "core/agent/targets.h"

#include <algorithm>
#include <tuple>

#include "core/base/units.h"
#include "core/remedy/incidents.h"

namespace heald::agent {
namespace {

constexpr size_t kMaxSignals = 24;
// Without a sample for so long, nobody can say how it is.
constexpr int64_t kSilentNs = 5 * kMinute;

Labels Without(const Labels& labels, const Labels& target) {
  Labels rest;
  for (const auto& [name, value] : labels.pairs())
    if (name != "__name__" && !target.Has(name)) rest.Set(name, value);
  return rest;
}

std::string StateOf(const TargetIncident* incident, int64_t silent_ns) {
  if (incident == nullptr) return silent_ns > kSilentNs ? "silent" : "healthy";
  if (incident->state == IncidentState::kActing || incident->state == IncidentState::kVerifying)
    return "acting";
  return incident->severity == Severity::kCritical ? "critical" : "warning";
}

void Sort(std::vector<api::Signal>* signals) {
  const auto key = [](const api::Signal& s) { return std::tie(s.source, s.name); };
  std::sort(signals->begin(), signals->end(), [&](const api::Signal& a, const api::Signal& b) {
    return key(a) != key(b) ? key(a) < key(b) : a.labels.ToString() < b.labels.ToString();
  });
  if (signals->size() > kMaxSignals) signals->resize(kMaxSignals);
}

}  // namespace

std::vector<api::ServiceHealth> ListTargets(const SeriesTable& series, const TargetFacts& facts) {
  std::map<std::string, api::ServiceHealth> targets;
  const auto grouped = [&](const Labels& labels) {
    return std::any_of(facts.group_by.begin(), facts.group_by.end(),
                       [&](const std::string& name) { return labels.Has(name); });
  };
  series.ForEach([&](const SeriesTable::Series& s) {
    const int64_t ts_ns = s.ts_ns.load(std::memory_order_relaxed);
    const auto source = facts.sources.find(s.owner);
    if (ts_ns == 0 || source == facts.sources.end() || !grouped(s.labels)) return;
    const Labels target = remedy::GroupTarget(s.labels, facts.group_by);
    api::ServiceHealth& health = targets[target.ToString()];
    health.target = target;
    health.seen_ns = std::max(health.seen_ns, ts_ns);
    ++health.series;
    health.signals.push_back({source->second, std::string(s.labels.Get("__name__")),
                              Without(s.labels, target), s.value.load(std::memory_order_relaxed),
                              ts_ns});
    // Sorting now and then keeps a target of many series from holding them all.
    if (health.signals.size() == 64 * kMaxSignals) Sort(&health.signals);
  });
  for (const TargetIncident& incident : facts.open)
    targets[incident.target.ToString()].target = incident.target;
  std::vector<api::ServiceHealth> out;
  for (auto& [name, health] : targets) {
    const auto open = std::find_if(
        facts.open.begin(), facts.open.end(),
        [&](const TargetIncident& incident) { return incident.target == health.target; });
    const TargetIncident* incident = open == facts.open.end() ? nullptr : &*open;
    health.state = StateOf(incident, facts.now_ns - health.seen_ns);
    if (incident != nullptr) {
      health.incident = incident->id;
      health.summary = incident->summary;
    }
    if (const auto last = facts.last_incidents.find(name); last != facts.last_incidents.end())
      health.last_incident = last->second;
    Sort(&health.signals);
    out.push_back(std::move(health));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return TargetName(a.target) < TargetName(b.target);
  });
  return out;
}

}  // namespace heald::agent
