// The scrape plugin behind its C tables, against real sockets.
#include "heald/plugin.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "tests/fakes/http_server.h"
#include "tests/fakes/source_harness.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::scrape {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;
using fakes::SourceHarness;
using std::chrono::milliseconds;

class ScrapePluginTest : public ::testing::Test {
 protected:
  static const heald_component& component() { return *heald_plugin_v1.components[0]; }
  void Start(const std::vector<std::string>& targets, int64_t interval_ns = 1'000'000'000) {
    source_ = std::make_unique<SourceHarness>(
        heald_plugin_v1, "web", nlohmann::json{{"targets", targets}, {"interval", interval_ns}});
  }
  std::string Poll() { return source_->Poll(); }
  // Latest value by "name instance".
  std::map<std::string, double> Values() {
    std::map<std::string, double> out;
    for (const SourceHarness::Row& row : source_->TakeRows()) {
      EXPECT_EQ(row.ts_ns, source_->host().now_ns());
      out[row.name + " " + std::string(row.labels.Get("instance"))] = row.value;
    }
    return out;
  }
  static std::string InstanceOf(const HttpServer& server) {
    return "127.0.0.1:" + std::to_string(server.port());
  }

  std::unique_ptr<SourceHarness> source_;
};

HttpServer::Script Memory(int bytes) {
  return [bytes](const FakeRequest&) {
    return FakeReply{.body = "process_resident_memory_bytes " + std::to_string(bytes) + "\n"};
  };
}

TEST_F(ScrapePluginTest, DescribesItself) {
  EXPECT_EQ(sdk::detail::View(component().name), "scrape");
  EXPECT_EQ(component().flags & HEALD_BLOCKING, HEALD_BLOCKING);
  EXPECT_NE(sdk::detail::View(component().config_schema).find("\"targets\""),
            std::string_view::npos);
}

TEST_F(ScrapePluginTest, EmitsMetricsAndUpForEachTarget) {
  HttpServer a(Memory(100));
  HttpServer b(Memory(200));
  Start({a.url() + "/metrics", b.url() + "/metrics"});
  EXPECT_EQ(Poll(), "");
  EXPECT_EQ(Values(), (std::map<std::string, double>{{"memory " + InstanceOf(a), 100},
                                                     {"memory " + InstanceOf(b), 200},
                                                     {"up " + InstanceOf(a), 1},
                                                     {"up " + InstanceOf(b), 1}}));
  EXPECT_EQ(a.requests()[0].path, "/metrics");
  EXPECT_NE(a.requests()[0].Header("accept").find("openmetrics"), std::string_view::npos);
}

TEST_F(ScrapePluginTest, SaysOnceThatATargetIsDownAndOnceThatItIsBack) {
  HttpServer server(Memory(100));
  HttpServer other(Memory(1));
  Start({server.url(), other.url()});
  EXPECT_EQ(Poll(), "");
  Values();
  server.Stop();
  const std::string health = Poll();
  EXPECT_EQ(health, "1 of 2 targets without a page: connection refused by " + server.url());
  EXPECT_EQ(Values(), (std::map<std::string, double>{{"up " + InstanceOf(server), 0},
                                                     {"up " + InstanceOf(other), 1},
                                                     {"memory " + InstanceOf(other), 1}}));
  EXPECT_EQ(Poll(), health);
  ASSERT_EQ(source_->log().size(), 1u);
  EXPECT_EQ(source_->log()[0], "scrape `web`: connection refused by " + server.url() +
                                   ", trying again every 1s; 1 series stale");
  server.Start();
  EXPECT_EQ(Poll(), "") << "recovered within one interval";
  ASSERT_EQ(source_->log().size(), 2u);
  EXPECT_EQ(source_->log()[1], "scrape `web`: " + server.url() + " answers again after 2 s");
}

