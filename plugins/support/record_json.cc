#include "plugins/support/record_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string_view>

#include "plugins/support/abi_text.h"

namespace heald::support {
namespace {

constexpr std::array<std::string_view, 4> kSeverities = {"normal", "info", "warning", "critical"};
constexpr std::array<std::string_view, 3> kFindingKinds = {"anomaly", "prediction", "event"};
constexpr std::array<std::string_view, 3> kFindingStates = {"open", "update", "clear"};
constexpr std::array<std::string_view, 5> kIncidentStates = {"open", "acting", "verifying",
                                                             "resolved", "escalated"};
constexpr std::array<std::string_view, 3> kModes = {"shadow", "approve", "enforce"};
constexpr std::array<std::string_view, 4> kVerdicts = {"would_act", "act", "refused",
                                                       "awaits_approval"};
constexpr std::array<std::string_view, 6> kOutcomeStates = {"issued", "observed", "verified",
                                                            "failed", "undone",   "dry_run"};
constexpr std::array<std::string_view, 4> kNoticeKinds = {"finding", "incident", "decision",
                                                          "outcome"};

void AddPrediction(const heald_finding& finding, RecordJson* json) {
  if (finding.kind != HEALD_FINDING_PREDICTION) return;
  (*json)["prediction"] = {{"probability", NumberJson(finding.probability)},
                           {"eta", TimeJson(finding.eta_ns)},
                           {"eta_low", TimeJson(finding.eta_low_ns)},
                           {"eta_high", TimeJson(finding.eta_high_ns)},
                           {"component", Text(finding.component)},
                           {"recommended_action", Text(finding.recommended_action)}};
}

}  // namespace

RecordJson TimeJson(int64_t ns) {
  if (ns == 0) return nullptr;
  constexpr int64_t kSecond = 1'000'000'000;
  int64_t rest = ns % kSecond;
  std::time_t seconds = ns / kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ",
                static_cast<int>(rest / 1'000'000));
  return text.data();
}

RecordJson NumberJson(double value) {
  return std::isfinite(value) ? RecordJson(value) : RecordJson(nullptr);
}

RecordJson LabelsJson(heald_labels labels) {
  RecordJson json = RecordJson::object();
  for (uint64_t i = 0; i < labels.count; ++i)
    json[Text(labels.items[i].name)] = Text(labels.items[i].value);
  return json;
}

std::string FindingId(const heald_finding& finding) {
  return finding.key.len == 0 ? std::to_string(finding.id) : Text(finding.key);
}

RecordJson FindingJson(const heald_finding& finding) {
  RecordJson json{{"id", FindingId(finding)},
                  {"node", Text(finding.node)},
                  {"kind", Word(kFindingKinds, finding.kind)},
                  {"state", Word(kFindingStates, finding.state)},
                  {"severity", SeverityWord(finding.severity)},
                  {"target", LabelsJson(finding.target)},
                  {"metric", Text(finding.metric)},
                  {"unit", Text(finding.unit)},
                  {"summary", Text(finding.summary)},
                  {"value", NumberJson(finding.value)},
                  {"expected_low", NumberJson(finding.expected_low)},
                  {"expected_high", NumberJson(finding.expected_high)},
                  {"score", NumberJson(finding.score)},
                  {"confidence", NumberJson(finding.confidence)},
                  {"began", TimeJson(finding.began_ns)},
                  {"time", TimeJson(finding.ts_ns)}};
  AddPrediction(finding, &json);
  for (uint64_t i = 0; i < finding.contributor_count; ++i) {
    const heald_contributor& part = finding.contributors[i];
    json["contributors"].push_back({{"name", Text(part.name)},
                                    {"share", NumberJson(part.share)},
                                    {"value", NumberJson(part.value)},
                                    {"expected", NumberJson(part.expected)}});
  }
  if (finding.count != 0) json["count"] = finding.count;
  if (finding.recent_count != 0) {
    json["recent_step_s"] = static_cast<double>(finding.recent_step_ns) / 1e9;
    for (uint64_t i = 0; i < finding.recent_count; ++i)
      json["recent"].push_back(NumberJson(finding.recent[i]));
  }
  if (finding.annotations.count != 0) json["annotations"] = LabelsJson(finding.annotations);
  return json;
}

