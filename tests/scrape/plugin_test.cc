// The scrape plugin behind its C tables, against real sockets.
#include "heald/plugin.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "heald/testing.h"
#include "tests/fakes/http_server.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::scrape {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;
using sdk::testing::FakeHost;
using sdk::testing::FakeSink;
using std::chrono::milliseconds;

heald_value Text(std::string_view text) {
  heald_value value{};
  value.kind = HEALD_VALUE_STRING;
  value.as.text = text.data();
  value.count = text.size();
  return value;
}

class ScrapePluginTest : public ::testing::Test {
 protected:
  ~ScrapePluginTest() override {
    if (self_ == nullptr) return;
    vtable().stop(self_);
    component().destroy(self_);
  }
  static const heald_component& component() { return *heald_plugin_v1.components[0]; }
  static const heald_source_vtable& vtable() {
    return *static_cast<const heald_source_vtable*>(component().vtable);
  }
  void Start(const std::vector<std::string>& targets) {
    std::vector<heald_value> list;
    for (const std::string& target : targets) list.push_back(Text(target));
    heald_value urls{};
    urls.kind = HEALD_VALUE_LIST;
    urls.as.list = list.data();
    urls.count = list.size();
    const heald_member members[] = {{{"targets", 7}, urls}};
    heald_value config{};
    config.kind = HEALD_VALUE_MAP;
    config.as.map = members;
    config.count = 1;
    heald_error error = sdk::detail::NewError();
    ASSERT_EQ(component().create(host_.table(), &config, &self_, &error), HEALD_OK)
        << error.message;
    ASSERT_EQ(vtable().start(self_, sink_.table(), &error), HEALD_OK) << error.message;
  }
  // Empty: the poll went well.
  std::string Poll() {
    host_.Advance(sdk::Seconds(1));
    heald_error error = sdk::detail::NewError();
    const int32_t code = vtable().poll(self_, host_.now_ns() + 1'000'000'000, &error);
    return code == HEALD_OK ? "" : error.message;
  }
  // Latest value by "name instance".
  std::map<std::string, double> Values() {
    std::map<std::string, double> out;
    for (const FakeSink::Row& row : sink_.TakeRows()) {
      EXPECT_EQ(row.ts_ns, host_.now_ns());
      const sdk::LabelSet labels = host_.host().LabelsOf(row.series);
      out[std::string(labels.Get("__name__")) + " " + std::string(labels.Get("instance"))] =
          row.value;
    }
    return out;
  }
  static std::string InstanceOf(const HttpServer& server) {
    return "127.0.0.1:" + std::to_string(server.port());
  }

  FakeHost host_{"web"};
  FakeSink sink_{host_};
  void* self_ = nullptr;
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
  EXPECT_EQ(health, "1 of 2 targets without a page: connection refused by " + server.url() +
                        ": is the server running, and is that its address?");
  EXPECT_EQ(Values(), (std::map<std::string, double>{{"up " + InstanceOf(server), 0},
                                                     {"up " + InstanceOf(other), 1},
                                                     {"memory " + InstanceOf(other), 1}}));
  EXPECT_EQ(Poll(), health);
  ASSERT_EQ(host_.log().size(), 1u);
  EXPECT_EQ(host_.log()[0].message,
            "scrape `web`: connection refused by " + server.url() +
                ": is the server running, and is that its address?; 1 series stale, trying again "
                "every 1s");
  server.Start();
  EXPECT_EQ(Poll(), "") << "recovered within one interval";
  ASSERT_EQ(host_.log().size(), 2u);
  EXPECT_EQ(host_.log()[1].message, "scrape `web`: " + server.url() + " answers again after 2 s");
}

TEST_F(ScrapePluginTest, SurvivesEverythingAServerCanAnswer) {
  HttpServer server(Memory(100));
  Start({server.url()});
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
  for (const FakeSink::Row& row : sink_.TakeRows()) host_.Expire(row.series);
  Poll();
  EXPECT_TRUE(Values().empty()) << "these rows went to expired series";
  Poll();
  EXPECT_EQ(Values().size(), 2u);
}

TEST_F(ScrapePluginTest, SkipsSeriesBeyondTheNodesLimit) {
  HttpServer server(Memory(100));
  host_.LimitSeries(1);
  Start({server.url()});
  EXPECT_EQ(Poll(), "");
  EXPECT_EQ(Values(), (std::map<std::string, double>{{"up " + InstanceOf(server), 1}}));
  EXPECT_EQ(host_.MetricTotal("dropped_samples_total|reason=max_series"), 1);
}

TEST_F(ScrapePluginTest, ReportsAFullPipelineAndGoesOnLater) {
  HttpServer server(Memory(100));
  Start({server.url()});
  sink_.SetFull(true);
  EXPECT_EQ(Poll(), "the pipeline is behind");
  sink_.SetFull(false);
  EXPECT_EQ(Poll(), "");
  EXPECT_EQ(Values().size(), 2u);
}

TEST_F(ScrapePluginTest, StopsAtOnceWhenTheHostCancels) {
  HttpServer server([](const FakeRequest&) { return FakeReply{.delay = milliseconds(10'000)}; });
  Start({server.url()});
  host_.Cancel();
  EXPECT_EQ(Poll(), "");
  EXPECT_TRUE(sink_.TakeRows().empty()) << "a cancelled scrape says nothing about the target";
}

}  // namespace
}  // namespace heald::scrape
