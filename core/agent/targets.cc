#include "core/agent/targets.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "core/base/units.h"

namespace heald::agent {
namespace {

constexpr size_t kMaxSignals = 24;
// Without a sample for so long, nobody can say how it is.
constexpr int64_t kSilentNs = 5 * kMinute;
constexpr std::string_view kInstance = "instance";

Labels InstanceOf(const Labels& labels) {
  Labels instance;
  if (labels.Has(kInstance)) instance.Set(kInstance, labels.Get(kInstance));
  return instance;
}

// Whose a series or an incident is. What names nothing of group_by, as a host's own metrics, is its
// instance's; empty without one.
Labels TargetOf(const Labels& labels, const std::vector<std::string>& group_by) {
  Labels target;
  for (const std::string& name : group_by)
    if (labels.Has(name)) target.Set(name, labels.Get(name));
  return target.empty() ? InstanceOf(labels) : target;
}

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
  std::set<std::string> of_services;  // instances
  series.ForEach([&](const SeriesTable::Series& s) {
    const int64_t ts_ns = s.ts_ns.load(std::memory_order_relaxed);
    const auto source = facts.sources.find(s.owner);
    if (ts_ns == 0 || source == facts.sources.end()) return;
    const Labels target = TargetOf(s.labels, facts.group_by);
    if (target.empty()) return;
    if (const Labels instance = InstanceOf(s.labels); instance != target)
      of_services.insert(instance.ToString());
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
  // What a service's instance tells beside it, such as `up`, is no service of its own.
  for (const std::string& instance : of_services) targets.erase(instance);
  std::map<std::string, const TargetIncident*> worst;
  for (const TargetIncident& incident : facts.open) {
    Labels target = TargetOf(incident.target, facts.group_by);
    if (target.empty()) target = incident.target;
    const TargetIncident*& known = worst[target.ToString()];
    if (known == nullptr || known->severity < incident.severity) known = &incident;
    targets[target.ToString()].target = std::move(target);
  }
  std::vector<api::ServiceHealth> out;
  for (auto& [name, health] : targets) {
    const auto open = worst.find(name);
    const TargetIncident* incident = open == worst.end() ? nullptr : open->second;
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
