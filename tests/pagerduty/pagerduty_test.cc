// The notifier against a PagerDuty of its own, which answers as the Events API v2 is documented to.
// What was sent is held to a schema of that documentation by an independent validator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "plugins/notifiers/pagerduty/alert_event.h"
#include "plugins/notifiers/pagerduty/pagerduty_notifier.h"
#include "tests/fakes/http_server.h"
#include "tests/notifiers/harness.h"

namespace heald::pagerduty {
namespace {

using heald::testing::NotifierHarness;
using heald::testing::ProblemsOf;
using heald::testing::Told;
using log_notifier::Str;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Json = nlohmann::json;

constexpr const char* kKey = "0123456789abcdef0123456789abcdef";

class PagerdutyTest : public ::testing::Test {
 protected:
  PagerdutyTest() {
    Accept();
    harness_.config() = {{"routing_key", kKey},
                         {"url", server_.url() + "/v2/enqueue"},
                         {"link", "https://heald.example/#/incidents/3"}};
  }
  void Accept() {
    server_.SetScript([](const fakes::FakeRequest& request) {
      const Json event = Json::parse(request.body);
      return fakes::FakeReply{.status = 202,
                              .body = Json({{"status", "success"},
                                            {"message", "Event processed"},
                                            {"dedup_key", event["dedup_key"]}})
                                          .dump()};
    });
  }
  void Answer(fakes::FakeReply reply) {
    server_.SetScript([reply](const fakes::FakeRequest&) { return reply; });
  }
  std::vector<Json> Events() {
    std::vector<Json> events;
    for (const fakes::FakeRequest& request : server_.requests())
      events.push_back(Json::parse(request.body));
    return events;
  }
  // What the validator finds wrong in all that was sent.
  std::string Faults() {
    char folder[] = "/tmp/heald-pagerduty-XXXXXX";
    EXPECT_NE(mkdtemp(folder), nullptr);
    const std::string lines = std::string(folder) + "/events.jsonl";
    const std::string faults = std::string(folder) + "/faults";
    {
      std::ofstream out(lines);
      for (const Json& event : Events()) out << event.dump() << '\n';
    }
    const std::string here = std::string(HEALD_SOURCE_DIR) + "/tests/pagerduty/";
    const int status = std::system((std::string(HEALD_PYTHON) + " " + here + "check_events.py " +
                                    here + "events_v2.json " + lines + " > " + faults + " 2>&1")
                                       .c_str());
    std::ostringstream said;
    said << std::ifstream(faults).rdbuf();
    std::filesystem::remove_all(folder);
    return status == 0 ? "" : "exit " + std::to_string(status) + ": " + said.str();
  }

