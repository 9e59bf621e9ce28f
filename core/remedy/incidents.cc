#include "core/remedy/incidents.h"

#include <algorithm>
#include <optional>

#include "core/remedy/hash.h"

namespace heald::remedy {
namespace {

Labels WithoutName(const Labels& labels) {
  if (!labels.Has("__name__")) return labels;
  Labels out;
  for (const auto& [name, value] : labels.pairs())
    if (name != "__name__") out.Set(name, value);
  return out;
}

// The same thing is wrong, whatever the id.
bool SameFingerprint(const Finding& a, const Finding& b) {
  return SameFault(a, b) && a.target == b.target;
}

// The same thing under an earlier id: the open one before those that have cleared, of which
// restarts leave several.
std::optional<size_t> SameThing(const std::vector<Finding>& findings, const Finding& finding) {
  std::optional<size_t> same;
  for (size_t i = 0; i < findings.size(); ++i) {
    if (!SameFingerprint(findings[i], finding)) continue;
    same = i;
    if (findings[i].state != FindingState::kClear) break;
  }
  return same;
}

const Labels& StormTarget() {
  static const Labels kTarget = {{"heald", "storm"}};
  return kTarget;
}

}  // namespace

Labels GroupTarget(const Labels& target, const std::vector<std::string>& group_by) {
  Labels group;
  for (const std::string& name : group_by)
    if (target.Has(name)) group.Set(name, target.Get(name));
  return group.empty() ? WithoutName(target) : group;
}

bool SameFault(const Finding& a, const Finding& b) {
  return a.node == b.node && a.metric == b.metric && a.kind == b.kind && a.component == b.component;
}

int OpenIncident::Find(std::string_view finding_id) const {
  for (size_t i = 0; i < incident.findings.size(); ++i)
    if (incident.findings[i].id == finding_id) return static_cast<int>(i);
  return -1;
}

std::string OpenIncident::PresentId(const std::string& finding_id) const {
  const int index = Find(finding_id);
  if (index < 0) return finding_id;
  return incident
      .findings[*SameThing(incident.findings, incident.findings[static_cast<size_t>(index)])]
      .id;
}

bool OpenIncident::AnyOpen() const {
  return std::any_of(incident.findings.begin(), incident.findings.end(),
                     [](const Finding& f) { return f.state != FindingState::kClear; });
}

bool OpenIncident::AnyOrphan() const {
  return std::any_of(meta.begin(), meta.end(), [](const FindingMeta& m) { return m.orphan; });
}

bool OpenIncident::Unhealthy() const {
  return std::any_of(incident.findings.begin(), incident.findings.end(), [](const Finding& f) {
    return f.state != FindingState::kClear && f.severity >= Severity::kWarning &&
           f.kind != FindingKind::kPrediction;
  });
}

int64_t OpenIncident::BeganNs() const {
  int64_t began_ns = incident.opened_ns;
  for (const Finding& finding : incident.findings)
    if (finding.began_ns != 0) began_ns = std::min(began_ns, finding.began_ns);
  return began_ns;
}

int64_t OpenIncident::SickSinceNs() const {
  if (incident.reopened == 0) return BeganNs();
  int64_t since_ns = INT64_MAX;  // of the findings that are, or were, wrong this time
  int64_t latest_ns = 0;
  for (size_t i = 0; i < meta.size(); ++i) {
    const int64_t began_ns = incident.findings[i].began_ns;
    latest_ns = std::max(latest_ns, began_ns);
    if (meta[i].cleared_ns == 0 || (again_ns != 0 && meta[i].cleared_ns >= again_ns))
      since_ns = std::min(since_ns, began_ns);
  }
  return since_ns == INT64_MAX ? latest_ns : since_ns;
}

Incident OpenIncident::Header() const {
  Incident header;
  header.id = incident.id;
  header.state = incident.state;
  header.severity = incident.severity;
  header.trace_id = incident.trace_id;
  header.target = incident.target;
  header.summary = incident.summary;
  header.opened_ns = incident.opened_ns;
  header.began_ns = BeganNs();
  header.closed_ns = incident.closed_ns;
  header.resolution = incident.resolution;
  header.healed_by = incident.healed_by;
  header.needed_person = incident.needed_person;
  header.reopened = incident.reopened;
  header.label = incident.label;
  header.silenced_by = incident.silenced_by;
  header.muted_by = incident.muted_by;
  return header;
}

Intake IncidentBook::Take(const Finding& reported, int64_t now_ns) {
  Intake intake;
  Finding finding = reported;
  finding.target = WithoutName(finding.target);
  finding.began_ns = std::min(finding.began_ns, now_ns);  // before the clock was set back
  if (const auto at = by_finding_.find(finding.id); at != by_finding_.end()) {
    intake.open = Find(at->second);
    intake.index = static_cast<size_t>(intake.open->Find(finding.id));
    Finding& held = intake.open->incident.findings[intake.index];
    const bool was_open = held.state != FindingState::kClear;
    const bool raised = finding.severity > held.severity;
    const bool clear = finding.state == FindingState::kClear;
    if (clear && !was_open) return intake;
    held = std::move(finding);
    intake.open->meta[intake.index].orphan = false;
    intake.open->meta[intake.index].cleared_ns = clear ? now_ns : 0;
    if (!was_open) intake.open->meta[intake.index].again = true;
    intake.what = clear       ? Intake::What::kCleared
                  : !was_open ? Intake::What::kOpened
                  : raised    ? Intake::What::kRaised
                              : Intake::What::kUpdated;
    if (!clear) Refresh(intake.open, held);
    return intake;
  }
  if (finding.state == FindingState::kClear) return intake;

  Labels target = GroupTarget(finding.target, group_by_);
  const auto same_target = by_target_.find(target.ToString());
  intake.open = same_target == by_target_.end() ? nullptr : Find(same_target->second);
  if (intake.open == nullptr) {
    intake.open = Open(finding, std::move(target), now_ns);
    intake.new_incident = true;
  }
  OpenIncident& open = *intake.open;
  by_finding_.emplace(finding.id, open.incident.id);
  if (const std::optional<size_t> same = SameThing(open.incident.findings, finding)) {
    const size_t i = *same;
    Finding& held = open.incident.findings[i];
    const bool cleared = held.state == FindingState::kClear;
    by_finding_.erase(held.id);
    if (!cleared) finding.began_ns = std::min(finding.began_ns, held.began_ns);
    intake.replaced = std::exchange(held, std::move(finding));
    intake.orphaned = open.meta[i].orphan;
    const bool again = cleared || open.meta[i].again;
    open.meta[i] = {};
    open.meta[i].again = again;
    intake.index = i;
    intake.what = cleared ? Intake::What::kOpened : Intake::What::kAdopted;
    Refresh(&open, held);
    return intake;
  }
  intake.index = open.incident.findings.size();
  open.incident.findings.push_back(std::move(finding));
  open.meta.emplace_back();
  intake.what = Intake::What::kOpened;
  Refresh(&open, open.incident.findings.back());
  return intake;
}

std::string IncidentBook::TargetKeyOf(const Finding& reported) const {
  return GroupTarget(WithoutName(reported.target), group_by_).ToString();
}

bool IncidentBook::WouldOpen(const Finding& reported) const {
  return reported.state != FindingState::kClear && !by_finding_.contains(reported.id) &&
         !by_target_.contains(TargetKeyOf(reported));
}

OpenIncident* IncidentBook::OpenStorm(const Finding& first, int64_t now_ns) {
  OpenIncident* open = Open(first, StormTarget(), now_ns);
  open->storm = true;
  return open;
}

OpenIncident* IncidentBook::Open(const Finding& finding, Labels target, int64_t now_ns) {
  auto open = std::make_unique<OpenIncident>();
  open->incident.id = ++last_id_;
  open->incident.opened_ns = now_ns;
  open->incident.trace_id = TraceId(store_id_, open->incident.id, now_ns);
  open->incident.target = std::move(target);
  open->incident.severity = finding.severity;
  open->incident.summary = Describe(finding);
  open->target_key = open->incident.target.ToString();
  by_target_[open->target_key] = open->incident.id;
  return (incidents_[open->incident.id] = std::move(open)).get();
}

// The summary tells of the worst there has been.
void IncidentBook::Refresh(OpenIncident* open, const Finding& finding) {
  if (finding.severity <= open->incident.severity) return;
  open->incident.severity = finding.severity;
  open->incident.summary = Describe(finding);
}

OpenIncident* IncidentBook::Restore(Incident incident, int64_t now_ns) {
  auto open = std::make_unique<OpenIncident>();
  open->incident = std::move(incident);
  open->target_key = open->incident.target.ToString();
  open->escalated = open->incident.state == IncidentState::kEscalated;
  open->storm = open->incident.target == StormTarget();
  open->restored_ns = now_ns;
  for (const Finding& finding : open->incident.findings) {
    FindingMeta& meta = open->meta.emplace_back();
    meta.orphan = finding.state != FindingState::kClear;
    // About then; it came in a moment later.
    meta.cleared_ns = meta.orphan ? 0 : finding.ts_ns;
    meta.journaled_ns = now_ns;
    by_finding_[finding.id] = open->incident.id;
  }
  by_target_[open->target_key] = open->incident.id;
  last_id_ = std::max(last_id_, open->incident.id);
  return (incidents_[open->incident.id] = std::move(open)).get();
}

void IncidentBook::Close(uint64_t id) {
  const auto at = incidents_.find(id);
  if (at == incidents_.end()) return;
  const OpenIncident& open = *at->second;
  for (const Finding& finding : open.incident.findings) by_finding_.erase(finding.id);
  if (const auto target = by_target_.find(open.target_key);
      target != by_target_.end() && target->second == id)
    by_target_.erase(target);
  incidents_.erase(at);
}

const OpenIncident* IncidentBook::OfTarget(const std::string& target_key) const {
  const auto at = by_target_.find(target_key);
  return at == by_target_.end() ? nullptr : incidents_.at(at->second).get();
}

OpenIncident* IncidentBook::Find(uint64_t id) {
  const auto at = incidents_.find(id);
  return at == incidents_.end() ? nullptr : at->second.get();
}

}  // namespace heald::remedy
