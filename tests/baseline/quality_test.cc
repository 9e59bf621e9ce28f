// How well baseline detects with what is shipped: on the labelled data beside the project where it
// is there, and on generated data everywhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "core/backtest/metric_csv.h"
#include "core/backtest/scratch.h"
#include "heald/testing.h"
#include "plugins/detectors/baseline/detector.h"
#include "tests/bench/detection/data.h"
#include "tests/bench/detection/nab_score.h"
#include "tests/trend/real_data.h"

namespace heald::baseline {
namespace {

using backtest::MetricCsv;

struct Row {
  double score = 0;
  bool opened = false;
  bool open = false;
  std::string cause;  // the first one
};

// One entity's rows through the detector as it is shipped.
class Run {
 public:
  explicit Run(const std::vector<std::string>& columns)
      : sink_(host_), detector_(host_.host(), {}) {
    for (const std::string& column : columns)
      series_.push_back(host_.host().Intern(column, {{"instance", "a"}}));
  }
  // The rows of a file; without times they go on where the last file ended.
  std::vector<Row> Feed(const std::string& path) {
    std::vector<Row> rows;
    auto csv = MetricCsv::Open(path, next_ns_);
    EXPECT_TRUE(csv) << path;
    while (csv) {
      const auto row = (*csv)->Next();
      EXPECT_TRUE(row) << path;
      if (!row || *row == nullptr) break;
      next_ns_ = (*row)->ts_ns + MetricCsv::kStepNs;
      rows.push_back(Feed((*row)->ts_ns, (*row)->values));
    }
    return rows;
  }

 private:
  Row Feed(int64_t ts_ns, std::span<const double> values) {
    const std::vector<int64_t> times(series_.size(), ts_ns);
    const heald_samples samples{
        sizeof(heald_samples), 0,      series_.data(), times.data(), values.data(),
        series_.size(),        nullptr};
    const size_t reported = sink_.findings().size();
    sdk::Sink sink(sink_.table());
    sdk::Scores scores(scores_.table());
    detector_.Score(sdk::Samples(samples), sink, scores);
    Row row;
    for (const auto& scored : scores_.Take()) {
      row.score = scored.score;
      if (!scored.contributors.empty()) row.cause = scored.contributors[0].name;
    }
    for (size_t i = reported; i < sink_.findings().size(); ++i) {
      open_ = sink_.findings()[i].state != sdk::FindingState::kClear;
      row.opened |= sink_.findings()[i].state == sdk::FindingState::kOpen;
    }
    row.open = open_ || row.opened;
    return row;
  }