  fakes::HttpServer server_{[](const fakes::FakeRequest&) { return fakes::FakeReply{}; }};
  NotifierHarness<PagerdutyNotifier> harness_;
};

TEST_F(PagerdutyTest, OneAlertPerIncidentFromTheCallToItsEnd) {
  harness_.SetIncident(HEALD_INCIDENT_OPEN);
  EXPECT_EQ(harness_.Tell({"opened"}).code, HEALD_OK);
  EXPECT_THAT(Events(), IsEmpty()) << "heald repairs by itself as long as it can";
  harness_.SetDecision(HEALD_DECISION_AWAITS_APPROVAL);
  EXPECT_EQ(harness_.Tell({"asked"}).code, HEALD_OK);
  harness_.SetDecision(HEALD_DECISION_ACT, "user:anna");
  EXPECT_EQ(harness_.Tell({"approved"}).code, HEALD_OK);
  harness_.SetIncident(HEALD_INCIDENT_RESOLVED);
  EXPECT_EQ(harness_.Tell({"resolved"}).code, HEALD_OK);

  const std::vector<Json> events = Events();
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(events[0]["event_action"], "trigger");
  EXPECT_EQ(events[1]["event_action"], "acknowledge");
  EXPECT_EQ(events[2]["event_action"], "resolve");
  for (const Json& event : events)
    EXPECT_EQ(event["dedup_key"], "heald-0123456789abcdef0123456789abcdef");
  EXPECT_EQ(Faults(), "");
}

TEST_F(PagerdutyTest, WhatFailsAfterAnAnswerCallsAgain) {
  const auto sent = [&] {
    std::vector<std::string> out;
    for (const Json& event : Events()) {
      const std::string key = event["dedup_key"];
      out.push_back(std::string(event["event_action"]) +
                    key.substr(std::string("heald-").size() + 32));
    }
    return out;
  };
  harness_.SetDecision(HEALD_DECISION_AWAITS_APPROVAL);
  harness_.Tell({"asked"});
  harness_.SetDecision(HEALD_DECISION_ACT, "user:anna");
  harness_.Tell({"approved"});
  harness_.Restart();  // what it knows is on disk
  harness_.SetIncident(HEALD_INCIDENT_ESCALATED);
  harness_.Tell({"failed"});
  EXPECT_THAT(sent(), ElementsAre("trigger", "acknowledge", "resolve", "trigger-2"));
  harness_.SetDecision(HEALD_DECISION_REFUSED, "user:anna");
  harness_.Tell({"denied"});
  harness_.SetIncident(HEALD_INCIDENT_RESOLVED);
  harness_.Tell({"resolved"});
  EXPECT_THAT(sent(), ElementsAre("trigger", "acknowledge", "resolve", "trigger-2", "acknowledge-2",
                                  "resolve-2"));
  EXPECT_EQ(Faults(), "");
}

TEST_F(PagerdutyTest, AnAlertSaysWhatThePersonNeeds) {
  harness_.SetIncident(HEALD_INCIDENT_ESCALATED);
  harness_.sample().incident.severity = HEALD_SEVERITY_CRITICAL;
  harness_.config()["details"] = {{"Runbook", "https://wiki/payments"}};
  EXPECT_EQ(harness_.Tell({"e1"}).code, HEALD_OK);
  ASSERT_THAT(Events(), SizeIs(1));
  const Json event = Events()[0];
  EXPECT_EQ(event["payload"]["summary"], "🚨 Needs a person · payments · latency_p99");
  EXPECT_EQ(event["payload"]["source"], "payments");
  EXPECT_EQ(event["payload"]["severity"], "critical");
  EXPECT_EQ(event["payload"]["timestamp"], "2026-11-21T21:02:30.123Z");
  EXPECT_EQ(event["payload"]["component"], "payments");
  EXPECT_EQ(event["payload"]["class"], "latency_p99");
  const Json details = event["payload"]["custom_details"];
  EXPECT_EQ(details["Now"], "1.84 s");
  EXPECT_EQ(details["Expected"], "at most 0.09 s");
  EXPECT_EQ(details["Incident"], "#3");
  EXPECT_EQ(details["Event"], "e1");
  EXPECT_EQ(details["Runbook"], "https://wiki/payments");
  EXPECT_EQ(event["links"][0]["href"], "https://heald.example/#/incidents/3");
  EXPECT_EQ(event["client_url"], "https://heald.example/#/incidents/3");
  EXPECT_EQ(Faults(), "");
}

TEST_F(PagerdutyTest, WhateverComesStaysWithinTheLimits) {
  const std::string longest(100'000, 'x');
  harness_.config()["summary"] = longest;
  for (int i = 0; i < 200; ++i) harness_.config()["details"][std::to_string(i)] = longest;
  harness_.sample().incident.trace_id = Str(longest);
  harness_.SetIncident(HEALD_INCIDENT_ESCALATED);
  EXPECT_EQ(harness_.Tell({"e1"}).code, HEALD_OK);
  EXPECT_EQ(Faults(), "");
  EXPECT_LT(server_.requests()[0].body.size(), size_t{512} << 10);
}

TEST_F(PagerdutyTest, WhoIsCalledForWhatIsOnesOwnChoice) {
  harness_.config()["trigger_on"] = {"opened"};
  harness_.config()["severity"] = {{"warning", "error"}};
  harness_.SetIncident(HEALD_INCIDENT_OPEN);
  EXPECT_EQ(harness_.Tell({"e1"}).code, HEALD_OK);
  harness_.SetIncident(HEALD_INCIDENT_ESCALATED);
  EXPECT_EQ(harness_.Tell({"e2"}).code, HEALD_OK);
  ASSERT_THAT(Events(), SizeIs(1));
  EXPECT_EQ(Events()[0]["payload"]["severity"], "error");
  EXPECT_EQ(Faults(), "");
}

TEST_F(PagerdutyTest, TheEndOfAFindingWithoutAnIncidentEndsItsAlert) {
  harness_.config()["trigger_on"] = {"opened"};
  heald_notification event = harness_.sample().event;
  event.kind = HEALD_NOTICE_FINDING;
  event.finding = &harness_.sample().finding;
  event.incident = nullptr;
  event.decision = nullptr;
  event.outcome = nullptr;
  EXPECT_EQ(harness_.Deliver({event}).code, HEALD_OK);
  harness_.sample().finding.state = HEALD_FINDING_CLEAR;
  EXPECT_EQ(harness_.Deliver({event}).code, HEALD_OK);
  ASSERT_THAT(Events(), SizeIs(2));
  EXPECT_EQ(Events()[1]["event_action"], "resolve");
  EXPECT_EQ(Events()[0]["dedup_key"], Events()[1]["dedup_key"]);
}

TEST_F(PagerdutyTest, ItsAnswerDecidesWhetherTheEventWaits) {
  harness_.SetIncident(HEALD_INCIDENT_ESCALATED);
  Answer({.status = 429, .headers = {{"Retry-After", "30"}}});
  Told told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_UNAVAILABLE);
  EXPECT_EQ(told.retry_after_ns, 30'000'000'000);
  Answer({.status = 500});
  EXPECT_TRUE(harness_.Tell({"e1"}).retryable);
  Answer({.status = 400,
          .body =
              R"x({"status":"invalid event","message":"Event object is invalid",)x"
              R"x("errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]})x"});
  told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_DENIED);
  EXPECT_TRUE(told.retryable) << "a corrected key tells what waits";
  EXPECT_THAT(told.message, HasSubstr("integration key"));
  Answer({.status = 400,
          .body = R"x({"status":"invalid event","message":"Event object is invalid",)x"
                  R"x("errors":["'payload.summary' is missing or blank"]})x"});
  told = harness_.Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_INVALID);
  EXPECT_FALSE(told.retryable);
  EXPECT_THAT(told.message, HasSubstr("'payload.summary' is missing or blank"));
  Answer({.body = "<html>Sign in</html>"});
  told = harness_.Tell({"e1"});
  EXPECT_TRUE(told.retryable);
  EXPECT_THAT(told.message, HasSubstr("no answer of PagerDuty's"));
  EXPECT_THAT(told.message, Not(HasSubstr(kKey)));
  Accept();
  EXPECT_EQ(harness_.Tell({"e1"}).code, HEALD_OK);
}

TEST(PagerdutyConfigTest, SaysWhatCannotWork) {
  EXPECT_THAT(ProblemsOf<PagerdutyNotifier>({{"routing_key", kKey}}), IsEmpty());
  EXPECT_THAT(ProblemsOf<PagerdutyNotifier>({{"routing_key", "R01"}}),
              Contains(HasSubstr("/routing_key: is not an integration key")));
  EXPECT_THAT(ProblemsOf<PagerdutyNotifier>({{"routing_key", kKey}, {"url", "events.eu"}}),
              Contains(HasSubstr("/url")));
  EXPECT_THAT(ProblemsOf<PagerdutyNotifier>(
                  {{"routing_key", kKey}, {"trigger_on", {"escalated", "resolved"}}}),
              ElementsAre(HasSubstr("/trigger_on/1: is the end of something")));
}

}  // namespace
}  // namespace heald::pagerduty
