// An event of the agent as one of PagerDuty's Events API v2. Used by the notifier.
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>

#include "plugins/notifiers/pagerduty/config.h"
#include "plugins/support/record_json.h"

namespace heald::pagerduty {

enum class Do { kNothing, kTrigger, kAcknowledge, kResolve };

// What this event asks of PagerDuty: a call where it is one of trigger_on, an acknowledgement where
// a person has answered for a decision, an end where the incident has ended.
Do ActionOf(const heald_notification& notice, const Config& config);

// All events of one incident have it, so they are one alert; until that is acknowledged, and what
// calls somebody again is the next one: call 2, 3…
std::string DedupKey(const heald_notification& notice, unsigned call = 1);

// The request's body, within PagerDuty's limits. `filled`: with placeholders filled in.
support::RecordJson AlertEvent(const heald_notification& notice, Do action,
                               const std::string& dedup_key, const Config& filled);

}  // namespace heald::pagerduty
