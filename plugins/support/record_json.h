// Records as JSON with stable names: what the notifiers write, post and publish. The names are
// documented in plugins/notifiers/log/README.md; times are RFC 3339 in UTC with milliseconds, what
// isn't known is null or left out. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "heald/abi/plugin.h"

namespace heald::support {

// Keeps the order in which the members are written, so that a line reads from what to why.
using RecordJson = nlohmann::ordered_json;

// "2026-11-21T21:02:30.123Z"; null for 0.
RecordJson TimeJson(int64_t ns);
// Null for NaN and ±Inf, which JSON hasn't.
RecordJson NumberJson(double value);
RecordJson LabelsJson(heald_labels labels);

// As the API and the templates have it: "spikes/1k2j/7".
std::string FindingId(const heald_finding& finding);
RecordJson FindingJson(const heald_finding& finding);
RecordJson IncidentJson(const heald_incident& incident);
RecordJson DecisionJson(const heald_decision& decision);
RecordJson OutcomeJson(const heald_outcome& outcome);
// The whole event, with those of the four that it has.
RecordJson NotificationJson(const heald_notification& notification);

// "critical"; a later host's is "unknown_7".
std::string SeverityWord(uint32_t severity);
// The highest severity that the event's records carry.
uint32_t SeverityOf(const heald_notification& notification);
// The target that the event is about.
heald_labels TargetOf(const heald_notification& notification);

// One line without the newline; text that isn't UTF-8 gets replacement characters.
std::string OneLine(const RecordJson& json);

}  // namespace heald::support
