#include "core/remedy/engine.h"
#include "core/remedy/policy_changes.h"

#include <algorithm>

namespace heald::remedy {
namespace {

// Whether what `before` asked for is still what the policy would do.
bool SameRules(const PolicyPtr& policy, const PolicySpec& before) {
  const PolicySpec& now = policy->spec;
  return now.mode == before.mode && WithAction(policy, before.action) != nullptr &&
         now.recommended_actions == before.recommended_actions &&
         now.when.text() == before.when.text() && now.inputs == before.inputs;
}

// Nothing is kept of a change that brings back what the file says.
std::optional<PolicyOverride> Kept(const PolicyOverride& change) {
  if (change.enabled == change.file_enabled && change.mode == change.file_mode) return std::nullopt;
  return change;
}

// Lowering what heald may do counts at once, raising it only once it is on disk.
bool Lowers(const PolicySpec& now, const PolicyOverride& wanted) {
  return (now.enabled && !wanted.enabled) ||
         (now.enabled == wanted.enabled && wanted.mode < now.mode);
}

std::string Describe(const PolicySpec& policy, const PolicyOverride& change,
                     std::string_view actor) {
  std::string text = "policy " + policy.name + ": ";
  if (change.enabled != policy.enabled) text += change.enabled ? "enabled, " : "disabled, ";
  if (change.mode != policy.mode)
    text += "mode " + std::string(ToString(policy.mode)) + " -> " +
            std::string(ToString(change.mode)) + ", ";
  return text + "by " + std::string(actor);
}

}  // namespace

Status Engine::ReadSettings(const PipelineSpec& spec) {
  const Result<std::optional<std::string>> setting = deps_.store->Setting(kSwitchSetting);
  if (!setting) return setting.error();
  if (setting->has_value()) {
    const Json stored = Json::parse(**setting, nullptr, false);
    if (!stored.is_object())
      return MakeError(Code::kCorrupt, "the stored switch can't be read: " + **setting);
    switch_on_ = stored.value("on", false);
    switch_actor_ = stored.value("actor", "heald");
    switch_changed_ns_ = stored.value("changed_ns", int64_t{0});
  } else {
    switch_on_ = spec.agent.auto_remediation;
    switch_actor_ = "the configuration (agent.auto_remediation)";
  }
  const Result<std::optional<std::string>> silences = deps_.store->Setting(SilenceBook::kSetting);
  if (!silences) return silences.error();
  Result<SilenceBook> book = SilenceBook::FromText(silences->value_or(""));
  if (!book) return book.error();
  silences_ = std::move(*book);
  // What became of them meanwhile is told at the first Tick.
  next_silence_end_ns_ = deps_.clock->NowNs();
  for (const PolicySpec& policy : spec.policies) {
    const Result<std::optional<std::string>> stored =
        deps_.store->Setting(OverrideSetting(policy.name));
    if (!stored) return stored.error();
    Result<std::optional<PolicyOverride>> change =
        OverrideFromText(policy.name, stored->value_or(""));
    if (!change) return change.error();
    if (*change) overrides_[policy.name] = std::move(**change);
  }
  return {};
}

void Engine::UsePolicies() {
  spec_ = file_;
  for (PolicySpec& policy : spec_.policies) {
    const auto at = overrides_.find(policy.name);
    if (at == overrides_.end()) continue;
    if (!at->second.HoldsFor(policy)) {
      overrides_.erase(at);  // the file has spoken since
      continue;
    }
    policy.enabled = at->second.enabled;
    policy.mode = at->second.mode;
  }
  journal_.set_act_without_store(spec_.agent.act_without_store);
  policies_ = PolicySet(spec_);
  book_.SetGroupBy(spec_.agent.group_by);
  WatchForecasts();
  self_ = SelfOf(spec_.agent, spec_.nodes, options_.process);
  storm_.SetSpec(spec_.agent.storm);
  inhibitions_.SetRules(spec_.inhibit);
}

void Engine::SetPolicies(const PipelineSpec& spec, std::string_view actor) {
  const Entry entry(this);
  Draft draft(Transition::kSetting, deps_.clock->NowNs(), nullptr);
  const PolicyOverrides before = overrides_;
  const PipelineSpec in_force = spec_;
  file_ = spec;
  UsePolicies();
  const std::vector<std::string> changes = PolicyChanges(in_force, spec_);
  draft.Event("policies.loaded", actor, spec.file,
              std::to_string(policies_.size()) + " policies loaded" +
                  (changes.empty() ? "" : " (" + ChangesText(changes) + ")"),
              {{"changes", changes}});
  for (const auto& [name, change] : before) {
    if (overrides_.contains(name)) continue;
    draft.Set(OverrideSetting(name), ToText(std::nullopt))
        .Event("policy.file", actor, name,
               "policy " + name + ": as the file says; the change by " + change.actor + " is over");
  }
  CommitOrHold(&draft);
  for (const auto& [id, open] : book_.all()) ApplyPolicies(*open);
  ConsiderAndTellAll();
}

Status Engine::ChangePolicy(std::string_view name, std::optional<bool> enabled,
                            std::optional<Mode> mode, std::string_view actor) {
  const Entry entry(this);
  const PolicySpec* now = spec_.FindPolicy(name);
  if (now == nullptr)
    return MakeError(Code::kNotFound, "there is no policy '" + std::string(name) + "'");
  if (mode == Mode::kEnforce && !now->guarded())
    return MakeError(Code::kInvalid, "policy '" + now->name +
                                         "' may not enforce without a guard: add at least cooldown "
                                         "or max_per_hour to it in the pipeline file");
  const PolicyOverride change = OverrideOf(*now, enabled, mode, actor);
  if (change.enabled == now->enabled && change.mode == now->mode) return {};

  Draft draft(Transition::kSetting, change.changed_ns, nullptr);
  draft.Set(OverrideSetting(name), ToText(Kept(change)))
      .Event("policy", actor, name, Describe(*now, change, actor),
             {{"enabled", change.enabled}, {"mode", ToString(change.mode)}});
  const std::string policy = now->name;
  const bool lowers = Lowers(*now, change);
  const bool begins_to_enforce = change.mode == Mode::kEnforce && now->mode != Mode::kEnforce;
  if (begins_to_enforce) draft.Set(Failures::Setting(policy), std::to_string(change.changed_ns));
  if (lowers) {
    UseOverride(policy, change);
    CommitOrHold(&draft);
  } else {
    if (Status status = journal_.Write(draft.transition(), draft.change()); !status) return status;
    UseOverride(policy, change);
  }
  if (begins_to_enforce) failures_.Forget(policy);
  return {};
}

PolicyOverride Engine::OverrideOf(const PolicySpec& policy, std::optional<bool> enabled,
                                  std::optional<Mode> mode, std::string_view actor) const {
  const PolicySpec& in_file = *file_.FindPolicy(policy.name);
  PolicyOverride change;
  change.file_enabled = in_file.enabled;
  change.file_mode = in_file.mode;
  change.enabled = enabled.value_or(policy.enabled);
  change.mode = mode.value_or(policy.mode);
  change.actor = actor;
  change.changed_ns = deps_.clock->NowNs();
  return change;
}

void Engine::UseOverride(const std::string& policy, const PolicyOverride& change) {
  overrides_.erase(policy);
  if (const std::optional<PolicyOverride> kept = Kept(change)) overrides_.emplace(policy, *kept);
  UsePolicies();
  for (const auto& [id, open] : book_.all()) ApplyPolicies(*open);
  ConsiderAndTellAll();
}

void Engine::ApplyPolicies(OpenIncident& open) {
  const int64_t now_ns = deps_.clock->NowNs();
  const std::vector<uint64_t> ids = open.runs;
  for (const uint64_t id : ids) {
    Run& run = *FindRun(id);
    if (IsUnderWay(run.phase)) continue;  // NextAttempt looks for the new policy
    const PolicyPtr policy = policies_.Find(run.policy->spec.name, run.policy->spec.step);
    if (run.phase == Phase::kAwaiting &&
        (policy == nullptr || !SameRules(policy, run.policy->spec)))
      Withdraw(run, open, "approval.withdrawn", "heald", "withdrawn: the policy was changed");
    if (policy == nullptr) {
      // Where it stands is kept for when it is there again. What has had its last word has it
      // still.
      if (run.phase != Phase::kDone) {
        run.call = 0;
        run.retired = true;
        SayDone(run);
      }
      continue;
    }
    run.policy = policy;
    run.planned = false;
    if (IsDenied(run)) {
      run.call = 0;
      SayDone(run);
      continue;
    }
    const bool done_otherwise =
        run.phase == Phase::kDone &&
        (run.retired || run.done_mode != policy->spec.mode || run.done_dry != policy->dry_run);
    if (done_otherwise) NextAttempt(run);
    if (run.phase != Phase::kAwaiting) Schedule(run, now_ns);
  }
  for (const Finding& finding : open.incident.findings)
    if (finding.state != FindingState::kClear) EnsureRuns(open, finding);
}

void Engine::Record(std::string_view kind, std::string_view actor, std::string_view subject,
                    const std::string& text,
                    const std::optional<std::pair<std::string, std::string>>& setting) {
  const Entry entry(this);
  Draft draft(Transition::kSetting, deps_.clock->NowNs(), nullptr);
  if (setting) draft.Set(setting->first, setting->second);
  draft.Event(kind, actor, subject, text);
  CommitOrHold(&draft);
}

Status Engine::SetSwitch(bool on, std::string_view actor) {
  const Entry entry(this);
  const int64_t now_ns = deps_.clock->NowNs();
  Draft draft(Transition::kSetting, now_ns, nullptr);
  draft
      .Set(std::string(kSwitchSetting),
           Dump({{"on", on}, {"actor", actor}, {"changed_ns", now_ns}}))
      .Event("switch", actor, kSwitchSetting,
             std::string("automatic remediation switched ") + (on ? "on" : "off") + " by " +
                 std::string(actor),
             {{"on", on}});
  // Off counts at once, also when it can't be written; on only when it is.
  const auto apply = [&] {
    switch_on_ = on;
    switch_actor_ = actor;
    switch_changed_ns_ = now_ns;
  };
  if (!on) {
    apply();
    CommitOrHold(&draft);
    WakeAll();
    return {};
  }
  if (Status status = journal_.Write(draft.transition(), draft.change()); !status) return status;
  apply();
  WakeAll();
  return {};
}

}  // namespace heald::remedy
