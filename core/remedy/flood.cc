// Storms: beyond so many new incidents in a short time the rest is counted in one incident that
// stands for them, and nothing is repaired until it has been calm for a while.
#include <algorithm>

#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr int64_t kLookAgainNs = kMinute;

std::string Targets(uint64_t count) {
  return std::to_string(count) + (count == 1 ? " target" : " targets");
}

}  // namespace

std::string Engine::StormText() const {
  const StormSpec& spec = storm_.spec();
  return "more than " + std::to_string(spec.incidents) + " new incidents within " +
         FormatDuration(spec.within_ns) + ", since " + ClockText(storm_.since_ns());
}

// True when the finding was counted in and is done with.
bool Engine::Flooded(const Finding& finding) {
  const int64_t now_ns = deps_.clock->NowNs();
  if (storm_.Knows(finding.id)) {
    OpenIncident& open = *book_.Find(storm_incident_);
    if (finding.state == FindingState::kClear)
      storm_.Cleared(finding.id);
    else
      storm_.Merge(finding, now_ns);
    if (open.due_ns > now_ns + options_.finding_journal_ns)
      Schedule(open, now_ns + options_.finding_journal_ns);
    return true;
  }
  if (!book_.WouldOpen(finding) || storm_.Admit(now_ns)) return false;
  CountIn(finding);
  return true;
}

void Engine::CountIn(const Finding& finding) {
  const int64_t now_ns = deps_.clock->NowNs();
  OpenIncident* open = book_.Find(storm_incident_);
  const bool begins = open == nullptr;
  if (begins) {
    open = book_.OpenStorm(finding, now_ns);
    storm_incident_ = open->incident.id;
    open->incident.summary = "storm: " + StormText() +
                             "; nothing is repaired until it has been "
                             "calm for " +
                             FormatDuration(storm_.spec().pause_ns);
  }
  storm_.Merge(finding, now_ns);
  if (!begins) {
    if (open->due_ns > now_ns + options_.finding_journal_ns)
      Schedule(*open, now_ns + options_.finding_journal_ns);
    return;
  }
  const std::string id = std::to_string(open->incident.id);
  Draft draft(Transition::kOpened, now_ns, open);
  JournalStorm(*open, &draft);
  draft.Event("incident.opened", "heald", id, "incident #" + id + "  " + open->incident.summary)
      .Tell(NoticeKind::kIncident);
  CommitOrHold(&draft);
  Schedule(*open, now_ns + options_.finding_journal_ns);
}

// What was counted, as findings of the incident: one for each detector and metric.
void Engine::JournalStorm(OpenIncident& open, Draft* draft) {
  Incident& incident = open.incident;
  const std::vector<Storm::Kind>& kinds = storm_.kinds();
  for (size_t i = 0; i < kinds.size(); ++i) {
    const Storm::Kind& kind = kinds[i];
    const bool is_new = i == incident.findings.size();
    if (is_new) {
      incident.findings.emplace_back();
      open.meta.emplace_back();
    }
    Finding& finding = incident.findings[i];
    if (finding.count == kind.total && finding.state != FindingState::kClear) continue;
    finding.id = kind.node + "/storm/" + std::to_string(incident.id) + "/" + std::to_string(i);
    finding.node = kind.node;
    finding.metric = kind.metric;
    finding.severity = kind.severity;
    finding.target = incident.target;
    finding.began_ns = kind.began_ns;
    finding.ts_ns = deps_.clock->NowNs();
    finding.count = kind.total;
    finding.summary =
        kind.metric + " of " + Targets(kind.total) + ", such as " + TargetName(kind.example);
    incident.severity = std::max(incident.severity, kind.severity);
    draft->Add(open, finding);
    if (is_new)
      draft->Event("finding.counted", kind.node, finding.id,
                   "counted, not repaired: " + finding.summary, FindingDetail(finding));
  }
  draft->Add(open).Set(std::string(kStormSetting),
                       Dump({{"since_ns", storm_.since_ns()}, {"until_ns", storm_.until_ns()}}));
}

void Engine::StepStorm(OpenIncident& open) {
  const int64_t now_ns = deps_.clock->NowNs();
  storm_.Forget(now_ns - options_.orphan_max_ns);
  if (!storm_.on() || storm_.Calm(now_ns)) return EndStorm(open);
  Draft draft(Transition::kFinding, now_ns, &open);
  JournalStorm(open, &draft);
  CommitOrHold(&draft);
  Schedule(open, storm_.until_ns() > now_ns ? storm_.until_ns() : now_ns + kLookAgainNs);
}

void Engine::EndStorm(OpenIncident& open) {
  const int64_t now_ns = deps_.clock->NowNs();
  Incident& incident = open.incident;
  const std::string id = std::to_string(incident.id);
  Draft draft(Transition::kResolved, now_ns, &open);
  if (storm_.on()) JournalStorm(open, &draft);
  for (Finding& finding : incident.findings) {
    finding.state = FindingState::kClear;
    finding.ts_ns = now_ns;
    draft.Add(open, finding);
  }
  incident.state = IncidentState::kResolved;
  incident.closed_ns = now_ns;
  draft.Add(open)
      .Set(std::string(kStormSetting), "")
      .Event("incident.resolved", "heald", id,
             "incident #" + id + "  the storm is over after " +
                 FormatElapsed(now_ns - incident.opened_ns) + ": " +
                 std::to_string(storm_.merged_total()) + " findings were only counted, " +
                 std::to_string(storm_.merged_open()) + " of them are still open",
             {{"counted", storm_.merged_total()}, {"open", storm_.merged_open()}})
      .Tell(NoticeKind::kIncident);
  CommitOrHold(&draft);
  const uint64_t closed = incident.id;
  storm_.End();
  storm_incident_ = 0;
  book_.Close(closed);
  WakeAll();
}

// A storm that an earlier process saw goes on; what it counted is known as a number only.
Status Engine::ReadStorm() {
  const Result<std::optional<std::string>> setting = deps_.store->Setting(kStormSetting);
  if (!setting) return setting.error();
  const Json stored = Json::parse(setting->value_or(""), nullptr, false);
  for (const auto& [id, open] : book_.all()) {
    if (!open->storm) continue;
    storm_incident_ = id;
    for (FindingMeta& meta : open->meta) meta.orphan = false;
    std::vector<Storm::Kind> counted;
    for (const Finding& finding : open->incident.findings)
      counted.push_back({finding.node, finding.metric, Labels(), finding.severity, finding.began_ns,
                         finding.count, 0});
    if (stored.is_object())
      storm_.Restore(stored.value("since_ns", int64_t{0}), stored.value("until_ns", int64_t{0}),
                     std::move(counted));
    Schedule(*open, deps_.clock->NowNs());
  }
  return {};
}

}  // namespace heald::remedy
