// Spans as OTLP/JSON, field by field, and how they get to a receiver that isn't always there.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/base/otlp_environment.h"
#include "core/telemetry/span_exporter.h"

namespace heald::tracing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Span Example(const std::string& name = "restart") {
  Span span;
  span.trace_id = "5b8efff798038103d269b633813fc60c";
  span.span_id = "eee19b7ec3c1b174";
  span.name = name;
  span.start_ns = 1'795'000'000'000'000'001;
  span.end_ns = 1'795'000'000'000'000'007;
  return span;
}

json Encoded(const Span& span) {
  const Origin origin{{{"service.name", std::string("payments")}}, "tests", "1.2"};
  return json::parse(ToOtlpJson(origin, std::vector<Span>{span}));
}
json EncodedSpan(const Span& span) {
  return Encoded(span)["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
}
json Attribute(AttributeValue value) {
  Span span = Example();
  span.attributes = {{"x", std::move(value)}};
  return EncodedSpan(span)["attributes"][0];
}

TEST(OtlpJsonTest, ARequestIsWhatTheProtocolHasOfARootSpan) {
  EXPECT_EQ(Encoded(Example()), json::parse(R"({"resourceSpans": [{
      "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "payments"}}]},
      "scopeSpans": [{"scope": {"name": "tests", "version": "1.2"}, "spans": [{
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "flags": 257,
        "name": "restart", "kind": 1, "startTimeUnixNano": "1795000000000000001",
        "endTimeUnixNano": "1795000000000000007", "attributes": [], "status": {}}]}]}]})"));
}

TEST(OtlpJsonTest, AChildHasItsParentItsStateAndWhatHappenedMeanwhile) {
  Span span = Example();
  span.parent_id = "00f067aa0ba902b7";
  span.trace_state = "vendor=1";
  span.parent_is_remote = true;
  span.kind = SpanKind::kServer;
  span.status = SpanStatus::kError;
  span.status_message = "it broke";
  span.events = {{span.start_ns + 2, "asked", {{"by", std::string("anna")}}}};
  const json sent = EncodedSpan(span);
  EXPECT_EQ(sent["parentSpanId"], "00f067aa0ba902b7");
  EXPECT_EQ(sent["traceState"], "vendor=1");
  EXPECT_EQ(sent["flags"], 0x301);
  EXPECT_EQ(sent["kind"], 2);
  EXPECT_EQ(sent["status"], json::parse(R"({"code": 2, "message": "it broke"})"));
  EXPECT_EQ(sent["events"], json::parse(R"([{"timeUnixNano": "1795000000000000003",
      "name": "asked", "attributes": [{"key": "by", "value": {"stringValue": "anna"}}]}])"));
}

TEST(OtlpJsonTest, ValuesHaveTheirKindAndLargeNumbersAreTexts) {
  EXPECT_EQ(Attribute(std::string("t"))["value"], json::parse(R"({"stringValue": "t"})"));
  EXPECT_EQ(Attribute(int64_t{-7})["value"], json::parse(R"({"intValue": "-7"})"));
  EXPECT_EQ(Attribute(0.5)["value"], json::parse(R"({"doubleValue": 0.5})"));
  EXPECT_EQ(Attribute(true)["value"], json::parse(R"({"boolValue": true})"));
  EXPECT_EQ(Attribute(std::nan(""))["value"], json::parse(R"({"doubleValue": "NaN"})"));
  EXPECT_EQ(Attribute(-INFINITY)["value"], json::parse(R"({"doubleValue": "-Infinity"})"));
  EXPECT_EQ(Attribute(std::string("a\xff"))["value"]["stringValue"], "a\xEF\xBF\xBD");
}

TEST(OtlpJsonTest, NoSpanEndsBeforeItStarts) {
  Span span = Example();
  span.end_ns = span.start_ns - 5;  // the clock went back
  EXPECT_EQ(EncodedSpan(span)["endTimeUnixNano"], EncodedSpan(span)["startTimeUnixNano"]);
}

TEST(OtlpJsonTest, AResourceIsNamedByWhoRunsIt) {
  const Attributes resource = ResourceOf("orders", "1", {{"service.name", "shop"}, {"zone", "a"}});
  EXPECT_EQ(std::count_if(resource.begin(), resource.end(),
                          [](const auto& a) { return a.first == "service.name"; }),
            1);
  EXPECT_THAT(resource, ::testing::Contains(Pair("service.name", AttributeValue("shop"))));
  EXPECT_THAT(resource, ::testing::Contains(Pair("zone", AttributeValue("a"))));
}

