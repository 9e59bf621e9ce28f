// The notifier against a Slack of its own, called as the agent calls it: each failure's words,
// whether it comes right, and that no message is posted twice.
#include "plugins/notifiers/slack/slack_notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/notifiers/harness.h"
#include "tests/slack/block_kit.h"
#include "tests/slack/slack_server.h"

namespace heald::slack {
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

class SlackNotifierTest : public ::testing::Test {
 protected:
  SlackNotifierTest() { harness_.SetIncident(HEALD_INCIDENT_OPEN); }
  void UseWebhook() {
    harness_.config() = {{"webhook_url", slack_.webhook()}, {"min_interval", 0}};
  }
  void UseBot(const std::string& channel = "C0123456789") {
    harness_.config() = {{"bot_token", "xoxb-test"}, {"channel", channel},
                         {"api_url", slack_.api()},  {"min_interval", 0},
                         {"timeout", 2'000'000'000}, {"connect_timeout", 2'000'000'000}};
  }
  Told Tell(const std::vector<std::string>& events, std::vector<int32_t>* codes = nullptr) {
    return harness_.Tell(events, codes);
  }
  void SetDecision(uint32_t verdict) { harness_.SetDecision(verdict); }
  void SetOutcome(uint32_t state) {
    harness_.SetDecision(HEALD_DECISION_ACT);
    sample_.event.kind = HEALD_NOTICE_OUTCOME;
    sample_.event.outcome = &sample_.outcome;
    sample_.outcome.state = state;
  }
  static std::string Title(const SlackServer::Json& message) {
    return message["blocks"][0]["text"]["text"];
  }

