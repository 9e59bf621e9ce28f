// What people command through the API: the switch, policies, approvals, silences, a detection run.
// On the engine's lane.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/agent/agent.h"
#include "core/agent/policy_status.h"
#include "core/agent/switch_note.h"
#include "core/api/json.h"
#include "core/model/suggest.h"
#include "core/telemetry/log.h"

namespace heald::agent {
namespace {

constexpr int64_t kDetectWithinNs = 15 * kSecond;

api::SilenceEntry SilenceOf(const remedy::Silence& silence, int64_t now_ns) {
  api::SilenceEntry out;
  out.id = silence.id;
  for (const Matcher& matcher : silence.matchers) out.matchers.push_back(matcher.ToString());
  out.created_ns = silence.created_ns;
  out.ends_ns = silence.ends_ns;
  out.actor = silence.actor;
  out.comment = silence.comment;
  out.active = silence.ActiveAt(now_ns);
  out.ended_by = silence.ended_by;
  return out;
}

std::string Hint(const std::string& hint) {
  return hint.empty() ? "" : "; " + hint;
}

std::vector<Decision> OldestFirst(std::vector<Decision> decisions) {
  std::sort(decisions.begin(), decisions.end(),
            [](const Decision& a, const Decision& b) { return a.ts_ns < b.ts_ns; });
  return decisions;
}

}  // namespace

api::SwitchState Agent::Switch() {
  return AskLane<api::SwitchState>([this] {
    if (engine_ == nullptr) return SwitchBeforeEngine();
    return api::SwitchState{engine_->switch_on(), engine_->switch_actor(),
                            engine_->switch_changed_ns()};
  });
}

Result<api::SwitchState> Agent::SetSwitch(bool enabled, const std::string& actor) {
  const heald::Status set = AskLane<heald::Status>([this, enabled, actor]() -> heald::Status {
    if (engine_ != nullptr) return engine_->SetSwitch(enabled, actor);
    if (enabled) return NoJournal();
    switch_off_by_ = actor;  // nothing is done now, and it stays so once there is a journal
    std::string state_dir;
    {
      const std::lock_guard lock(mutex_);
      state_dir = spec_.agent.state_dir;
    }
    heald::Status noted = WriteSwitchNote(state_dir, actor);
    if (!noted)
      noted.error().message +=
          "; it is off, but only until heald ends: make the folder writable "
          "and switch it off again";
    return noted;
  });
  if (!set) return set.error();
  api::SwitchState state = Switch();
  Publish("switch", api::ToJson(state));
  return state;
}

std::vector<api::PolicyStatus> Agent::Policies() {
  return AskLane<std::vector<api::PolicyStatus>>([this] { return PoliciesNow(); });
}

Result<api::PolicyStatus> Agent::SetPolicy(const std::string& name, const api::PolicyChange& change,
                                           const std::string& actor) {
  Result<api::PolicyStatus> changed =
      AskEngine<Result<api::PolicyStatus>>([&]() -> Result<api::PolicyStatus> {
        const heald::Status set = engine_->ChangePolicy(name, change.enabled, change.mode, actor);
        if (!set) return set.error();
        for (const PolicySpec& policy : engine_->policies())
          if (policy.name == name) return PolicyStatusOf(policy, *engine_);
        return MakeError(Code::kNotFound, "there is no policy '" + name + "'");
      });
  if (!changed) return changed;
  {
    const std::lock_guard lock(mutex_);
    for (PolicySpec& policy : spec_.policies) {
      if (policy.name != name) continue;
      policy.enabled = changed->enabled;
      policy.mode = changed->mode;
    }
  }
  Publish("policy", api::ToJson(*changed));
  return changed;
}

std::vector<Decision> Agent::Approvals() {
  return AskEngine<std::vector<Decision>>([this] {
    std::vector<Decision> waiting;
    for (const Decision* decision : engine_->AwaitingApproval()) waiting.push_back(*decision);
    for (Decision& held : engine_->HeldCanaries()) waiting.push_back(std::move(held));
    return OldestFirst(std::move(waiting));
  });
}

std::vector<WaitingUndo> Agent::WaitingUndos() {
  return AskEngine<std::vector<WaitingUndo>>([this] { return engine_->WaitingUndos(); });
}

Result<Decision> Agent::WaitingApproval(const std::string& decision) {
  return AskEngine<Result<Decision>>([&] { return engine_->Awaiting(decision); });
}

Result<void> Agent::Approve(const api::ApprovalAnswer& answer) {
  return AskEngine<heald::Status>([&] {
    const remedy::Engine::Answer how{answer.via, answer.plan_hash};
    return answer.approve ? engine_->Approve(answer.decision, answer.actor, how)
                          : engine_->Deny(answer.decision, answer.actor, how);
  });
}

std::shared_ptr<const api::ApprovalLinks> Agent::Links() {
  const std::lock_guard lock(mutex_);
  return links_;
}

std::vector<api::SilenceEntry> Agent::Silences() {
  std::vector<api::SilenceEntry> out = AskEngine<std::vector<api::SilenceEntry>>([this] {
    std::vector<api::SilenceEntry> all;
    for (const remedy::Silence& silence : engine_->silences().all())
      all.push_back(SilenceOf(silence, clock_.NowNs()));
    return all;
  });
  std::reverse(out.begin(), out.end());
  std::stable_partition(out.begin(), out.end(),
                        [](const api::SilenceEntry& silence) { return silence.active; });
  return out;
}

Result<api::SilenceEntry> Agent::AddSilence(const api::SilenceRequest& request,
                                            const std::string& actor) {
  const Result<remedy::Silence> added =
      AskEngine<Result<remedy::Silence>>([&]() -> Result<remedy::Silence> {
        // A policy is named to be left alone, so the name has to be one; other labels are the
        // targets'.
        std::vector<std::string> policies;
        for (const PolicySpec& policy : engine_->policies()) policies.push_back(policy.name);
        for (const Matcher& matcher : request.matchers)
          if (matcher.name() == "policy" && matcher.op() == Matcher::Op::kEqual &&
              std::find(policies.begin(), policies.end(), matcher.value()) == policies.end())
            return MakeError(Code::kInvalid, "there is no policy '" + matcher.value() + "'" +
                                                 Hint(DidYouMean(matcher.value(), policies)));
        const int64_t ends_ns =
            request.ends_ns != 0 ? request.ends_ns : clock_.NowNs() + request.for_ns;
        return engine_->AddSilence(request.matchers, ends_ns, actor, request.comment);
      });
  if (!added) return added.error();
  api::SilenceEntry silence = SilenceOf(*added, clock_.NowNs());
  Publish("silence", api::ToJson(silence));
  return silence;
}

Result<api::SilenceEntry> Agent::EndSilence(const std::string& id, const std::string& actor) {
  const Result<remedy::Silence> ended =
      AskEngine<Result<remedy::Silence>>([&] { return engine_->EndSilence(id, actor); });
  if (!ended) return ended.error();
  api::SilenceEntry silence = SilenceOf(*ended, clock_.NowNs());
  Publish("silence", api::ToJson(silence));
  return silence;
}

Result<api::DetectionReport> Agent::Detect(const std::string& actor) {
  const std::unique_lock running(detect_mutex_, std::try_to_lock);
  if (!running) return MakeError(Code::kConflict, "another detection run is under way");
  const int64_t start_ns = clock_.MonotonicNs();
  const std::string asked = "detection run asked for by " + actor;
  Log(LogLevel::kInfo, "heald", asked);
  AskEngine<bool>([&] {
    engine_->Record("detection.run", actor, "", asked);
    return true;
  });
  api::DetectionReport report;
  for (const Runner::Polled& polled : runner_->PollNow(kDetectWithinNs))
    report.sources.push_back({polled.source, static_cast<bool>(polled.status),
                              polled.status ? "" : polled.status.error().message, polled.samples});
  // Behind the findings that this run brought.
  report.findings = AskEngine<std::vector<api::FindingEntry>>(
      [this] {
        std::vector<api::FindingEntry> open;
        for (const auto& [id, i] : engine_->incidents().all())
          for (const Finding& finding : i->incident.findings)
            if (finding.state != FindingState::kClear) open.push_back({id, finding});
        return open;
      },
      EngineWork::Kind::kFinding);
  report.took_ns = clock_.MonotonicNs() - start_ns;
  return report;
}

}  // namespace heald::agent
