// Records as JSON and back: how the store keeps them, and what the API and the CLI show.
// NaN is left out or null, infinities are "inf" and "-inf", times are ns since the epoch.
// Thread rule: pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/model/incident.h"
#include "core/store/store.h"

namespace heald {

using Json = nlohmann::json;

Json ToJson(const Labels& labels);
Json ToJson(const Finding& finding);
Json ToJson(const Incident& incident);
Json ToJson(const IncidentLabel& label);
Json ToJson(const Forecast& forecast);
Json ToJson(const Call& call);
Json ToJson(const Plan& plan);
Json ToJson(const Decision& decision);
Json ToJson(const Outcome& outcome);
Json ToJson(const Execution& execution);
Json ToJson(const AuditEvent& event);
Json ToJson(const Chain& chain);
Json ToJson(const Change& change);

Result<Labels> LabelsFromJson(std::string_view text);
Result<Finding> FindingFromJson(std::string_view text);
Result<Decision> DecisionFromJson(std::string_view text);
Result<Incident> IncidentFromJson(std::string_view text);
Result<Forecast> ForecastFromJson(std::string_view text);
Result<Outcome> OutcomeFromJson(std::string_view text);
Result<Change> ChangeFromJson(std::string_view text);

// One line; bytes that aren't UTF-8 are replaced, so it never fails.
std::string Dump(const Json& json, int indent = -1);

}  // namespace heald
