#include "core/remedy/guards.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <tuple>

#include "core/base/units.h"
#include "core/model/matcher.h"
#include "core/remedy/latest.h"

namespace heald::remedy {
namespace {

constexpr int64_t kBusyRetryNs = kSecond;
constexpr int64_t kOthersRetryNs = 5 * kSecond;
constexpr std::string_view kNext = "; next possible ";
constexpr std::string_view kLast = " (its last is ";

GuardResult Allow(std::string_view guard, std::string reason) {
  return {{std::string(guard), true, std::move(reason)}, 0};
}
GuardResult Refuse(std::string_view guard, std::string reason, int64_t retry_ns = 0) {
  return {{std::string(guard), false, std::move(reason)}, retry_ns};
}

// "service=payments" and "namespace=~kube-.*" match that label, anything else the target's name.
bool Matches(std::string_view entry, const Labels& target) {
  if (entry.find_first_of("=~") == std::string_view::npos) return TargetName(target) == entry;
  const Result<Matcher> matcher = Matcher::Parse(entry);
  return matcher && matcher->Matches(target.Get(matcher->name()));
}

std::string Subject(const GuardContext& c) {
  return c.policy.spec.name + " on " + TargetName(c.incident.target);
}

// What counts together, as it is or may be the same thing.
std::string AlsoOn(const GuardContext& c) {
  return c.also_on.empty() ? "" : ", on the same thing as " + c.also_on;
}

std::string StepSubject(const GuardContext& c) {
  return "step " + std::to_string(c.policy.spec.step) + " of " + Subject(c);
}

// With the date where the time of day alone would mislead.
std::string Next(const GuardContext& c, int64_t ns) {
  const std::string day = ns - c.now_ns > kDay / 2 ? FormatTime(ns).substr(0, 10) + " " : "";
  return std::string(kNext) + day + ClockText(ns);
}

GuardResult Unread(std::string_view guard) {
  return Refuse(guard, "not known: the journal can't be read");
}

}  // namespace

std::string AmountText(const Amount& amount) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", amount.ratio ? amount.value * 100 : amount.value);
  return text + std::string(amount.ratio ? "%" : "");
}

std::string WithoutTimes(std::string_view reason) {
  std::string text(reason.substr(0, reason.find(kNext)));
  for (size_t at = text.find(kLast); at != std::string::npos; at = text.find(kLast, at))
    text.erase(at, text.find(')', at) - at + 1);
  return text;
}

std::string NoFreshValue(const LatestSamples& latest, std::string_view name, const Labels& target,
                         int64_t now_ns) {
  std::string text = "no fresh value of " + std::string(name);
  const int64_t last_ns = latest.LatestNs(name, target);
  const int64_t stale_ns = latest.StaleNs(name);
  if (last_ns == 0 || now_ns - last_ns <= stale_ns) return text;
  return text + std::string(kLast) + FormatElapsed(now_ns - last_ns) + " old, and stale after " +
         FormatDuration(stale_ns) + ")";
}

std::string ClockText(int64_t ns) {
  return FormatTime(ns).substr(11, 8) + " UTC";
}

GuardResult SwitchGuard(const GuardContext& c) {
  if (c.switch_on) return Allow("switch", "automatic remediation is on");
  return Refuse("switch", "automatic remediation was switched off by " + c.switch_actor);
}

GuardResult StormGuard(const GuardContext& c) {
  if (c.storm.empty()) return Allow("storm", "no storm of incidents");
  return Refuse("storm",
                "nothing is repaired during a storm: " + c.storm + Next(c, c.storm_until_ns) +
                    " if it stays calm",
                c.storm_until_ns);
}

