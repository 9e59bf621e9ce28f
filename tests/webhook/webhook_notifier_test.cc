// The notifier against a receiver of its own: what it sends, how it is signed, and what becomes of
// the events by the receiver's answers.
#include "plugins/notifiers/webhook/webhook_notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>

#include "tests/fakes/http_server.h"
#include "tests/notifiers/harness.h"

namespace heald::webhook {
namespace {

using heald::testing::NotifierHarness;
using heald::testing::ProblemsOf;
using heald::testing::Told;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::json;

constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";

class WebhookTest : public ::testing::Test {
 protected:
  WebhookTest() { harness_.config() = {{"url", server_.url() + "/hook?token=SECRET"}}; }
  Json Body(size_t i) { return Json::parse(server_.requests().at(i).body); }
  void Answer(int status, const std::string& body = "") {
    server_.SetScript([=](const fakes::FakeRequest&) {
      return fakes::FakeReply{.status = status, .body = body};
    });
  }

  fakes::HttpServer server_{[](const fakes::FakeRequest&) { return fakes::FakeReply{}; }};
  NotifierHarness<WebhookNotifier> harness_;
};

TEST_F(WebhookTest, SendsACloudEventWithEverythingKnown) {
  EXPECT_EQ(harness_.Tell({"e1"}).code, HEALD_OK);
  ASSERT_THAT(server_.requests(), SizeIs(1));
  const fakes::FakeRequest request = server_.requests()[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.Header("content-type"), "application/cloudevents+json");
  EXPECT_EQ(request.Header("idempotency-key"), "e1");
  const Json body = Body(0);
  EXPECT_EQ(body["specversion"], "1.0");
  EXPECT_EQ(body["id"], "e1");
  EXPECT_EQ(body["source"], "/heald");
  EXPECT_EQ(body["type"], "dev.heald.outcome.verified");
  EXPECT_EQ(body["subject"], "service=payments");
  EXPECT_EQ(body["time"], "2026-11-21T21:02:30.123Z");
  EXPECT_EQ(body["data"]["incident"]["id"], 3);
  EXPECT_EQ(body["data"]["decision"]["policy"], "slow");
}

TEST_F(WebhookTest, ATemplateIsFilledInAndStaysJson) {
  harness_.config()["body"] = "{\"text\": \"\x02${finding.summary}\x03\"}";
  harness_.config()["method"] = "PUT";
  Json filled = harness_.config();
  filled["body"] = "{\"text\": \"\x02say \"no\"\n\x03\"}";
  EXPECT_EQ(harness_.Deliver({harness_.sample().event}, nullptr, filled).code, HEALD_OK);
  EXPECT_EQ(server_.requests().at(0).method, "PUT");
  EXPECT_EQ(server_.requests().at(0).Header("content-type"), "application/json");
  EXPECT_EQ(Body(0), Json({{"text", "say \"no\"\n"}}));
}

TEST_F(WebhookTest, WordsOfOnesOwnTellAnOpeningOncePerIncident) {
  harness_.SetIncident(HEALD_INCIDENT_OPEN);
  EXPECT_EQ(harness_.Tell({"e1", "e2"}).code, HEALD_OK);
  EXPECT_THAT(server_.requests(), SizeIs(2)) << "a CloudEvent each";
  harness_.config()["body"] = R"({"text": "${event.text}"})";
  harness_.Restart();
  EXPECT_EQ(harness_.Tell({"e3", "e4"}).code, HEALD_OK);
  EXPECT_THAT(server_.requests(), SizeIs(3));
}

TEST_F(WebhookTest, SendsWhatItIsAskedTo) {
  harness_.config()["events"] = {"resolved", "escalated"};
  EXPECT_EQ(harness_.Tell({"e1"}).code, HEALD_OK);
  EXPECT_THAT(server_.requests(), IsEmpty());
  harness_.SetIncident(HEALD_INCIDENT_ESCALATED);
  EXPECT_EQ(harness_.Tell({"e2"}).code, HEALD_OK);
  EXPECT_EQ(Body(0)["type"], "dev.heald.incident.escalated");
}

TEST_F(WebhookTest, TheReadmesReceiverAcceptsTheSignatureAndNothingElse) {
  harness_.config()["signing_secret"] = kSecret;
  harness_.host().SetNow(log_notifier::Sample::kTime);
  EXPECT_EQ(harness_.Tell({"e1"}).code, HEALD_OK);
  const fakes::FakeRequest request = server_.requests().at(0);
  std::ifstream in(std::string(HEALD_SOURCE_DIR) + "/plugins/notifiers/webhook/README.md");
  const std::string readme{std::istreambuf_iterator<char>(in), {}};
  const size_t begin = readme.find("```python\n") + 10;
  const std::string snippet = readme.substr(begin, readme.find("```", begin) - begin);
  const auto accepted = [&](const std::string& body, const std::string& timestamp, int64_t now) {
    const std::string folder = ::testing::TempDir();
    std::ofstream(folder + "/heald-verify.py")
        << snippet << "import json, sys\nd = json.load(open(sys.argv[1]))\n"
        << "sys.exit(0 if is_from_heald(d['headers'], d['body'].encode(), d['secret'].encode(), "
           "d['now']) else 3)\n";
    const Json given = {{"headers",
                         {{"X-Heald-Timestamp", timestamp},
                          {"X-Heald-Signature", request.Header("x-heald-signature")}}},
                        {"body", body},
                        {"secret", kSecret},
                        {"now", now}};
    std::ofstream(folder + "/heald-verify.json") << given;
    const int status = std::system(
        ("python3 " + folder + "/heald-verify.py " + folder + "/heald-verify.json").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  const std::string timestamp(request.Header("x-heald-timestamp"));
  const int64_t now = log_notifier::Sample::kTime / 1'000'000'000;
  EXPECT_EQ(timestamp, std::to_string(now));
  EXPECT_EQ(accepted(request.body, timestamp, now + 5), 0);
  EXPECT_EQ(accepted(request.body + " ", timestamp, now + 5), 3) << "the body was changed";
  EXPECT_EQ(accepted(request.body, std::to_string(now + 1), now + 5), 3) << "the time was changed";
  EXPECT_EQ(accepted(request.body, timestamp, now + 3600), 3) << "an old request, sent again";
}

TEST_F(WebhookTest, ABatchIsOneListAndKeepsItsOrder) {
  harness_.config()["batch"] = 2;
  EXPECT_EQ(harness_.Tell({"e1", "e2", "e3"}).code, HEALD_OK);
  ASSERT_THAT(server_.requests(), SizeIs(2));
  EXPECT_EQ(server_.requests()[0].Header("content-type"), "application/cloudevents-batch+json");
  EXPECT_EQ(Body(0)[0]["id"], "e1");
  EXPECT_EQ(Body(0)[1]["id"], "e2");
  EXPECT_EQ(Body(1)[0]["id"], "e3");
}

TEST_F(WebhookTest, OneThatIsRefusedTakesNoOtherOfItsBatchWithIt) {
  harness_.config()["batch"] = 10;
  server_.SetScript([](const fakes::FakeRequest& request) {
    return fakes::FakeReply{.status =
                                request.body.find("\"bad\"") != std::string::npos ? 422 : 200};
  });
  std::vector<int32_t> codes;
  const Told told = harness_.Tell({"e1", "bad", "e3"}, &codes);
  EXPECT_THAT(codes, ElementsAre(HEALD_OK, HEALD_INVALID, HEALD_CANCELLED));
  EXPECT_FALSE(told.retryable);
  EXPECT_EQ(harness_.Tell({"e3"}).code, HEALD_OK);
}

TEST_F(WebhookTest, AnAnswerDecidesWhetherTheEventWaits) {
  for (const int status : {500, 502, 503, 429, 408}) {
    Answer(status);
    const Told told = harness_.Tell({"e1"});
    EXPECT_EQ(told.code, HEALD_UNAVAILABLE) << status;
    EXPECT_TRUE(told.retryable) << status;
  }
  for (const int status : {301, 401, 403, 404, 410}) {
    Answer(status);
    const Told told = harness_.Tell({"e1"});
    EXPECT_EQ(told.code, HEALD_DENIED) << status;
    EXPECT_TRUE(told.retryable) << status << ": a person mends it, and nothing is lost";
    EXPECT_THAT(told.message, HasSubstr("events wait"));
  }
  for (const int status : {400, 413, 422}) {
    Answer(status, "no such field");
    const Told told = harness_.Tell({"e1"});
    EXPECT_EQ(told.code, HEALD_INVALID) << status;
    EXPECT_FALSE(told.retryable) << status;
    EXPECT_THAT(told.message, HasSubstr("no such field"));
    EXPECT_THAT(told.message, ::testing::Not(HasSubstr("SECRET")));
  }
}

TEST_F(WebhookTest, CountsItsRequests) {
  EXPECT_EQ(harness_.Tell({"e1"}).code, HEALD_OK);
  Answer(503);
  harness_.Tell({"e2"});
  server_.Stop();
  harness_.Tell({"e3"});
  EXPECT_EQ(harness_.host().MetricTotal("http_requests_total|class=2xx"), 1);
  EXPECT_EQ(harness_.host().MetricTotal("http_requests_total|class=5xx"), 1);
  EXPECT_EQ(harness_.host().MetricTotal("http_requests_total|class=none"), 1);
  EXPECT_GT(harness_.host().MetricTotal("http_request_duration_seconds"), 0);
}

TEST(WebhookConfigTest, SaysWhatCannotWork) {
  const auto with = [](Json more) {
    Json config = {{"url", "https://example.org/hook"}};
    config.update(more);
    return ProblemsOf<WebhookNotifier>(config);
  };
  EXPECT_THAT(with(Json::object()), IsEmpty());
  EXPECT_THAT(with({{"url", "example.org"}}), Contains(HasSubstr("/url")));
  EXPECT_THAT(with({{"signing_secret", "short"}}), Contains(HasSubstr("openssl rand")));
  EXPECT_THAT(with({{"body", "{"}}), Contains(HasSubstr("/body: is not JSON from character 2 on")));
  EXPECT_THAT(with({{"source", "prod eu"}}), Contains(HasSubstr("/source: is no URI reference")));
  EXPECT_THAT(with({{"body", "hello"}, {"content_type", "text/plain"}}), IsEmpty());
  EXPECT_THAT(with({{"body", "{}"}, {"content_type", "application/json\nX-A: b"}}),
              Contains(HasSubstr("/content_type: holds a line break")));
  EXPECT_THAT(with({{"body", "{"}, {"content_type", "Application/JSON ; v=1"}}),
              Contains(HasSubstr("/body: is not JSON")));
  EXPECT_THAT(with({{"body", "{}"}, {"batch", 5}}), Contains(HasSubstr("/batch")));
}

}  // namespace
}  // namespace heald::webhook