TEST(OtlpJsonTest, ReadsHowManyWereRejectedInEitherForm) {
  EXPECT_EQ(ReadPartialSuccess(R"({"partialSuccess":{"rejectedSpans":"3"}})").rejected, 3u);
  const PartialSuccess some =
      ReadPartialSuccess(R"({"partialSuccess":{"rejectedSpans":2,"errorMessage":"old"}})");
  EXPECT_EQ(some.rejected, 2u);
  EXPECT_EQ(some.message, "old");
  for (const char* none :
       {"", "{}", "[]", "nonsense", R"({"partialSuccess":{"rejectedSpans":{}}})"})
    EXPECT_EQ(ReadPartialSuccess(none).rejected, 0u) << none;
}

Result<OtlpEnvironment> Read(const std::map<std::string, std::string>& variables) {
  return ReadOtlpEnvironment([&](const std::string& name) {
    const auto at = variables.find(name);
    return at == variables.end() ? std::nullopt : std::optional(at->second);
  });
}

TEST(OtlpEnvironmentTest, ReadsTheStandardNames) {
  const auto read = Read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://jaeger:4318/"},
                          {"OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, tenant = 7"},
                          {"OTEL_SERVICE_NAME", "shop"},
                          {"OTEL_RESOURCE_ATTRIBUTES", "zone=a"}});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->endpoint, "http://jaeger:4318/");
  EXPECT_FALSE(read->is_whole);
  EXPECT_EQ(TracesUrl(read->endpoint), "http://jaeger:4318/v1/traces");
  EXPECT_THAT(read->headers, ElementsAre(Pair("authorization", "Bearer x"), Pair("tenant", "7")));
  EXPECT_EQ(read->service_name, "shop");
  EXPECT_THAT(read->resource, ElementsAre(Pair("zone", "a")));
}

TEST(OtlpEnvironmentTest, WhatIsForTracesAloneComesFirst) {
  const auto read = Read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://all"},
                          {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces/x"},
                          {"OTEL_EXPORTER_OTLP_HEADERS", "a=1"},
                          {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "b=2"}});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->endpoint, "http://traces/x");
  EXPECT_TRUE(read->is_whole);
  EXPECT_THAT(read->headers, ElementsAre(Pair("b", "2")));
}

TEST(OtlpEnvironmentTest, NothingOrDisabledSendsNothing) {
  EXPECT_EQ(Read({})->endpoint, "");
  EXPECT_EQ(Read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "  "}})->endpoint, "");
  const auto endpoint = [](const char* disabled) {
    return Read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://x"}, {"OTEL_SDK_DISABLED", disabled}})
        ->endpoint;
  };
  for (const char* yes : {"true", "TRUE", "True"}) EXPECT_EQ(endpoint(yes), "") << yes;
  for (const char* no : {"", "false", "1", "truely"}) EXPECT_EQ(endpoint(no), "http://x") << no;
}

TEST(OtlpEnvironmentTest, TheVariableOfTheNameCountsBeforeTheAttribute) {
  const std::string attributes = "service.name=other,zone=a";
  const auto both = Read({{"OTEL_SERVICE_NAME", "shop"}, {"OTEL_RESOURCE_ATTRIBUTES", attributes}});
  EXPECT_EQ(both->service_name, "shop");
  EXPECT_THAT(both->resource, ElementsAre(Pair("zone", "a")));
  EXPECT_THAT(Read({{"OTEL_RESOURCE_ATTRIBUTES", attributes}})->resource,
              ElementsAre(Pair("service.name", "other"), Pair("zone", "a")));
}

TEST(OtlpEnvironmentTest, ABadListNamesItsVariableAndNoSecret) {
  const auto read = Read({{"OTEL_EXPORTER_OTLP_HEADERS", "a=1,topsecret"}});
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().message, HasSubstr("OTEL_EXPORTER_OTLP_HEADERS"));
  EXPECT_THAT(read.error().message, ::testing::Not(HasSubstr("topsecret")));
  EXPECT_FALSE(Read({{"OTEL_EXPORTER_OTLP_HEADERS", "a=1%0d%0aHost: evil"}}).ok());
}

// A receiver that answers by script; counts what it took.
struct ExporterTest : ::testing::Test {
  ExporterOptions Options() {
    ExporterOptions options;
    options.every_ns = kMillisecond;
    options.first_pause_ns = kMillisecond;
    options.longest_pause_ns = 4 * kMillisecond;
    options.batch = 2;
    options.say = [this](bool bad, const std::string& text) {
      const std::lock_guard lock(mutex);
      said.push_back((bad ? "bad: " : "good: ") + text);
    };
    options.post = [this](const std::string& body, int64_t) -> Result<PostAnswer> {
      ++posts;
      const std::lock_guard lock(mutex);
      if (!answers.empty()) {
        Result<PostAnswer> answer = answers.front();
        answers.erase(answers.begin());
        return answer;
      }
      const json request = json::parse(body);
      for (const json& span : request["resourceSpans"][0]["scopeSpans"][0]["spans"])
        taken.push_back(span["name"]);
      return PostAnswer{200, "{}", 0};
    };
    return options;
  }
  std::vector<std::string> Taken() {
    const std::lock_guard lock(mutex);
    return taken;
  }
  bool Eventually(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!condition() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return condition();
  }