GuardResult FreshDataGuard(const GuardContext& c) {
  switch (c.condition) {
    case Verdict::kTrue:
      if (!c.condition_problem.empty())
        return Allow("fresh_data",
                     "not needed to tell people after the steps before: " + c.condition_problem);
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
  if (c.condition != Verdict::kTrue)
    return Refuse("for", "the condition must hold for " + FormatDuration(for_ns) +
                             ", and is not known to hold");
  if (c.held_ns >= for_ns)
    return Allow("for",
                 "held " + FormatElapsed(c.held_ns) + " (for " + FormatDuration(for_ns) + ")");
  const int64_t at_ns = c.now_ns - c.held_ns + for_ns;
  return Refuse(
      "for",
      "the condition must hold for " + FormatDuration(for_ns) + "; until " + ClockText(at_ns),
      at_ns);
}

GuardResult WindowsGuard(const GuardContext& c) {
  if (c.policy.windows.empty()) return Allow("windows", "at any time");
  const Windows::Answer& answer = c.policy.windows.At(c.now_ns);
  if (answer.open) return Allow("windows", answer.why);
  if (answer.next_ns == 0)
    return Refuse("windows", answer.why + "; not possible within the next two weeks");
  return Refuse("windows", answer.why + Next(c, answer.next_ns), answer.next_ns);
}

GuardResult SilenceGuard(const GuardContext& c) {
  if (c.silence == nullptr) return Allow("silence", "not silenced");
  return Refuse("silence",
                "silence " + c.silence->id + " by " + c.silence->actor + " (" + c.silence->comment +
                    ")" + Next(c, c.silence->ends_ns),
                c.silence->ends_ns);
}

GuardResult InhibitGuard(const GuardContext& c) {
  if (c.muted_by.empty()) return Allow("inhibit", "not muted");
  return Refuse("inhibit", "muted by " + c.muted_by + "; possible again when that is over");
}

GuardResult CooldownGuard(const GuardContext& c) {
  const PolicySpec& spec = c.policy.spec;
  // The policy's is the pause between two rounds of its steps.
  const bool within_round = spec.step > 1;
  const int64_t cooldown_ns = within_round ? 0 : spec.guard.cooldown_ns;
  if (cooldown_ns == 0 && spec.own.cooldown_ns == 0)
    return Allow("cooldown", within_round && spec.guard.cooldown_ns != 0
                                 ? "no cooldown within a round of steps"
                                 : "no cooldown");
  if (!c.journal_read) return Unread("cooldown");
  int64_t latest_ns = 0;
  for (const auto& [pause_ns, last_ns, whose, of_all] :
       {std::tuple(cooldown_ns, c.issues.last_ns, Subject(c), true),
        std::tuple(spec.own.cooldown_ns, c.step_issues.last_ns, StepSubject(c), false)}) {
    if (pause_ns == 0 || last_ns == 0) continue;
    latest_ns = std::max(latest_ns, last_ns);
    if (c.now_ns - last_ns >= pause_ns) continue;
    const int64_t next_ns = last_ns + pause_ns;
    GuardResult refused =
        Refuse("cooldown",
               "last action of " + whose + " was at " + ClockText(last_ns) + AlsoOn(c) +
                   " (cooldown " + FormatDuration(pause_ns) + ")" + Next(c, next_ns),
               next_ns);
    refused.whole_round = of_all;
    return refused;
  }
  if (latest_ns == 0) return Allow("cooldown", "cooldown ok (last never)");
  return Allow("cooldown", "cooldown ok (last " + FormatElapsed(c.now_ns - latest_ns) + " ago)");
}

GuardResult MaxPerHourGuard(const GuardContext& c) {
  const PolicySpec& spec = c.policy.spec;
  if (spec.guard.max_per_hour == 0 && spec.own.max_per_hour == 0)
    return Allow("max_per_hour", "no limit per hour");
  if (!c.journal_read) return Unread("max_per_hour");
  std::string allowed;
  for (const auto& [max, issues, whose, of_all] :
       {std::tuple(spec.guard.max_per_hour, &c.issues, Subject(c), true),
        std::tuple(spec.own.max_per_hour, &c.step_issues, StepSubject(c), false)}) {
    if (max == 0) continue;
    const std::vector<int64_t>& times = issues->times_ns;
    const size_t first = static_cast<size_t>(
        std::upper_bound(times.begin(), times.end(), c.now_ns - kHour) - times.begin());
    const size_t count = times.size() - first;
    if (count < max) {
      allowed += (allowed.empty() ? "" : ", by the step ") + std::to_string(count) + "/" +
                 std::to_string(max);
      continue;
    }
    const int64_t next_ns = times[times.size() - max] + kHour;
    GuardResult refused =
        Refuse("max_per_hour",
               std::to_string(count) + (count == 1 ? " action of " : " actions of ") + whose +
                   " in the last hour" + AlsoOn(c) + " (max_per_hour " + std::to_string(max) + ")" +
                   Next(c, next_ns),
               next_ns);
    refused.whole_round = of_all;
    return refused;
  }
  return Allow("max_per_hour", allowed + " this hour");
}

GuardResult BreakerGuard(const GuardContext& c) {
  const BreakerSpec& breaker = c.policy.spec.guard.breaker;
  if (breaker.failures == 0) return Allow("breaker", "no breaker");
  if (!c.journal_read) return Unread("breaker");
  const size_t failures = c.failures_ns.size();
  const std::string count = std::to_string(failures);
  if (failures < breaker.failures)
    return Allow("breaker", failures == 0
                                ? "breaker closed"
                                : "breaker closed (" + count + " of " +
                                      std::to_string(breaker.failures) + " failures in a row)");
  const int64_t last_ns = c.failures_ns.back();
  const int64_t next_ns = last_ns + breaker.for_ns;
  if (c.now_ns >= next_ns)
    return Allow("breaker", "breaker half open: " + count + " failures in a row, the last " +
                                FormatElapsed(c.now_ns - last_ns) + " ago; one more try");
  return Refuse("breaker",
                "breaker open: " + (c.policy.steps > 1 ? StepSubject(c) : Subject(c)) + " failed " +
                    count + " times in a row, the last at " + ClockText(last_ns) + " (breaker " +
                    std::to_string(breaker.failures) + " for " + FormatDuration(breaker.for_ns) +
                    ")" + Next(c, next_ns),
                next_ns);
}

GuardResult ExcludedGuard(const GuardContext& c) {
  for (const std::string& entry : c.policy.spec.guard.excluded)
    if (Matches(entry, c.finding.target) || Matches(entry, c.incident.target))
      return Refuse("excluded", "policy " + c.policy.spec.name + " excludes " + entry);
  return Allow("excluded", "not excluded");
}

GuardResult SelfGuard(const GuardContext& c) {
  if (c.self.empty()) return Allow("self", "no part of heald");
  if (c.policy.spec.allow_self)
    return Allow("self", "acts on " + c.self + ", which the policy allows");
  return Refuse("self",
                "this would act on " + c.self + " (allow_self: true in the policy permits that)");
}

GuardResult OneAtATimeGuard(const GuardContext& c) {
  if (c.busy_with.empty())
    return Allow("one_at_a_time", c.makes_way.empty()
                                      ? "nothing else runs on this target"
                                      : "done and only watched, it makes way: " + c.makes_way);
  return Refuse("one_at_a_time", "still running on this target: " + c.busy_with,
                c.now_ns + kBusyRetryNs);
}

GuardResult PredictionGuard(const GuardContext& c) {
  if (c.finding.kind != FindingKind::kPrediction) return Allow("prediction", "not a prediction");
  if (!c.planned) return Allow("prediction", "a prediction, and no plan yet");
  if (c.plan.reversible) return Allow("prediction", "a prediction, and the action is reversible");
  if (c.policy.spec.allow_on_prediction)
    return Allow("prediction", "a prediction, and the policy allows it");
  return Refuse("prediction",
                "a prediction alone unlocks only reversible actions (allow_on_prediction: true in "
                "the policy permits this one)");
}

// A part of all targets can't be told where nobody knows how many there are: that refuses too.
GuardResult TargetsGuard(const GuardContext& c) {
  const GuardSpec& guard = c.policy.spec.guard;
  const std::string running = std::to_string(c.targets_running);
  std::string known = std::to_string(c.targets_known);
  const int64_t retry_ns = c.now_ns + kOthersRetryNs;
  if ((guard.min_healthy.set || guard.max_targets.ratio) && c.targets_known == 0)
    return Refuse("targets",
                  "how many targets there are is not known, as no sample of them has "
                  "come",
                  retry_ns);
  if (guard.max_targets.set) {
    // A part of few is at least one, else the policy could never act.
    const double limit =
        guard.max_targets.ratio
            ? std::max(
                  1.0,
                  std::floor(guard.max_targets.value * static_cast<double>(c.targets_known) + 1e-9))
            : guard.max_targets.value;
    if (static_cast<double>(c.targets_running) > limit)
      return Refuse("targets",
                    c.policy.spec.name + " acts on " + std::to_string(c.targets_running - 1) +
                        " targets already (max_targets " + AmountText(guard.max_targets) +
                        "); possible again when one of them is done",
                    retry_ns);
  }
  if (guard.min_healthy.set) {
    const double floor =
        guard.min_healthy.ratio
            ? std::ceil(guard.min_healthy.value * static_cast<double>(c.targets_known) - 1e-9)
            : guard.min_healthy.value;
    if (static_cast<double>(c.targets_healthy) < floor)
      return Refuse("targets",
                    std::to_string(c.targets_healthy) + " of " + known +
                        " targets are healthy (min_healthy " + AmountText(guard.min_healthy) +
                        "); possible again when " + std::to_string(static_cast<int64_t>(floor)) +
                        " are",
                    retry_ns);
  }
  std::string limits;
  if (guard.max_targets.set) limits += ", at most " + AmountText(guard.max_targets);
  if (guard.min_healthy.set) limits += ", " + std::to_string(c.targets_healthy) + " healthy";
  if (c.targets_known >= c.targets_running)
    return Allow("targets", running + " of " + known + " targets" + limits);
  return Allow("targets", running + (c.targets_running == 1 ? " target" : " targets") + limits);
}

Judgement JudgeAll(const GuardContext& context) {
  constexpr std::array kGuards = {SwitchGuard,     StormGuard,      FreshDataGuard, ForGuard,
                                  WindowsGuard,    SilenceGuard,    InhibitGuard,   CooldownGuard,
                                  MaxPerHourGuard, BreakerGuard,    ExcludedGuard,  SelfGuard,
                                  OneAtATimeGuard, PredictionGuard, TargetsGuard};
  Judgement judgement;
  int64_t retry_ns = 0;
  for (const auto guard : kGuards) {
    GuardResult result = guard(context);
    if (!result.verdict.allowed) {
      judgement.allowed = false;
      if (result.whole_round)
        judgement.round_until_ns = std::max(judgement.round_until_ns, result.retry_ns);
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
