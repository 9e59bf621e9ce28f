#include "plugins/support/prometheus/answer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "plugins/support/prometheus/history.h"
#include "plugins/support/prometheus/query_client.h"

namespace heald::prometheus {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

class PrometheusAnswerTest : public ::testing::Test {
 protected:
  // What Debian's Prometheus 2.42 answered.
  static std::string Recorded(const std::string& note) {
    std::ifstream file(std::string(HEALD_SOURCE_DIR) + "/tests/data/prometheus/http.json");
    const nlohmann::json recorded = nlohmann::json::parse(file);
    for (const auto& exchange : recorded["exchanges"])
      if (exchange["note"] == note) return exchange["response_body"];
    ADD_FAILURE() << "no recorded exchange '" << note << "'";
    return {};
  }
  Answer Instant(std::string body) { return parser_.ParseInstant(body, cache_, &rows_); }
  Answer Range(std::string body) { return parser_.ParseRange(body, cache_, &rows_); }
  static std::string Vector(const std::string& result) {
    return R"({"status":"success","data":{"resultType":"vector","result":[)" + result + "]}}";
  }

  std::vector<sdk::LabelSet> series_;  // by handle
  SeriesCache cache_{[this](const sdk::LabelSet& labels) {
    series_.push_back(labels);
    return static_cast<uint32_t>(series_.size() - 1);
  }};
  AnswerParser parser_;
  Columns rows_;
};

TEST_F(PrometheusAnswerTest, ReadsARecordedVector) {
  EXPECT_EQ(Instant(Recorded("up")).error, "");
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_.value[0], 1);
  EXPECT_EQ(rows_.ts_ns[0], 1'795'290'124'794'000'000);
  EXPECT_EQ(series_[0], (sdk::LabelSet{{"instance", "127.0.0.1:19090"}, {"job", "prometheus"}}));
}

TEST_F(PrometheusAnswerTest, ReadsARecordedScalar) {
  EXPECT_EQ(Instant(Recorded("scalar")).error, "");
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_.value[0], kInf);
  EXPECT_EQ(series_[0], sdk::LabelSet{});
}

TEST_F(PrometheusAnswerTest, LeavesOutNaN) {
  const Answer answer = Instant(Recorded("NaN"));
  EXPECT_EQ(answer.error, "");
  EXPECT_EQ(answer.nan_rows, 1u);
  EXPECT_EQ(rows_.size(), 0u);
}

TEST_F(PrometheusAnswerTest, TakesNoSeriesForAnAnswer) {
  EXPECT_EQ(Instant(Recorded("absent")).error, "");
  EXPECT_EQ(rows_.size(), 0u);
}

TEST_F(PrometheusAnswerTest, RefusesTypesThatAreNoInstantVector) {
  EXPECT_EQ(Instant(Recorded("matrix")).error,
            "gives a range vector where an instant vector or a scalar is needed: put a function "
            "like rate() around it");
  EXPECT_EQ(Instant(Recorded("string")).error,
            "gives a string where an instant vector or a scalar is needed");
  EXPECT_EQ(rows_.size(), 0u);
}

TEST_F(PrometheusAnswerTest, ReadsARecordedRange) {
  EXPECT_EQ(Range(Recorded("range")).error, "");
  EXPECT_EQ(rows_.size() % 7, 0u);
  ASSERT_GE(rows_.size(), 7u);
  EXPECT_EQ(rows_.ts_ns[0], 1'795'290'064'043'000'000);
  EXPECT_EQ(rows_.ts_ns[6], 1'795'290'124'043'000'000);
  SortByTime(&rows_);
  EXPECT_TRUE(std::is_sorted(rows_.ts_ns.begin(), rows_.ts_ns.end()));
}

