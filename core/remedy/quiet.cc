// Who is left alone: silences by people, and findings that mute others. What is quiet stays an
// incident, but nobody is told of it and nothing is done about it.
#include <algorithm>

#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {

const Silence* Engine::SilenceOf(const OpenIncident& open, const Finding& finding,
                                 std::string_view policy) const {
  return silences_.Covering({finding, open.incident.target, policy}, deps_.clock->NowNs());
}

// Keeps the index of who mutes whom, and looks at the incident anew. Returns whom else it concerns,
// itself included; to be told once the finding is journaled.
std::set<uint64_t> Engine::NoteFinding(OpenIncident& open, size_t index, bool is_news) {
  if (open.storm) return {};
  const Finding& finding = open.incident.findings[index];
  std::set<uint64_t> concerned;
  if (is_news) concerned = inhibitions_.Concerns(finding.id);
  if (finding.state == FindingState::kClear)
    inhibitions_.Remove(finding.id);
  else
    inhibitions_.Set(finding, open.incident.target, open.incident.id);
  if (is_news) concerned.merge(inhibitions_.Concerns(finding.id));
  Consider(open);
  concerned.insert(open.incident.id);
  return concerned;
}

void Engine::TellConcerned(const std::set<uint64_t>& incidents) {
  for (const uint64_t id : incidents)
    if (OpenIncident* open = book_.Find(id); open != nullptr) {
      Consider(*open);
      TellQuiet(*open);
    }
}

// Looks at each of its findings; what may be acted on again is looked at soon. Tells nobody yet.
void Engine::Consider(OpenIncident& open) {
  std::string silenced_by;
  uint64_t muted_by = 0;
  bool any_open = false;
  bool all_quiet = true;
  bool any_woken = false;
  for (size_t i = 0; i < open.meta.size(); ++i) {
    const Finding& finding = open.incident.findings[i];
    if (finding.state == FindingState::kClear) continue;
    any_open = true;
    FindingMeta& meta = open.meta[i];
    const bool was_quiet = meta.quiet();
    const Silence* silence = SilenceOf(open, finding, {});
    meta.silenced_by = silence == nullptr ? "" : silence->id;
    const std::optional<Inhibitions::Source> muted = inhibitions_.MutedBy(finding.id);
    meta.muted_by =
        muted ? "incident #" + std::to_string(muted->incident) + ": " + muted->what : std::string();
    meta.muting_incident = muted ? muted->incident : 0;
    if (!meta.quiet()) all_quiet = false;
    any_woken = any_woken || (was_quiet && !meta.quiet());
    if (silenced_by.empty()) silenced_by = meta.silenced_by;
    // One whose own incident says so explains itself.
    if (muted_by == 0 && meta.muting_incident != open.incident.id) muted_by = meta.muting_incident;
  }
  if (any_woken)
    for (const uint64_t run : open.runs) Wake(*FindRun(run));
  if (!any_open) return;  // as it was until its end
  open.incident.silenced_by = all_quiet ? silenced_by : "";
  open.incident.muted_by = all_quiet ? muted_by : 0;
}

void Engine::TellQuiet(OpenIncident& open) {
  Draft draft(Transition::kFinding, deps_.clock->NowNs(), &open);
  AddQuiet(open, &draft);
  if (!draft.change()->events.empty()) CommitOrHold(&draft);
}

void Engine::AddQuiet(OpenIncident& open, Draft* draft) const {
  const Incident& incident = open.incident;
  if (incident.silenced_by == open.told_silenced_by && incident.muted_by == open.told_muted_by)
    return;
  const std::string id = std::to_string(incident.id);
  const std::string head = "incident #" + id + "  ";
  if (incident.silenced_by != open.told_silenced_by) {
    const auto at = std::find_if(silences_.all().begin(), silences_.all().end(),
                                 [&](const Silence& s) { return s.id == incident.silenced_by; });
    if (at != silences_.all().end())
      draft->Event("incident.silenced", at->actor, id, head + "silenced " + Describe(*at),
                   {{"silence", at->id}});
    else
      draft->Event("incident.unsilenced", "heald", id, head + "no longer silenced");
    draft->Tell(NoticeKind::kIncident);
  }
  if (incident.muted_by != open.told_muted_by) {
    const auto muted = std::find_if(open.meta.begin(), open.meta.end(), [&](const FindingMeta& m) {
      return m.muting_incident == incident.muted_by;
    });
    if (incident.muted_by != 0 && muted != open.meta.end())
      draft->Event("incident.muted", "heald", id, head + "muted by " + muted->muted_by,
                   {{"by", incident.muted_by}});
    else
      draft->Event("incident.unmuted", "heald", id, head + "no longer muted: " + incident.summary);
    draft->Tell(NoticeKind::kIncident);
  }
  open.told_silenced_by = incident.silenced_by;
  open.told_muted_by = incident.muted_by;
}

