// The guards: each looks at one danger and says yes or no with its reason. Every decision records
// all of them. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/incident.h"
#include "core/model/when.h"
#include "core/remedy/policy.h"
#include "core/remedy/silences.h"
#include "core/store/store.h"

namespace heald::remedy {

class LatestSamples;

// Everything that guards look at, gathered by the engine.
struct GuardContext {
  const Policy& policy;
  const Incident& incident;
  const Finding& finding;
  const Plan& plan;
  bool planned = true;  // false: there is no plan to look at yet
  int64_t now_ns = 0;
  int64_t held_ns = 0;  // how long the condition has held
  Verdict condition = Verdict::kInconclusive;
  std::string condition_problem{};  // why it is inconclusive
  bool switch_on = true;
  std::string switch_actor{};
  std::string storm{};  // what kind of; empty: none
  int64_t storm_until_ns = 0;
  const Silence* silence = nullptr;
  std::string muted_by{};             // what mutes the finding; empty: nothing
  StoreReader::Issues issues{};       // of this policy on this target, of the last hour
  StoreReader::Issues step_issues{};  // ... of the step alone, where it has limits of its own
  std::string also_on{};  // under which other target the latest of those was done; empty: this one
  std::vector<int64_t> failures_ns{};  // when executions failed since the last that didn't
  bool journal_read = true;            // false: those two are not known
  std::string busy_with{};             // what runs on this target; empty: nothing
  std::string makes_way{};             // ... and would end for this
  std::string self{};                  // what of heald the target is; empty: nothing
  size_t targets_running = 0;          // that this policy acts on now, this one included
  size_t targets_known = 0;            // 0: not known
  size_t targets_healthy = 0;          // of those known
};

struct GuardResult {
  GuardVerdict verdict;
  int64_t retry_ns = 0;      // when to look again; 0: when something changes
  bool whole_round = false;  // refused by a limit of all steps of the policy, not of this one
};

GuardResult SwitchGuard(const GuardContext& context);
GuardResult StormGuard(const GuardContext& context);
GuardResult FreshDataGuard(const GuardContext& context);
GuardResult ForGuard(const GuardContext& context);
GuardResult WindowsGuard(const GuardContext& context);
GuardResult SilenceGuard(const GuardContext& context);
GuardResult InhibitGuard(const GuardContext& context);
GuardResult CooldownGuard(const GuardContext& context);
GuardResult MaxPerHourGuard(const GuardContext& context);
GuardResult BreakerGuard(const GuardContext& context);
GuardResult ExcludedGuard(const GuardContext& context);
GuardResult SelfGuard(const GuardContext& context);
GuardResult OneAtATimeGuard(const GuardContext& context);
GuardResult PredictionGuard(const GuardContext& context);
GuardResult TargetsGuard(const GuardContext& context);

struct Judgement {
  std::vector<GuardVerdict> verdicts;  // of all guards
  bool allowed = true;
  int64_t retry_ns = INT64_MAX;  // when time alone may change the answer
  std::string reason;            // of the refusing ones, for people
  int64_t round_until_ns = 0;    // until then no step may pass over what refuses; 0: it may
};
Judgement JudgeAll(const GuardContext& context);
// What a decision may be refused by: the guards, then a plan that can't be made, a journal that
// can't be written, and people who were asked.
inline constexpr std::string_view kRefusers[] = {
    "switch",        "storm",      "fresh_data",   "for",     "windows",  "silence",
    "inhibit",       "cooldown",   "max_per_hour", "breaker", "excluded", "self",
    "one_at_a_time", "prediction", "targets",      "plan",    "journal",  "approval"};

// "2", "20%"
std::string AmountText(const Amount& amount);
// A refusal without the time until which it holds, and how old a value is: both may move on while
// it stays the same.
std::string WithoutTimes(std::string_view reason);
// "no fresh value of lat (its last is 4 s old, and stale after 3 s)"
std::string NoFreshValue(const LatestSamples& latest, std::string_view name, const Labels& target,
                         int64_t now_ns);
// "21:02:10 UTC"
std::string ClockText(int64_t ns);

}  // namespace heald::remedy