RecordJson IncidentJson(const heald_incident& incident) {
  RecordJson json{{"id", incident.id},
                  {"state", Word(kIncidentStates, incident.state)},
                  {"severity", SeverityWord(incident.severity)},
                  {"trace_id", Text(incident.trace_id)},
                  {"target", LabelsJson(incident.target)},
                  {"summary", Text(incident.summary)},
                  {"opened", TimeJson(incident.opened_ns)},
                  {"closed", TimeJson(incident.closed_ns)},
                  {"findings", RecordJson::array()}};
  for (uint64_t i = 0; i < incident.finding_count; ++i)
    json["findings"].push_back(FindingJson(incident.findings[i]));
  return json;
}

RecordJson DecisionJson(const heald_decision& decision) {
  RecordJson json{{"id", Text(decision.id)},
                  {"incident", decision.incident},
                  {"policy", Text(decision.policy)},
                  {"action", Text(decision.action)},
                  {"verdict", Word(kVerdicts, decision.verdict)},
                  {"mode", Word(kModes, decision.mode)},
                  {"dry_run", decision.dry_run != 0},
                  {"actor", Text(decision.actor)},
                  {"target", LabelsJson(decision.target)},
                  {"plan",
                   {{"summary", Text(decision.plan->summary)},
                    {"reversible", decision.plan->reversible != 0},
                    {"target_uid", Text(decision.plan->target_uid)},
                    {"hash", Text(decision.plan_hash)}}},
                  {"guards", RecordJson::array()},
                  {"time", TimeJson(decision.ts_ns)}};
  for (uint64_t i = 0; i < decision.guard_count; ++i) {
    const heald_guard_verdict& guard = decision.guards[i];
    json["guards"].push_back({{"guard", Text(guard.guard)},
                              {"allowed", guard.allowed != 0},
                              {"reason", Text(guard.reason)}});
  }
  return json;
}

RecordJson OutcomeJson(const heald_outcome& outcome) {
  return {{"decision", Text(outcome.decision)},
          {"incident", outcome.incident},
          {"state", Word(kOutcomeStates, outcome.state)},
          {"detail", Text(outcome.detail)},
          {"time", TimeJson(outcome.ts_ns)}};
}

std::string SeverityWord(uint32_t severity) {
  return Word(kSeverities, severity);
}

uint32_t SeverityOf(const heald_notification& notification) {
  uint32_t severity = HEALD_SEVERITY_NORMAL;
  if (notification.finding != nullptr) severity = notification.finding->severity;
  if (notification.incident != nullptr)
    severity = std::max(severity, notification.incident->severity);
  return severity;
}

heald_labels TargetOf(const heald_notification& notification) {
  if (notification.finding != nullptr) return notification.finding->target;
  if (notification.decision != nullptr) return notification.decision->target;
  if (notification.incident != nullptr) return notification.incident->target;
  return {};
}

RecordJson NotificationJson(const heald_notification& notification) {
  RecordJson json{{"event_id", Text(notification.event_id)},
                  {"time", TimeJson(notification.ts_ns)},
                  {"kind", Word(kNoticeKinds, notification.kind)},
                  {"node", Text(notification.node)},
                  {"text", Text(notification.text)},
                  {"severity", SeverityWord(SeverityOf(notification))},
                  {"target", LabelsJson(TargetOf(notification))}};
  if (notification.finding != nullptr) json["finding"] = FindingJson(*notification.finding);
  if (notification.incident != nullptr) json["incident"] = IncidentJson(*notification.incident);
  if (notification.decision != nullptr) json["decision"] = DecisionJson(*notification.decision);
  if (notification.outcome != nullptr) json["outcome"] = OutcomeJson(*notification.outcome);
  return json;
}

std::string OneLine(const RecordJson& json) {
  return json.dump(-1, ' ', false, RecordJson::error_handler_t::replace);
}

}  // namespace heald::support
