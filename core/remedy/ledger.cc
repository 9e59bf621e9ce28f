// What the engine learns from its own transitions: how incidents ended and who was needed, whether
// predictions came true, which policies keep failing; and what people say of incidents. It looks at
// every draft before it is written, so whoever adds a transition need not know of it.
#include <algorithm>

#include "core/remedy/engine.h"
#include "core/remedy/text.h"

namespace heald::remedy {
namespace {

constexpr std::string_view kWatchedSetting = "forecasts_watched";
constexpr int64_t kWatchedEveryNs = kMinute;

int64_t NumberOr0(const std::string& text) {
  const Json number = Json::parse(text, nullptr, false);
  return number.is_number_integer() ? number.get<int64_t>() : 0;
}

// To its next step, after this one has failed.
bool ChainGoesOn(const Change& change, const Execution& execution) {
  return std::any_of(change.decisions.begin(), change.decisions.end(), [&](const Decision& each) {
    return each.id == execution.decision && each.next_step > execution.step;
  });
}

}  // namespace

Status Engine::ReadLedger() {
  Result<std::vector<Forecast>> pending = deps_.store->PendingForecasts();
  if (!pending) return pending.error();
  const Result<std::optional<std::string>> watched = deps_.store->Setting(kWatchedSetting);
  if (!watched) return watched.error();
  forecasts_.Restore(std::move(*pending), NumberOr0(watched->value_or("")), deps_.clock->NowNs());
  WatchForecasts();
  return {};
}

// The samples by which predictions are judged and actions verified are kept beside those that
// policies ask for.
void Engine::WatchForecasts() {
  std::vector<std::string> names = WantedSamples(spec_);
  std::set<std::string> beside = looked_at_;
  beside.insert(forecasts_.metrics().begin(), forecasts_.metrics().end());
  names.insert(names.end(), beside.begin(), beside.end());
  deps_.latest->SetWanted(names, spec_.agent.group_by);
  watched_metrics_ = forecasts_.metrics().size();
  deps_.sink->OnWatch({beside.begin(), beside.end()});
}

void Engine::Account(Draft* draft) {
  Change& change = *draft->change();
  OpenIncident* open = draft->open() == nullptr ? nullptr : book_.Find(draft->open()->incident.id);
  if (open == nullptr) return;
  Incident& incident = open->incident;
  const int64_t now_ns = deps_.clock->NowNs();
  for (const StoredFinding& f : change.findings) {
    if (open->storm) continue;
    std::vector<Forecast> said =
        forecasts_.OnFinding(f.finding, incident, open->target_key, now_ns);
    std::move(said.begin(), said.end(), std::back_inserter(change.forecasts));
  }
  for (const Execution& execution : change.executions) {
    const bool ended = execution.state == ExecutionState::kVerified ||
                       execution.state == ExecutionState::kFailed ||
                       execution.state == ExecutionState::kUndone;
    if (!ended || execution.issued_ns == 0) continue;
    if (OnlyTells(execution.action)) {
      // The end of a chain whose steps have failed.
      Post([this, policy = execution.policy, id = incident.id] { ChainEnded(policy, id); });
      continue;
    }
    const Proof proof = execution.progress.proof;
    if (proof == Proof::kTooEarly) continue;  // as if nothing had been done
    if (proof == Proof::kPlain && execution.progress.settled_ns != 0) continue;  // was noted then
    const bool verified = execution.state == ExecutionState::kVerified;
    open->tried = true;
    if (proof == Proof::kInconclusive || proof == Proof::kCancelled || proof == Proof::kSuperseded)
      continue;
    if (verified && proof == Proof::kPlain) {
      incident.healed_by = execution.policy;
      forecasts_.OnVerified(open->target_key,
                            draft->decision().plan.summary.empty() ? execution.action
                                                                   : draft->decision().plan.summary,
                            now_ns);
    }
    NoteEnd(execution, *open, ChainGoesOn(change, execution));
  }
  for (const AuditEvent& event : change.events)
    if (event.kind == "approval.asked" || event.kind == "incident.escalated")
      incident.needed_person = true;
  if (incident.closed_ns != 0 && incident.resolution == Resolution::kNone && !open->storm)
    incident.resolution = !incident.healed_by.empty() ? Resolution::kHealed
                          : open->tried               ? Resolution::kAfterFailure
                                                      : Resolution::kByItself;
  // Of a chain that ended in between, because what was wrong ended without it.
  if (incident.closed_ns != 0 && open->tried)
    for (const uint64_t id : open->runs)
      Post([this, policy = runs_.at(id)->policy->spec.name, of = incident.id] {
        ChainEnded(policy, of);
      });
  for (Incident& written : change.incidents) {
    if (written.id != incident.id) continue;
    written.healed_by = incident.healed_by;
    written.needed_person = incident.needed_person;
    written.resolution = incident.resolution;
    return;
  }
  if (incident.needed_person && !open->told_needed_person)
    change.incidents.push_back(open->Header());
  open->told_needed_person = incident.needed_person;
}

bool Engine::OnlyTells(const std::string& action) const {
  const NodeSpec* node = spec_.FindNode(action);
  return node == nullptr ? action == "alert" : node->plugin == "alert";
}

// ---- policies that keep failing -----------------------------------------------------------------

void Engine::NoteEnd(const Execution& execution, const OpenIncident& open, bool goes_on) {
  const std::string& policy = execution.policy;
  if (!failures_.Knows(policy)) {
    const Result<std::optional<std::string>> since =
        deps_.store->Setting(Failures::Setting(policy));
    Result<std::vector<EndedExecution>> ended =
        since ? deps_.store->EndedOf(policy, NumberOr0(since->value_or("")),
                                     kDemotionLooksAt * StepsOf(policy))
              : since.error();
    // While the store is away it begins with what this process sees.
    if (ended) LoadFailures(policy, std::move(*ended));
  }
  const bool did_not_last = execution.progress.proof == Proof::kDidNotLast;
  const bool failed = did_not_last || execution.state != ExecutionState::kVerified;
  const bool is_new = failures_.Add(policy, {.incident = open.incident.id,
                                             .ended_ns = execution.ended_ns,
                                             .failed = failed,
                                             .step = execution.step,
                                             .goes_on = failed && goes_on,
                                             .did_not_last = did_not_last});
  if (is_new && failed && !goes_on)
    Post([this, policy, incident = open.incident.id] { DemoteIfFailing(policy, incident); });
}

// What the journal has. Chains of incidents that are open may have gone on to a step that has yet
// to end; one that ended by telling people has failed.
void Engine::LoadFailures(const std::string& policy, std::vector<EndedExecution> ended) {
  std::set<uint64_t> seen;
  for (EndedExecution& one : ended) {  // newest first
    const bool latest = seen.insert(one.incident).second;
    one.goes_on =
        latest && one.failed && one.step < StepsOf(policy) && book_.Find(one.incident) != nullptr;
  }
  std::erase_if(ended, [&](const EndedExecution& one) { return OnlyTells(one.action); });
  failures_.Load(policy, std::move(ended));
}

void Engine::ChainEnded(const std::string& policy, uint64_t incident) {
  failures_.Conclude(policy, incident);
  DemoteIfFailing(policy, incident);
}

size_t Engine::StepsOf(const std::string& name) const {
  const PolicySpec* policy = spec_.FindPolicy(name);
  return policy == nullptr ? 1 : policy->step_count();
}

void Engine::DemoteIfFailing(const std::string& name, uint64_t incident) {
  const PolicySpec* policy = spec_.FindPolicy(name);
  if (policy == nullptr || policy->mode != Mode::kEnforce || !policy->enabled) return;
  const DemoteSpec& demote = policy->guard.demote;
  const uint64_t failed = failures_.Failed(name, demote.of);
  if (demote.failures == 0 || failed < demote.failures) return;
  const int64_t now_ns = deps_.clock->NowNs();
  PolicyOverride change = OverrideOf(*policy, std::nullopt, Mode::kApprove, "heald");
  change.reason = std::to_string(failed) + " of its last " +
                  std::to_string(failures_.Known(name, demote.of)) +
                  (policy->step_count() > 1 ? " chains of steps failed" : " executions failed") +
                  " or didn't last";
  failures_.Forget(name);
  const OpenIncident* open = book_.Find(incident);
  Draft draft(Transition::kSetting, now_ns, open);
  draft.Set(OverrideSetting(name), ToText(change))
      .Set(Failures::Setting(name), std::to_string(now_ns))
      .Event("policy.demoted", "heald", name,
             "policy " + name + " asks from now on: " + change.reason +
                 "; it enforces again when a person sets its mode",
             {{"mode", ToString(change.mode)}, {"failed", failed}, {"of", demote.of}});
  if (open != nullptr) draft.Tell(NoticeKind::kIncident, name);
  UseOverride(name, change);
  CommitOrHold(&draft);
}

// ---- predictions --------------------------------------------------------------------------------

void Engine::JudgeForecasts(int64_t now_ns) {
  if (forecasts_.metrics().size() != watched_metrics_) WatchForecasts();
  if (forecasts_.pending() != 0 && now_ns - watched_ns_ >= kWatchedEveryNs) {
    watched_ns_ = now_ns;
    Draft draft(Transition::kSetting, now_ns, nullptr);
    draft.Set(std::string(kWatchedSetting), std::to_string(now_ns));
    CommitOrHold(&draft);
  }
  const std::vector<Forecast> judged = forecasts_.Judge(*deps_.latest, now_ns);
  if (judged.empty()) return;
  Draft draft(Transition::kSetting, now_ns, nullptr);
  for (const Forecast& forecast : judged) {
    draft.change()->forecasts.push_back(forecast);
    draft.Event(
        "prediction.judged", "heald", forecast.finding,
        TargetName(forecast.target) + "  prediction of " + forecast.metric + " " + forecast.reason,
        {{"outcome", ToString(forecast.outcome)},
         {"probability", Json(forecast.probability)},
         {"made_ns", forecast.made_ns},
         {"until_ns", forecast.until_ns}});
    AuditEvent& event = draft.change()->events.back();
    event.incident = forecast.incident;
    event.trace_id = forecast.trace_id;
  }
  CommitOrHold(&draft);
  for (const Forecast& forecast : judged) deps_.sink->OnJudged(forecast);
}

// ---- what people say ----------------------------------------------------------------------------

Result<Incident> Engine::LabelIncident(uint64_t id, IncidentLabel label) {
  const Entry entry(this);
  label.ts_ns = deps_.clock->NowNs();
  if (!label.value.empty() && std::find(std::begin(kIncidentLabels), std::end(kIncidentLabels),
                                        label.value) == std::end(kIncidentLabels))
    return MakeError(Code::kInvalid,
                     "label '" + label.value +
                         "' is unknown: use true_positive, false_positive, noise or expected");
  IncidentFilter filter;
  filter.before = id + 1;
  filter.limit = 1;
  Result<IncidentPage> page = deps_.store->Incidents(filter);
  if (!page) return page.error();
  if (page->incidents.empty() || page->incidents.front().id != id)
    return MakeError(Code::kNotFound, "there is no incident " + std::to_string(id));
  Incident incident = std::move(page->incidents.front());
  const std::string number = "incident #" + std::to_string(id);
  std::string text =
      label.value.empty()
          ? number + "  label '" + incident.label.value + "' taken back by " + label.actor
          : number + "  called " + label.value + " by " + label.actor;
  if (!label.comment.empty()) text += ": " + label.comment;
  IncidentLabel written = label.value.empty() ? IncidentLabel() : label;
  Draft draft(Transition::kSetting, label.ts_ns, nullptr);
  draft.Event("incident.labelled", label.actor, std::to_string(id), text,
              {{"label", label.value}, {"comment", label.comment}});
  AuditEvent& event = draft.change()->events.back();
  event.incident = id;
  event.trace_id = incident.trace_id;
  draft.change()->labels.push_back({id, written});
  if (Status status = journal_.Write(draft.transition(), draft.change()); !status)
    return status.error();
  if (OpenIncident* open = book_.Find(id)) open->incident.label = written;
  incident.label = std::move(written);
  return incident;
}

}  // namespace heald::remedy
