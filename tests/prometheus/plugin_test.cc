// The prometheus plugin behind its C tables, against a server that answers by script.
#include "heald/plugin.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>

#include "core/base/units.h"
#include "tests/fakes/http_server.h"
#include "tests/fakes/source_harness.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::prometheus {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;
using fakes::SourceHarness;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Texts = std::vector<std::string>;

FakeReply Vector(const std::string& value, const std::string& metric = "{}") {
  return {.body = R"({"status":"success","data":{"resultType":"vector","result":[{"metric":)" +
                  metric + R"(,"value":[1795290124.794,")" + value + R"("]}]}})"};
}

bool Asks(const FakeRequest& request, const std::string& promql) {
  return (request.query + "&" + request.body).find("query=" + promql + "&") != std::string::npos;
}

class PrometheusPluginTest : public ::testing::Test {
 protected:
  void Start(const nlohmann::json& queries, nlohmann::json more = nlohmann::json::object()) {
    more["url"] = server_.url();
    more["queries"] = queries;
    if (!more.contains("interval")) more["interval"] = kSecond;
    source_ = std::make_unique<SourceHarness>(heald_plugin_v1, "prom", more);
  }

  HttpServer server_{[](const FakeRequest&) { return Vector("1"); }};
  std::unique_ptr<SourceHarness> source_;
};

TEST_F(PrometheusPluginTest, NamesSeriesByTheirQuery) {
  server_.SetScript([](const FakeRequest& request) {
    return Asks(request, "up") ? Vector("1", R"({"__name__":"up","job":"a"})") : Vector("0.5");
  });
  Start({{"alive", "up"}, {"errors", "x"}});
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->TakeTexts(), (Texts{"alive{job=a} 1", "errors{} 0.5"}));
  EXPECT_EQ(server_.requests()[0].path, "/api/v1/query");
}

TEST_F(PrometheusPluginTest, OneFailingQueryDoesNotStopTheOthers) {
  server_.SetScript([](const FakeRequest& request) {
    return Asks(request, "bad")
               ? FakeReply{.status = 400,
                           .body = R"({"status":"error","errorType":"bad_data","error":)"
                                   R"("invalid parameter \"query\": 1:4: parse error: oh no"})"}
               : Vector("1");
  });
  Start({{"fine", "up"}, {"broken", "bad"}});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(source_->Poll(), "query 'broken': bad_data: 1:4: parse error: oh no");
    EXPECT_EQ(source_->TakeTexts(), Texts{"fine{} 1"});
  }
  EXPECT_EQ(source_->log(),
            Texts{"prometheus `prom`: query 'broken': bad_data: 1:4: parse error: oh no"});
  server_.SetScript([](const FakeRequest&) { return Vector("1"); });
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->log().back(), "prometheus `prom`: query 'broken' works again");
}

TEST_F(PrometheusPluginTest, SaysOnceThatTheServerIsGoneAndOnceThatItIsBack) {
  Start({{"a", "x"}, {"b", "y"}});
  EXPECT_EQ(source_->Poll(), "");
  source_->TakeRows();
  server_.Stop();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(source_->Poll(milliseconds(100)), "connection refused by " + server_.url());
    EXPECT_TRUE(source_->TakeRows().empty()) << "nothing is repeated";
  }
  ASSERT_EQ(source_->log().size(), 1u);
  const std::string line = source_->log()[0];
  EXPECT_TRUE(line.starts_with("prometheus `prom`: connection refused by " + server_.url() +
                               ", retrying in "))
      << line;
  EXPECT_TRUE(line.ends_with(" s; 2 series stale")) << line;
  server_.Start();
  EXPECT_EQ(source_->Poll(), "") << "recovered within one interval";
  EXPECT_EQ(source_->TakeRows().size(), 2u);
  ASSERT_EQ(source_->log().size(), 2u);
  EXPECT_EQ(source_->log()[1], "prometheus `prom`: " + server_.url() + " answers again after 3 s");
}

TEST_F(PrometheusPluginTest, RetriesWithinThePoll) {
  std::atomic<int> count = 0;
  server_.SetScript(
      [&](const FakeRequest&) { return ++count < 3 ? FakeReply{.status = 503} : Vector("1"); });
  Start({{"a", "x"}});
  EXPECT_EQ(source_->Poll(milliseconds(2000)), "");
  EXPECT_EQ(source_->TakeTexts(), Texts{"a{} 1"});
  EXPECT_EQ(source_->host().MetricTotal("retries_total"), 2);
}

