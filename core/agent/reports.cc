// What people say of incidents, and how well heald does: from the journal, through a reader of its
// own. Figures for the metrics page are read once a minute.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/agent/agent.h"
#include "core/remedy/report.h"
#include "core/telemetry/names.h"

namespace heald::agent {
namespace {

constexpr int64_t kFreshNs = 30 * kSecond;
constexpr int64_t kReportEveryNs = kMinute;

}  // namespace

Result<Incident> Agent::LabelIncident(uint64_t id, const IncidentLabel& label) {
  Result<Incident> incident =
      AskEngine<Result<Incident>>([this, id, label] { return engine_->LabelIncident(id, label); });
  if (!incident) return incident;
  Publish("incident", api::ToJson(*incident));
  const std::lock_guard lock(report_mutex_);
  reported_ns_ = 0;
  return incident;
}

Result<WeeklyReport> Agent::Weekly(int weeks) {
  const std::lock_guard lock(report_mutex_);
  if (report_reader_ == nullptr) return NoJournal();
  return remedy::ReadWeekly(report_reader_.get(), weeks, clock_.NowNs());
}

Result<EfficacyReport> Agent::Efficacy() {
  const std::lock_guard lock(report_mutex_);
  return ReadEfficacy();
}

// Under report_mutex_.
Result<EfficacyReport> Agent::ReadEfficacy() {
  const int64_t now_ns = clock_.MonotonicNs();
  if (efficacy_ && now_ns - efficacy_ns_ < kFreshNs) return *efficacy_;
  if (report_reader_ == nullptr) return NoJournal();
  EfficacyReport report;
  report.since_ns = clock_.NowNs() - remedy::kEfficacyNs;
  std::vector<std::string> tells = {"alert"};
  std::vector<std::string> policies;
  {
    const std::lock_guard lock(mutex_);
    for (const NodeSpec& node : spec_.nodes)
      if (node.kind == Kind::kAction && node.plugin == "alert") tells.push_back(node.name);
    for (const PolicySpec& policy : spec_.policies) policies.push_back(policy.name);
  }
  auto by_policy =
      remedy::ReadEfficacy(report_reader_.get(), report.since_ns, [&](std::string_view action) {
        return std::find(tells.begin(), tells.end(), action) != tells.end();
      });
  if (!by_policy) return by_policy.error();
  // In the file's order, also those that have done nothing; then what the file no longer has.
  for (const std::string& name : policies) {
    const auto at = by_policy->find(name);
    PolicyEfficacy& policy = report.policies.emplace_back();
    if (at != by_policy->end()) {
      policy = std::move(at->second);
      by_policy->erase(at);
    }
    policy.policy = name;
  }
  for (auto& [name, policy] : *by_policy) report.policies.push_back(std::move(policy));
  Result<std::vector<ForecastScore>> scores =
      remedy::ReadForecastScores(report_reader_.get(), report.since_ns);
  if (!scores) return scores.error();
  report.predictions = std::move(*scores);
  efficacy_ = report;
  efficacy_ns_ = now_ns;
  return report;
}

void Agent::CollectReports() {
  const std::lock_guard lock(report_mutex_);
  const int64_t now_ns = clock_.MonotonicNs();
  if (!running_ || report_reader_ == nullptr) return;
  if (reported_ns_ != 0 && now_ns - reported_ns_ < kReportEveryNs) return;
  const Result<EfficacyReport> efficacy = ReadEfficacy();
  const Result<Figures> week = remedy::ReadFigures(report_reader_.get(), clock_.NowNs() - 7 * kDay);
  if (!efficacy || !week) return;  // the store's own metric tells of that
  reported_ns_ = now_ns;
  const auto set = [this](const MetricDef& def, const Labels& labels, double value) {
    if (std::isfinite(value)) metrics_.Get(def, labels, Lifetime::kTouched).Record(value);
  };
  const auto seconds = [](int64_t ns) { return static_cast<double>(ns) / 1e9; };
  for (const PolicyEfficacy& p : efficacy->policies) {
    const auto count = [&](const char* outcome, uint64_t n) {
      set(names::kPolicyAttempts, {{"policy", p.policy}, {"outcome", outcome}},
          static_cast<double>(n));
    };
    count("verified", p.verified);
    count("failed", p.failed);
    count("undone", p.undone);
    set(names::kPolicySuccess, {{"policy", p.policy}}, p.success_ratio);
    set(names::kPolicyRecover, {{"policy", p.policy}, {"stat", "median"}},
        seconds(p.recover_median_ns));
    set(names::kPolicyRecover, {{"policy", p.policy}, {"stat", "p90"}}, seconds(p.recover_p90_ns));
    set(names::kPolicyCleared, {{"policy", p.policy}}, static_cast<double>(p.cleared_by_itself));
  }
  for (const api::PolicyStatus& policy : Policies())
    set(names::kPolicyDemoted, {{"policy", policy.name}}, policy.changed_by == "heald" ? 1 : 0);
  for (const ForecastScore& s : efficacy->predictions) {
    set(names::kBrier, {{"detector", s.detector}}, s.brier_score);
    set(names::kLead, {{"detector", s.detector}}, seconds(s.lead_median_ns));
  }
  const auto incidents = [&](const char* resolution, uint64_t n) {
    set(names::kWeekIncidents, {{"resolution", resolution}}, static_cast<double>(n));
  };
  incidents("open", week->open);
  incidents("healed", week->healed);
  incidents("by_itself", week->by_itself);
  incidents("after_failure", week->after_failure);
  set(names::kWeekMttr, {{"stat", "mean"}}, seconds(week->mttr_mean_ns));
  set(names::kWeekMttr, {{"stat", "median"}}, seconds(week->mttr_median_ns));
  set(names::kWeekAvoided, {}, static_cast<double>(week->avoided_pages));
  set(names::kWeekFalse, {}, static_cast<double>(week->false_positives));
}

void Agent::OnWatch(const std::vector<std::string>& metrics) {
  const std::lock_guard lock(mutex_);
  if (judged_by_ == metrics) return;
  judged_by_ = metrics;
  TapSources();
}

}  // namespace heald::agent
