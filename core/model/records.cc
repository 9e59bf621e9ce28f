#include <cmath>
#include <cstdio>

#include "core/base/units.h"
#include "core/model/component.h"
#include "core/model/forecast.h"
#include "core/model/incident.h"
#include "heald/naming.h"
#include "heald/unit.h"

namespace heald {

std::string_view ToString(Severity severity) {
  constexpr std::string_view kNames[] = {"normal", "info", "warning", "critical"};
  return kNames[static_cast<size_t>(severity)];
}
std::string_view ToString(FindingKind kind) {
  constexpr std::string_view kNames[] = {"anomaly", "prediction", "event"};
  return kNames[static_cast<size_t>(kind)];
}
std::string_view ToString(FindingState state) {
  constexpr std::string_view kNames[] = {"open", "update", "clear"};
  return kNames[static_cast<size_t>(state)];
}
std::string_view ToString(IncidentState state) {
  constexpr std::string_view kNames[] = {"open", "acting", "verifying", "resolved", "escalated"};
  return kNames[static_cast<size_t>(state)];
}
std::string_view ToString(Resolution resolution) {
  constexpr std::string_view kNames[] = {"none", "healed", "by_itself", "after_failure"};
  return kNames[static_cast<size_t>(resolution)];
}
std::string_view ToString(ForecastOutcome outcome) {
  constexpr std::string_view kNames[] = {"pending",     "came_true",   "averted",
                                         "false_alarm", "undecidable", "superseded"};
  return kNames[static_cast<size_t>(outcome)];
}
std::string_view ToString(Mode mode) {
  constexpr std::string_view kNames[] = {"shadow", "approve", "enforce"};
  return kNames[static_cast<size_t>(mode)];
}
std::string_view ToString(DecisionVerdict verdict) {
  constexpr std::string_view kNames[] = {"would_act", "act", "refused", "awaits_approval"};
  return kNames[static_cast<size_t>(verdict)];
}
std::string_view ToString(OutcomeState state) {
  constexpr std::string_view kNames[] = {"issued", "observed", "verified",
                                         "failed", "undone",   "dry_run"};
  return kNames[static_cast<size_t>(state)];
}
std::string_view ToString(Kind kind) {
  constexpr std::string_view kNames[] = {"source", "detector", "action", "notifier"};
  return kNames[static_cast<size_t>(kind)];
}

std::string RecordNames(uint32_t records) {
  constexpr std::string_view kNames[] = {"samples",   "logs",     "findings",
                                         "decisions", "outcomes", "incidents"};
  std::string out;
  for (size_t bit = 0; bit < 6; ++bit) {
    if ((records & (1u << bit)) == 0) continue;
    if (!out.empty()) out += " or ";
    out += kNames[bit];
  }
  return out.empty() ? "nothing" : out;
}

std::string FormatValue(double value, std::string_view unit) {
  return sdk::FormatValue(value, unit);
}

std::string TargetName(const Labels& target) {
  for (const std::string_view name : sdk::kNamingLabels)
    if (target.Has(name)) return std::string(target.Get(name));
  return target.empty() ? "-" : target.ToString();
}

int64_t QuietSinceNs(const Incident& incident) {
  if (incident.reopened == 0 || incident.closed_ns != 0) return 0;
  int64_t since_ns = 0;
  for (const Finding& finding : incident.findings) {
    if (finding.state != FindingState::kClear) return 0;
    since_ns = std::max(since_ns, finding.ts_ns);
  }
  return since_ns;
}

bool Recovered(const Finding& finding) {
  const std::string_view why = finding.annotations.Get("cleared");
  return finding.state == FindingState::kClear && (why.empty() || why == "normal");
}

std::string Describe(const Finding& f) {
  std::string out = TargetName(f.target) + "  ";
  if (!f.summary.empty()) {
    out += f.summary;
  } else {
    out += f.metric;
    if (!std::isnan(f.value)) out += " " + FormatValue(f.value, f.unit);
    const bool low = !std::isnan(f.expected_low);
    const bool high = !std::isnan(f.expected_high);
    if (low && high)
      out += ", expected " + FormatValue(f.expected_low, f.unit) + " to " +
             FormatValue(f.expected_high, f.unit);
    else if (high)
      out += ", expected at most " + FormatValue(f.expected_high, f.unit);
    else if (low)
      out += ", expected at least " + FormatValue(f.expected_low, f.unit);
  }
  if (f.state == FindingState::kClear)
    return out + (Recovered(f)
                      ? "  back to normal"
                      : "  no longer reported (" + std::string(f.annotations.Get("cleared")) + ")");
  out += "  " + std::string(ToString(f.severity));
  // An alert or an event has no measure of how far off it is.
  if (std::isnan(f.value)) return out;
  char score[48];
  std::snprintf(score, sizeof score, "  (score %.1f)", f.score);
  return out + score;
}

}  // namespace heald
