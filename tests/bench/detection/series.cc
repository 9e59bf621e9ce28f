#include <filesystem>

#include "core/backtest/metric_csv.h"
#include "core/backtest/scratch.h"
#include "tests/bench/detection/evaluate.h"

namespace heald::bench {

Result<SeriesResult> EvaluateSeries(const Detector& detector,
                                    const std::vector<WindowedFile>& files) {
  SeriesResult result;
  std::vector<NabFile> by_score, by_alert;
  for (const WindowedFile& file : files) {
    auto csv = backtest::MetricCsv::Open(file.path);
    if (!csv) return csv.error();
    const backtest::Scratch scratch;
    // Named as `heald score` names it: a forest grows from the entity's name.
    const std::string instance = std::filesystem::path(file.path).stem().string();
    auto run = backtest::ScoreRun::Create(
        *detector.plugins,
        {detector.name, detector.config, (*csv)->columns(), instance, scratch.path()});
    if (!run) return run.error();
    NabFile scores{{}, file.windows}, alerts{{}, file.windows};
    for (;;) {
      const auto row = (*csv)->Next();
      if (!row) return row.error();
      if (*row == nullptr) break;
      const auto score = (*run)->Feed((*row)->ts_ns, (*row)->values);
      if (!score) return score.error();
      scores.scores.push_back(score->score);
      alerts.scores.push_back(score->alert ? 1 + score->score : 0);
      result.alert_count += score->alert ? 1 : 0;
    }
    by_score.push_back(std::move(scores));
    by_alert.push_back(std::move(alerts));
  }
  result.scores = NabScore(by_score, 1);
  result.alerts = NabScore(by_alert, 1);
  return result;
}

}  // namespace heald::bench
