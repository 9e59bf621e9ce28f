// Findings that come in: into an incident, the journal and its hints, then to whom they concern.
#include <algorithm>

#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr size_t kRememberedRows = 500;  // of the audit trail, looked through for changes
constexpr size_t kMaxNeighbours = 3;
constexpr size_t kNeighboursLookedAt = 50;
constexpr int64_t kNeighbourNs = 5 * kMinute;

bool ShareALabel(const Labels& a, const Labels& b) {
  return std::any_of(a.pairs().begin(), a.pairs().end(), [&](const Labels::Pair& pair) {
    return b.Has(pair.first) && b.Get(pair.first) == pair.second;
  });
}

}  // namespace

void Engine::OnFinding(const Finding& finding) {
  if (depth_ > 0) {
    inbox_.push_back([this, finding] { OnFinding(finding); });
    return;
  }
  const Entry entry(this);
  if (Flooded(finding)) return;
  const bool reopened = Reopen(finding);
  const Intake intake = book_.Take(finding, deps_.clock->NowNs());
  if (intake.what == Intake::What::kIgnored) return;
  if (intake.what == Intake::What::kOpened && intake.open->cleared_ns != 0)
    BeginAgain(*intake.open);
  if (!intake.replaced.id.empty()) {
    inhibitions_.Remove(intake.replaced.id);
    const std::string& now = intake.open->incident.findings[intake.index].id;
    for (const uint64_t id : intake.open->runs)
      if (Run& run = *FindRun(id); run.decision.finding == intake.replaced.id)
        run.decision.finding = now;
  }
  const uint64_t incident = intake.open->incident.id;
  const Finding held = intake.open->incident.findings[intake.index];
  // Who is quiet is known before anybody is told of the finding.
  const std::set<uint64_t> concerned =
      NoteFinding(*intake.open, intake.index, intake.what != Intake::What::kUpdated);
  JournalIntake(intake, reopened);
  if (intake.what == Intake::What::kOpened) ExcuseRepairs(*intake.open, intake.index);
  TellConcerned(concerned);
  if (held.kind == FindingKind::kEvent && held.state != FindingState::kClear)
    changes_.Add(held, intake.open->incident.target);
  if (intake.what != Intake::What::kCleared) EnsureRuns(*intake.open, held);
  StepCovering(incident, held);
  if (intake.what != Intake::What::kCleared) return;
  MaybeResolve(incident);
  if (const OpenIncident* open = book_.Find(incident); open != nullptr && !open->Unhealthy())
    WakeWaitingForHealth();
}

void Engine::JournalIntake(const Intake& intake, bool reopened) {
  const int64_t now_ns = deps_.clock->NowNs();
  OpenIncident& open = *intake.open;
  const Finding& finding = open.incident.findings[intake.index];
  FindingMeta& meta = open.meta[intake.index];
  if (intake.what == Intake::What::kUpdated &&
      now_ns - meta.journaled_ns < options_.finding_journal_ns)
    return;
  meta.journaled_ns = now_ns;
  Draft draft(intake.new_incident ? Transition::kOpened : Transition::kFinding, now_ns, &open);
  draft.Add(open).Add(open, finding);
  const char* kind = nullptr;
  switch (intake.what) {
    case Intake::What::kOpened:
      kind = "finding.opened";
      break;
    case Intake::What::kRaised:
      kind = "finding.raised";
      break;
    case Intake::What::kCleared:
      kind = "finding.cleared";
      break;
    case Intake::What::kAdopted: {
      // The earlier id is closed, so that the journal never shows two open ones for one thing.
      Finding replaced = intake.replaced;
      replaced.state = FindingState::kClear;
      draft.Add(open, replaced);
      draft.Event("finding.adopted", finding.node, finding.id,
                  Describe(finding) + (intake.orphaned ? "  (known from before the restart)"
                                                       : "  (the same under another id)"),
                  {{"replaces", intake.replaced.id}});
      break;
    }
    default:
      break;
  }
  if (kind != nullptr)
    draft.Event(kind, finding.node, finding.id, Describe(finding), FindingDetail(finding))
        .Tell(NoticeKind::kFinding, finding.node);
  if (intake.new_incident)
    draft
        .Event("incident.opened", "heald", std::to_string(open.incident.id),
               "incident #" + std::to_string(open.incident.id) + "  " + open.incident.summary,
               {{"target", ToJson(open.incident.target)}})
        .Tell(NoticeKind::kIncident);
  if (reopened) SayReopened(open, finding, &draft);
  AddQuiet(open, &draft);
  if (intake.what == Intake::What::kOpened) AddHints(intake, &draft);
  CommitOrHold(&draft);
}

// ---- likely causes ------------------------------------------------------------------------------

void Engine::AddHints(const Intake& intake, Draft* draft) {
  const OpenIncident& open = *intake.open;
  const Finding& finding = open.incident.findings[intake.index];
  const int64_t now_ns = deps_.clock->NowNs();
  std::vector<Hint> hints;
  const auto add = [&](std::optional<Hint> hint) {
    if (hint) hints.push_back(std::move(*hint));
  };
  add(ContributorsHint(finding));
  if (!intake.new_incident) {
    if (intake.replaced.id.empty()) add(OrderHint(open.incident.findings, finding));
  } else {
    const int64_t began_ns = open.BeganNs();
    for (Hint& hint : changes_.Before(began_ns, now_ns, finding.target)) add(std::move(hint));
    size_t looked_at = 0;
    size_t found = 0;
    for (auto at = book_.all().rbegin(); at != book_.all().rend(); ++at) {
      if (++looked_at > kNeighboursLookedAt || found == kMaxNeighbours) break;
      const OpenIncident& other = *at->second;
      const int64_t earlier_ns = began_ns - other.BeganNs();
      // From samples of one time nobody can tell which came first.
      if (&other == &open || other.storm || earlier_ns <= 0 || earlier_ns > kNeighbourNs ||
          !ShareALabel(other.incident.target, open.incident.target))
        continue;
      ++found;
      add(Hint{other.BeganNs(), "incident #" + std::to_string(other.incident.id) + " began " +
                                    FormatElapsed(earlier_ns) +
                                    " earlier: " + other.incident.summary});
    }
  }
  for (const Hint& hint : hints)
    draft->Event(kHintEvent, "heald", std::to_string(open.incident.id), hint.text,
                 {{"at_ns", hint.ts_ns}});
}

void Engine::NoteChanges(const Draft& draft) {
  for (const AuditEvent& event : draft.change().events)
    changes_.Add(event, draft.open() == nullptr ? Labels() : draft.open()->incident.target);
}

// What was changed before this process began may be a cause too. What heald did to a target is
// told only where its incident is still known.
Status Engine::ReadChanges() {
  const Result<Page<AuditEvent>> page = deps_.store->Audit({0, kRememberedRows});
  if (!page) return page.error();
  for (const AuditEvent& event : page->items)
    if (event.incident == 0) changes_.Add(event, {});
  return {};
}

}  // namespace heald::remedy