  sdk::testing::FakeHost host_;
  sdk::testing::FakeSink sink_;
  sdk::testing::FakeScores scores_;
  Detector detector_;
  std::vector<heald_series> series_;
  int64_t next_ns_ = MetricCsv::kFirstNs;
  bool open_ = false;
};

struct Hosts {
  double vus_pr = 0;          // mean
  double cause_right = 0;     // share of the labelled events
  double found = 0;           // … during which a finding was open
  double alerts_per_day = 0;  // of a host, on the training parts
};

Hosts Measure(const std::vector<bench::Host>& hosts) {
  Hosts result;
  double right = 0, found = 0, events = 0;
  for (const bench::Host& host : hosts) {
    const auto head = MetricCsv::Open(host.test);
    EXPECT_TRUE(head) << host.test;
    if (!head) return {};
    Run run((*head)->columns());
    const std::vector<Row> train = run.Feed(host.train);
    const std::vector<Row> test = run.Feed(host.test);
    std::vector<double> scores;
    for (const Row& row : test) scores.push_back(row.score);
    const auto n = static_cast<double>(hosts.size());
    result.vus_pr += bench::VusPr(host.labels, scores, host.max_buffer) / n;
    const auto alerts =
        std::count_if(train.begin(), train.end(), [](const Row& row) { return row.opened; });
    result.alerts_per_day +=
        static_cast<double>(alerts) * 1440 / static_cast<double>(train.size()) / n;
    for (const bench::Cause& cause : host.causes) {
      const auto begin = test.begin() + static_cast<ptrdiff_t>(cause.rows.begin);
      const auto end = test.begin() + static_cast<ptrdiff_t>(cause.rows.end);
      const auto worst = std::max_element(
          begin, end, [](const Row& a, const Row& b) { return a.score < b.score; });
      ++events;
      found += std::any_of(begin, end, [](const Row& row) { return row.open; }) ? 1 : 0;
      right +=
          static_cast<double>(std::count(cause.columns.begin(), cause.columns.end(), worst->cause));
    }
  }
  result.cause_right = right / events;
  result.found = found / events;
  return result;
}

struct Series {
  double best = 0;     // NAB standard, of the score at its best threshold
  double shipped = 0;  // … every finding counts
};

Series Measure(const std::vector<bench::WindowedFile>& files) {
  std::vector<bench::NabFile> by_score, by_alert;
  for (const bench::WindowedFile& file : files) {
    Run run({"value"});
    bench::NabFile scores{{}, file.windows}, alerts{{}, file.windows};
    for (const Row& row : run.Feed(file.path)) {
      scores.scores.push_back(row.score);
      alerts.scores.push_back(row.opened ? 1 : 0);
    }
    by_score.push_back(std::move(scores));
    by_alert.push_back(std::move(alerts));
  }
  return {bench::NabScore(by_score, 1)[0].best, bench::NabScore(by_alert, 1)[0].fixed};
}

void Say(const Hosts& hosts) {
  std::printf(
      "VUS-PR %.3f, %.0f %% found, first cause right %.0f %%, %.2f alerts per day on training "
      "parts\n",
      hosts.vus_pr, 100 * hosts.found, 100 * hosts.cause_right, hosts.alerts_per_day);
}

TEST(BaselineQualityTest, OnLabelledHosts) {
  const std::string folder = trend::testing::DataFolder();
  if (folder.empty())
    GTEST_SKIP() << "no ../shared/data (or $HEALD_SHARED/data): the generated hosts stand in";
  const Hosts measured = Measure(bench::LoadHosts(folder + "/smd"));
  Say(measured);
  EXPECT_GE(measured.vus_pr, 0.52);
  // One event in eleven is labelled with series in which nobody can see anything.
  EXPECT_GE(measured.cause_right, 0.88);
  EXPECT_GE(measured.found, 0.42);
  EXPECT_LE(measured.alerts_per_day, 1.0);
}

TEST(BaselineQualityTest, OnLabelledSeries) {
  const std::string folder = trend::testing::DataFolder();
  if (folder.empty())
    GTEST_SKIP() << "no ../shared/data (or $HEALD_SHARED/data): the generated series stand in";
  const Series measured = Measure(bench::LoadWindowed(folder + "/nab"));
  std::printf("NAB standard: best %.1f, as shipped %.1f\n", measured.best, measured.shipped);
  EXPECT_GE(measured.best, 62);
  EXPECT_GE(measured.shipped, 60);
}

TEST(BaselineQualityTest, OnGeneratedData) {
  const backtest::Scratch scratch;
  bench::WriteGenerated(scratch.path());
  const Hosts hosts = Measure(bench::LoadHosts(scratch.path() + "/smd"));
  Say(hosts);
  EXPECT_GE(hosts.vus_pr, 0.7);
  EXPECT_GE(hosts.cause_right, 0.9);
  EXPECT_GE(hosts.found, 0.85);
  EXPECT_LE(hosts.alerts_per_day, 1.0);
  const Series series = Measure(bench::LoadWindowed(scratch.path() + "/nab"));
  std::printf("NAB standard: best %.1f, as shipped %.1f\n", series.best, series.shipped);
  EXPECT_GE(series.shipped, 60);
}

}  // namespace
}  // namespace heald::baseline
