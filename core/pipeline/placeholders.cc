#include "core/pipeline/placeholders.h"

#include <cmath>
#include <cstdio>

#include "core/base/units.h"

namespace heald {
namespace {

using Text = std::optional<std::string>;

Text Number(double value) {
  if (std::isnan(value)) return std::nullopt;
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", value);
  return buffer;
}

template <typename Record>
struct Named {
  std::string_view name;
  Text (*text)(const Record&);
};

constexpr Named<Finding> kOfFinding[] = {
    {"id", [](const Finding& f) -> Text { return f.id; }},
    {"node", [](const Finding& f) -> Text { return f.node; }},
    {"metric", [](const Finding& f) -> Text { return f.metric; }},
    {"severity", [](const Finding& f) -> Text { return std::string(ToString(f.severity)); }},
    {"kind", [](const Finding& f) -> Text { return std::string(ToString(f.kind)); }},
    {"value", [](const Finding& f) { return Number(f.value); }},
    {"expected_low", [](const Finding& f) { return Number(f.expected_low); }},
    {"expected_high", [](const Finding& f) { return Number(f.expected_high); }},
    {"score", [](const Finding& f) { return Number(f.score); }},
    {"confidence", [](const Finding& f) { return Number(f.confidence); }},
    {"unit", [](const Finding& f) -> Text { return f.unit; }},
    {"summary",
     [](const Finding& f) -> Text { return f.summary.empty() ? Describe(f) : f.summary; }},
    {"probability", [](const Finding& f) { return Number(f.probability); }},
    {"component", [](const Finding& f) -> Text { return f.component; }},
    {"recommended_action", [](const Finding& f) -> Text { return f.recommended_action; }}};

constexpr std::string_view kUrl = "url";
constexpr std::string_view kApprovalUrl = "approval.url";
constexpr std::string_view kApprovalExpires = "approval.expires";
constexpr Named<Incident> kOfIncident[] = {
    {"id", [](const Incident& i) -> Text { return std::to_string(i.id); }},
    {"severity", [](const Incident& i) -> Text { return std::string(ToString(i.severity)); }},
    {"state", [](const Incident& i) -> Text { return std::string(ToString(i.state)); }},
    {"summary", [](const Incident& i) -> Text { return i.summary; }},
    {"trace_id", [](const Incident& i) -> Text { return i.trace_id; }}};

template <typename Record, size_t kCount>
Text Find(const Named<Record> (&table)[kCount], const Record* record, std::string_view name) {
  if (record == nullptr) return std::nullopt;
  for (const Named<Record>& each : table)
    if (each.name == name) return each.text(*record);
  return std::nullopt;
}

// The one that a person would ask for.
const Finding* FindingOf(const Notification& notification) {
  if (notification.finding) return notification.finding.get();
  const Finding* worst = nullptr;
  if (!notification.incident) return worst;
  for (const Finding& finding : notification.incident->findings) {
    if (notification.decision && notification.decision->finding == finding.id) return &finding;
    if (worst == nullptr || worst->severity < finding.severity) worst = &finding;
  }
  return worst;
}

// "21:15 UTC", with the date where that is another day; empty where nobody is asked.
std::string ExpiryOf(const Notification& notification) {
  const Decision* decision = notification.decision.get();
  if (decision == nullptr || decision->verdict != DecisionVerdict::kAwaitsApproval) return {};
  const std::string expires = FormatTime(decision->expires_ns);
  const bool today = expires.substr(0, 10) == FormatTime(decision->ts_ns).substr(0, 10);
  return (today ? "" : expires.substr(0, 10) + " ") + expires.substr(11, 5) + " UTC";
}

}  // namespace

TemplateLookup Placeholders(const Labels* target, const Finding* finding, const Incident* incident,
                            const std::string& incident_url) {
  return [=](std::string_view full) -> Text {
    const size_t dot = full.find('.');
    const std::string_view root = full.substr(0, dot);
    const std::string_view name = dot == std::string_view::npos ? "" : full.substr(dot + 1);
    if (root == "target" && target != nullptr && target->Has(name))
      return std::string(target->Get(name));
    if (root == "finding") return Find(kOfFinding, finding, name);
    if (root == "incident" && name == kUrl)
      return incident == nullptr || incident_url.empty() ? Text() : incident_url;
    if (root == "incident") return Find(kOfIncident, incident, name);
    return std::nullopt;
  };
}

TemplateLookup Placeholders(const Notification& notification, const std::string& approval_url) {
  const Finding* finding = FindingOf(notification);
  const Labels* target = notification.decision   ? &notification.decision->target
                         : finding != nullptr    ? &finding->target
                         : notification.incident ? &notification.incident->target
                                                 : nullptr;
  return [strict = Placeholders(target, finding, notification.incident.get(), notification.url),
          expires = ExpiryOf(notification), approval_url](std::string_view name) -> Text {
    if (name == kApprovalUrl) return approval_url;
    if (name == kApprovalExpires) return expires;
    return strict(name).value_or("");
  };
}

std::vector<std::string> PlaceholderNames() {
  std::vector<std::string> names;
  for (const Named<Finding>& each : kOfFinding)
    names.push_back("finding." + std::string(each.name));
  for (const Named<Incident>& each : kOfIncident)
    names.push_back("incident." + std::string(each.name));
  names.push_back("incident." + std::string(kUrl));
  names.emplace_back(kApprovalUrl);
  names.emplace_back(kApprovalExpires);
  return names;
}

std::string IncidentUrl(const std::string& public_url, uint64_t incident) {
  return public_url.empty() ? "" : public_url + "/#/incidents/" + std::to_string(incident);
}

}  // namespace heald
