#include "core/telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "core/telemetry/names.h"
#include "core/telemetry/process_metrics.h"

namespace heald {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kNow = 1'000 * kSecond;

// Value of the line that starts with `series`, or NaN.
double ValueOf(const std::string& page, const std::string& series) {
  const size_t at = page.find("\n" + series + " ");
  return at == std::string::npos ? std::nan("") : std::stod(page.substr(at + series.size() + 2));
}

class MetricsTest : public ::testing::Test {
 protected:
  Metric Must(MetricKind kind, std::string_view name, const Labels& labels = {},
              Lifetime lifetime = Lifetime::kHeld) {
    Result<Metric> metric = metrics_.Get(kind, name, "help", labels, lifetime);
    EXPECT_TRUE(metric.ok()) << metric.error().message;
    return metric.ok() ? *metric : Metric();
  }
  std::string Refusal(MetricKind kind, std::string_view name, const Labels& labels = {}) {
    const Result<Metric> metric = metrics_.Get(kind, name, "help", labels);
    return metric.ok() ? "" : metric.error().message;
  }
  Metrics metrics_{{kMinute, 100}};
};

TEST_F(MetricsTest, ExposesEachKindInPrometheusText) {
  Must(MetricKind::kCounter, "a_total", {{"node", "p\"q\n\xff"}}).Add(2);
  Metric gauge = Must(MetricKind::kGauge, "b");
  gauge.Record(5);
  gauge.Add(-1.5);
  Result<Metric> histogram =
      metrics_.Get(MetricKind::kHistogram, "c_seconds", "how long", {}, Lifetime::kHeld, {0.1, 1});
  ASSERT_TRUE(histogram.ok());
  histogram->Record(0.05);
  histogram->Record(0.5);
  histogram->Record(5);
  const std::string page = metrics_.Exposition();
  EXPECT_THAT(page, AllOf(HasSubstr("# TYPE a_total counter\n"
                                    "a_total{node=\"p\\\"q\\n\xEF\xBF\xBD\"} 2\n"),
                          HasSubstr("# HELP c_seconds how long\n# TYPE c_seconds histogram\n")));
  EXPECT_EQ(ValueOf(page, "b"), 3.5);
  EXPECT_EQ(ValueOf(page, "c_seconds_count"), 3);
  EXPECT_EQ(ValueOf(page, "c_seconds_bucket{le=\"1\"}"), 2);
  EXPECT_EQ(ValueOf(page, "c_seconds_bucket{le=\"+Inf\"}"), 3);
}

TEST_F(MetricsTest, SameNameAndLabelsAreOneCell) {
  Must(MetricKind::kCounter, "a_total", {{"x", "1"}, {"y", "2"}}).Increment();
  Metric again = Must(MetricKind::kCounter, "a_total", {{"y", "2"}, {"x", "1"}});
  again.Increment();
  EXPECT_EQ(again.value(), 2);
}

TEST_F(MetricsTest, CountersNeverGoBackOrBecomeNaN) {
  Metric counter = Must(MetricKind::kCounter, "a_total");
  counter.Record(3);
  counter.Record(-1);
  counter.Record(std::nan(""));
  counter.Record(INFINITY);
  EXPECT_EQ(counter.value(), 3);
}

TEST_F(MetricsTest, RefusesBadNamesWithTheReason) {
  EXPECT_THAT(Refusal(MetricKind::kGauge, "9lives"), HasSubstr("metric '9lives': use letters"));
  EXPECT_THAT(Refusal(MetricKind::kGauge, ""), HasSubstr("use letters"));
  EXPECT_THAT(Refusal(MetricKind::kGauge, "a-b"), HasSubstr("use letters"));
  EXPECT_THAT(Refusal(MetricKind::kCounter, "requests"), HasSubstr("a counter ends in _total"));
  EXPECT_THAT(Refusal(MetricKind::kGauge, "size_total"), HasSubstr("only a counter"));
  EXPECT_THAT(Refusal(MetricKind::kGauge, "a", {{"b c", "v"}}), HasSubstr("label 'b c'"));
  EXPECT_THAT(Refusal(MetricKind::kHistogram, "a", {{"le", "v"}}), HasSubstr("reserved"));
  Must(MetricKind::kGauge, "taken");
  EXPECT_THAT(Refusal(MetricKind::kHistogram, "taken"),
              HasSubstr("is a gauge already, not a histogram"));
  const auto unsorted =
      metrics_.Get(MetricKind::kHistogram, "h", "", {}, Lifetime::kHeld, {1, 0.5});
  EXPECT_THAT(unsorted.error().message, HasSubstr("ascending"));
}

TEST_F(MetricsTest, BoundsLabelSetsAndCountsRefusals) {
  for (int i = 0; i < 100; ++i) Must(MetricKind::kGauge, "g", {{"i", std::to_string(i)}});
  const auto full = metrics_.Get(MetricKind::kGauge, "g", "", {{"i", "100"}});
  EXPECT_EQ(full.error().code, Code::kFull);
  EXPECT_EQ(ValueOf(metrics_.Exposition(), "heald_metrics_refused_total"), 1);
}

TEST_F(MetricsTest, DropsUnheldLabelSetsAfterTheirTime) {
  Must(MetricKind::kCounter, "a_total", {{"node", "gone"}}).Increment();
  Metric held = Must(MetricKind::kCounter, "a_total", {{"node", "held"}});
  EXPECT_EQ(metrics_.Expire(kNow), 0u);
  EXPECT_EQ(metrics_.Expire(kNow + kMinute - 1), 0u);
  EXPECT_EQ(metrics_.Expire(kNow + kMinute), 1u);
  EXPECT_THAT(metrics_.Exposition(), AllOf(HasSubstr("held"), Not(HasSubstr("gone"))));
  held = Metric();
  EXPECT_EQ(metrics_.Expire(kNow + 2 * kMinute), 1u);
  EXPECT_THAT(metrics_.Exposition(), Not(HasSubstr("a_total")));
}

TEST_F(MetricsTest, RecordsPutExpiryOff) {
  Must(MetricKind::kCounter, "a_total").Increment();
  metrics_.Expire(kNow);
  Must(MetricKind::kCounter, "a_total").Increment();
  EXPECT_EQ(metrics_.Expire(kNow + kMinute), 0u);
  EXPECT_EQ(metrics_.Expire(kNow + 2 * kMinute), 1u);
}

TEST_F(MetricsTest, WhatLivesStaysHoweverIdleAndGoesAfterItsTimeOnceItIsGone) {
  Must(MetricKind::kCounter, "a_total", {{"node", "idle"}}, Lifetime::kTouched).Add(3);
  Must(MetricKind::kCounter, "a_total", {{"node", "gone"}}, Lifetime::kTouched);
  const auto lives = [](MetricKind kind, const Labels& labels) {
    return kind == MetricKind::kCounter && labels.Get("node") == "idle";
  };
  metrics_.Expire(kNow, lives);
  EXPECT_EQ(metrics_.Expire(kNow + kHour, lives), 1u);
  EXPECT_EQ(ValueOf(metrics_.Exposition(), "a_total{node=\"idle\"}"), 3);
  EXPECT_EQ(metrics_.Expire(kNow + kHour + kMinute - 1), 0u);
  EXPECT_EQ(metrics_.Expire(kNow + kHour + kMinute), 1u);
}

TEST_F(MetricsTest, TouchedOnlyLabelSetsHideAndComeBack) {
  Metric rare = Must(MetricKind::kCounter, "rare_total", {}, Lifetime::kTouched);
  rare.Increment();
  metrics_.Expire(kNow);
  EXPECT_EQ(metrics_.Expire(kNow + kMinute), 1u);
  EXPECT_THAT(metrics_.Exposition(), Not(HasSubstr("rare_total")));
  rare.Increment();
  EXPECT_EQ(ValueOf(metrics_.Exposition(), "rare_total"), 2);
  EXPECT_EQ(metrics_.Expire(kNow + 2 * kMinute), 0u);
}

TEST_F(MetricsTest, HandlesWorkFromManyThreadsWhileThePageIsRead) {
  Metric counter = Must(MetricKind::kCounter, "a_total");
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([counter]() mutable {
        for (int i = 0; i < 10'000; ++i) counter.Increment();
      });
    threads.emplace_back([this] {
      for (int i = 0; i < 50; ++i) {
        metrics_.Expire(kNow + i * kMinute);
        EXPECT_THAT(metrics_.Exposition(), HasSubstr("a_total"));
      }
    });
  }
  EXPECT_EQ(counter.value(), 30'000);
}

TEST_F(MetricsTest, CollectorsRefreshGaugesForThePage) {
  Metric gauge = Must(MetricKind::kGauge, "g");
  metrics_.AddCollector([gauge]() mutable { gauge.Add(1); });
  EXPECT_EQ(ValueOf(metrics_.Exposition(), "g"), 1);
  EXPECT_EQ(ValueOf(metrics_.Exposition(), "g"), 2);
}

TEST_F(MetricsTest, TellsOfTheProcessAndTheBuild) {
  AddProcessMetrics(metrics_, "1.2.3");
  metrics_.Expire(kNow);
  metrics_.Expire(kNow + kHour);
  const std::string page = metrics_.Exposition();
  EXPECT_THAT(page, HasSubstr("version=\"1.2.3\"} 1"));
  EXPECT_GT(ValueOf(page, "process_resident_memory_bytes"), 1 << 20);
  EXPECT_GE(ValueOf(page, "process_open_fds"), 3);
  EXPECT_GE(ValueOf(page, "process_cpu_seconds_total"), 0);
  EXPECT_NEAR(ValueOf(page, "process_start_time_seconds"), static_cast<double>(time(nullptr)),
              3600);
}

// The shipped alert wants a failed reload for ten minutes, which is longer than an idle label set
// stays.
TEST_F(MetricsTest, HowTheLastReloadWentStaysOnThePage) {
  RecordReload(metrics_, true, kNow);
  RecordReload(metrics_, false, kNow + kMinute);
  metrics_.Expire(kNow + kMinute);
  metrics_.Expire(kNow + kHour);
  EXPECT_EQ(ValueOf(metrics_.Exposition(), "heald_last_reload_successful"), 0);
  EXPECT_EQ(ValueOf(metrics_.Exposition(), "heald_last_reload_success_timestamp_seconds"),
            static_cast<double>(kNow) / kSecond);
}

// One row as METRICS.md writes it.
std::string RowOf(const MetricDef& def) {
  std::ostringstream row;
  row << "| `" << def.name << "` | " << ToString(def.kind) << " | ";
  std::istringstream labels{std::string(def.labels)};
  std::string separator;
  for (std::string label; std::getline(labels, label, ','); separator = ", ")
    row << separator << '`' << label << '`';
  row << " | " << def.help << " |";
  return row.str();
}

TEST(MetricsTableTest, DocumentsExactlyTheConstants) {
  std::ifstream file(HEALD_SOURCE_DIR "/core/telemetry/METRICS.md");
  ASSERT_TRUE(file.is_open());
  std::set<std::string> documented;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("| `")) {
      EXPECT_TRUE(documented.insert(line).second) << line;
    }
  std::set<std::string> defined;
  for (const MetricDef* def : names::kAll) defined.insert(RowOf(*def));
  EXPECT_EQ(documented, defined);
}

TEST(MetricsTableTest, EveryConstantIsListedAndRegisters) {
  std::ifstream file(HEALD_SOURCE_DIR "/core/telemetry/names.h");
  std::stringstream text;
  text << file.rdbuf();
  size_t constants = 0;
  for (size_t at = 0;
       (at = text.str().find("inline constexpr MetricDef k", at)) != std::string::npos; ++at)
    ++constants;
  EXPECT_EQ(constants, std::size(names::kAll));
  Metrics metrics;
  for (const MetricDef* def : names::kAll) {
    Labels labels;
    std::istringstream wanted{std::string(def->labels)};
    for (std::string label; std::getline(wanted, label, ',');) labels.Set(label, "x");
    metrics.Get(*def, labels).Record(1);
    EXPECT_THAT(metrics.Exposition(), HasSubstr("# HELP " + std::string(def->name) + " "));
  }
}

TEST(MetricsTableTest, GrafanasDashboardAsksOnlyForWhatIsExported) {
  std::ifstream file(HEALD_SOURCE_DIR "/demo/dashboards/heald.json");
  ASSERT_TRUE(file.is_open());
  std::stringstream text;
  text << file.rdbuf();
  Metrics metrics;
  for (const MetricDef* def : names::kAll) {
    Labels labels;
    std::istringstream wanted{std::string(def->labels)};
    for (std::string label; std::getline(wanted, label, ',');) labels.Set(label, "x");
    metrics.Get(*def, labels).Record(1);
  }
  const std::string page = metrics.Exposition();
  const std::string dashboard = text.str();
  const std::regex name("\\b(?:heald|process)_[a-z_0-9]+");
  std::set<std::string> asked;
  for (std::sregex_iterator at(dashboard.begin(), dashboard.end(), name), end; at != end; ++at)
    asked.insert(at->str());
  EXPECT_GE(asked.size(), 15u);
  for (const std::string& metric : asked)
    EXPECT_THAT(page, HasSubstr("# TYPE " + metric + " ")) << "in demo/dashboards/heald.json";
}

}  // namespace
}  // namespace heald
