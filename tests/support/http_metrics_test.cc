#include "plugins/support/http_metrics.h"

#include <gtest/gtest.h>

#include <atomic>

#include "heald/testing.h"
#include "plugins/support/http.h"
#include "tests/fakes/http_server.h"

namespace heald::support {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;

// The fake host adds up what a gauge is set to; here only the last counts.
class Gauges : public ::testing::Test {
 protected:
  Gauges() {
    table_ = *host_.table();
    table_.metric_record = [](void*, uint64_t metric, double value) { last_[metric] = value; };
    last_.clear();
  }
  double Connections() {
    uint64_t id = 0;
    heald_error error = sdk::detail::NewError();
    table_.metric(table_.ctx, HEALD_METRIC_GAUGE, sdk::detail::Str("http_connections"),
                  sdk::detail::Str(""), {}, &id, &error);
    return last_[id];
  }

  sdk::testing::FakeHost host_;
  heald_host table_;
  static inline std::map<uint64_t, double> last_;
};

TEST(HttpMetricsTest, CountsByClassAndRetries) {
  sdk::testing::FakeHost host;
  std::atomic<int> asked = 0;
  HttpServer server([&](const FakeRequest&) {
    return FakeReply{.status = ++asked == 1 ? 503 : asked == 2 ? 200 : 404};
  });
  HttpConfig config;
  config.url = server.url();
  HttpClient client(config, {}, HttpMetrics::Of(host.host()));
  EXPECT_TRUE(client.PerformRetrying({.url = "/"}, {.base_ns = 1'000'000}).ok());
  client.Perform({.url = "/"});
  server.Stop();
  client.Perform({.url = "/"});
  EXPECT_EQ(host.MetricTotal("http_requests_total|class=5xx"), 1);
  EXPECT_EQ(host.MetricTotal("http_requests_total|class=2xx"), 1);
  EXPECT_EQ(host.MetricTotal("http_requests_total|class=4xx"), 1);
  EXPECT_EQ(host.MetricTotal("http_requests_total|class=none"), 1);
  EXPECT_EQ(host.MetricTotal("http_retries_total"), 1);
  EXPECT_GT(host.MetricTotal("http_request_duration_seconds"), 0);
}

TEST_F(Gauges, KnowHowManyConnectionsAreKept) {
  HttpServer server(
      [](const FakeRequest&) { return FakeReply{.delay = std::chrono::milliseconds(30)}; });
  HttpConfig config;
  config.url = server.url();
  {
    HttpClient client(config, {}, HttpMetrics::Of(sdk::Host(&table_)));
    EXPECT_EQ(Connections(), 0);
    const std::vector<HttpRequest> three(3, HttpRequest{.url = "/"});
    client.PerformAll(three, 3, [](size_t, HttpResult result) { EXPECT_TRUE(result.ok()); });
    EXPECT_EQ(Connections(), 3) << "kept for the next requests";
    client.Perform({.url = "/"});
    EXPECT_EQ(Connections(), 3);
  }
  EXPECT_EQ(Connections(), 0);
}

}  // namespace
}  // namespace heald::support
