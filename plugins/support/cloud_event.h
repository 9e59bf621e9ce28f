// An event as a CloudEvent 1.0, its record (record_json.h) being the data. The names are the same
// wherever heald publishes: a webhook's body is what a topic has. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "heald/abi/plugin.h"
#include "plugins/support/record_json.h"

namespace heald::support {

// "dev.heald.incident.opened".
std::string CloudEventType(const heald_notification& notice);

// "namespace=shop,service=orders": the incident's target where there is one, so that all that is
// told of it has one subject; empty where an event is about nothing.
std::string CloudEventSubject(const heald_notification& notice);

// Attributes and data in JSON's structured form. source: a URI reference that tells agents apart.
RecordJson CloudEvent(const heald_notification& notice, std::string_view source);

}  // namespace heald::support
