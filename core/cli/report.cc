#include "core/cli/report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/base/units.h"
#include "core/cli/say.h"

namespace heald::cli {
namespace {

using Json = nlohmann::ordered_json;

unsigned long long Count(const Json& json, const char* key) {
  return json.value(key, uint64_t{0});
}

std::string Name(const Json& json, const char* key) {
  return json.value(key, std::string());
}

// "7.2 s"; "-" where there is nothing to measure.
std::string Took(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_number()
             ? FormatElapsed(static_cast<int64_t>(at->get<double>() * 1e9))
             : "-";
}

std::string Percent(const Json& json, const char* key) {
  const auto at = json.find(key);
  if (at == json.end() || !at->is_number()) return "-";
  char text[16];
  std::snprintf(text, sizeof text, "%.0f %%", at->get<double>() * 100);
  return text;
}

std::string Decimal(const Json& json, const char* key) {
  const auto at = json.find(key);
  if (at == json.end() || !at->is_number()) return "-";
  char text[16];
  std::snprintf(text, sizeof text, "%.3f", at->get<double>());
  return text;
}

void PrintFigures(const std::string& name, const Json& f) {
  std::printf("%-24s %9llu %7llu %7s %10s %10s %7llu %8llu %6llu\n", name.c_str(),
              Count(f, "incidents"), Count(f, "healed"), Percent(f, "healed_ratio").c_str(),
              Took(f, "mttr_mean_seconds").c_str(), Took(f, "mttr_median_seconds").c_str(),
              Count(f, "avoided_pages"), Count(f, "needed_person"), Count(f, "false_positives"));
}

void PrintHead(const char* what) {
  std::printf("%-24s %9s %7s %7s %10s %10s %7s %8s %6s\n", what, "incidents", "healed", "ratio",
              "mean", "median", "avoided", "people", "false");
}

void PrintWeekly(const Json& report) {
  PrintHead("week of");
  for (const Json& week : report.value("weeks", Json::array()))
    PrintFigures(Name(week, "from").substr(0, 10), week);
  PrintFigures("all", report.value("total", Json::object()));
  for (const auto& [key, what] :
       {std::pair("policies", "healed by"), std::pair("targets", "target")}) {
    const Json items = report.value(key, Json::array());
    if (items.empty()) continue;
    std::puts("");
    PrintHead(what);
    for (const Json& item : items) PrintFigures(Name(item, "name"), item);
  }
}

void PrintEfficacy(const Json& report) {
  const Json policies = report.value("policies", Json::array());
  if (!policies.empty())
    std::printf("\n%-24s %9s %7s %7s %10s %10s %9s %7s\n", "policy, 30 days", "attempts", "failed",
                "ratio", "median", "p90", "by itself", "refused");
  for (const Json& p : policies)
    std::printf("%-24s %9llu %7llu %7s %10s %10s %9llu %7llu\n", Name(p, "policy").c_str(),
                Count(p, "attempts"), Count(p, "failed") + Count(p, "undone"),
                Percent(p, "success_ratio").c_str(), Took(p, "recover_median_seconds").c_str(),
                Took(p, "recover_p90_seconds").c_str(), Count(p, "cleared_by_itself"),
                Count(p, "refused"));
  const Json predictions = report.value("predictions", Json::array());
  if (!predictions.empty())
    std::printf("\n%-24s %9s %7s %7s %10s %10s %9s\n", "predictions, 30 days", "came true",
                "averted", "false", "unknown", "lead", "brier");
  for (const Json& s : predictions)
    std::printf("%-24s %9llu %7llu %7llu %10llu %10s %9s\n", Name(s, "detector").c_str(),
                Count(s, "came_true"), Count(s, "averted"), Count(s, "false_alarms"),
                Count(s, "undecidable"), Took(s, "lead_median_seconds").c_str(),
                Decimal(s, "brier_score").c_str());
}

}  // namespace

int Report(const ReportOptions& options, const PipelineOptions& pipeline) {
  Json weekly;
  int code = AskAgent(options.remote, pipeline, "GET",
                      "/api/v1/reports/weekly?weeks=" + std::to_string(options.weeks), {}, &weekly);
  if (code != kDone) return code;
  Json efficacy;
  code = AskAgent(options.remote, pipeline, "GET", "/api/v1/reports/efficacy", {}, &efficacy);
  if (code != kDone) return code;
  if (options.format == "json") {
    PrintJson({{"weekly", weekly}, {"efficacy", efficacy}});
    return kDone;
  }
  PrintWeekly(weekly);
  PrintEfficacy(efficacy);
  return kDone;
}

int Label(const LabelOptions& options, const PipelineOptions& pipeline) {
  const std::string path = "/api/v1/incidents/" + std::to_string(options.incident) + "/label";
  const bool take_back = options.label == "none";
  std::string label = options.label;
  std::replace(label.begin(), label.end(), '-', '_');
  Json answer;
  const int code = AskAgent(options.remote, pipeline, take_back ? "DELETE" : "PUT", path,
                            take_back ? ""
                                      : Json{{"label", label}, {"comment", options.comment}}.dump(
                                            -1, ' ', false, Json::error_handler_t::replace),
                            &answer);
  if (code != kDone) return code;
  if (options.format == "json")
    PrintJson(answer);
  else if (take_back)
    std::printf("incident #%llu has no label any more\n", Count(answer, "incident"));
  else
    std::printf("incident #%llu is called %s\n", Count(answer, "incident"), label.c_str());
  return kDone;
}

}  // namespace heald::cli
