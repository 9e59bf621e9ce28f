#include "core/remedy/guards.h"

#include <algorithm>
#include <array>

#include "core/base/units.h"

namespace heald::remedy {
namespace {

constexpr int64_t kBusyRetryNs = kSecond;

GuardResult Allow(std::string_view guard, std::string reason) {
  return {{std::string(guard), true, std::move(reason)}, 0};
}
GuardResult Refuse(std::string_view guard, std::string reason, int64_t retry_ns = 0) {
  return {{std::string(guard), false, std::move(reason)}, retry_ns};
}

// "service=payments" matches that label, anything else the target's name.
bool Matches(std::string_view entry, const Labels& target) {
  const size_t equals = entry.find('=');
  if (equals == std::string_view::npos) return TargetName(target) == entry;
  const std::string_view name = entry.substr(0, equals);
  return target.Has(name) && target.Get(name) == entry.substr(equals + 1);
}

std::string Subject(const GuardContext& c) {
  return c.policy.spec.name + " on " + TargetName(c.incident.target);
}

}  // namespace

std::string ClockText(int64_t ns) {
  return FormatTime(ns).substr(11, 8) + " UTC";
}

GuardResult SwitchGuard(const GuardContext& c) {
  if (c.switch_on) return Allow("switch", "automatic remediation is on");
  return Refuse("switch", "automatic remediation was switched off by " + c.switch_actor);
}

GuardResult FreshDataGuard(const GuardContext& c) {
  switch (c.condition) {
    case Verdict::kTrue:
      return Allow("fresh_data", "condition true on fresh data");
    case Verdict::kFalse:
      return Refuse("fresh_data", "the condition is no longer true");
    default:
      return Refuse("fresh_data", "inconclusive: " + c.condition_problem);
  }
}

GuardResult ForGuard(const GuardContext& c) {
  const int64_t for_ns = c.policy.spec.guard.for_ns;
  if (for_ns == 0) return Allow("for", "no waiting time");
  if (c.held_ns >= for_ns)
    return Allow("for",
                 "held " + FormatElapsed(c.held_ns) + " (for " + FormatDuration(for_ns) + ")");
  const int64_t at_ns = c.now_ns - c.held_ns + for_ns;
  return Refuse(
      "for",
      "the condition must hold for " + FormatDuration(for_ns) + "; until " + ClockText(at_ns),
      at_ns);
}

GuardResult CooldownGuard(const GuardContext& c) {
  const int64_t cooldown_ns = c.policy.spec.guard.cooldown_ns;
  const int64_t last_ns = c.issues.last_ns;
  if (cooldown_ns == 0) return Allow("cooldown", "no cooldown");
  if (last_ns == 0) return Allow("cooldown", "cooldown ok (last never)");
  if (c.now_ns - last_ns >= cooldown_ns)
    return Allow("cooldown", "cooldown ok (last " + FormatElapsed(c.now_ns - last_ns) + " ago)");
  const int64_t next_ns = last_ns + cooldown_ns;
  return Refuse("cooldown",
                "last action of " + Subject(c) + " was at " + ClockText(last_ns) + " (cooldown " +
                    FormatDuration(cooldown_ns) + "); next possible " + ClockText(next_ns),
                next_ns);
}

GuardResult MaxPerHourGuard(const GuardContext& c) {
  const uint64_t max = c.policy.spec.guard.max_per_hour;
  if (max == 0) return Allow("max_per_hour", "no limit per hour");
  const std::vector<int64_t>& times = c.issues.times_ns;
  const size_t first = static_cast<size_t>(
      std::upper_bound(times.begin(), times.end(), c.now_ns - kHour) - times.begin());
  const size_t count = times.size() - first;
  if (count < max)
    return Allow("max_per_hour", std::to_string(count) + "/" + std::to_string(max) + " this hour");
  const int64_t next_ns = times[times.size() - max] + kHour;
  return Refuse("max_per_hour",
                std::to_string(count) + (count == 1 ? " action of " : " actions of ") + Subject(c) +
                    " in the last hour (max_per_hour " + std::to_string(max) + "); next possible " +
                    ClockText(next_ns),
                next_ns);
}

GuardResult ExcludedGuard(const GuardContext& c) {
  for (const std::string& entry : c.policy.spec.guard.excluded)
    if (Matches(entry, c.finding.target) || Matches(entry, c.incident.target))
      return Refuse("excluded", "policy " + c.policy.spec.name + " excludes " + entry);
  return Allow("excluded", "not excluded");
}

GuardResult OneAtATimeGuard(const GuardContext& c) {
  if (c.busy_with.empty()) return Allow("one_at_a_time", "nothing else runs on this target");
  return Refuse("one_at_a_time", "still running on this target: " + c.busy_with,
                c.now_ns + kBusyRetryNs);
}

GuardResult PredictionGuard(const GuardContext& c) {
  if (c.finding.kind != FindingKind::kPrediction) return Allow("prediction", "not a prediction");
  if (c.plan.reversible) return Allow("prediction", "a prediction, and the action is reversible");
  if (c.policy.spec.allow_on_prediction)
    return Allow("prediction", "a prediction, and the policy allows it");
  return Refuse("prediction",
                "a prediction alone unlocks only reversible actions (allow_on_prediction: true in "
                "the policy permits this one)");
}

GuardResult TargetsGuard(const GuardContext& c) {
  const std::string running = std::to_string(c.targets_running);
  if (c.targets_known >= c.targets_running)
    return Allow("targets", running + " of " + std::to_string(c.targets_known) + " targets");
  return Allow("targets", running + (c.targets_running == 1 ? " target" : " targets"));
}

Judgement JudgeAll(const GuardContext& context) {
  constexpr std::array kGuards = {SwitchGuard,     FreshDataGuard,  ForGuard,
                                  CooldownGuard,   MaxPerHourGuard, ExcludedGuard,
                                  OneAtATimeGuard, PredictionGuard, TargetsGuard};
  Judgement judgement;
  int64_t retry_ns = 0;
  for (const auto guard : kGuards) {
    GuardResult result = guard(context);
    if (!result.verdict.allowed) {
      judgement.allowed = false;
      retry_ns = std::max(retry_ns, result.retry_ns);  // all have to agree, so the latest counts
      if (!judgement.reason.empty()) judgement.reason += "; ";
      judgement.reason += result.verdict.reason;
    }
    judgement.verdicts.push_back(std::move(result.verdict));
  }
  if (retry_ns != 0) judgement.retry_ns = retry_ns;
  return judgement;
}

}  // namespace heald::remedy
