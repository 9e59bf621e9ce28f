#include "core/remedy/forecasts.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "core/base/units.h"
#include "core/remedy/latest.h"

namespace heald::remedy {
namespace {

constexpr int64_t kLookEveryNs = 5 * kSecond;
constexpr int64_t kDefaultHorizonNs = kHour;
constexpr int64_t kLongestNs = 30 * kDay;
constexpr double kBlindRatio = 0.2;  // of the time; with more nobody can say that nothing happened

std::optional<double> Annotated(const Finding& finding, std::string_view name) {
  const std::string text(finding.annotations.Get(name));
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

bool Crossed(const Forecast& forecast, double value) {
  if (std::isnan(forecast.threshold) || std::isnan(value)) return false;
  return forecast.above ? value >= forecast.threshold : value <= forecast.threshold;
}

bool SameThing(const Forecast& forecast, const Finding& finding) {
  return forecast.detector == finding.node && forecast.metric == finding.metric &&
         forecast.component == finding.component && forecast.target == finding.target;
}

Forecast Made(const Finding& finding, const Incident& incident, const std::string& target_key,
              int64_t now_ns) {
  Forecast forecast;
  forecast.finding = finding.id;
  forecast.incident = incident.id;
  forecast.trace_id = incident.trace_id;
  forecast.detector = finding.node;
  forecast.metric = finding.metric;
  forecast.unit = finding.unit;
  forecast.component = finding.component;
  forecast.target = finding.target;
  forecast.target_key = target_key;
  forecast.probability = finding.probability;
  forecast.made_ns = finding.ts_ns > 0 && finding.ts_ns <= now_ns ? finding.ts_ns : now_ns;
  forecast.eta_low_ns = finding.eta_low_ns;
  forecast.eta_ns = finding.eta_ns;
  forecast.eta_high_ns = finding.eta_high_ns;
  if (const std::optional<double> above = Annotated(finding, kAboveAnnotation)) {
    forecast.threshold = *above;
  } else if (const std::optional<double> below = Annotated(finding, kBelowAnnotation)) {
    forecast.threshold = *below;
    forecast.above = false;
  }
  const double horizon_s = Annotated(finding, kHorizonAnnotation).value_or(0);
  const auto longest_s = static_cast<double>(kLongestNs) / 1e9;
  int64_t until_ns = std::max(finding.eta_ns, finding.eta_high_ns);
  until_ns =
      std::max(until_ns, forecast.made_ns +
                             static_cast<int64_t>(std::clamp(horizon_s, 0.0, longest_s) * 1e9));
  if (until_ns <= forecast.made_ns) until_ns = forecast.made_ns + kDefaultHorizonNs;
  forecast.until_ns = std::min(until_ns, forecast.made_ns + kLongestNs);
  return forecast;
}

std::string Since(const Forecast& forecast, int64_t ns) {
  return FormatElapsed(std::max<int64_t>(ns - forecast.made_ns, 0)) + " after it was said";
}

}  // namespace

void ForecastBook::Keep(Forecast forecast, int64_t now_ns) {
  metrics_.insert(forecast.metric);
  next_due_ns_ = std::min({next_due_ns_, now_ns + kLookEveryNs, forecast.until_ns});
  std::string id = forecast.finding;
  Pending& pending = pending_[std::move(id)];
  pending.forecast = std::move(forecast);
  pending.looked_ns = now_ns;
}

void ForecastBook::Restore(std::vector<Forecast> pending, int64_t watched_ns, int64_t now_ns) {
  for (Forecast& forecast : pending) {
    const int64_t from_ns = std::max(watched_ns, forecast.made_ns);
    const int64_t away_ns = std::min(now_ns, forecast.until_ns) - from_ns;
    std::string id = forecast.finding;
    Keep(std::move(forecast), now_ns);
    pending_.find(id)->second.blind_ns = std::max<int64_t>(away_ns, 0);
  }
}

void ForecastBook::See(Pending* pending, double value, int64_t ts_ns) {
  const Forecast& forecast = pending->forecast;
  if (pending->crossed_ns != 0 || ts_ns > forecast.until_ns || !Crossed(forecast, value)) return;
  pending->crossed_ns = std::max(ts_ns, forecast.made_ns);
  pending->crossed_value = value;
}

std::vector<Forecast> ForecastBook::OnFinding(const Finding& finding, const Incident& incident,
                                              const std::string& target_key, int64_t now_ns) {
  std::vector<Forecast> changed;
  const bool clear = finding.state == FindingState::kClear;
  const int64_t ts_ns = finding.ts_ns == 0 ? now_ns : finding.ts_ns;
  if (finding.kind != FindingKind::kPrediction) {
    if (clear) return changed;
    for (auto& [id, pending] : pending_) {
      const Forecast& forecast = pending.forecast;
      if (finding.kind == FindingKind::kEvent) {
        if (forecast.target_key == target_key && ts_ns > forecast.made_ns)
          pending.changed_by = finding.summary.empty() ? Describe(finding) : finding.summary;
      } else if (std::isnan(forecast.threshold) && finding.severity >= Severity::kWarning &&
                 forecast.metric == finding.metric && forecast.target == finding.target &&
                 ts_ns <= forecast.until_ns && pending.crossed_ns == 0) {
        pending.crossed_ns = std::max(ts_ns, forecast.made_ns);
        pending.crossed_value = finding.value;
        next_due_ns_ = std::min(next_due_ns_, now_ns);
      }
    }
    return changed;
  }
  if (clear) over_.erase(finding.id);
  if (over_.contains(finding.id)) return changed;
  if (const auto at = pending_.find(finding.id); at != pending_.end()) {
    at->second.reported_ns = now_ns;
    at->second.open = !clear;
    See(&at->second, finding.value, ts_ns);
    if (at->second.crossed_ns != 0) next_due_ns_ = std::min(next_due_ns_, now_ns);
    return changed;
  }
  if (clear) return changed;
  Forecast made = Made(finding, incident, target_key, now_ns);
  for (auto at = pending_.begin(); at != pending_.end(); ++at) {
    if (!SameThing(at->second.forecast, finding)) continue;
    // Said again before it was decided, or by the detector's successor: what was said first counts.
    Pending pending = std::move(at->second);
    pending_.erase(at);
    Forecast& first = pending.forecast;
    Forecast superseded = first;
    superseded.outcome = ForecastOutcome::kSuperseded;
    superseded.judged_ns = now_ns;
    superseded.reason = "goes on as " + finding.id;
    changed.push_back(std::move(superseded));
    first.finding = finding.id;
    first.incident = incident.id;
    first.trace_id = incident.trace_id;
    changed.push_back(first);
    pending.reported_ns = now_ns;
    pending.open = true;
    See(&pending, finding.value, ts_ns);
    pending_.emplace(finding.id, std::move(pending));
    return changed;
  }
  if (Crossed(made, finding.value)) {
    over_.insert(finding.id);  // no prediction any more
    return changed;
  }
  changed.push_back(made);
  Keep(std::move(made), now_ns);
  pending_.find(finding.id)->second.reported_ns = now_ns;
  return changed;
}

void ForecastBook::OnVerified(const std::string& target_key, std::string_view what,
                              int64_t now_ns) {
  for (auto& [id, pending] : pending_) {
    if (pending.forecast.target_key != target_key || !pending.averted_by.empty()) continue;
    pending.averted_by = what;
    pending.averted_ns = now_ns;
  }
}

std::vector<Forecast> ForecastBook::Judge(const LatestSamples& latest, int64_t now_ns) {
  std::vector<Forecast> judged;
  if (now_ns < next_due_ns_) return judged;
  next_due_ns_ = INT64_MAX;
  for (auto at = pending_.begin(); at != pending_.end();) {
    Pending& pending = at->second;
    const Forecast& forecast = pending.forecast;
    const std::optional<double> value = latest.Lookup(forecast.metric, forecast.target, now_ns);
    if (value) See(&pending, *value, std::max(now_ns, forecast.made_ns));
    const int64_t until_ns = std::min(now_ns, forecast.until_ns);
    if (!value && pending.reported_ns <= pending.looked_ns)
      pending.blind_ns += std::max<int64_t>(until_ns - pending.looked_ns, 0);
    pending.looked_ns = now_ns;
    if (Decide(&pending, now_ns)) {
      if (pending.open) over_.insert(at->first);
      judged.push_back(std::move(pending.forecast));
      at = pending_.erase(at);
      continue;
    }
    next_due_ns_ = std::min({next_due_ns_, now_ns + kLookEveryNs, forecast.until_ns});
    ++at;
  }
  return judged;
}

bool ForecastBook::Decide(Pending* pending, int64_t now_ns) const {
  Forecast& forecast = pending->forecast;
  const int64_t window_ns = forecast.until_ns - forecast.made_ns;
  if (pending->crossed_ns != 0) {
    forecast.outcome = ForecastOutcome::kCameTrue;
    forecast.happened_ns = pending->crossed_ns;
    forecast.reason = "came true " + Since(forecast, pending->crossed_ns) + ": " + forecast.metric +
                      " " + FormatValue(pending->crossed_value, forecast.unit);
  } else if (now_ns < forecast.until_ns) {
    return false;
  } else if (!pending->averted_by.empty()) {
    forecast.outcome = ForecastOutcome::kAverted;
    forecast.reason = "averted: " + pending->averted_by + " was verified " +
                      Since(forecast, pending->averted_ns) + ", and it didn't happen";
  } else if (!pending->changed_by.empty()) {
    forecast.outcome = ForecastOutcome::kUndecidable;
    forecast.reason = "undecidable: the target was changed meanwhile: " + pending->changed_by;
  } else if (static_cast<double>(pending->blind_ns) >
             kBlindRatio * static_cast<double>(window_ns)) {
    forecast.outcome = ForecastOutcome::kUndecidable;
    forecast.reason = "undecidable: nothing is known of " + forecast.metric + " for " +
                      FormatElapsed(pending->blind_ns) + " of " + FormatElapsed(window_ns);
  } else {
    forecast.outcome = ForecastOutcome::kFalseAlarm;
    forecast.reason =
        "false alarm: it didn't happen within " + FormatElapsed(window_ns) + " after it was said";
  }
  forecast.judged_ns = now_ns;
  return true;
}

}  // namespace heald::remedy