TEST_F(PrometheusPluginTest, LeavesTheServerAloneAsLongAsItAsks) {
  server_.SetScript([](const FakeRequest&) {
    return FakeReply{.status = 429, .headers = {{"Retry-After", "3"}}};
  });
  Start({{"a", "x"}});
  EXPECT_NE(source_->Poll(milliseconds(200)), "");
  const size_t asked = server_.requests().size();
  EXPECT_NE(source_->Poll(milliseconds(200)), "") << "the state stays known";
  EXPECT_EQ(server_.requests().size(), asked);
  server_.SetScript([](const FakeRequest&) { return Vector("1"); });
  source_->host().Advance(sdk::Seconds(2));
  EXPECT_EQ(source_->Poll(), "");
}

TEST_F(PrometheusPluginTest, SurvivesEverythingAServerCanAnswer) {
  Start({{"a", "x"}}, {{"timeout", kSecond / 4}});
  const std::vector<std::pair<FakeReply, std::string>> cases = {
      {{.status = 500, .body = "oops"}, "status 500 (oops)"},
      {{.status = 401}, "check the credentials"},
      {{.status = 429}, "status 429"},
      {{.status = 503, .body = R"({"status":"error","errorType":"timeout","error":"slow"})"},
       "timeout: slow"},
      {{.body = "<html>"}, "the answer is not what Prometheus writes"},
      {{.body = R"({"status":"success","data":{"resultType":"vector","result":[)"},
       "the answer is not what Prometheus writes"},
      {{.body = Vector("1").body, .cut_after_bytes = 50}, "broke off"},
      {{.reset = true}, "broke"},
      {{.close_silently = true}, "closed the connection without an answer"},
      {{.raw = "garbage\r\n\r\n"}, "not valid HTTP"},
      {{.body = Vector("1").body, .chunk_bytes = 1, .pause = milliseconds(50)},
       "no complete answer"},
      {{.delay = milliseconds(5000)}, "no answer from"},
  };
  for (const auto& [reply, expected] : cases) {
    server_.SetScript([&](const FakeRequest&) { return reply; });
    const auto begun = steady_clock::now();
    const std::string health = source_->Poll(milliseconds(300));
    EXPECT_LT(steady_clock::now() - begun, milliseconds(500)) << expected;
    EXPECT_NE(health.find(expected), std::string::npos) << health;
    EXPECT_TRUE(source_->TakeRows().empty()) << expected;
    server_.SetScript([](const FakeRequest&) { return Vector("7"); });
    EXPECT_EQ(source_->Poll(), "") << "after " << expected;
    EXPECT_EQ(source_->TakeTexts(), Texts{"a{} 7"});
  }
}

TEST_F(PrometheusPluginTest, AVanishedSeriesStopsAndExpiredOnesComeBack) {
  Start({{"a", "x"}});
  source_->Poll();
  for (const auto& row : source_->TakeRows()) source_->host().Expire(row.series);
  server_.SetScript([](const FakeRequest&) {
    return FakeReply{.body = R"({"status":"success","data":{"resultType":"vector","result":[]}})"};
  });
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_TRUE(source_->TakeRows().empty());
  server_.SetScript([](const FakeRequest&) { return Vector("2"); });
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->TakeTexts(), Texts{"a{} 2"}) << "at once, with a handle of its own";
}

