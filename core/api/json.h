// The records as the API's JSON: snake_case names, times in RFC 3339 (null: never), unknown numbers
// null, labels as objects. Used by the router and by verbs that print JSON. The names are a
// contract: add, never rename. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/api/records.h"
#include "core/api/token_watch.h"

namespace heald::api {

using Json = nlohmann::ordered_json;

Json ToJson(const Labels& labels);
Json ToJson(const Finding& finding);
Json ToJson(const Incident& incident);
Json ToJson(const IncidentLabel& label);
Json ToJson(const Forecast& forecast);
Json ToJson(const Decision& decision);
Json ToJson(const WaitingUndo& undo);
Json ToJson(const Outcome& outcome);
Json ToJson(const ChainEvent& event);
// The incident with its decisions, outcomes and timeline.
Json ToJson(const IncidentChain& chain);
Json ToJson(const SwitchState& state);
Json ToJson(const NodeStatus& node);
Json ToJson(const PipelineReport& pipeline);
Json ToJson(const PolicyStatus& policy);
Json ToJson(const SilenceEntry& silence);
Json ToJson(const ServiceHealth& service);
Json ToJson(const FindingEntry& entry);
Json ToJson(const ActionStatus& action);
Json ToJson(const ExecutionEntry& execution);
Json ToJson(const AuditEntry& event);
Json ToJson(const DetectionReport& report);
// The schema is left out where the entry has none.
Json ToJson(const PluginEntry& plugin);
Json ToJson(const StatusReport& status);
Json ToJson(const Diagnostic& diagnostic);
Json ToJson(const ReloadReport& report);
// Without its secret's hash.
Json ToJson(const TokenUse& token);
Json ToJson(const Check& check);

template <typename T>
Json ToJsonArray(const std::vector<T>& items);

// Text with a newline at its end; bytes that are not UTF-8 become U+FFFD.
std::string Dump(const Json& json);

}  // namespace heald::api