TEST_F(PrometheusAnswerTest, ShowsTheServersOwnWords) {
  for (const auto& [note, message] :
       {std::pair<const char*, const char*>{
            "parse error", "bad_data: 1:4: parse error: unexpected end of input inside braces"},
        {"execution error", "execution: invalid destination label name in label_replace(): a-b"}}) {
    support::HttpResult result;
    result.response = {400, {}, Recorded(note)};
    result.error.fault = support::HttpFault::kStatus;
    const Refusal refusal = Explain(result);
    EXPECT_EQ(refusal.message, message);
    EXPECT_FALSE(refusal.transport);
    EXPECT_FALSE(refusal.too_much);
  }
  support::HttpResult result;
  result.response = {400, {}, Recorded("too many points")};
  result.error.fault = support::HttpFault::kStatus;
  EXPECT_TRUE(Explain(result).too_much);
}

TEST_F(PrometheusAnswerTest, TakesKeysInAnyOrder) {
  const Answer answer =
      Instant(R"({"warnings":["slow store"],"infos":[],"isPartial":true,"data":{"result":[
    {"metric":{"a":"b"},"extra":{"x":[1]},"value":[1.5,"2"]}],"stats":{},"resultType":"vector"},
    "status":"success"})");
  EXPECT_EQ(answer.error, "");
  EXPECT_EQ(answer.warnings, std::vector<std::string>{"slow store"});
  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_EQ(rows_.ts_ns[0], 1'500'000'000);
}

TEST_F(PrometheusAnswerTest, UnescapesLabelsAndDropsEmptyOnes) {
  Instant(Vector(
      R"({"metric":{"__name__":"m","p":"a\"b\\c\u00fc\n","e":"","job":"x"},"value":[1,"-Inf"]})"));
  ASSERT_EQ(series_.size(), 1u);
  EXPECT_EQ(series_[0], (sdk::LabelSet{{"job", "x"}, {"p", "a\"b\\cü\n"}}));
  EXPECT_EQ(rows_.value[0], -kInf);
}

TEST_F(PrometheusAnswerTest, CountsNativeHistogramsApart) {
  const Answer answer = Instant(Vector(
      R"({"metric":{"a":"1"},"histogram":[1,{"count":"3","sum":"1","buckets":[[0,"0","1","3"]]}]},)"
      R"({"metric":{"a":"2"},"value":[1,"2"]})"));
  EXPECT_EQ(answer.error, "");
  EXPECT_EQ(answer.histogram_rows, 1u);
  EXPECT_EQ(rows_.size(), 1u);
}

TEST_F(PrometheusAnswerTest, TakesNothingOfABrokenAnswer) {
  const std::string good = Vector(R"({"metric":{"a":"1"},"value":[1,"2"]},)"
                                  R"({"metric":{"a":"2"},"value":[1,"3"]})");
  ASSERT_EQ(Instant(good).error, "");
  rows_.Resize(0);
  for (size_t size = 0; size < good.size(); ++size) {
    const Answer answer = Instant(good.substr(0, size));
    EXPECT_NE(answer.error, "") << good.substr(0, size);
    EXPECT_EQ(rows_.size(), 0u) << good.substr(0, size);
  }
  for (
      const char* body :
      {"", "[]", "null", "<html></html>", "{}", R"({"status":"success"})",
       R"({"status":"success","data":[]})",
       R"({"status":"success","data":{"resultType":"vector"}})",
       R"({"status":"success","data":{"resultType":"vector","result":{}}})",
       R"({"status":"success","data":{"resultType":"vector","result":[7]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[{"value":[1,"2"]}]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1e300,"1"]}]}})",
       R"({"status":"success","data":{"resultType":"scalar","result":["a","b"]}})"}) {
    const Answer answer = Instant(body);
    EXPECT_TRUE(answer.error.starts_with("the answer is not what Prometheus writes (")) << body;
    EXPECT_EQ(rows_.size(), 0u) << body;
  }
}

