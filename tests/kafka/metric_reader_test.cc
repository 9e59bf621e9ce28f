#include "plugins/sources/kafka/metric_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <limits>

namespace heald::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kStampNs = 1'700'000'000'000'000'000;

class KafkaMetricReaderTest : public ::testing::Test {
 protected:
  // "name{a=b} 1 @1700000000.000", in the message's order.
  std::vector<std::string> Read(std::string_view message) {
    Rows rows;
    left_ = reader_.Read(message, kStampNs, now_ns_, &rows);
    std::vector<std::string> texts;
    for (size_t i = 0; i < rows.size(); ++i) {
      char number[96];
      std::snprintf(number, sizeof number, " %g @%.3f", rows.value[i],
                    static_cast<double>(rows.ts_ns[i] / 1'000'000) / 1e3);
      texts.push_back(names_.at(rows.series[i]) + number);
    }
    return texts;
  }
  std::string Why(std::string_view message) {
    Rows rows;
    try {
      reader_.Read(message, kStampNs, now_ns_, &rows);
    } catch (const BadMessage& bad) {
      EXPECT_EQ(rows.size(), 0u) << "all or nothing";
      return bad.why;
    }
    return "understood";
  }

  std::vector<std::string> names_;  // by handle
  int64_t now_ns_ = 0;
  MetricReader::LeftOut left_;
  bool full_ = false;
  SeriesCache cache_{[this](std::string_view name, const sdk::LabelSet& labels) {
    if (full_) return SeriesCache::kNoHandle;
    std::string text(name);
    text += "{";
    for (const auto& [label, value] : labels.items())
      text += (text.back() == '{' ? "" : ",") + label + "=" + value;
    names_.push_back(text + "}");
    return static_cast<uint32_t>(names_.size() - 1);
  }};
  MetricReader reader_{cache_};
};

TEST_F(KafkaMetricReaderTest, ReadsThePlainForm) {
  EXPECT_THAT(Read(R"({"name": "latency_p99", "labels": {"service": "orders", "zone": "a"},
                       "value": 0.25, "timestamp": "2026-11-21T21:02:30.5Z"})"),
              ElementsAre("latency_p99{service=orders,zone=a} 0.25 @1795294950.500"));
  EXPECT_THAT(
      Read(R"({"metric": "up", "tags": {"n": 1, "ok": true, "none": null}, "value": true})"),
      ElementsAre("up{n=1,ok=true} 1 @1700000000.000"));
}

TEST_F(KafkaMetricReaderTest, ReadsListsAndLines) {
  const std::vector<std::string> both = {"a{} 1 @1700000000.000", "b{} 2 @1700000000.000"};
  EXPECT_EQ(Read(R"([{"name": "a", "value": 1}, {"name": "b", "value": 2}])"), both);
  EXPECT_EQ(Read("{\"name\": \"a\", \"value\": 1}\r\n\n{\"name\": \"b\", \"value\": 2}\n"), both);
}

TEST_F(KafkaMetricReaderTest, ReadsTelegraf) {
  EXPECT_THAT(Read(R"({"fields": {"usage_idle": 92.5, "state": "ok", "up": true, "value": 7},
                       "name": "cpu", "tags": {"host": "a"}, "timestamp": 1458229140})"),
              ElementsAre("cpu_usage_idle{host=a} 92.5 @1458229140.000",
                          "cpu_up{host=a} 1 @1458229140.000", "cpu{host=a} 7 @1458229140.000"));
  EXPECT_EQ(Read(R"({"metrics": [{"fields": {"x": 1}, "name": "m", "tags": {}, "timestamp": 1},
                                 {"fields": {"x": 2}, "name": "n", "tags": {}, "timestamp": 1}]})")
                .size(),
            2u);
}

TEST_F(KafkaMetricReaderTest, ReadsVector) {
  EXPECT_THAT(Read(R"({"name": "load1", "namespace": "host", "tags": {"host": "a"},
                       "timestamp": "2023-11-14T22:13:20Z", "kind": "absolute",
                       "gauge": {"value": 0.5}})"),
              ElementsAre("host_load1{host=a} 0.5 @1700000000.000"));
  EXPECT_THAT(Read(R"({"name": "requests", "kind": "incremental", "counter": {"value": 3}})"),
              ElementsAre("requests{} 3 @1700000000.000"));
  EXPECT_THAT(Read(R"({"name": "d", "kind": "absolute", "distribution": {"samples": []}})"),
              IsEmpty());
  EXPECT_EQ(left_.unsupported, 1u);
}

