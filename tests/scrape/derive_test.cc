#include "plugins/sources/scrape/derive.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/units.h"
#include "plugins/sources/scrape/settings.h"

namespace heald::scrape {
namespace {

double Quantile(double q, std::vector<HistogramBucket> buckets) {
  return HistogramQuantile(q, buckets);
}
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(ScrapeQuantileTest, InterpolatesWithinABucket) {
  const std::vector<HistogramBucket> buckets = {{0.1, 10}, {0.2, 30}, {0.4, 40}, {kInf, 40}};
  EXPECT_DOUBLE_EQ(Quantile(0.5, buckets), 0.15);    // rank 20: half of the second bucket
  EXPECT_DOUBLE_EQ(Quantile(0.25, buckets), 0.1);    // rank 10: the end of the first
  EXPECT_DOUBLE_EQ(Quantile(0.125, buckets), 0.05);  // rank 5: half of the first, from 0
  EXPECT_DOUBLE_EQ(Quantile(0.99, buckets), 0.2 + 0.2 * (39.6 - 30) / 10);
}

TEST(ScrapeQuantileTest, AnswersTheLastFiniteBoundForWhatLiesBeyond) {
  EXPECT_EQ(Quantile(0.99, {{0.1, 10}, {0.2, 10}, {kInf, 20}}), 0.2);
  EXPECT_EQ(Quantile(1, {{0.1, 10}, {kInf, 20}}), 0.1);
}

TEST(ScrapeQuantileTest, HasNoAnswerWithoutTrafficOrAnInfBucket) {
  EXPECT_TRUE(std::isnan(Quantile(0.5, {{0.1, 0}, {kInf, 0}})));
  EXPECT_TRUE(std::isnan(Quantile(0.5, {{0.1, 5}, {0.2, 9}})));
  EXPECT_TRUE(std::isnan(Quantile(0.5, {{kInf, 9}})));
  EXPECT_TRUE(std::isnan(Quantile(0.5, {})));
}

TEST(ScrapeQuantileTest, RepairsBucketsThatLagAndSortsThem) {
  EXPECT_DOUBLE_EQ(Quantile(0.5, {{kInf, 20}, {0.2, 8}, {0.1, 10}, {0.4, 20}}),
                   Quantile(0.5, {{0.1, 10}, {0.2, 10}, {0.4, 20}, {kInf, 20}}));
}

TEST(ScrapeQuantileTest, DoesNotInterpolateFromZeroInANegativeBucket) {
  EXPECT_EQ(Quantile(0.1, {{-1, 10}, {1, 20}, {kInf, 20}}), -1);
}

class ScrapeDeriveTest : public ::testing::Test {
 protected:
  void Use(std::map<std::string, MetricConfig> metrics, bool honor_labels = false,
           sdk::LabelSet target = {{"instance", "h:1"}}) {
    config_.metrics = std::move(metrics);
    config_.targets = {"http://h:1/metrics"};
    const auto problems = CheckConfig(config_);
    ASSERT_TRUE(problems.empty()) << problems[0].pointer << ": " << problems[0].message;
    derivations_ = DerivationsOf(config_);
    deriver_ = std::make_unique<Deriver>(derivations_, target, honor_labels);
  }
  // What one more page gives: "name{labels} value", sorted.
  std::vector<std::string> Page(const std::string& text, int64_t after_ns = kSecond) {
    now_ns_ += after_ns;
    samples_.clear();
    error_ =
        deriver_->Take(text, TextFormat::kPrometheus, {now_ns_ + kWallOffset, now_ns_}, &samples_);
    std::vector<std::string> out;
    for (const DerivedSample& sample : samples_) {
      std::string line = sample.series->derivation->name + "{";
      for (const auto& [name, value] : sample.series->labels.items()) {
        if (name == "instance" && value == "h:1") continue;
        line += (line.back() == '{' ? "" : ",") + name + "=" + value;
      }
      char number[32];
      std::snprintf(number, sizeof number, "%g", sample.value);
      out.push_back(line + "} " + number);
    }
    return out;
  }
  using Lines = std::vector<std::string>;

