#include "core/agent/policy_status.h"

#include <string>
#include <vector>

namespace heald::agent {
namespace {

std::string InputName(const InputRef& input) {
  return input.output.empty() ? input.node : input.node + "." + input.output;
}

std::vector<std::string> WindowTexts(const std::vector<WindowSpec>& windows) {
  std::vector<std::string> out;
  for (const WindowSpec& window : windows) out.push_back(remedy::Describe(window));
  return out;
}

api::GuardStatus GuardOf(const GuardSpec& guard) {
  api::GuardStatus out;
  out.for_ns = guard.for_ns;
  out.cooldown_ns = guard.cooldown_ns;
  out.max_per_hour = guard.max_per_hour;
  out.excluded = guard.excluded;
  if (guard.max_targets.set) out.max_targets = remedy::AmountText(guard.max_targets);
  if (guard.min_healthy.set) out.min_healthy = remedy::AmountText(guard.min_healthy);
  out.breaker_failures = guard.breaker.failures;
  out.breaker_for_ns = guard.breaker.for_ns;
  out.demote_failures = guard.demote.failures;
  out.demote_of = guard.demote.of;
  out.windows = WindowTexts(guard.windows);
  out.deny_windows = WindowTexts(guard.deny_windows);
  return out;
}

api::PolicyStatus Told(const PolicySpec& policy, int64_t approval_expires_ns) {
  api::PolicyStatus out;
  out.name = policy.name;
  out.enabled = out.file_enabled = policy.enabled;
  out.mode = out.file_mode = policy.mode;
  out.action = policy.action;
  for (const RecommendedAction& recommended : policy.recommended_actions)
    out.recommended_actions.emplace_back(recommended.recommendation, recommended.action);
  for (uint32_t number = 1; number <= policy.steps.size(); ++number) {
    const PolicySpec step = policy.AtStep(number);
    out.steps.push_back({step.action, step.mode, step.verify_within_ns, step.skip_refused,
                         step.canary.set ? step.canary.check.text() : "", step.undo.after_ns});
  }
  for (const InputRef& input : policy.inputs) out.inputs.push_back(InputName(input));
  out.when = policy.when.text();
  out.guard = GuardOf(policy.guard);
  out.verify_within_ns = policy.verify_within_ns;
  out.approval_expires_ns = approval_expires_ns;
  out.allow_on_prediction = policy.allow_on_prediction;
  out.allow_self = policy.allow_self;
  return out;
}

}  // namespace

api::PolicyStatus PolicyStatusOf(const PolicySpec& policy, const AgentSpec& agent) {
  return Told(policy, policy.approval_expires_ns != 0 ? policy.approval_expires_ns
                                                      : agent.approval_expires_ns);
}

api::PolicyStatus PolicyStatusOf(const PolicySpec& policy, const remedy::Engine& engine) {
  api::PolicyStatus out = Told(policy, engine.ApprovalNs(policy));
  if (const auto at = engine.overrides().find(policy.name); at != engine.overrides().end()) {
    out.file_enabled = at->second.file_enabled;
    out.file_mode = at->second.file_mode;
    out.changed_by = at->second.actor;
    out.changed_reason = at->second.reason;
    out.changed_ns = at->second.changed_ns;
  }
  return out;
}

}  // namespace heald::agent