TEST_F(ScrapePluginTest, SaysOnceThatAPageHasNothingThatAMetricIsMadeOf) {
  HttpServer server([](const FakeRequest&) { return FakeReply{.body = "queue_length 3\n"}; });
  Start({server.url()});
  for (int i = 0; i < 12; ++i) EXPECT_EQ(Poll(), "");
  ASSERT_EQ(source_->log().size(), 1u);
  EXPECT_NE(source_->log()[0].find(server.url() + " has none of the series"), std::string::npos)
      << source_->log()[0];
}

TEST_F(ScrapePluginTest, SurvivesEverythingAServerCanAnswer) {
  HttpServer server(Memory(100));
  Start({server.url()}, 4'000'000'000);  // for the large page on a busy machine
  const std::vector<std::pair<FakeReply, std::string>> cases = {
      {{.status = 500, .body = "oops"}, "answered with status 500 (oops)"},
      {{.status = 429}, "status 429"},
      {{.body = "<html>"}, "is not a page of metrics: line 1: expected a metric name"},
      {{.body = std::string("m 1\n\0\n", 6)}, "line 2: expected a metric name"},
      {{.body = "process_resident_memory_bytes 1\n", .cut_after_bytes = 10}, "broke off"},
      {{.reset = true}, "broke"},
      {{.close_silently = true}, "closed the connection without an answer"},
      {{.raw = "garbage\r\n\r\n"}, "not valid HTTP"},
      {{.body = std::string(33 << 20, '\n')}, "larger than 32 MiB"},
      {{.body = std::string(9000, '\n'), .chunk_bytes = 10, .pause = milliseconds(50)},
       "no complete answer"},
  };
  for (const auto& [reply, expected] : cases) {
    server.SetScript([&](const FakeRequest&) { return reply; });
    const std::string health = Poll();
    EXPECT_NE(health.find(expected), std::string::npos) << health;
    EXPECT_EQ(Values(), (std::map<std::string, double>{{"up " + InstanceOf(server), 0}}));
    server.SetScript(Memory(7));
    EXPECT_EQ(Poll(), "");
    EXPECT_EQ(Values().at("memory " + InstanceOf(server)), 7);
  }
}

TEST_F(ScrapePluginTest, InternsAgainWhatHasExpired) {
  HttpServer server(Memory(100));
  Start({server.url()});
  Poll();
  for (const auto& row : source_->TakeRows()) source_->host().Expire(row.series);
  Poll();
  EXPECT_TRUE(Values().empty()) << "these rows went to expired series";
  Poll();
  EXPECT_EQ(Values().size(), 2u);
}

TEST_F(ScrapePluginTest, SkipsSeriesBeyondTheNodesLimit) {
  HttpServer server(Memory(100));
  Start({server.url()});
  source_->host().LimitSeries(1);
  EXPECT_EQ(Poll(), "");
  EXPECT_EQ(Values(), (std::map<std::string, double>{{"up " + InstanceOf(server), 1}}));
  EXPECT_EQ(source_->host().MetricTotal("dropped_samples_total|reason=max_series"), 1);
}

TEST_F(ScrapePluginTest, ReportsAFullPipelineAndGoesOnLater) {
  HttpServer server(Memory(100));
  Start({server.url()});
  source_->sink().SetFull(true);
  EXPECT_EQ(Poll(), "the pipeline is behind");
  source_->sink().SetFull(false);
  EXPECT_EQ(Poll(), "");
  EXPECT_EQ(Values().size(), 2u);
}

TEST_F(ScrapePluginTest, StopsAtOnceWhenTheHostCancels) {
  HttpServer server([](const FakeRequest&) { return FakeReply{.delay = milliseconds(10'000)}; });
  Start({server.url()});
  source_->host().Cancel();
  EXPECT_EQ(Poll(), "");
  EXPECT_TRUE(source_->TakeRows().empty()) << "a cancelled scrape says nothing about the target";
}

}  // namespace
}  // namespace heald::scrape