TEST_F(KafkaMetricReaderTest, ReadsPrometheusByItsAdapters) {
  EXPECT_THAT(Read(R"({"timestamp": "2023-11-14T22:13:20Z", "value": "17.5", "name": "up",
                       "labels": {"__name__": "up", "job": "a"}})"),
              ElementsAre("up{job=a} 17.5 @1700000000.000"));
  EXPECT_THAT(Read(R"({"timeseries": [{"labels": [{"name": "__name__", "value": "up"},
                                                  {"name": "job", "value": "a"}],
                       "samples": [{"value": 1, "timestamp": "1700000000000"},
                                   {"value": 0, "timestamp": 1700000015000}]}]})"),
              ElementsAre("up{job=a} 1 @1700000000.000", "up{job=a} 0 @1700000015.000"));
  EXPECT_THAT(Read(R"({"name": "x", "value": "NaN"})"), IsEmpty());
  EXPECT_EQ(left_.nan, 1u);
  EXPECT_THAT(Read(R"({"name": "x", "value": "+Inf"})"), ElementsAre(HasSubstr("x{} inf")));
}

TEST_F(KafkaMetricReaderTest, ReadsCloudEvents) {
  EXPECT_THAT(Read(R"({"specversion": "1.0", "id": "1", "source": "/s", "type": "t",
                       "data": {"name": "a", "value": 1}})"),
              ElementsAre("a{} 1 @1700000000.000"));
  EXPECT_EQ(Read(R"({"specversion": "1.0", "data": [{"name": "a", "value": 1}]})").size(), 1u);
  EXPECT_EQ(Why(R"({"specversion": "1.0", "data_base64": "AAA="})"),
            "is a CloudEvent without JSON in data");
  EXPECT_THAT(Why(R"({"specversion": "1.0", "data": "text"})"), HasSubstr("is no object"));
}

TEST_F(KafkaMetricReaderTest, TellsSecondsFromNanoseconds) {
  for (const char* time :
       {"1700000000", "1700000000.0", "1700000000000", "1700000000000000", "1700000000000000000",
        "\"1700000000\"", "\"2023-11-14T22:13:20Z\"", "\"2023-11-14T23:13:20+01:00\""})
    EXPECT_THAT(Read(R"({"name": "a", "value": 1, "timestamp": )" + std::string(time) + "}"),
                ElementsAre("a{} 1 @1700000000.000"))
        << time;
}

TEST_F(KafkaMetricReaderTest, SaysWhyAMessageIsBad) {
  EXPECT_THAT(Why("not json"), HasSubstr("is no JSON: "));
  EXPECT_THAT(Why("{\"name\": \"a\", \"value\": 1}\nnonsense"), HasSubstr("its line 2 is no JSON"));
  EXPECT_EQ(Why("17"), "is neither an object nor a list of objects");
  EXPECT_EQ(Why("[17]"), "its list holds something that is no object");
  EXPECT_EQ(Why(R"({"value": 1})"), "has no name");
  EXPECT_EQ(Why(R"({"name": "a"})"), "has none of value, fields, gauge, counter and samples");
  EXPECT_EQ(Why(R"({"name": "a", "value": "much"})"), "its value is no number");
  EXPECT_EQ(Why(R"({"name": "a", "value": {}})"), "its value is no number");
  EXPECT_EQ(Why(R"({"name": "a", "value": 1, "timestamp": "noon"})"),
            "its time is neither RFC 3339 nor a number since 1970");
  EXPECT_EQ(Why(R"({"name": "a", "value": 1, "labels": {"x": {}}})"), "its label 'x' is no text");
  EXPECT_EQ(Why(R"({"name": "a", "value": 1, "labels": 3})"),
            "its labels are neither an object nor a list");
  EXPECT_EQ(Why(R"({"name": "a", "fields": {"x": []}})"), "its field 'x' is no number");
  EXPECT_EQ(Why(R"([{"name": "a", "value": 1}, {"name": "b"}])"),
            "has none of value, fields, gauge, counter and samples");
  EXPECT_EQ(Why(std::string_view("\0\xff", 2)), Why(std::string_view("\0\xff", 2)));
  EXPECT_THAT(Why(std::string(5000, '[')), HasSubstr("is no JSON"));
}

TEST_F(KafkaMetricReaderTest, AsksTheHostOnceForASeriesWhateverTheLabelsOrder) {
  Read(R"({"name": "a", "labels": {"x": "1", "y": "2"}, "value": 1})");
  Read(R"({"name": "a", "labels": {"y": "2", "x": "1"}, "value": 1})");
  EXPECT_EQ(names_.size(), 1u);
  now_ns_ = 60'000'000'000;  // it was away: the host may have let it expire
  Read(R"({"name": "a", "labels": {"x": "1", "y": "2"}, "value": 1})");
  EXPECT_EQ(names_.size(), 2u);
}

TEST_F(KafkaMetricReaderTest, ARefusedSeriesIsAskedForAgainLater) {
  full_ = true;
  EXPECT_THAT(Read(R"({"name": "a", "value": 1})"), IsEmpty());
  full_ = false;
  EXPECT_THAT(Read(R"({"name": "a", "value": 1})"), IsEmpty());
  now_ns_ = 60'000'000'000;
  EXPECT_EQ(Read(R"({"name": "a", "value": 1})").size(), 1u);
}

}  // namespace
}  // namespace heald::kafka