TEST_F(PrometheusPluginTest, LogsAWarningOnce) {
  server_.SetScript([](const FakeRequest&) {
    return FakeReply{.body = R"({"status":"success","warnings":["partial data"],)"
                             R"("data":{"resultType":"vector","result":[]}})"};
  });
  Start({{"a", "x"}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->log(), Texts{"prometheus `prom`: query 'a' warning: partial data"});
}

TEST_F(PrometheusPluginTest, AsksSeveralQueriesAtOnce) {
  std::atomic<int> here = 0;
  server_.SetScript([&](const FakeRequest&) {
    ++here;
    const auto until = steady_clock::now() + std::chrono::seconds(2);
    while (here < 4 && steady_clock::now() < until) std::this_thread::yield();
    return Vector(here >= 4 ? "1" : "0");
  });
  Start({{"a", "x"}, {"b", "x"}, {"c", "x"}, {"d", "x"}});
  EXPECT_EQ(source_->Poll(milliseconds(3000)), "");
  EXPECT_EQ(source_->TakeTexts(), (Texts{"a{} 1", "b{} 1", "c{} 1", "d{} 1"}));
}

TEST_F(PrometheusPluginTest, KeepsItsDeadlineWhileOneQueryHangs) {
  server_.SetScript([](const FakeRequest& request) {
    FakeReply reply = Vector("1");
    if (Asks(request, "slow")) reply.delay = milliseconds(10'000);
    return reply;
  });
  Start({{"a", "x"}, {"b", "slow"}});
  const auto begun = steady_clock::now();
  const std::string health = source_->Poll(milliseconds(400));
  EXPECT_LT(steady_clock::now() - begun, milliseconds(600));
  EXPECT_TRUE(health.starts_with("query 'b': no answer from ")) << health;
  EXPECT_EQ(source_->TakeTexts(), Texts{"a{} 1"});
}

TEST_F(PrometheusPluginTest, ABearerTokenGoesWithEveryQueryAndIntoNoMessage) {
  server_.SetScript([](const FakeRequest& request) {
    return request.Header("authorization") == "Bearer s3cret" ? Vector("1")
                                                              : FakeReply{.status = 401};
  });
  Start({{"a", "x"}}, {{"bearer_token", "s3cret"}});
  EXPECT_EQ(source_->Poll(), "");
  Start({{"a", "x"}}, {{"bearer_token", "wr0ng"}});
  EXPECT_EQ(source_->Poll().find("wr0ng"), std::string::npos);
  for (const std::string& line : source_->log()) EXPECT_EQ(line.find("wr0ng"), std::string::npos);
}

// ---- history ----

FakeReply Matrix(const FakeRequest& request, double from, double to, double step) {
  std::string values;
  for (double at = from; at <= to + 1e-6; at += step) {
    char point[64];
    std::snprintf(point, sizeof point, "%s[%.3f,\"%g\"]", values.empty() ? "" : ",", at,
                  Asks(request, "x") ? 1.0 : 2.0);
    values += point;
  }
  return {.body = R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{},)"
                  R"("values":[)" +
                  values + "]}]}}"};
}

double Parameter(const FakeRequest& request, const std::string& name) {
  const std::string text = "&" + request.query;
  return std::stod(text.substr(text.find("&" + name + "=") + name.size() + 2));
}

FakeReply MatrixFor(const FakeRequest& request) {
  return Matrix(request, Parameter(request, "start"), Parameter(request, "end"),
                Parameter(request, "step"));
}

TEST_F(PrometheusPluginTest, BackfillsAllQueriesInTheOrderOfTime) {
  server_.SetScript(MatrixFor);
  Start({{"a", "x"}, {"b", "y"}});
  EXPECT_EQ(source_->Backfill(1000 * kSecond, 3000 * kSecond), "");
  const auto rows = source_->TakeRows();
  ASSERT_EQ(rows.size(), 2u * 2001);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].ts_ns, static_cast<int64_t>(1000 + i / 2) * kSecond);
    if (i % 2 == 1) {
      EXPECT_NE(rows[i].name, rows[i - 1].name) << "each query once per time";
    }
  }
  EXPECT_EQ(server_.requests().size(), 6u) << "720 points each";
}

TEST_F(PrometheusPluginTest, AsksForLessHistoryWhereTheServerSaysItIsTooMuch) {
  server_.SetScript([](const FakeRequest& request) {
    if (Parameter(request, "end") - Parameter(request, "start") > 200)
      return FakeReply{.status = 422,
                       .body = R"({"status":"error","errorType":"execution","error":"query )"
                               R"(processing would load too many samples into memory"})"};
    return MatrixFor(request);
  });
  Start({{"a", "x"}});
  EXPECT_EQ(source_->Backfill(0, 1000 * kSecond), "");
  const auto rows = source_->TakeRows();
  ASSERT_EQ(rows.size(), 1001u);
  for (size_t i = 0; i < rows.size(); ++i)
    EXPECT_EQ(rows[i].ts_ns, static_cast<int64_t>(i) * kSecond);
}

TEST_F(PrometheusPluginTest, AQueryWithoutHistoryIsNamedOnceAndLeftOut) {
  server_.SetScript([](const FakeRequest& request) {
    if (Asks(request, "bad"))
      return FakeReply{.status = 400,
                       .body = R"({"status":"error","errorType":"bad_data","error":"no"})"};
    return MatrixFor(request);
  });
  Start({{"a", "bad"}, {"b", "x"}});
  EXPECT_EQ(source_->Backfill(0, 1999 * kSecond), "");
  EXPECT_EQ(source_->TakeRows().size(), 2000u);
  EXPECT_EQ(source_->log(), Texts{"prometheus `prom`: no history of query 'a': bad_data: no"});
}

TEST_F(PrometheusPluginTest, NoServerNoHistoryAndNoHarm) {
  server_.Stop();
  Start({{"a", "x"}});
  EXPECT_EQ(source_->Backfill(0, 10 * kSecond),
            "no history: connection refused by " + server_.url());
  server_.Start();
  EXPECT_EQ(source_->Poll(), "");
}

TEST_F(PrometheusPluginTest, CancelEndsAPollAndAHistory) {
  server_.SetScript([](const FakeRequest&) { return FakeReply{.delay = milliseconds(10'000)}; });
  Start({{"a", "x"}});
  source_->host().Cancel();
  const auto begun = steady_clock::now();
  EXPECT_EQ(source_->Poll(), "stopped while reading") << "which is no recovery";
  EXPECT_EQ(source_->Backfill(0, 10 * kSecond), "stopped while reading");
  EXPECT_LT(steady_clock::now() - begun, milliseconds(500));
}

}  // namespace
}  // namespace heald::prometheus