  std::mutex mutex;
  std::vector<Result<PostAnswer>> answers;  // before it works
  std::vector<std::string> taken;
  std::vector<std::string> said;
  std::atomic<int> posts{0};
  SpanQueue queue{5};
};

TEST_F(ExporterTest, SendsInBatchesAndInOrder) {
  for (const char* name : {"a", "b", "c", "d", "e"}) queue.Push(Example(name));
  SpanExporter exporter(Options(), &queue);
  EXPECT_TRUE(Eventually([&] { return Taken().size() == 5; }));
  EXPECT_THAT(Taken(), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(posts, 3);
  EXPECT_EQ(exporter.stats().sent, 5u);
}

TEST_F(ExporterTest, TriesAgainWhereTheReceiverIsAwayOrBusy) {
  answers = {MakeError(Code::kUnavailable, "connection refused"), PostAnswer{503, "", 0},
             PostAnswer{429, "", kMillisecond}};
  queue.Push(Example("a"));
  SpanExporter exporter(Options(), &queue);
  EXPECT_TRUE(Eventually([&] { return Taken().size() == 1; }));
  EXPECT_TRUE(Eventually([&] { return exporter.stats().sent == 1; }));
  EXPECT_EQ(exporter.stats().failed_posts, 3u);
  exporter.Stop(kSecond);
  EXPECT_THAT(said, ElementsAre("bad: traces can't be sent, and wait: connection refused",
                                "good: traces are taken again"));
}

TEST_F(ExporterTest, WhatIsRefusedIsLostAndCounted) {
  answers = {PostAnswer{400, "no such field", 0}};
  for (const char* name : {"a", "b", "c"}) queue.Push(Example(name));
  SpanExporter exporter(Options(), &queue);
  EXPECT_TRUE(Eventually([&] { return exporter.stats().sent == 1; }));
  EXPECT_EQ(exporter.stats().refused, 2u);
  exporter.Stop(kSecond);
  EXPECT_THAT(Taken(), ElementsAre("c"));
  EXPECT_THAT(said.front(), HasSubstr("refused 2 spans, which are lost: HTTP status 400: no such"));
}

TEST_F(ExporterTest, CountsWhatWasTakenInPart) {
  answers = {
      PostAnswer{200, R"({"partialSuccess":{"rejectedSpans":"1","errorMessage":"old"}})", 0}};
  queue.Push(Example("a"));
  queue.Push(Example("b"));
  SpanExporter exporter(Options(), &queue);
  EXPECT_TRUE(Eventually([&] { return exporter.stats().sent == 1; }));
  EXPECT_EQ(exporter.stats().refused, 1u);
}

TEST_F(ExporterTest, AFullQueueDropsTheLatestAndNeverWaits) {
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) queue.Push(Example(name));
  EXPECT_EQ(queue.dropped(), 2u);
  EXPECT_EQ(queue.size(), 5u);
}

TEST_F(ExporterTest, SendsTheLastOnesWhenItStops) {
  ExporterOptions options = Options();
  options.every_ns = kHour;
  SpanExporter exporter(options, &queue);
  queue.Push(Example("a"));
  queue.Push(Example("b"));
  queue.Push(Example("c"));
  exporter.Stop(5 * kSecond);
  EXPECT_EQ(Taken().size(), 3u);
}

TEST_F(ExporterTest, AStopDoesNotWaitForAReceiverThatIsAway) {
  ExporterOptions options = Options();
  options.first_pause_ns = options.longest_pause_ns = kHour;
  options.post = [this](const std::string&, int64_t) -> Result<PostAnswer> {
    ++posts;
    return MakeError(Code::kUnavailable, "away");
  };
  queue.Push(Example("a"));
  SpanExporter exporter(options, &queue);
  EXPECT_TRUE(Eventually([&] { return posts == 1; }));
  const auto began = std::chrono::steady_clock::now();
  exporter.Stop(kMinute);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(posts, 2) << "one more try";
}

TEST_F(ExporterTest, IsWokenBeforeItsTime) {
  ExporterOptions options = Options();
  options.every_ns = kHour;
  SpanExporter exporter(options, &queue);
  queue.Push(Example("a"));
  exporter.Wake();
  EXPECT_TRUE(Eventually([&] { return Taken().size() == 1; }));
}

}  // namespace
}  // namespace heald::tracing
