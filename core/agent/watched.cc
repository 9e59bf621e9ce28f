// What was found and done, for the API: from the store through a reader of its own, with what only
// the engine knows.
#include <algorithm>
#include <tuple>

#include "core/agent/agent.h"
#include "core/agent/chain_record.h"
#include "core/agent/targets.h"

namespace heald::agent {
namespace {

constexpr int64_t kServicesEveryNs = kSecond;

}  // namespace

std::vector<api::ServiceHealth> Agent::Services() {
  const std::lock_guard one_at_a_time(targets_mutex_);
  const int64_t now_ns = clock_.MonotonicNs();
  if (targets_ns_ != 0 && now_ns - targets_ns_ < kServicesEveryNs) return targets_;
  TargetFacts facts;
  facts.now_ns = clock_.NowNs();
  facts.open = AskLane<std::vector<TargetIncident>>([this] {
    std::vector<TargetIncident> open;
    if (engine_ == nullptr) return TargetsOnShelf();
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

// Before there are incidents; on the lane.
std::vector<TargetIncident> Agent::TargetsOnShelf() const {
  std::vector<std::string> group_by;
  {
    const std::lock_guard lock(mutex_);
    group_by = spec_.agent.group_by;
  }
  std::vector<TargetIncident> open;
  for (const Finding& finding : shelf_.Open())
    open.push_back({0, remedy::GroupTarget(finding.target, group_by), IncidentState::kOpen,
                    finding.severity, Describe(finding)});
  return open;
}

// What was found while the journal can't be read; nothing where that isn't so.
std::optional<api::FindingPage> Agent::KeptFindings(const api::FindingQuery& query) {
  return AskLane<std::optional<api::FindingPage>>(
      [this, query]() -> std::optional<api::FindingPage> {
        if (engine_ != nullptr) return std::nullopt;
        api::FindingPage page;
        std::vector<Finding> open = shelf_.Open();
        for (auto at = open.rbegin(); at != open.rend() && page.findings.size() < query.limit; ++at)
          if ((at->kind == FindingKind::kPrediction) == (query.kind == FindingKind::kPrediction))
            page.findings.push_back({0, std::move(*at)});
        return page;
      });
}

Result<api::FindingPage> Agent::Findings(const api::FindingQuery& query) {
  FindingFilter filter;
  filter.predictions = query.kind == FindingKind::kPrediction;
  filter.open_only = query.open_only;
  filter.from = {query.before, query.limit};
  api::FindingPage page;
  Result<Page<StoredFinding>> stored =
      ReadStore<Page<StoredFinding>>([&](StoreReader& reader) { return reader.Findings(filter); });
  if (!stored) {
    if (std::optional<api::FindingPage> kept = KeptFindings(query)) return std::move(*kept);
    return stored.error();
  }
  for (StoredFinding& finding : stored->items)
    page.findings.push_back(
        {finding.incident, std::move(finding.finding), std::move(finding.forecast)});
  page.next = stored->next;
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
  Result<IncidentPage> page =
      ReadStore<IncidentPage>([&](StoreReader& reader) { return reader.Incidents(filter); });
  if (!page) return page.error();
  ShowQuiet(&page->incidents);
  return api::IncidentPage{std::move(page->incidents), page->next != 0};
}

void Agent::ShowQuiet(std::vector<Incident>* incidents) {
  using Quiet = std::tuple<std::string, uint64_t, int64_t>;
  std::vector<uint64_t> ids;
  for (const Incident& incident : *incidents) ids.push_back(incident.id);
  const std::map<uint64_t, Quiet> quiet = AskEngine<std::map<uint64_t, Quiet>>([this, ids] {
    std::map<uint64_t, Quiet> out;
    for (const uint64_t id : ids)
      if (const auto at = engine_->incidents().all().find(id);
          at != engine_->incidents().all().end()) {
        const Incident& open = at->second->incident;
        out[id] = {open.silenced_by, open.muted_by, QuietSinceNs(open)};
      }
    return out;
  });
  for (Incident& incident : *incidents)
    if (const auto at = quiet.find(incident.id); at != quiet.end())
      std::tie(incident.silenced_by, incident.muted_by, incident.quiet_since_ns) = at->second;
}

Result<api::IncidentChain> Agent::FindIncident(uint64_t id) {
  Result<std::optional<Chain>> chain =
      ReadStore<std::optional<Chain>>([&](StoreReader& reader) { return reader.ChainOf(id); });
  if (!chain) return chain.error();
  if (!*chain) return MakeError(Code::kNotFound, "there is no incident " + std::to_string(id));
  std::vector<Incident> shown = {std::move((*chain)->incident)};
  ShowQuiet(&shown);
  (*chain)->incident = std::move(shown.front());
  return ChainRecord(std::move(**chain));
}

Result<api::ExecutionPage> Agent::Executions(uint64_t before, size_t limit) {
  Result<Page<DecidedExecution>> page = ReadStore<Page<DecidedExecution>>([&](StoreReader& reader) {
    return reader.Executions({before, limit});
  });
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
  Result<Page<AuditEvent>> page = ReadStore<Page<AuditEvent>>([&](StoreReader& reader) {
    return reader.Audit({before, limit});
  });
  if (!page) return page.error();
  api::AuditPage out;
  out.next = page->next;
  for (const AuditEvent& e : page->items)
    out.events.push_back({e.seq, e.ts_ns, e.incident, e.kind, e.actor, e.subject, e.detail});
  return out;
}

}  // namespace heald::agent