  SlackServer slack_;
  NotifierHarness<SlackNotifier> harness_;
  sdk::testing::FakeHost& host_ = harness_.host();
  log_notifier::Sample& sample_ = harness_.sample();
};

// ---- webhook ----

TEST_F(SlackNotifierTest, AWebhookGetsABlockKitMessage) {
  UseWebhook();
  EXPECT_EQ(Tell({"e1"}).code, HEALD_OK);
  ASSERT_THAT(slack_.webhooks(), SizeIs(1));
  EXPECT_EQ(ProblemIn(slack_.webhooks()[0]), "");
  EXPECT_EQ(Title(slack_.webhooks()[0]), "⚠️ Warning · payments · latency_p99");
}

TEST_F(SlackNotifierTest, AnEventThatComesAgainIsNotToldAgainEvenAfterARestart) {
  UseWebhook();
  EXPECT_EQ(Tell({"e1", "e1"}).code, HEALD_OK);
  harness_.Restart();
  EXPECT_EQ(Tell({"e1"}).code, HEALD_OK);
  EXPECT_THAT(slack_.webhooks(), SizeIs(1));
}

TEST_F(SlackNotifierTest, AWebhookIsToldOfOpeningsAndRefusalsOncePerIncident) {
  UseWebhook();
  Tell({"found", "opened"});
  SetDecision(HEALD_DECISION_REFUSED);
  Tell({"r1", "r2"});
  sample_.decision.policy = Str("other");
  Tell({"r3"});
  SetDecision(HEALD_DECISION_ACT);
  Tell({"a1"});
  EXPECT_THAT(slack_.webhooks(), SizeIs(3));
  EXPECT_THAT(slack_.webhooks()[1].dump(), HasSubstr("cooldown: 12 s left"));
}

TEST_F(SlackNotifierTest, AWebhookIsToldAnewOfWhatBeganAgainAfterItsEnd) {
  UseWebhook();
  Tell({"opened", "opened again"});
  ASSERT_THAT(slack_.webhooks(), SizeIs(1));
  const heald_notification opened = sample_.event;
  heald_incident over = sample_.incident;
  over.state = HEALD_INCIDENT_RESOLVED;
  heald_notification resolved = opened;
  resolved.kind = HEALD_NOTICE_INCIDENT;
  resolved.event_id = Str("over");
  resolved.incident = &over;
  EXPECT_EQ(harness_.Deliver({resolved}).code, HEALD_OK);
  sample_.event = opened;
  Tell({"reopened"});
  EXPECT_THAT(slack_.webhooks(), SizeIs(3));
}

TEST_F(SlackNotifierTest, AWebhookTellsWhatItIsAskedTo) {
  UseWebhook();
  harness_.config()["events"] = {"acting"};
  Tell({"opened"});
  SetDecision(HEALD_DECISION_ACT);
  Tell({"a1"});
  ASSERT_THAT(slack_.webhooks(), SizeIs(1));
  EXPECT_THAT(slack_.webhooks()[0].dump(), HasSubstr("🔧 restart payments"));
}

TEST_F(SlackNotifierTest, WhatAFailedRepairBringsIsOneMessage) {
  UseWebhook();
  heald_incident escalated = sample_.incident;
  escalated.state = HEALD_INCIDENT_ESCALATED;
  heald_notification call = sample_.event;
  call.event_id = Str("call");
  call.incident = &escalated;
  SetDecision(HEALD_DECISION_REFUSED);
  const heald_notification refused = sample_.event;
  heald_decision decision = sample_.decision;
  SetOutcome(HEALD_OUTCOME_FAILED);
  heald_notification failed = sample_.event;
  failed.event_id = Str("failed");
  heald_notification next = refused;
  next.event_id = Str("next");
  next.decision = &decision;
  EXPECT_EQ(harness_.Deliver({failed, call, next}).code, HEALD_OK);
  ASSERT_THAT(slack_.webhooks(), SizeIs(1));
  const std::string message = slack_.webhooks()[0].dump();
  EXPECT_EQ(Title(slack_.webhooks()[0]), "🚨 Needs a person · payments · latency_p99");
  for (const char* step : {"❌ failed: ready after 0.9 s", "🚨 ", "⛔ not done"})
    EXPECT_THAT(message, HasSubstr(step));
}

TEST_F(SlackNotifierTest, AFreshFailureWaitsAMomentForWhatComesWithIt) {
  UseWebhook();
  SetOutcome(HEALD_OUTCOME_FAILED);
  host_.SetNow(sample_.event.ts_ns + 500'000'000);
  const Told told = Tell({"f1"});
  EXPECT_EQ(told.code, HEALD_FULL);
  EXPECT_EQ(told.retry_after_ns, 1'500'000'000);
  EXPECT_THAT(slack_.webhooks(), IsEmpty());
  host_.SetNow(sample_.event.ts_ns + 2'000'000'000);
  EXPECT_EQ(Tell({"f1"}).code, HEALD_OK);
  EXPECT_THAT(slack_.webhooks(), SizeIs(1));
}

TEST_F(SlackNotifierTest, AWithdrawnQuestionAndTheEndOfWhatItWasAboutAreOneMessage) {
  UseWebhook();
  host_.SetNow(sample_.event.ts_ns + 500'000'000);
  SetDecision(HEALD_DECISION_REFUSED);
  EXPECT_EQ(Tell({"r1"}).code, HEALD_FULL) << "its end may follow";
  heald_notification withdrawn = sample_.event;
  withdrawn.event_id = Str("r1");
  heald_incident over = sample_.incident;
  over.state = HEALD_INCIDENT_RESOLVED;
  heald_notification resolved = sample_.event;
  resolved.kind = HEALD_NOTICE_INCIDENT;
  resolved.event_id = Str("resolved");
  resolved.incident = &over;
  resolved.decision = nullptr;
  EXPECT_EQ(harness_.Deliver({withdrawn, resolved}).code, HEALD_OK);
  ASSERT_THAT(slack_.webhooks(), SizeIs(1));
  EXPECT_THAT(Title(slack_.webhooks()[0]), HasSubstr("✅ Resolved"));
  EXPECT_THAT(slack_.webhooks()[0].dump(), HasSubstr("⛔ not done"));
}

TEST_F(SlackNotifierTest, SaysWhatToDoWhenAWebhookIsGoneAndNeverTheSecret) {
  UseWebhook();
  for (const auto& [status, token] :
       {std::pair{404, "no_service"}, {403, "invalid_token"}, {410, "channel_is_archived"}}) {
    slack_.Refuse("webhook", {.status = status, .body = token});
    const Told told = Tell({"e1"});
    EXPECT_EQ(told.code, HEALD_DENIED);
    EXPECT_TRUE(told.retryable) << "kept until a person has mended it";
    EXPECT_THAT(told.message, HasSubstr(token));
    EXPECT_THAT(told.message, ::testing::AnyOf(HasSubstr("make a new one"), HasSubstr("archived")));
    EXPECT_THAT(told.message, Not(HasSubstr("SECRET")));
  }
}

TEST_F(SlackNotifierTest, ComesBackAfterWhateverIsNotSlacksOwnNo) {
  UseWebhook();
  for (const Mood mood :
       {Mood::kTooMany, Mood::kBroken, Mood::kWrongBody, Mood::kNotHttp, Mood::kNoAnswer}) {
    slack_.Plan({mood});
    const Told told = Tell({"e1"});
    EXPECT_EQ(told.code, HEALD_UNAVAILABLE) << static_cast<int>(mood);
    EXPECT_TRUE(told.retryable);
    EXPECT_EQ(told.retry_after_ns, mood == Mood::kTooMany ? 1'000'000'000 : 0);
    EXPECT_THAT(told.message, Not(HasSubstr("SECRET")));
  }
  slack_.http().Stop();
  const Told refused = Tell({"e1"});
  EXPECT_TRUE(refused.retryable);
  EXPECT_THAT(refused.message, HasSubstr("connection refused by http://127.0.0.1"));
  EXPECT_THAT(refused.message, Not(HasSubstr("SECRET")));
  slack_.http().Start();
  EXPECT_EQ(Tell({"e1"}).code, HEALD_OK);
  EXPECT_THAT(slack_.webhooks(), SizeIs(1));
}

TEST_F(SlackNotifierTest, APageOfAProxyIsNotSlacksNo) {
  UseWebhook();
  slack_.Refuse("webhook", {.status = 403, .body = "<html>Blocked by policy</html>"});
  EXPECT_TRUE(Tell({"e1"}).retryable);
  slack_.Refuse("webhook", {.body = "{\"ok\":true}"});
  EXPECT_TRUE(Tell({"e1"}).retryable);
}

TEST_F(SlackNotifierTest, KeepsToItsRateWithoutCallingItAFailure) {
  UseWebhook();
  harness_.config()["min_interval"] = 1'000'000'000;
  std::vector<int32_t> codes;
  SetDecision(HEALD_DECISION_AWAITS_APPROVAL);
  const Told told = Tell({"e1", "e2", "e3"}, &codes);
  EXPECT_THAT(codes, ElementsAre(HEALD_OK, HEALD_FULL, HEALD_CANCELLED));
  EXPECT_TRUE(told.retryable);
  EXPECT_EQ(told.retry_after_ns, 1'000'000'000);
  host_.Advance(sdk::Seconds(1));
  Tell({"e2", "e3"});
  EXPECT_THAT(slack_.webhooks(), SizeIs(2));
}

// ---- bot ----

TEST_F(SlackNotifierTest, ABotKeepsOneMessagePerIncidentUpToDateOverARestart) {
  UseBot();
  EXPECT_EQ(Tell({"opened"}).code, HEALD_OK);
  SetDecision(HEALD_DECISION_AWAITS_APPROVAL);
  EXPECT_EQ(Tell({"asked"}).code, HEALD_OK);
  harness_.Restart();
  SetDecision(HEALD_DECISION_ACT);
  sample_.decision.actor = Str("user:anna");
  sample_.incident.state = HEALD_INCIDENT_VERIFYING;
  EXPECT_EQ(Tell({"given"}).code, HEALD_OK);
  ASSERT_THAT(slack_.messages(), SizeIs(1));
  const SlackServer::Message message = slack_.messages()[0];
  ASSERT_THAT(message.versions, SizeIs(3));
  for (const auto& version : message.versions) EXPECT_EQ(ProblemIn(version), "");
  EXPECT_EQ(Title(message.versions[0]), "⚠️ Warning · payments · latency_p99");
  EXPECT_EQ(Title(message.versions[1]), "✋ Awaits approval · payments · latency_p99");
  EXPECT_EQ(Title(message.versions[2]), "🔎 Verifying · payments · latency_p99");
  EXPECT_THAT(message.body.dump(), HasSubstr("✋ awaits approval: restart payments"));
  EXPECT_THAT(message.body.dump(), HasSubstr("approved by user:anna"));
}

TEST_F(SlackNotifierTest, ABotSendsWhatWaitsOfOneIncidentAsOne) {
  UseBot();
  SetDecision(HEALD_DECISION_REFUSED);
  std::vector<int32_t> codes;
  Tell({"e1", "e2", "e3", "e4"}, &codes);
  EXPECT_THAT(codes, ElementsAre(HEALD_OK, HEALD_OK, HEALD_OK, HEALD_OK));
  EXPECT_THAT(slack_.calls(), ElementsAre("chat.postMessage"));
  Tell({"e3", "e4"});
  EXPECT_THAT(slack_.calls(), SizeIs(1)) << "they are in the message already";
}

TEST_F(SlackNotifierTest, AnotherIncidentIsAnotherMessage) {
  UseBot();
  Tell({"e1"});
  sample_.incident.trace_id = Str("ffffffffffffffffffffffffffffffff");
  Tell({"e2"});
  EXPECT_THAT(slack_.messages(), SizeIs(2));
}

TEST_F(SlackNotifierTest, PostsAnewWhatSomeoneDeleted) {
  UseBot();
  Tell({"e1"});
  slack_.Delete(slack_.messages()[0].ts);
  EXPECT_EQ(Tell({"e2"}).code, HEALD_OK);
  EXPECT_THAT(slack_.calls(), ElementsAre("chat.postMessage", "chat.update", "chat.postMessage"));
  Tell({"e3"});
  ASSERT_THAT(slack_.messages(), SizeIs(1));
  EXPECT_EQ(slack_.messages()[0].updates, 1u);
}

TEST_F(SlackNotifierTest, APostWhoseAnswerWasLostIsFoundAndNotRepeated) {
  UseBot();
  slack_.Plan({Mood::kLostAnswer});
  EXPECT_TRUE(Tell({"e1"}).retryable);
  harness_.Restart();  // a kill in between makes no difference
  EXPECT_EQ(Tell({"e1"}).code, HEALD_OK);
  ASSERT_THAT(slack_.messages(), SizeIs(1));
  EXPECT_THAT(slack_.calls(),
              ElementsAre("chat.postMessage", "conversations.history", "chat.update"));
  EXPECT_EQ(Tell({"e2"}).code, HEALD_OK);
  EXPECT_THAT(slack_.messages(), SizeIs(1));
}

TEST_F(SlackNotifierTest, APostThatDidntArriveIsRepeated) {
  UseBot();
  slack_.Plan({Mood::kNoAnswer});
  EXPECT_TRUE(Tell({"e1"}).retryable);
  EXPECT_EQ(Tell({"e1"}).code, HEALD_OK);
  EXPECT_THAT(slack_.calls(),
              ElementsAre("chat.postMessage", "conversations.history", "chat.postMessage"));
  EXPECT_THAT(slack_.messages(), SizeIs(1));
}

TEST_F(SlackNotifierTest, APostThatWasRefusedForNowNeedsNoSearch) {
  UseBot();
  slack_.Plan({Mood::kTooMany});
  const Told told = Tell({"e1"});
  EXPECT_EQ(told.retry_after_ns, 1'000'000'000);
  EXPECT_EQ(Tell({"e1"}).code, HEALD_OK);
  EXPECT_THAT(slack_.calls(), ElementsAre("chat.postMessage", "chat.postMessage"));
}

TEST_F(SlackNotifierTest, WithoutTheScopeToLookItPostsAgainAndSaysSoOnce) {
  UseBot();
  slack_.Refuse("conversations.history",
                {.body = R"({"ok":false,"error":"missing_scope","needed":"channels:history"})"});
  for (const char* event : {"e1", "e2"}) {
    sample_.incident.trace_id = Str(event);
    slack_.Plan({Mood::kLostAnswer});
    EXPECT_TRUE(Tell({event}).retryable);
    EXPECT_EQ(Tell({event}).code, HEALD_OK);
  }
  EXPECT_THAT(slack_.messages(), SizeIs(4));
  ASSERT_THAT(host_.log(), SizeIs(1));
  EXPECT_THAT(host_.log()[0].message, HasSubstr("give the app the scope channels:history"));
}

TEST_F(SlackNotifierTest, AChannelsIdIsLearntFromTheFirstAnswer) {
  UseBot("#incidents");
  EXPECT_EQ(Tell({"e1"}).code, HEALD_OK);
  harness_.Restart();
  sample_.incident.trace_id = Str("another");
  slack_.Plan({Mood::kLostAnswer});
  EXPECT_TRUE(Tell({"e2"}).retryable);
  EXPECT_EQ(Tell({"e2"}).code, HEALD_OK);
  EXPECT_THAT(slack_.messages(), SizeIs(2));
  EXPECT_THAT(host_.log(), IsEmpty());
}

TEST_F(SlackNotifierTest, SaysWhatToDoWhenSlackRefusesTheBot) {
  UseBot();
  for (const auto& [token, advice] : {std::pair{"invalid_auth", "Bot User OAuth Token"},
                                      {"not_in_channel", "/invite"},
                                      {"channel_not_found", "check `channel`"},
                                      {"is_archived", "archived"},
                                      {"missing_scope", "install it again"},
                                      {"invalid_blocks", "templates"},
                                      {"some_new_word", "documentation"}}) {
    slack_.Refuse("chat.postMessage",
                  {.body = R"({"ok":false,"error":")" + std::string(token) + "\"}"});
    const Told told = Tell({"e1"});
    EXPECT_EQ(told.code, HEALD_DENIED);
    const bool own = advice == std::string("templates") || advice == std::string("documentation");
    EXPECT_NE(told.retryable, own) << "but for the message's own faults, events are kept";
    EXPECT_THAT(told.message, HasSubstr(token));
    EXPECT_THAT(told.message, HasSubstr(advice));
    EXPECT_THAT(told.message, Not(HasSubstr("xoxb-test")));
  }
}

TEST_F(SlackNotifierTest, AnAnswerThatMakesNoSenseIsNotBelieved) {
  UseBot();
  for (const char* body : {R"({"ok":true})", R"({"ok":true,"ts":7})", R"({"ok":"yes"})", "[]",
                           "null", R"({"ok":false})", R"({"ok":false,"error":{}})"}) {
    slack_.Refuse("chat.postMessage", {.body = body});
    const Told told = Tell({"e1"});
    EXPECT_EQ(told.code, HEALD_UNAVAILABLE) << body;
    EXPECT_TRUE(told.retryable) << body;
  }
  slack_.Allow("chat.postMessage");
  for (const char* body :
       {R"({"ok":true})", R"({"ok":true,"messages":7})",
        R"({"ok":true,"messages":[7,null,{"metadata":7},{"metadata":{"event_payload":[]}}]})"}) {
    slack_.Refuse("conversations.history", {.body = body});
    slack_.Plan({Mood::kNoAnswer});
    sample_.incident.trace_id = Str(body);
    EXPECT_TRUE(Tell({"e2"}).retryable) << body;
    EXPECT_EQ(Tell({"e2"}).code, HEALD_OK) << body;
  }
}

TEST_F(SlackNotifierTest, ADamagedMemoryCostsASecondMessageAndNothingElse) {
  UseBot();
  Tell({"e1"});
  harness_.Restart();
  for (const auto& file :
       std::filesystem::directory_iterator(std::string(host_.host().StateDir()) + "/messages"))
    std::ofstream(file.path()) << "{\"ts\": 7";
  EXPECT_EQ(Tell({"e2"}).code, HEALD_OK);
  EXPECT_THAT(slack_.messages(), SizeIs(2));
  EXPECT_THAT(host_.log()[0].message, HasSubstr("is damaged"));
}

TEST_F(SlackNotifierTest, AStateFolderThatCantBeWrittenIsToldAndTheMessagesGoOn) {
  UseBot();
  std::ofstream(std::string(host_.host().StateDir()) + "/messages") << "in the way";
  for (const char* event : {"e1", "e2", "e3"}) EXPECT_EQ(Tell({event}).code, HEALD_OK);
  ASSERT_THAT(slack_.messages(), SizeIs(1));
  EXPECT_EQ(slack_.messages()[0].updates, 2u);
  EXPECT_THAT(host_.log(), SizeIs(1));
}

TEST_F(SlackNotifierTest, AnEventOfNoIncidentIsAMessageOfItsOwn) {
  UseBot();
  sample_.event.incident = nullptr;
  Tell({"e1", "e2", "e1"});
  EXPECT_THAT(slack_.messages(), SizeIs(2));
}

TEST_F(SlackNotifierTest, ARequestEndsWhenTheAgentDoes) {
  UseBot();
  slack_.Refuse("chat.postMessage", {.delay = std::chrono::seconds(20)});
  host_.Cancel();
  const Told told = Tell({"e1"});
  EXPECT_EQ(told.code, HEALD_CANCELLED);
  EXPECT_TRUE(told.retryable);
}

// ---- configuration ----

TEST(SlackConfigTest, WantsExactlyOneWayIn) {
  EXPECT_THAT(
      ProblemsOf<SlackNotifier>({{"webhook_url", "https://hooks.slack.com/services/T/B/X"}}),
      IsEmpty());
  EXPECT_THAT(ProblemsOf<SlackNotifier>({{"bot_token", "xoxb-1"}, {"channel", "C0123456789"}}),
              IsEmpty());
  EXPECT_THAT(ProblemsOf<SlackNotifier>(nlohmann::json::object()),
              Contains(HasSubstr("give either webhook_url")));
  EXPECT_THAT(ProblemsOf<SlackNotifier>({{"webhook_url", "https://hooks.slack.com/x"},
                                         {"bot_token", "xoxb-1"},
                                         {"channel", "#a"}}),
              Contains(HasSubstr("give either webhook_url")));
  EXPECT_THAT(ProblemsOf<SlackNotifier>({{"bot_token", "xoxb-1"}}),
              Contains(HasSubstr("/channel: name")));
  EXPECT_THAT(ProblemsOf<SlackNotifier>(
                  {{"bot_token", "xoxb-1"}, {"channel", "#a"}, {"events", {"opened"}}}),
              Contains(HasSubstr("/events: only a webhook")));
  EXPECT_THAT(ProblemsOf<SlackNotifier>(
                  {{"bot_token", "xoxb-1"}, {"channel", "#a"}, {"bearer_token", "b"}}),
              Contains(HasSubstr("/bot_token")));
  EXPECT_THAT(ProblemsOf<SlackNotifier>({{"webhook_url", "hooks.slack.com/SECRET"}}),
              ElementsAre(::testing::AllOf(HasSubstr("/webhook_url"), Not(HasSubstr("SECRET")))));
}

}  // namespace
}  // namespace heald::slack
