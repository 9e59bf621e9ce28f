// `heald record --from --to` against a real Prometheus with a day of history, which promtool wrote
// in one go: more points than it gives out in one answer.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>

#include "demo/tests/demo_process.h"
#include "plugins/support/recording/history_file.h"
#include "plugins/support/recording/series_name.h"
#include "tests/integration/prometheus_server.h"

namespace heald::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

constexpr const char* kPromtool = "/usr/bin/promtool";
constexpr int64_t kStep = 5;                       // s
constexpr int64_t kSteps = 24 * 3600 / kStep;      // 17,280; the server refuses more than 11,000
constexpr int64_t kGapFrom = 5000, kGapTo = 5400;  // 2000 s: longer than Prometheus looks back
constexpr int64_t kSecondNs = 1'000'000'000;

class RecordPrometheusTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PrometheusServer::Installed() || access(kPromtool, X_OK) != 0)
      GTEST_SKIP() << "prometheus is not installed (apt install prometheus)";
    std::string pattern = ::testing::TempDir() + "heald-record-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    begin_ = (std::time(nullptr) - 26 * 3600) / kStep * kStep;
    {
      std::ofstream out(dir_ / "history.om");
      out << "# TYPE load gauge\n";
      for (int64_t i = 0; i < kSteps; ++i)
        if (i < kGapFrom || i >= kGapTo)
          out << "load{service=\"a\"} " << i << ' ' << begin_ + i * kStep << '\n';
      for (int64_t i = 0; i < kSteps; ++i)
        out << "load{service=\"b\"} " << -i << ' ' << begin_ + i * kStep << '\n';
      out << "# EOF\n";
    }
    fs::create_directories(dir_ / "prometheus/data");
    const std::string make = std::string(kPromtool) + " tsdb create-blocks-from openmetrics " +
                             (dir_ / "history.om").string() + " " +
                             (dir_ / "prometheus/data").string() + " > /dev/null 2>&1";
    ASSERT_EQ(std::system(make.c_str()), 0);
    server_ = std::make_unique<PrometheusServer>(dir_ / "prometheus", "  []\n");
    ASSERT_TRUE(server_->Start()) << "prometheus doesn't become ready";
    std::ofstream(dir_ / "p.yaml")
        << "version: 1\nagent: {state_dir: state}\n"
           "sources:\n"
           "  prom: {plugin: prometheus, config: {url: '"
        << server_->url()
        << "', interval: 5s, queries: {load: load, twice: 2 * load}}}\n"
           "detectors:\n"
           "  high: {plugin: threshold, inputs: [prom.load], config: {above: {critical: 1e9}}}\n"
           "policies:\n"
           "  tell: {inputs: [high], action: alert}\n";
  }
  void TearDown() override {
    server_.reset();
    if (!dir_.empty() && !HasFailure()) fs::remove_all(dir_);
  }
  int Record(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"record", (dir_ / "p.yaml").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    demo::DemoProcess heald("heald", arguments);
    const int code = heald.Wait(60 * kSecondNs);
    said_ = heald.output();
    return code;
  }

  fs::path dir_;
  int64_t begin_ = 0;
  std::unique_ptr<PrometheusServer> server_;
  std::string said_;
};

TEST_F(RecordPrometheusTest, ADayIsRecordedToTheSample) {
  const std::string file = (dir_ / "day.jsonl.gz").string();
  ASSERT_EQ(Record({"--output", file, "--from", std::to_string(begin_), "--to",
                    std::to_string(begin_ + kSteps * kStep)}),
            0)
      << said_;
  std::string error;
  const auto read = recording::HistoryFile::Open(file, &error);
  ASSERT_TRUE(read) << error;
  EXPECT_THAT(read->outputs().at("prom"), ElementsAre("load", "twice"));
  recording::Moment moment;
  int64_t wrong = 0, samples = 0, next_ns = begin_ * kSecondNs;
  for (; read->Next(&moment) == recording::Step::kNext; next_ns += kStep * kSecondNs) {
    ASSERT_EQ(moment.ts_ns, next_ns) << "every step once, in order";
    const auto i = static_cast<double>((moment.ts_ns / kSecondNs - begin_) / kStep);
    for (const recording::RecordedSample& sample : moment.samples) {
      const recording::RecordedSeries& series = read->series()[sample.series];
      const double sign = series.labels.Get("service") == "a" ? 1 : -1;
      const double factor = series.name == "twice" ? 2 : 1;
      // Prometheus repeats the last value for five minutes.
      const bool in_gap = i >= kGapFrom && i < kGapTo && sign > 0;
      wrong += sample.value != (in_gap ? kGapFrom - 1 : i) * sign * factor;
      ++samples;
    }
  }
  EXPECT_EQ(read->error(), "");
  EXPECT_EQ(read->remark(), "");
  EXPECT_EQ(next_ns, (begin_ + kSteps * kStep) * kSecondNs);
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(samples, 4 * kSteps - 2 * (kGapTo - kGapFrom));
  EXPECT_LT(samples, 4 * kSteps - 2 * (kGapTo - kGapFrom) + 2 * 300 / kStep + 4);
  EXPECT_THAT(said_, AllOf(HasSubstr("day.jsonl.gz: 4 series, "), HasSubstr("(24 h)\n2 gaps;")));
}

TEST_F(RecordPrometheusTest, AServerThatIsAwayIsSaid) {
  server_->Stop();
  const std::string file = (dir_ / "day.jsonl.gz").string();
  EXPECT_EQ(Record({"--output", file, "--from", "-2h"}), 3);
  EXPECT_THAT(said_, AllOf(HasSubstr("connection refused"), HasSubstr("Nothing was recorded")));
}

}  // namespace
}  // namespace heald::testing
