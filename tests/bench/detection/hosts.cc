#include <algorithm>
#include <chrono>

#include "core/backtest/metric_csv.h"
#include "core/backtest/scratch.h"
#include "tests/bench/detection/evaluate.h"

namespace heald::bench {

namespace {

using backtest::MetricCsv;
using backtest::RowScore;
using backtest::ScoreRun;

constexpr double kRowsPerDay = 1440;

// All rows of a file; the time goes on where `*next_ns` says.
Result<std::vector<RowScore>> FeedFile(const std::string& path, ScoreRun& run, int64_t* next_ns) {
  Result<std::unique_ptr<MetricCsv>> csv = MetricCsv::Open(path, *next_ns);
  if (!csv) return csv.error();
  std::vector<RowScore> rows;
  for (;;) {
    const auto row = (*csv)->Next();
    if (!row) return row.error();
    if (*row == nullptr) return rows;
    *next_ns = (*row)->ts_ns + MetricCsv::kStepNs;
    Result<RowScore> score = run.Feed((*row)->ts_ns, (*row)->values);
    if (!score) return score.error();
    rows.push_back(std::move(*score));
  }
}

double AlertsPerDay(const std::vector<RowScore>& rows) {
  const auto alerts =
      std::count_if(rows.begin(), rows.end(), [](const RowScore& row) { return row.alert; });
  return static_cast<double>(alerts) * kRowsPerDay / static_cast<double>(rows.size());
}

void CountEvents(const Host& host, const std::vector<RowScore>& rows, HostResult* result) {
  for (const Cause& cause : host.causes) {
    ++result->events;
    const auto begin = rows.begin() + static_cast<ptrdiff_t>(cause.rows.begin);
    const auto end = rows.begin() + static_cast<ptrdiff_t>(std::min(cause.rows.end, rows.size()));
    // The moment at which it is surest, whether a finding is open or not.
    const auto worst = std::max_element(
        begin, end, [](const RowScore& a, const RowScore& b) { return a.score < b.score; });
    const bool right =
        worst != end && !worst->contributors.empty() &&
        std::count(cause.columns.begin(), cause.columns.end(), worst->contributors[0].first) != 0;
    result->causes_right += right ? 1 : 0;
    const auto first = std::find_if(
        begin, end, [](const RowScore& row) { return row.severity >= Severity::kWarning; });
    if (first == end) continue;
    ++result->events_found;
    result->causes_right_of_found += right ? 1 : 0;
    result->delays_minutes.push_back(static_cast<double>(first - begin));
  }
}

}  // namespace

Result<HostResult> EvaluateHost(const Detector& detector, const Host& host) {
  Result<std::unique_ptr<MetricCsv>> head = MetricCsv::Open(host.test);
  if (!head) return head.error();
  const std::vector<std::string> columns = (*head)->columns();
  const backtest::Scratch scratch;
  auto run = ScoreRun::Create(*detector.plugins,
                              {detector.name, detector.config, columns, host.name, scratch.path()});
  if (!run) return run.error();
  const auto start = std::chrono::steady_clock::now();
  int64_t next_ns = MetricCsv::kFirstNs;
  const auto train = FeedFile(host.train, **run, &next_ns);
  if (!train) return train.error();
  const auto test = FeedFile(host.test, **run, &next_ns);
  if (!test) return test.error();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  if (test->size() != host.labels.size())
    return MakeError(Code::kInvalid, host.name + ": " + std::to_string(test->size()) +
                                         " rows, but " + std::to_string(host.labels.size()) +
                                         " labels");
  HostResult result;
  result.name = host.name;
  std::vector<double> scores;
  for (const RowScore& row : *test) scores.push_back(row.score);
  result.vus_pr = VusPr(host.labels, scores, host.max_buffer);
  result.auc_pr = AucPr(host.labels, scores);
  result.train_alerts_per_day = AlertsPerDay(*train);
  result.test_alerts_per_day = AlertsPerDay(*test);
  result.ns_per_sample =
      took.count() / static_cast<double>(columns.size() * (train->size() + test->size()));
  CountEvents(host, *test, &result);
  return result;
}

}  // namespace heald::bench
