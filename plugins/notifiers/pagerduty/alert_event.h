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

// All events of one incident have it, so they are one alert.
std::string DedupKey(const heald_notification& notice);

// The request's body, within PagerDuty's limits. `filled`: with placeholders filled in.
support::RecordJson AlertEvent(const heald_notification& notice, Do action, const Config& filled);

}  // namespace heald::pagerduty
