// What the audit trail keeps of an event, as typed members of the API: the calls that an action
// made and the samples that a finding was made of. Used by the chain of an incident.
// Thread rule: pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace heald::api {

// Both take their members out of `detail`; an empty array where there is nothing.
// [{call, answer, time, took_seconds}], oldest first.
nlohmann::ordered_json TakeCalls(nlohmann::ordered_json* detail);
// [{time, value}], oldest first; a time is null where it isn't known.
nlohmann::ordered_json TakeSamples(nlohmann::ordered_json* detail);

}  // namespace heald::api
