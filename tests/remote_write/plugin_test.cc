// The remote_write plugin behind its C tables, pushed to as Prometheus does it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "heald/plugin.h"
#include "plugins/sources/remote_write/intake.h"
#include "tests/fakes/source_harness.h"
#include "tests/remote_write/messages.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::remote_write {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using Answer = sdk::testing::FakeListener::Answer;
using Texts = std::vector<std::string>;
using nlohmann::json;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
const double kStale = std::bit_cast<double>(uint64_t{0x7ff0000000000002});
const std::vector<sdk::Label> kHeaders = {{"content-type", "application/x-protobuf"},
                                          {"content-encoding", "snappy"},
                                          {"x-prometheus-remote-write-version", "0.1.0"}};

class RemoteWritePluginTest : public ::testing::Test {
 protected:
  void SetUp() override { Start({{"up", {{"gauge", "up"}}}, {"load", {{"rate", "cpu_total"}}}}); }
  void Start(const json& metrics, json more = json::object()) {
    more["metrics"] = metrics;
    if (!more.contains("max_body")) more["max_body"] = 1 << 20;
    source_ = std::make_unique<fakes::SourceHarness>(heald_plugin_v1, "push", more);
    now_ms_ = source_->host().now_ns() / 1'000'000;
  }
  Answer Send(const std::string& body, std::vector<sdk::Label> headers = kHeaders) {
    return source_->listener().Post("", body, headers);
  }
  Answer Push(const std::vector<PushedSeries>& series) {
    return Send(Compressed(MessageOf(series)));
  }
  // One series with the job a; times in seconds from now.
  Answer PushOne(const std::string& name, const std::vector<std::pair<int, double>>& samples) {
    PushedSeries series{{{"__name__", name}, {"job", "a"}}, {}};
    for (const auto& [seconds, value] : samples)
      series.samples.emplace_back(now_ms_ + 1000 * seconds, value);
    return Push({series});
  }
  double Dropped(const std::string& reason) {
    return source_->host().MetricTotal("dropped_samples_total|reason=" + reason);
  }

  std::unique_ptr<fakes::SourceHarness> source_;
  int64_t now_ms_ = 0;
};

TEST_F(RemoteWritePluginTest, TakesWhatWasAskedForUnderTheNameItGets) {
  const Answer answer = Push({{{{"__name__", "up"}, {"job", "a"}}, {{now_ms_, 1}}},
                              {{{"__name__", "other"}, {"job", "a"}}, {{now_ms_, 5}}},
                              {{{"__name__", "up"}, {"job", "b"}}, {{now_ms_, 0}}}});
  EXPECT_EQ(answer.status, 204) << answer.body;
  const auto rows = source_->TakeRows();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, "up");
  EXPECT_EQ(rows[0].labels, (sdk::LabelSet{{"job", "a"}}));
  EXPECT_EQ(rows[0].ts_ns, now_ms_ * 1'000'000);
  EXPECT_EQ(rows[1].value, 0);
}

