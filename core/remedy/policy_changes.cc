#include "core/remedy/policy_changes.h"

#include <algorithm>
#include <utility>

#include "core/base/units.h"
#include "core/remedy/guards.h"
#include "core/remedy/windows.h"

namespace heald::remedy {
namespace {

constexpr size_t kMostTold = 20;

// What is told of a thing, by name; an empty value is the same as none.
using Facts = std::vector<std::pair<std::string, std::string>>;

std::string Duration(int64_t ns) {
  return ns == 0 ? "" : FormatDuration(ns);
}
std::string Count(uint64_t count) {
  return count == 0 ? "" : std::to_string(count);
}
std::string YesNo(bool yes) {
  return yes ? "yes" : "no";
}
std::string Join(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : " + ") + text;
  return out;
}
std::string Texts(const std::vector<WindowSpec>& windows) {
  std::vector<std::string> texts;
  for (const WindowSpec& window : windows) texts.push_back(Describe(window));
  return Join(texts);
}
std::string Texts(const std::vector<InputRef>& inputs) {
  std::vector<std::string> texts;
  for (const InputRef& input : inputs)
    texts.push_back(input.output.empty() ? input.node : input.node + "." + input.output);
  return Join(texts);
}
std::string Texts(const std::vector<Matcher>& matchers) {
  std::vector<std::string> texts;
  for (const Matcher& matcher : matchers) texts.push_back(matcher.ToString());
  return Join(texts);
}

void AddGuard(const GuardSpec& guard, const std::string& of, Facts* facts) {
  const auto add = [&](const char* name, std::string value) {
    facts->emplace_back(of + name, std::move(value));
  };
  add("for", Duration(guard.for_ns));
  add("cooldown", Duration(guard.cooldown_ns));
  add("max_per_hour", Count(guard.max_per_hour));
  add("excluded", Join(guard.excluded));
  add("max_targets", guard.max_targets.set ? AmountText(guard.max_targets) : "");
  add("min_healthy", guard.min_healthy.set ? AmountText(guard.min_healthy) : "");
  add("breaker", guard.breaker.failures == 0
                     ? ""
                     : std::to_string(guard.breaker.failures) + " failures stop it for " +
                           FormatDuration(guard.breaker.for_ns));
  add("demote", guard.demote.failures == 0 ? ""
                                           : std::to_string(guard.demote.failures) + " of " +
                                                 std::to_string(guard.demote.of));
  add("windows", Texts(guard.windows));
  add("deny_windows", Texts(guard.deny_windows));
}

Facts FactsOf(const PolicySpec& policy, const AgentSpec& agent) {
  Facts facts = {{"", policy.enabled ? std::string(ToString(policy.mode)) : "disabled"},
                 {"inputs", Texts(policy.inputs)},
                 {"when", policy.when.text()}};
  AddGuard(policy.guard, "", &facts);
  facts.emplace_back("recommended actions", "");
  for (const RecommendedAction& r : policy.recommended_actions)
    facts.back().second += r.recommendation + ": " + r.action + " ";
  facts.emplace_back("allow_on_prediction", YesNo(policy.allow_on_prediction));
  facts.emplace_back("allow_self", YesNo(policy.allow_self));
  facts.emplace_back("approval expires",
                     Duration(policy.approval_expires_ns != 0 ? policy.approval_expires_ns
                                                              : agent.approval_expires_ns));
  for (uint32_t number = 1; number <= policy.step_count(); ++number) {
    const PolicySpec step = policy.AtStep(number);
    const std::string of = policy.steps.empty() ? "" : "step " + std::to_string(number) + " ";
    const auto add = [&](const char* name, std::string value) {
      facts.emplace_back(of + name, std::move(value));
    };
    add("action", step.action);
    if (!policy.steps.empty()) add("mode", std::string(ToString(step.mode)));
    if (!policy.steps.empty()) AddGuard(step.own, of, &facts);
    add("verify", Duration(step.verify_within_ns));
    add("undo.on_failure", YesNo(step.undo.on_failure));
    add("undo.after", Duration(step.undo.after_ns));
    add("canary",
        !step.canary.set
            ? ""
            : "for " + FormatDuration(step.canary.for_ns) + " within " +
                  FormatDuration(step.canary.within_ns) +
                  (step.canary.check.text().empty() ? "" : " check " + step.canary.check.text()));
    add("on_refused", step.skip_refused ? "next" : "");
  }
  return facts;
}

Facts FactsOf(const PipelineSpec& spec) {
  const AgentSpec& agent = spec.agent;
  Facts facts = {
      {"group_by", Join(agent.group_by)},
      {"reopen_within", Duration(agent.reopen_within_ns)},
      {"act_without_store", YesNo(agent.act_without_store)},
      {"approval links", YesNo(agent.approval_links)},
      {"windows", Texts(agent.windows)},
      {"deny_windows", Texts(agent.deny_windows)},
      {"storm", agent.storm.incidents == 0 ? ""
                                           : std::to_string(agent.storm.incidents) + " within " +
                                                 FormatDuration(agent.storm.within_ns) + " pause " +
                                                 FormatDuration(agent.storm.pause_ns)},
      {"retention of incidents", Duration(agent.keep_incidents_ns)},
      {"retention of the audit trail", Duration(agent.keep_audit_ns)}};
  std::string rules;
  for (const InhibitRule& rule : spec.inhibit)
    rules += Texts(rule.source) + " mutes " + Texts(rule.target) + " ";
  facts.emplace_back("inhibit", rules);
  return facts;
}

// "cooldown 10m -> 1m, max_per_hour 3 -> none"
std::string Difference(const Facts& before, const Facts& after) {
  const auto in = [](const Facts& facts, const std::string& name) {
    const auto at = std::find_if(facts.begin(), facts.end(),
                                 [&](const auto& fact) { return fact.first == name; });
    return at == facts.end() ? std::string() : at->second;
  };
  std::string text;
  const auto add = [&](const std::string& name) {
    const std::string a = in(before, name);
    const std::string b = in(after, name);
    if (a == b) return;
    text += (text.empty() ? "" : ", ") + name + (name.empty() ? "" : " ") +
            (a.empty() ? "none" : a) + " -> " + (b.empty() ? "none" : b);
  };
  for (const auto& [name, value] : after) add(name);
  for (const auto& [name, value] : before)
    if (in(after, name).empty() && !value.empty() &&
        std::none_of(after.begin(), after.end(),
                     [&, &name = name](const auto& fact) { return fact.first == name; }))
      add(name);
  return text;
}

std::string ModeText(const PolicySpec& policy) {
  return policy.enabled ? std::string(ToString(policy.mode)) : "disabled";
}

}  // namespace

