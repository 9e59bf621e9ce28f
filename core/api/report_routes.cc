// How well heald does, in numbers.
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/api/json.h"
#include "core/api/problem.h"
#include "core/api/routes.h"
#include "core/base/units.h"

namespace heald::api {
namespace {

constexpr int kMostWeeks = 53;

Json Ratio(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

// null where there is nothing to measure.
Json Took(int64_t ns) {
  return ns == 0 ? Json() : Json(static_cast<double>(ns) / 1e9);
}

Json FiguresJson(const Figures& f) {
  return {{"incidents", f.incidents},
          {"open", f.open},
          {"healed", f.healed},
          {"by_itself", f.by_itself},
          {"after_failure", f.after_failure},
          {"needed_person", f.needed_person},
          {"avoided_pages", f.avoided_pages},
          {"false_positives", f.false_positives},
          {"labelled", f.labelled},
          {"healed_ratio", Ratio(f.healed_ratio)},
          {"mttr_mean_seconds", Took(f.mttr_mean_ns)},
          {"mttr_median_seconds", Took(f.mttr_median_ns)}};
}

Json Named(const std::vector<NamedFigures>& items) {
  Json out = Json::array();
  for (const NamedFigures& item : items) {
    Json json = {{"name", item.name}};
    json.update(FiguresJson(item.figures));
    out.push_back(std::move(json));
  }
  return out;
}

Json EfficacyJson(const PolicyEfficacy& p) {
  return {{"policy", p.policy},
          {"attempts", p.attempts},
          {"verified", p.verified},
          {"failed", p.failed},
          {"undone", p.undone},
          {"refused", p.refused},
          {"would_act", p.would_act},
          {"success_ratio", Ratio(p.success_ratio)},
          {"recover_median_seconds", Took(p.recover_median_ns)},
          {"recover_p90_seconds", Took(p.recover_p90_ns)},
          {"cleared_by_itself", p.cleared_by_itself},
          {"cleared_in_shadow", p.cleared_in_shadow},
          {"cleared_median_seconds", Took(p.cleared_median_ns)}};
}

Json ScoreJson(const ForecastScore& s) {
  return {{"detector", s.detector},
          {"came_true", s.came_true},
          {"averted", s.averted},
          {"false_alarms", s.false_alarms},
          {"undecidable", s.undecidable},
          {"precision_ratio", Ratio(s.precision_ratio)},
          {"brier_score", Ratio(s.brier_score)},
          {"lead_median_seconds", Took(s.lead_median_ns)}};
}

Response GetWeekly(const Call& call) {
  int weeks = 4;
  for (const auto& [name, value] : call.request.query) {
    if (name != "weeks") return Problem(400, "unknown parameter '" + name + "': known is weeks");
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), weeks);
    if (error != std::errc() || end != value.data() + value.size() || weeks < 1 ||
        weeks > kMostWeeks)
      return Problem(400, "weeks '" + value + "' must be a number from 1 to 53");
  }
  const Result<WeeklyReport> report = call.backend.Weekly(weeks);
  if (!report) return Problem(report.error());
  Json out = {{"now", FormatTime(report->now_ns)}, {"weeks", Json::array()}};
  for (const Week& week : report->weeks) {
    Json json = {{"from", FormatTime(week.from_ns)}, {"to", FormatTime(week.to_ns)}};
    json.update(FiguresJson(week.figures));
    out["weeks"].push_back(std::move(json));
  }
  out["total"] = FiguresJson(report->total);
  out["policies"] = Named(report->policies);
  out["targets"] = Named(report->targets);
  return Ok(out);
}

Response GetEfficacy(const Call& call) {
  const Result<EfficacyReport> report = call.backend.Efficacy();
  if (!report) return Problem(report.error());
  Json out = {{"since", FormatTime(report->since_ns)},
              {"policies", Json::array()},
              {"predictions", Json::array()}};
  for (const PolicyEfficacy& policy : report->policies)
    out["policies"].push_back(EfficacyJson(policy));
  for (const ForecastScore& score : report->predictions)
    out["predictions"].push_back(ScoreJson(score));
  return Ok(out);
}

Response GetPolicyEfficacy(const Call& call) {
  const Result<EfficacyReport> report = call.backend.Efficacy();
  if (!report) return Problem(report.error());
  for (const PolicyEfficacy& policy : report->policies)
    if (policy.policy == call.params[0]) return Ok(EfficacyJson(policy));
  return Problem(404, "there is no policy '" + std::string(call.params[0]) + "'");
}

constexpr Route kReportRoutes[] = {
    {"GET", "/api/v1/reports/weekly", Role::kViewer, GetWeekly},
    {"GET", "/api/v1/reports/efficacy", Role::kViewer, GetEfficacy},
    {"GET", "/api/v1/policies/{name}/efficacy", Role::kViewer, GetPolicyEfficacy},
};

}  // namespace

std::span<const Route> ReportRoutes() {
  return kReportRoutes;
}

}  // namespace heald::api
