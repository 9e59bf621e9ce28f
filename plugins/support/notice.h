// What an event means and how it reads, the same in every notifier: its kind, title, facts and
// steps in plain text with UTF-8 signs. A notifier adds its own markup and limits.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "heald/abi/plugin.h"

namespace heald::support {

// What a notifier can be asked to tell.
enum class Event {
  kOpened,
  kAwaitingApproval,
  kRefused,
  kWouldAct,
  kActing,
  kDryRun,
  kVerified,
  kFailed,
  kUndone,
  kCleared,
  kResolved,
  kEscalated
};
inline constexpr std::string_view kEventWords[] = {
    "opened", "awaiting_approval", "refused",  "would_act",
    "acting", "dry_run",           "verified", "failed",
    "undone", "cleared",           "resolved", "escalated"};

Event EventOf(const heald_notification& notice);
bool IsAmong(Event event, const std::vector<Event>& events);

// The incident's trace id, which is its own for ever (its number may come again with another
// store); for an event of no incident something of the event's own.
std::string KeyOf(const heald_notification& notice);

// What needs telling once per incident, not again and again: "opened", "refused POLICY"; empty: as
// often as it happens.
std::string OnceOf(const heald_notification& notice);

// The finding that the event is about: its own, or the worst that is still open, or any; may be
// null.
const heald_finding* FindingOf(const heald_notification& notice);

std::string_view SignOf(uint32_t severity);  // "🛑"

// "🔧 Repairing · payments · latency_p99". awaits: a decision of this incident waits for an answer.
std::string TitleOf(const heald_notification& notice, bool awaits);

struct Fact {
  std::string name;
  std::string value;
  int64_t time_ns = 0;  // where the value is a time; `value` has it in UTC
};
// Now, Expected, Severity, Since…: those that are known.
std::vector<Fact> FactsOf(const heald_notification& notice);

// Bars of the latest values, and what they are: {"▁█", "latency_p99, last 1 s"}; both empty where
// there are none.
struct Spark {
  std::string bars;
  std::string caption;
};
Spark SparkOf(const heald_finding& finding);

// "Also: queue_length 12, errors 3 1/s and 2 more": what else is wrong; may be empty.
std::string OthersOf(const heald_notification& notice);

// What this event adds to the list of what was done: "✅ verified: ready after 0.9 s"; may be empty.
std::string StepOf(const heald_notification& notice);

// "incident #3 · policy slow · trace 0123…".
std::string FooterOf(const heald_notification& notice, std::string_view policy);

// The whole in plain text, a line each: summary, facts, sparkline, others, step.
std::string BodyOf(const heald_notification& notice);

// A decision that a person made or agreed to.
bool IsOfPerson(const heald_decision& decision);

bool Blank(std::string_view text);

}  // namespace heald::support
