#include "core/pipeline/placeholders.h"

#include <algorithm>
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

// "2026-11-21 21:02:30 UTC".
Text Time(int64_t ns) {
  if (ns == 0) return std::nullopt;
  const std::string text = FormatTime(ns);
  return text.substr(0, 10) + " " + text.substr(11, 8) + " UTC";
}

Text Expected(const Finding& f) {
  const bool low = !std::isnan(f.expected_low);
  const bool high = !std::isnan(f.expected_high);
  if (low && high)
    return FormatValue(f.expected_low, f.unit) + " to " + FormatValue(f.expected_high, f.unit);
  if (high) return "at most " + FormatValue(f.expected_high, f.unit);
  if (low) return "at least " + FormatValue(f.expected_low, f.unit);
  return std::nullopt;
}

std::string RefusedBy(const Decision& decision) {
  std::string out;
  for (const GuardVerdict& guard : decision.guards)
    if (!guard.allowed) out += (out.empty() ? "" : "; ") + guard.guard + ": " + guard.reason;
  return out;
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
    {"now",
     [](const Finding& f) {
       return std::isnan(f.value) ? Text() : Text(FormatValue(f.value, f.unit));
     }},
    {"expected", &Expected},
    {"expected_low", [](const Finding& f) { return Number(f.expected_low); }},
    {"expected_high", [](const Finding& f) { return Number(f.expected_high); }},
    {"score", [](const Finding& f) { return Number(f.score); }},
    {"confidence", [](const Finding& f) { return Number(f.confidence); }},
    {"unit", [](const Finding& f) -> Text { return f.unit; }},
    {"summary",
     [](const Finding& f) -> Text { return f.summary.empty() ? Describe(f) : f.summary; }},
    {"began", [](const Finding& f) { return Time(f.began_ns); }},
    {"count", [](const Finding& f) { return f.count == 0 ? Text() : std::to_string(f.count); }},
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
    {"trace_id", [](const Incident& i) -> Text { return i.trace_id; }},
    {"opened", [](const Incident& i) { return Time(i.opened_ns); }}};
constexpr Named<Decision> kOfDecision[] = {
    {"id", [](const Decision& d) -> Text { return d.id; }},
    {"policy", [](const Decision& d) -> Text { return d.policy; }},
    {"action", [](const Decision& d) -> Text { return d.action; }},
    {"verdict", [](const Decision& d) -> Text { return std::string(ToString(d.verdict)); }},
    {"mode", [](const Decision& d) -> Text { return std::string(ToString(d.mode)); }},
    {"actor", [](const Decision& d) -> Text { return d.actor; }},
    {"plan", [](const Decision& d) -> Text { return d.plan.summary; }},
    {"refused_by", [](const Decision& d) -> Text { return RefusedBy(d); }}};
constexpr Named<Outcome> kOfOutcome[] = {
    {"state", [](const Outcome& o) -> Text { return std::string(ToString(o.state)); }},
    {"detail", [](const Outcome& o) -> Text { return o.detail; }}};
constexpr std::string_view kKinds[] = {"finding", "incident", "decision", "outcome"};
constexpr Named<Notification> kOfEvent[] = {
    {"id", [](const Notification& n) -> Text { return n.event_id; }},
    {"kind",
     [](const Notification& n) -> Text {
       return std::string(kKinds[static_cast<size_t>(n.kind)]);
     }},
    {"node", [](const Notification& n) -> Text { return n.node; }},
    {"text", [](const Notification& n) -> Text { return n.text; }},
    {"time", [](const Notification& n) { return Time(n.ts_ns); }}};

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
          expires = ExpiryOf(notification), approval_url,
          event = &notification](std::string_view name) -> Text {
    if (name == kApprovalUrl) return approval_url;
    if (name == kApprovalExpires) return expires;
    const std::string_view own = name.substr(std::min(name.find('.') + 1, name.size()));
    if (name.starts_with("decision."))
      return Find(kOfDecision, event->decision.get(), own).value_or("");
    if (name.starts_with("outcome."))
      return Find(kOfOutcome, event->outcome.get(), own).value_or("");
    if (name.starts_with("event.")) return Find(kOfEvent, event, own).value_or("");
    return strict(name).value_or("");
  };
}

std::vector<std::string> PlaceholderNames() {
  std::vector<std::string> names;
  const auto add = [&](const std::string& root, const auto& table) {
    for (const auto& each : table) names.push_back(root + std::string(each.name));
  };
  add("finding.", kOfFinding);
  add("incident.", kOfIncident);
  add("decision.", kOfDecision);
  add("outcome.", kOfOutcome);
  add("event.", kOfEvent);
  names.push_back("incident." + std::string(kUrl));
  names.emplace_back(kApprovalUrl);
  names.emplace_back(kApprovalExpires);
  return names;
}

std::string IncidentUrl(const std::string& public_url, uint64_t incident) {
  return public_url.empty() ? "" : public_url + "/#/incidents/" + std::to_string(incident);
}

}  // namespace heald