void Engine::ConsiderAll() {
  for (const auto& [id, open] : book_.all())
    for (size_t i = 0; i < open->meta.size(); ++i) NoteFinding(*open, i, false);
  for (const auto& [id, open] : book_.all()) Consider(*open);
}

void Engine::ConsiderAndTellAll() {
  ConsiderAll();
  for (const auto& [id, open] : book_.all()) TellQuiet(*open);
}

bool Engine::IsQuiet(const Notice& notice, const OpenIncident* open) const {
  if (open == nullptr) return false;
  if (open->quiet()) return true;
  const std::string_view id = notice.finding != nullptr    ? notice.finding->id
                              : notice.decision != nullptr ? notice.decision->finding
                                                           : std::string_view();
  const int index = open->Find(id);
  if (index < 0) return false;
  const FindingMeta& meta = open->meta[static_cast<size_t>(index)];
  if (meta.quiet()) return true;
  return notice.decision != nullptr &&
         SilenceOf(*open, open->incident.findings[static_cast<size_t>(index)],
                   notice.decision->policy) != nullptr;
}

// ---- silences -----------------------------------------------------------------------------------

Result<Silence> Engine::AddSilence(std::vector<Matcher> matchers, int64_t ends_ns,
                                   std::string_view actor, std::string_view comment) {
  const Entry entry(this);
  const int64_t now_ns = deps_.clock->NowNs();
  Result<Silence> silence = silences_.Make(std::move(matchers), ends_ns, actor, comment, now_ns);
  if (!silence) return silence;
  SilenceBook after = silences_;
  after.Add(*silence);
  Draft draft(Transition::kSetting, now_ns, nullptr);
  draft.Set(std::string(SilenceBook::kSetting), after.ToText())
      .Event("silence.added", actor, silence->id,
             "silence " + silence->id + " of " + ToString(silence->matchers) + " " +
                 Describe(*silence),
             {{"ends_ns", silence->ends_ns}});
  if (!Commit(&draft))
    return MakeError(Code::kUnavailable, "not silenced: the journal can't be written");
  silences_ = std::move(after);
  next_silence_end_ns_ = silences_.next_end_ns(now_ns);
  ConsiderAndTellAll();
  return silence;
}

Result<Silence> Engine::EndSilence(std::string_view id, std::string_view actor) {
  const Entry entry(this);
  const int64_t now_ns = deps_.clock->NowNs();
  SilenceBook after = silences_;
  Result<Silence> silence = after.End(id, actor, now_ns);
  if (!silence) return silence;
  Draft draft(Transition::kSetting, now_ns, nullptr);
  draft.Set(std::string(SilenceBook::kSetting), after.ToText())
      .Event("silence.ended", actor, silence->id,
             "silence " + silence->id + " of " + ToString(silence->matchers) + " ended by " +
                 std::string(actor));
  if (!Commit(&draft))
    return MakeError(Code::kUnavailable, "the silence holds on: the journal can't be written");
  silences_ = std::move(after);
  next_silence_end_ns_ = silences_.next_end_ns(now_ns);
  ConsiderAndTellAll();
  WakeAll();
  return silence;
}

void Engine::EndSilences(int64_t now_ns) {
  Draft draft(Transition::kSetting, now_ns, nullptr);
  for (const Silence* silence : silences_.EndedBetween(next_silence_end_ns_ - 1, now_ns))
    draft.Event("silence.ended", "heald", silence->id,
                "silence " + silence->id + " of " + ToString(silence->matchers) + " is over");
  next_silence_end_ns_ = silences_.next_end_ns(now_ns);
  if (!draft.change()->events.empty()) CommitOrHold(&draft);
  ConsiderAndTellAll();
  WakeAll();
}

}  // namespace heald::remedy
