// `heald backtest` over the history of a real Prometheus, which promtool wrote in one go.
#include <gmock/gmock.h>

#include <optional>

#include "tests/backtest/fixture.h"
#include "tests/integration/prometheus_server.h"

namespace heald::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr int64_t kStep = 15;

class BacktestPrometheusTest : public BacktestFixture {
 protected:
  // Six hours that end an hour ago; the gauge is high for ten minutes in the fourth one.
  void SetUp() override {
    if (!PrometheusServer::Installed() || access("/usr/bin/promtool", X_OK) != 0)
      GTEST_SKIP() << "prometheus is not installed (apt install prometheus)";
    begin_ = (std::time(nullptr) - 7 * 3600) / kStep * kStep;
    std::string text = "# TYPE latency gauge\n";
    for (const char* service : {"pay", "users"})
      for (int64_t i = 0; i < 6 * 3600 / kStep; ++i) {
        const bool bad = std::string(service) == "pay" && i >= 800 && i < 840;
        text += "latency{service=\"" + std::string(service) + "\"} " + (bad ? "0.9 " : "0.1 ") +
                std::to_string(begin_ + i * kStep) + "\n";
      }
    Write("history.om", text + "# EOF\n");
    std::filesystem::create_directories(dir_ / "prometheus/data");
    const std::string make = "/usr/bin/promtool tsdb create-blocks-from openmetrics " +
                             (dir_ / "history.om").string() + " " +
                             (dir_ / "prometheus/data").string() + " > /dev/null 2>&1";
    ASSERT_EQ(std::system(make.c_str()), 0);
    server_.emplace(dir_ / "prometheus", "  []\n");
    ASSERT_TRUE(server_->Start()) << "prometheus doesn't become ready";
    Write("p.yaml", R"(version: 1
agent: {state_dir: state}
sources:
  prom: {plugin: prometheus, config: {url: ')" +
                        server_->url() +
                        R"(', interval: 15s, queries: {latency: latency}}}
detectors:
  slow: {plugin: threshold, inputs: [prom.latency], config: {above: {critical: 0.5}}}
policies:
  cure: {inputs: [slow], action: restart, mode: enforce, guard: {cooldown: 5m}, verify: {within: 1m}}
actions:
  restart: {plugin: http, config: {url: 'http://127.0.0.1:1/restart'}}
)");
  }

  int64_t begin_ = 0;
  std::optional<PrometheusServer> server_;
};

TEST_F(BacktestPrometheusTest, AsksTheSourceForItsHistory) {
  const json result = Result("p.yaml --from " + std::to_string(begin_ + 3600) + " --to " +
                             std::to_string(begin_ + 6 * 3600) + " --warmup 1h");
  EXPECT_EQ(result["samples"], 2 * 5 * 240);
  EXPECT_EQ(result["samples_learnt"], 2 * 240);
  ASSERT_EQ(result["incidents_total"], 1) << out_;
  const json& incident = result["incidents"][0];
  EXPECT_EQ(incident["target"], "pay");
  EXPECT_NEAR(static_cast<double>(result["median_open_seconds"]), 600, 1);
  EXPECT_GE(result["policies"][0]["executed"], 1);

  // The same as a file, to the sample.
  std::string csv = "timestamp,latency{service='pay'},latency{service='users'}\n";
  for (int64_t i = 0; i < 6 * 240; ++i)
    csv += std::to_string(begin_ + i * kStep) + (i >= 800 && i < 840 ? ",0.9,0.1\n" : ",0.1,0.1\n");
  Write("in.csv", csv);
  const json same = Result("p.yaml --input in.csv --from " + std::to_string(begin_ + 3600));
  EXPECT_EQ(same["incidents"][0]["opened"], incident["opened"]);
  EXPECT_EQ(same["incidents"][0]["closed"], incident["closed"]);
  EXPECT_EQ(same["policies"], result["policies"]);
}

TEST_F(BacktestPrometheusTest, AnEmptyTimeAndAServerThatIsAwayAreSaid) {
  EXPECT_EQ(Run("p.yaml --from " + std::to_string(begin_ - 7200) + " --to " +
                std::to_string(begin_ - 3600) + " --warmup 0"),
            1);
  EXPECT_THAT(err_, HasSubstr("there is no sample from "));
  server_->Stop();
  EXPECT_EQ(Run("p.yaml --from -1h"), 3);
  EXPECT_THAT(err_, HasSubstr("source prom: "));
}

}  // namespace
}  // namespace heald::testing