TEST_F(PrometheusAnswerTest, ResolvesASeriesOnceWhileItStays) {
  const std::string body = Vector(R"({"metric":{"a":"1"},"value":[1,"2"]})");
  for (int i = 0; i < 5; ++i) Instant(body);
  EXPECT_EQ(series_.size(), 1u);
  EXPECT_EQ(cache_.live(), 1u);
  Instant(Vector(""));
  EXPECT_EQ(cache_.live(), 0u);
  Instant(body);
  EXPECT_EQ(series_.size(), 2u) << "away once: the host may have let it expire";
}

TEST_F(PrometheusAnswerTest, ForgetsSeriesThatStayAway) {
  for (int i = 0; i < 1000; ++i)
    Instant(Vector(R"({"metric":{"pod":")" + std::to_string(i) + R"("},"value":[1,"2"]})"));
  EXPECT_LE(cache_.size(), 20u);
}

TEST_F(PrometheusAnswerTest, RefusedSeriesAreTriedAgainNowAndThen) {
  int tries = 0;
  SeriesCache full([&](const sdk::LabelSet&) {
    ++tries;
    return SeriesCache::kNoHandle;
  });
  std::string body = Vector(R"({"metric":{"a":"1"},"value":[1,"2"]})");
  for (int i = 0; i < 64; ++i) parser_.ParseInstant(body, full, &rows_);
  EXPECT_EQ(rows_.size(), 0u);
  EXPECT_GT(tries, 1);
  EXPECT_LT(tries, 10);
}

TEST_F(PrometheusAnswerTest, ReadsALargeAnswerQuickly) {
  constexpr int kSeries = 20'000;
  std::string result;
  for (int i = 0; i < kSeries; ++i)
    result +=
        std::string(i == 0 ? "" : ",") +
        R"({"metric":{"__name__":"http_requests_total","code":"200","handler":"/api/v1/orders",)"
        R"("instance":"10.0.0.)" +
        std::to_string(i % 250) + R"(:8080","job":"orders","pod":"orders-)" + std::to_string(i) +
        R"("},"value":[1795290124.794,")" + std::to_string(0.001 * i) + R"("]})";
  std::string body = Vector(result);
  ASSERT_EQ(parser_.ParseInstant(body, cache_, &rows_).error, "");
  rows_.Resize(0);
  const auto begun = std::chrono::steady_clock::now();
  constexpr int kRounds = 5;
  for (int i = 0; i < kRounds; ++i) {
    rows_.Resize(0);
    parser_.ParseInstant(body, cache_, &rows_);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  EXPECT_EQ(rows_.size(), static_cast<size_t>(kSeries));
  RecordProperty("samples_per_second", std::to_string(kRounds * kSeries / took.count()));
}

TEST(PrometheusQueryTest, PutsLongQueriesIntoABody) {
  const support::HttpRequest brief = InstantQuery("up{a=\"b c\"}", 2'500'000'000);
  EXPECT_EQ(brief.method, "GET");
  EXPECT_EQ(brief.url, "/api/v1/query?query=up%7Ba%3D%22b%20c%22%7D&timeout=2500ms");
  const support::HttpRequest lengthy = InstantQuery(std::string(2000, 'a'), 1'000'000'000);
  EXPECT_EQ(lengthy.method, "POST");
  EXPECT_EQ(lengthy.url, "/api/v1/query");
  EXPECT_EQ(lengthy.body, "query=" + std::string(2000, 'a') + "&timeout=1000ms");
  EXPECT_TRUE(lengthy.repeatable);
}

TEST(PrometheusQueryTest, WritesRangesToTheMillisecond) {
  EXPECT_EQ(RangeQuery("up", 1'795'290'064'043'000'000, 1'795'290'124'000'000'000, 10'000'000'000,
                       1'000'000'000)
                .url,
            "/api/v1/query_range?query=up&start=1795290064.043&end=1795290124.000&step=10.000"
            "&timeout=1000ms");
}

}  // namespace
}  // namespace heald::prometheus