std::vector<std::string> PolicyChanges(const PipelineSpec& before, const PipelineSpec& after) {
  std::vector<std::string> changes;
  if (before.agent.dry_run != after.agent.dry_run) {
    const auto enforce =
        std::count_if(after.policies.begin(), after.policies.end(),
                      [](const PolicySpec& p) { return p.enabled && p.mode == Mode::kEnforce; });
    changes.push_back(after.agent.dry_run
                          ? "dry run is on now: nothing is done for real"
                          : "dry run is off now: policies that enforce act for real (" +
                                std::to_string(enforce) + ")");
  }
  for (const PolicySpec& policy : after.policies) {
    const PolicySpec* old = before.FindPolicy(policy.name);
    if (old == nullptr) {
      changes.push_back("policy " + policy.name + " is new: " + ModeText(policy));
      continue;
    }
    const std::string text = Difference(FactsOf(*old, before.agent), FactsOf(policy, after.agent));
    if (!text.empty()) changes.push_back("policy " + policy.name + ": " + text);
  }
  for (const PolicySpec& policy : before.policies)
    if (after.FindPolicy(policy.name) == nullptr)
      changes.push_back("policy " + policy.name + " is gone; it was " + ModeText(policy));
  const std::string agent = Difference(FactsOf(before), FactsOf(after));
  if (!agent.empty()) changes.push_back("agent: " + agent);
  return changes;
}

std::string ChangesText(const std::vector<std::string>& changes) {
  std::string text;
  for (size_t i = 0; i < std::min(changes.size(), kMostTold); ++i)
    text += (text.empty() ? "" : "; ") + changes[i];
  if (changes.size() > kMostTold)
    text += "; and " + std::to_string(changes.size() - kMostTold) + " more";
  return text;
}

}  // namespace heald::remedy