TEST_F(RemoteWritePluginTest, SilenceIsTroubleUntilSomethingComes) {
  Start({{"up", {{"gauge", "up"}}}}, {{"silent_after", 60'000'000'000}});
  EXPECT_EQ(source_->Poll(), "");
  source_->host().Advance(sdk::Seconds(61));
  const std::string silent = source_->Poll();
  EXPECT_THAT(silent, HasSubstr("nothing has been pushed since the start, "));
  EXPECT_THAT(silent, HasSubstr("push to /receive/push with a token"));
  EXPECT_NE(Send("no snappy").status, 204);
  EXPECT_NE(source_->Poll(), "") << "what is refused is no sign of life";
  EXPECT_EQ(PushOne("up", {{0, 1}}).status, 204);
  EXPECT_EQ(source_->Poll(), "");
  source_->host().Advance(sdk::Seconds(61));
  EXPECT_THAT(source_->Poll(), HasSubstr("nothing has been pushed since 20"));
  Start({{"up", {{"gauge", "up"}}}}, {{"silent_after", 0}});
  source_->host().Advance(sdk::Seconds(100'000));
  EXPECT_EQ(source_->Poll(), "") << "0 is never";
}

TEST_F(RemoteWritePluginTest, SelectorsPickBySeriesLabels) {
  Start({{"errors", {{"gauge", "http{code=~\"5..\"} or grpc"}}}});
  Push({{{{"__name__", "http"}, {"code", "200"}}, {{now_ms_, 1}}},
        {{{"__name__", "http"}, {"code", "503"}}, {{now_ms_, 2}}},
        {{{"__name__", "grpc"}}, {{now_ms_, 3}}}});
  EXPECT_EQ(source_->TakeTexts(), (Texts{"errors{code=503} 2", "errors{} 3"}));
}

TEST_F(RemoteWritePluginTest, RatesAreGrowthPerSecondAndSeeResets) {
  PushOne("cpu_total", {{0, 100}, {10, 150}});
  EXPECT_EQ(source_->TakeTexts(), (Texts{"load{job=a} 5"})) << "the first says nothing";
  PushOne("cpu_total", {{20, 30}});
  EXPECT_EQ(source_->TakeTexts(), (Texts{"load{job=a} 3"})) << "it began anew at 0";
  PushOne("cpu_total", {{30, kStale}, {40, 90}});
  EXPECT_EQ(source_->TakeTexts(), Texts()) << "after its end it is first seen again";
}

TEST_F(RemoteWritePluginTest, NoTimeIsTooLongAgoForARate) {
  Push({{{{"__name__", "cpu_total"}}, {{INT64_MIN, 1}, {now_ms_, 2}}}});
  const auto rows = source_->TakeRows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_GT(rows[0].value, 0);
}

TEST_F(RemoteWritePluginTest, AClockThatWasSetBackBlindsNobody) {
  PushOne("cpu_total", {{0, 30}, {10, 60}});
  EXPECT_EQ(source_->TakeTexts().size(), 1u);
  source_->host().Advance(sdk::Minutes(-60));
  PushOne("cpu_total", {{-3590, 70}, {-3580, 90}});
  EXPECT_EQ(source_->TakeTexts(), (Texts{"load{job=a} 2"}));
}

TEST_F(RemoteWritePluginTest, WhatComesTwiceOrTooLateIsLeftOut) {
  PushOne("up", {{0, 1}, {10, 1}});
  EXPECT_EQ(source_->TakeTexts().size(), 2u);
  EXPECT_EQ(PushOne("up", {{0, 1}, {10, 1}}).status, 204) << "the answer to it was lost";
  EXPECT_EQ(source_->TakeTexts().size(), 0u);
  EXPECT_EQ(Dropped("duplicate"), 1);
  EXPECT_EQ(Dropped("out_of_order"), 1);
  PushOne("up", {{20, 1}});
  EXPECT_EQ(source_->TakeTexts().size(), 1u);
}

TEST_F(RemoteWritePluginTest, NanAndTimesFarAheadAreLeftOut) {
  PushOne("up", {{0, kNan}, {10, kStale}, {20, std::numeric_limits<double>::infinity()}});
  EXPECT_EQ(source_->TakeTexts(), (Texts{"up{job=a} inf"}));
  EXPECT_EQ(Dropped("nan"), 1) << "the marker of an end is no sample";
  PushOne("up", {{3600, 1}, {30, 1}});
  EXPECT_EQ(source_->TakeTexts().size(), 1u) << "and doesn't keep out what comes in time";
  EXPECT_EQ(Dropped("future"), 1);
}

TEST_F(RemoteWritePluginTest, TwoReplicasGiveOneSeries) {
  Start({{"up", {{"gauge", "up"}}}}, {{"drop_labels", {"replica"}}});
  for (const char* replica : {"a", "b"})
    Push({{{{"__name__", "up"}, {"job", "x"}, {"replica", replica}}, {{now_ms_, 1}}}});
  EXPECT_EQ(source_->TakeTexts(), (Texts{"up{job=x} 1"}));
}

TEST_F(RemoteWritePluginTest, WhileThePipelineIsBehindTheSenderWaitsAndNothingIsLost) {
  source_->sink().SetFull(true);
  const Answer answer = PushOne("up", {{0, 1}});
  EXPECT_EQ(answer.status, 503);
  source_->sink().SetFull(false);
  EXPECT_EQ(PushOne("up", {{0, 1}}).status, 204);
  EXPECT_EQ(source_->TakeTexts().size(), 1u);
}

TEST_F(RemoteWritePluginTest, ASeriesThatExpiredIsKnownAgain) {
  PushOne("up", {{0, 1}});
  const auto rows = source_->TakeRows();
  source_->host().Expire(rows.at(0).series);
  PushOne("up", {{10, 1}});
  const auto again = source_->TakeRows();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_NE(again[0].series, rows[0].series);
}

TEST_F(RemoteWritePluginTest, SeriesBeyondTheLimitAreLeftOutAndCounted) {
  source_->host().LimitSeries(2);
  for (int i = 0; i < 5; ++i)
    Push({{{{"__name__", "up"}, {"job", std::to_string(i)}}, {{now_ms_, 1}}}});
  EXPECT_EQ(source_->TakeTexts().size(), 2u);
  EXPECT_EQ(Dropped("max_series"), 3);
}

TEST_F(RemoteWritePluginTest, OtherTypesGet415) {
  const std::string body = Compressed(MessageOf({}));
  EXPECT_EQ(Send(body).status, 204);
  for (const std::vector<sdk::Label>& headers :
       {std::vector<sdk::Label>{},
        {{"content-type", "application/json"}, {"content-encoding", "snappy"}},
        {{"content-type", "application/x-protobuf"}},
        {{"content-type", "application/x-protobuf"}, {"content-encoding", "gzip"}},
        {{"content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"},
         {"content-encoding", "snappy"}}}) {
    const Answer answer = Send(body, headers);
    EXPECT_EQ(answer.status, 415);
    EXPECT_EQ(json::parse(answer.body)["status"], 415);
  }
  EXPECT_EQ(Send(body, {{"content-type", "application/x-protobuf;proto=prometheus.WriteRequest"},
                        {"content-encoding", "snappy"}})
                .status,
            204);
}

TEST_F(RemoteWritePluginTest, GarbageGets400AndChangesNothing) {
  const auto refused = [&](const std::string& body, const std::string& why) {
    const Answer answer = Send(body);
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.body, HasSubstr(why));
  };
  refused("", "snappy");
  refused("garbage", "snappy");
  const PushedSeries good{{{"__name__", "up"}, {"job", "a"}}, {{now_ms_, 1}}};
  const std::string message = MessageOf({good, good});
  refused(Compressed(message).substr(0, 20), "snappy");
  refused(Compressed("\xff\xff\xff"), "no WriteRequest");
  refused(Compressed(message.substr(0, message.size() - 3)), "no WriteRequest");
  refused(Compressed(MessageOf({good, {{{"job", "a"}}, {{now_ms_, 1}}}})),
          "series 2: it has no name");
  EXPECT_EQ(source_->TakeTexts().size(), 0u);
  EXPECT_THAT(source_->log(), Contains(HasSubstr("refused what user:test pushed")));
  EXPECT_EQ(source_->log().size(), 1u) << "and not each time";
  EXPECT_EQ(Push({good}).status, 204);
  EXPECT_EQ(source_->TakeTexts().size(), 1u);
}

TEST_F(RemoteWritePluginTest, ASeriesWhoseLabelsCannotBeTakenIsLeftOutAndTheRestIsTaken) {
  const auto series = [&](std::vector<std::pair<std::string, std::string>> labels) {
    PushedSeries one{{{"__name__", "up"}}, {{now_ms_, 1}}};
    for (auto& label : labels) one.labels.push_back(std::move(label));
    return one;
  };
  PushedSeries unwanted = series({{"service.name", "x"}});
  unwanted.labels[0].second = "unwanted";
  const Answer answer = Push({series({{"service.name", "x"}}), series({{"a", "\xff"}}), unwanted,
                              series({{"a", "x"}, {"a", "y"}}), series({{"job", "good"}})});
  EXPECT_EQ(answer.status, 204) << answer.body;
  const auto rows = source_->TakeRows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].labels, (sdk::LabelSet{{"job", "good"}}));
  EXPECT_EQ(Dropped("labels"), 3) << "nobody asked for the fourth";
  Push({series({{"service.name", "x"}})});
  EXPECT_EQ(Dropped("labels"), 4);
  ASSERT_EQ(source_->log().size(), 1u) << "and not each time";
  EXPECT_THAT(source_->log()[0], HasSubstr("'service.name' is no label's name"));
}

TEST_F(RemoteWritePluginTest, ALengthThatPromisesTooMuchIsNotBelieved) {
  EXPECT_EQ(Send(std::string("\xff\xff\xff\xff\x07", 5) + "x").status, 413);
  EXPECT_EQ(Send(std::string(1 << 21, 'x')).status, 413) << "the listener's part";
}

TEST_F(RemoteWritePluginTest, AnyDamageIsAnsweredAndNothingCrashes) {
  std::mt19937 random(7);
  const std::string message =
      MessageOf({{{{"__name__", "up"}, {"job", "a"}}, {{now_ms_, 1}, {now_ms_ + 1, 2}}},
                 {{{"__name__", "cpu_total"}, {"job", "b"}}, {{now_ms_, 3}}}});
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = message;
    for (size_t n = 1 + random() % 3; n > 0; --n)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    if (i % 3 == 0) damaged.resize(random() % damaged.size());
    const int status = Send(i % 2 == 0 ? Compressed(damaged) : damaged).status;
    EXPECT_TRUE(status == 204 || status == 400 || status == 413) << status;
  }
}

TEST_F(RemoteWritePluginTest, ItsRouteGoesWithIt) {
  EXPECT_EQ(source_->listener().routes(), 1u);
  EXPECT_EQ(source_->listener().Post("/more", "").status, 404);
}

TEST(RemoteWriteIntakeTest, RemembersOnlySoManySeriesAndMakesRoom) {
  sdk::testing::FakeHost host;
  sdk::testing::FakeSink sink(host);
  RemoteWriteConfig config;
  config.metrics["up"].gauge = "up";
  Intake intake(host.host(), config, 10);
  const int64_t now_ms = host.now_ns() / 1'000'000;
  const auto push = [&](int job, int64_t ms) {
    intake.Take(MessageOf({{{{"__name__", "up"}, {"job", std::to_string(job)}}, {{ms, 1}}}}),
                sdk::Sink(sink.table()));
  };
  for (int job = 0; job < 20; ++job) push(job, now_ms);
  EXPECT_EQ(intake.series(), 10u);
  EXPECT_EQ(sink.TakeRows().size(), 10u);
  EXPECT_EQ(host.log().size(), 1u);
  for (int i = 1; i <= 1100; ++i) push(0, now_ms + i);
  push(99, now_ms);
  EXPECT_EQ(intake.series(), 2u) << "those that were away made room";
}

TEST(RemoteWriteSettingsTest, SaysWhatIsWrong) {
  RemoteWriteConfig config;
  EXPECT_EQ(CheckConfig(config).at(0).pointer, "/metrics");
  config.metrics["a b"].gauge = "up";
  config.metrics["both"] = {"up", "up"};
  config.metrics["none"] = {};
  config.metrics["torn"].rate = "up{";
  config.drop_labels = {"__name__", "x y"};
  std::vector<std::string> pointers;
  for (const Problem& problem : CheckConfig(config)) pointers.push_back(problem.pointer);
  EXPECT_EQ(pointers,
            (std::vector<std::string>{"/metrics/a b", "/metrics/both", "/metrics/none",
                                      "/metrics/torn/rate", "/drop_labels/0", "/drop_labels/1"}));
}

}  // namespace
}  // namespace heald::remote_write