  static constexpr int64_t kWallOffset = 1'700'000'000 * kSecond;
  ScrapeConfig config_;
  std::vector<Derivation> derivations_;
  std::unique_ptr<Deriver> deriver_;
  std::vector<DerivedSample> samples_;
  std::string error_;
  int64_t now_ns_ = 50 * kSecond;
};

MetricConfig Gauge(std::string selector) {
  MetricConfig metric;
  metric.gauge = std::move(selector);
  return metric;
}
MetricConfig Rate(std::string selector) {
  MetricConfig metric;
  metric.rate = std::move(selector);
  return metric;
}

TEST_F(ScrapeDeriveTest, TakesGaugesAtOnceAndKeepsTheirLabels) {
  Use({{"queue", Gauge("queue_length{queue!=\"b\"}")}});
  EXPECT_EQ(Page("queue_length{queue=\"a\"} 3\nqueue_length{queue=\"b\"} 4\nother 1\n"),
            (Lines{"queue{queue=a} 3"}));
  EXPECT_EQ(samples_[0].ts_ns, now_ns_ + kWallOffset);
  EXPECT_EQ(deriver_->live_series(), 1u);
}

TEST_F(ScrapeDeriveTest, SumsUpByLabels) {
  MetricConfig metric = Gauge("queue_length");
  metric.by = {"zone"};
  Use({{"queue", metric}});
  EXPECT_EQ(Page("queue_length{queue=\"a\",zone=\"x\"} 3\nqueue_length{queue=\"b\",zone=\"x\"} 4\n"
                 "queue_length{queue=\"a\",zone=\"y\"} 5\n"),
            (Lines{"queue{zone=x} 7", "queue{zone=y} 5"}));
}

TEST_F(ScrapeDeriveTest, ARateNeedsTwoPages) {
  Use({{"rps", Rate("requests_total")}});
  EXPECT_EQ(Page("requests_total 100\n"), Lines{});
  EXPECT_EQ(Page("requests_total 110\n"), (Lines{"rps{} 10"}));
  EXPECT_EQ(Page("requests_total 110\n"), (Lines{"rps{} 5"}));
  EXPECT_EQ(Page("requests_total 5\n"), (Lines{"rps{} 5"})) << "a reset: 15 in 3 s";
}

TEST_F(ScrapeDeriveTest, ANewSeriesInAKnownGroupCountsFromItsFirstValue) {
  MetricConfig metric = Rate("requests_total");
  metric.by.emplace();
  Use({{"rps", metric}});
  Page("requests_total{code=\"200\"} 100\n");
  EXPECT_EQ(Page("requests_total{code=\"200\"} 110\nrequests_total{code=\"500\"} 900\n"),
            (Lines{"rps{} 10"}));
  EXPECT_EQ(Page("requests_total{code=\"200\"} 120\nrequests_total{code=\"500\"} 904\n"),
            (Lines{"rps{} 12"}));
}

TEST_F(ScrapeDeriveTest, ErrorRateIsZeroWithTrafficAndAbsentWithout) {
  MetricConfig metric;
  metric.ratio = RatioConfig{"r_total{code=~\"5..\"}", "r_total"};
  Use({{"error_rate", metric}});
  Page("r_total{code=\"200\",path=\"/\"} 10\n");
  EXPECT_EQ(Page("r_total{code=\"200\",path=\"/\"} 20\n"), (Lines{"error_rate{path=/} 0"}));
  Page("r_total{code=\"200\",path=\"/\"} 20\nr_total{code=\"503\",path=\"/\"} 0\n");
  EXPECT_EQ(Page("r_total{code=\"200\",path=\"/\"} 30\nr_total{code=\"503\",path=\"/\"} 5\n"),
            (Lines{"error_rate{path=/} 0.2"}));
  for (int i = 0; i < 6; ++i)
    Page("r_total{code=\"200\",path=\"/\"} 30\nr_total{code=\"503\",path=\"/\"} 5\n");
  EXPECT_TRUE(samples_.empty()) << "no traffic, no ratio";
}

TEST_F(ScrapeDeriveTest, QuantilesAreOfTheWindowNotOfAllTime) {
  MetricConfig metric;
  metric.quantile = QuantileConfig{0.5, "d_seconds{path!=\"/health\"}"};
  Use({{"p50", metric}});
  const auto page = [](int low, int high) {
    return "d_seconds_bucket{le=\"0.1\"} " + std::to_string(low) + "\nd_seconds_bucket{le=\"1\"} " +
           std::to_string(low + high) + "\nd_seconds_bucket{le=\"+Inf\"} " +
           std::to_string(low + high) + "\nd_seconds_sum 1\nd_seconds_count 1\n" +
           "d_seconds_bucket{le=\"0.1\",path=\"/health\"} " + std::to_string(low) + "\n";
  };
  Page(page(1'000'000, 0));
  EXPECT_EQ(Page(page(1'000'010, 0)), (Lines{"p50{} 0.05"}));
  // In the window 10 below 0.1 and 30 between 0.1 and 1: rank 20 is a third of the second bucket.
  EXPECT_EQ(Page(page(1'000'010, 30)), (Lines{"p50{} 0.4"}));
  // The process restarts: its new counts come on top.
  EXPECT_EQ(Page(page(10, 0)), (Lines{"p50{} 0.25"}));
}

TEST_F(ScrapeDeriveTest, SumsHistogramsOfSeveralRoutes) {
  MetricConfig metric;
  metric.quantile = QuantileConfig{1, "d_bucket"};
  metric.by.emplace();
  Use({{"p100", metric}});
  Page(
      "d_bucket{le=\"1\",r=\"a\"} 0\nd_bucket{le=\"+Inf\",r=\"a\"} 0\n"
      "d_bucket{le=\"1.0\",r=\"b\"} 0\nd_bucket{le=\"2\",r=\"b\"} 0\nd_bucket{le=\"+Inf\",r=\"b\"} "
      "0\n");
  EXPECT_EQ(Page("d_bucket{le=\"1\",r=\"a\"} 3\nd_bucket{le=\"+Inf\",r=\"a\"} 3\n"
                 "d_bucket{le=\"1.0\",r=\"b\"} 1\nd_bucket{le=\"2\",r=\"b\"} 5\n"
                 "d_bucket{le=\"+Inf\",r=\"b\"} 5\n"),
            (Lines{"p100{} 2"}));
}

TEST_F(ScrapeDeriveTest, KeepsConflictingLabelsAsExported) {
  Use({{"g", Gauge("m")}}, false, {{"instance", "h:1"}, {"service", "orders"}});
  EXPECT_EQ(Page("m{service=\"inner\",exported_service=\"x\",a=\"b\"} 1\n"),
            (Lines{"g{a=b,exported_exported_service=inner,exported_service=x,service=orders} 1"}));
}

TEST_F(ScrapeDeriveTest, HonoursLabelsOfThePageWhereAsked) {
  Use({{"g", Gauge("m")}}, true, {{"instance", "h:1"}, {"service", "orders"}});
  EXPECT_EQ(Page("m{service=\"inner\",instance=\"other:2\"} 1\n"),
            (Lines{"g{instance=other:2,service=inner} 1"}));
}

TEST_F(ScrapeDeriveTest, RefusesAPageWithAMistakeAsAWhole) {
  Use({{"g", Gauge("m")}, {"rps", Rate("r_total")}});
  Page("m 1\nr_total 10\n");
  EXPECT_EQ(Page("m 2\nr_total 20\nbroken{\n"), Lines{});
  EXPECT_EQ(error_, "line 3: expected a label name or '}', found the end of the line");
  EXPECT_EQ(deriver_->live_series(), 0u);
  EXPECT_EQ(Page("m 3\nr_total 30\n"), (Lines{"g{} 3", "rps{} 10"})) << "20 in 2 s";
}

TEST_F(ScrapeDeriveTest, SeriesThatVanishGetNoSamples) {
  Use({{"g", Gauge("m")}, {"rps", Rate("r_total")}});
  Page("m 1\nr_total 10\n");
  Page("m 1\nr_total 20\n");
  EXPECT_EQ(Page("x 1\n"), Lines{});
  EXPECT_EQ(deriver_->live_series(), 0u);
  EXPECT_EQ(Page("m 4\nr_total 40\n"), (Lines{"g{} 4", "rps{} 10"})) << "30 in 3 s";
}

TEST_F(ScrapeDeriveTest, AsksForAHandleAgainAfterAnAbsence) {
  Use({{"g", Gauge("m")}});
  Page("m 1\n");
  samples_[0].series->handle = 7;
  Page("m 1\n");
  EXPECT_EQ(samples_[0].series->handle, 7u);
  deriver_->Miss();
  Page("m 1\n");
  EXPECT_EQ(samples_[0].series->handle, DerivedSeries::kNoHandle);
}

TEST_F(ScrapeDeriveTest, ForgetsSeriesThatStayAway) {
  Use({{"g", Gauge("m")}, {"rps", Rate("r_total")}});
  Page("m{pod=\"a\"} 1\nr_total{pod=\"a\"} 1\n");
  for (int i = 0; i < 10; ++i)
    Page("m{pod=\"b\"} 1\nr_total{pod=\"b\"} " + std::to_string(i) + "\n");
  EXPECT_EQ(Page("m{pod=\"a\"} 1\nr_total{pod=\"a\"} 5\n"), (Lines{"g{pod=a} 1"}))
      << "the counter begins anew";
}

TEST_F(ScrapeDeriveTest, LeavesOutNaNAndPassesInfinity) {
  Use({{"g", Gauge("m")}});
  EXPECT_EQ(Page("m{q=\"1\"} NaN\nm{q=\"2\"} +Inf\n"), (Lines{"g{q=2} inf"}));
  EXPECT_EQ(deriver_->dropped_nan_total(), 1u);
}

TEST_F(ScrapeDeriveTest, CountsASeriesListedTwiceOnce) {
  Use({{"g", Gauge("m")}});
  EXPECT_EQ(Page("m 1\nm 2\n"), (Lines{"g{} 1"}));
  EXPECT_EQ(deriver_->duplicates_total(), 1u);
}

TEST_F(ScrapeDeriveTest, TakesThePagesTimestampsAndRepeatsNone) {
  Use({{"g", Gauge("m")}});
  EXPECT_EQ(Page("m 1 1700000000500\n"), (Lines{"g{} 1"}));
  EXPECT_EQ(samples_[0].ts_ns, 1'700'000'000'500'000'000);
  EXPECT_EQ(Page("m 1 1700000000500\n"), Lines{});
  EXPECT_EQ(Page("m 1 1700000001500\n"), (Lines{"g{} 1"}));
}

TEST_F(ScrapeDeriveTest, AClockThatWasSetBackBlindsNobody) {
  Use({{"g", Gauge("m")}});
  EXPECT_EQ(Page("m 1\n"), (Lines{"g{} 1"}));
  EXPECT_EQ(Page("m 2\n", -3600 * kSecond), (Lines{"g{} 2"}));
  EXPECT_EQ(Page("m 3\n"), (Lines{"g{} 3"}));
}

TEST_F(ScrapeDeriveTest, LimitsHowManySeriesTakePart) {
  Use({{"g", Gauge("m")}});
  std::string page;
  for (size_t i = 0; i < Deriver::kMaxInputs + 10; ++i)
    page += "m{i=\"" + std::to_string(i) + "\"} 1\n";
  Page(page);
  EXPECT_EQ(samples_.size(), Deriver::kMaxInputs);
  EXPECT_EQ(deriver_->refused_inputs(), 10u);
}

TEST_F(ScrapeDeriveTest, DefaultsCoverTheUsualNames) {
  Use({});
  const auto page = [](int n) {
    const std::string count = std::to_string(n);
    return "process_cpu_seconds_total " + std::to_string(0.1 * n) +
           "\nprocess_resident_memory_bytes 1e7\n"
           "http_requests_total{service=\"orders\",code=\"200\",route=\"/a\"} " +
           count + "\nhttp_requests_total{service=\"orders\",code=\"500\",route=\"/b\"} " + count +
           "\nhttp_request_duration_seconds_bucket{service=\"orders\",route=\"/a\",le=\"0.1\"} " +
           count +
           "\nhttp_request_duration_seconds_bucket{service=\"orders\",route=\"/a\",le=\"+Inf\"} " +
           count + "\n";
  };
  EXPECT_EQ(Page(page(0)), (Lines{"memory{} 1e+07"}));
  EXPECT_EQ(Page(page(10)),
            (Lines{"cpu{} 1", "error_rate{service=orders} 0.5", "latency_p50{service=orders} 0.05",
                   "latency_p95{service=orders} 0.095", "latency_p99{service=orders} 0.099",
                   "memory{} 1e+07", "request_rate{service=orders} 20"}));
}

TEST_F(ScrapeDeriveTest, DefaultsCoverAMachineAsTheNodeExporterHasIt) {
  Use({});
  const auto page = [](int n) {
    return "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} " + std::to_string(3 * n) +
           "\nnode_cpu_seconds_total{cpu=\"0\",mode=\"user\"} " + std::to_string(n) +
           "\nnode_load1 0.5\nnode_memory_MemAvailable_bytes 1e9\n"
           "node_filesystem_avail_bytes{device=\"/dev/vda\",fstype=\"ext4\",mountpoint=\"/\"} 2e9\n"
           "node_filesystem_avail_bytes{device=\"none\",fstype=\"tmpfs\",mountpoint=\"/run\"} 3e9\n"
           "node_disk_io_time_seconds_total{device=\"vda\"} " +
           std::to_string(0.1 * n) + "\n";
  };
  Page(page(0));
  EXPECT_EQ(Page(page(1)),
            (Lines{"host_cpu_ratio{} 0.25", "host_disk_available_bytes{mountpoint=/} 2e+09",
                   "host_disk_busy_ratio{device=vda} 0.1", "host_load1{} 0.5",
                   "host_memory_available_bytes{} 1e+09"}));
}

}  // namespace
}  // namespace heald::scrape
