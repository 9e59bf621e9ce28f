#include "core/backtest/score_run.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heald::backtest {

namespace {

double Finite(double score) {
  return score > 0 ? std::min(score, std::numeric_limits<double>::max()) : 0;
}

}  // namespace

ScoreRun::ScoreRun(const plugin::Loader& plugins, Options options)
    : options_(std::move(options)),
      factory_(plugins,
               plugin::Shared{&table_, &clock_,
                              options_.services == nullptr ? &services_ : options_.services,
                              options_.scratch_dir}) {
  spec_.kind = Kind::kDetector;
  spec_.name = "score";
  spec_.plugin = options_.plugin;
  spec_.config = options_.config;
}

Result<std::unique_ptr<ScoreRun>> ScoreRun::Create(const plugin::Loader& plugins, Options options) {
  std::unique_ptr<ScoreRun> run(new ScoreRun(plugins, std::move(options)));
  if (Status status = run->Start(); !status) return status.error();
  return run;
}

Status ScoreRun::Start() {
  Result<std::unique_ptr<DetectorInstance>> made = factory_.MakeDetector(*this);
  if (!made) return made.error();
  detector_ = std::move(*made);
  for (const std::string& column : options_.columns) {
    const Result<uint32_t> handle =
        table_.Intern(index(), Labels{{"__name__", column}, {"instance", options_.instance}},
                      options_.columns.size(), clock_.MonotonicNs());
    if (!handle) return handle.error();
    series_.push_back(*handle);
    names_[*handle] = column;
  }
  return {};
}

Status ScoreRun::Findings(std::vector<Finding> findings) {
  for (Finding& finding : findings) {
    if (finding.state == FindingState::kClear)
      open_.erase(finding.id);
    else
      open_[finding.id] = finding;
    reported_.push_back(std::move(finding));
  }
  return {};
}

Result<RowScore> ScoreRun::Feed(int64_t ts_ns, std::span<const double> values) {
  reported_.clear();
  scores_.clear();
  clock_.Set(std::max(ts_ns, clock_.NowNs()));
  if (Status status = detector_->Tick(clock_.NowNs(), *this); !status) return status.error();
  const BatchRef batch(new SampleBatch(index(), series_.size(), false));
  for (size_t i = 0; i < series_.size(); ++i) {
    if (std::isnan(values[i])) continue;
    batch->series[batch->rows] = series_[i];
    batch->ts_ns[batch->rows] = ts_ns;
    batch->value[batch->rows++] = values[i];
  }
  if (batch->rows != 0) {
    const Status status = detector_->can_score() ? detector_->Score(*batch, *this, &scores_)
                                                 : detector_->Samples(*batch, *this);
    if (!status) return status.error();
  }
  return Judge();
}

RowScore ScoreRun::Judge() {
  RowScore row;
  row.alert = std::any_of(reported_.begin(), reported_.end(), [](const Finding& finding) {
    return finding.state == FindingState::kOpen;
  });
  for (const auto& [id, finding] : open_) row.severity = std::max(row.severity, finding.severity);
  if (!scores_.empty()) {
    const auto count = static_cast<double>(scores_.size());
    for (const MomentScore& moment : scores_) row.score += moment.score / count;
    last_score_ = row.score;
  } else if (!detector_->can_score()) {
    for (const auto& [id, finding] : open_) row.score = std::max(row.score, Finite(finding.score));
  } else if (!open_.empty()) {
    row.score = last_score_;  // nothing was judged and nothing has ended
  }
  // Nothing is open, but the detector says what makes the moment worth a look.
  if (row.severity == Severity::kNormal &&
      std::any_of(scores_.begin(), scores_.end(),
                  [](const MomentScore& moment) { return !moment.contributors.empty(); }))
    row.severity = Severity::kInfo;
  if (row.severity != Severity::kNormal) AddContributors(&row);
  return row;
}

// Of the moment's own judgement where there is one, else of the open findings as last reported.
void ScoreRun::AddContributors(RowScore* row) const {
  std::map<std::string, double> weights;
  double sum = 0;
  const auto add = [&](const std::string& name, double weight) {
    if (!(weight > 0)) return;
    weights[name] += weight;
    sum += weight;
  };
  // Against overflow where scores are near the largest number.
  const double scale = 1 / std::max(row->score, 1.0);
  for (const MomentScore& moment : scores_) {
    for (const Contributor& c : moment.contributors) add(c.name, c.share * moment.score * scale);
    const bool ill = moment.contributors.empty() &&
                     std::any_of(open_.begin(), open_.end(), [&](const auto& item) {
                       return item.second.series == moment.series;
                     });
    if (const auto name = names_.find(moment.series); ill && name != names_.end())
      add(name->second, moment.score * scale);
  }
  if (sum == 0)
    for (const auto& [id, finding] : open_)
      for (const Contributor& c : finding.contributors) add(c.name, c.share);
  for (const auto& [name, weight] : weights) row->contributors.emplace_back(name, weight / sum);
  std::stable_sort(row->contributors.begin(), row->contributors.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
}

}  // namespace heald::backtest
