// Events from the runner to a Slack that answers at random 200, 429, 500, nonsense or nothing, by
// way of the spool and the plugin's boundary: each is accepted exactly once, in order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/agent/notice_codec.h"
#include "core/pipeline/placeholders.h"
#include "core/pipeline/runner.h"
#include "core/plugin/instances.h"
#include "tests/notifiers/node_health.h"
#include "tests/slack/block_kit.h"
#include "tests/slack/slack_server.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::slack {
namespace {

constexpr int kIncidents = 12;

class SlackDeliveryTest : public ::testing::TestWithParam<unsigned> {
 protected:
  SlackDeliveryTest() {
    EXPECT_TRUE(loader_.AddTable(&heald_plugin_v1));
    node_.kind = Kind::kNotifier;
    node_.name = "slack";
    node_.plugin = "slack";
    node_.blocking = true;
    node_.templated = true;
    node_.inputs = {{"cure", "", ""}};
  }
  ~SlackDeliveryTest() override { std::filesystem::remove_all(dir_); }

  void Configure(Value::Map config) {
    config.emplace_back("link", "${incident.url}");
    config.emplace_back("timeout", 2 * kSecond);
    node_.config = std::move(config);
  }
  void UseWebhook(int64_t min_interval_ns = 0) {
    Configure({{"webhook_url", slack_.webhook()}, {"min_interval", min_interval_ns}});
  }
  void UseBot(int64_t min_interval_ns = 0) {
    Configure({{"bot_token", "xoxb-test"},
               {"channel", "C0123456789"},
               {"api_url", slack_.api()},
               {"min_interval", min_interval_ns}});
  }
  std::unique_ptr<Runner> Start() {
    RunnerOptions options;
    options.state_dir = dir_;
    options.delivery.codec = agent::JsonNotices();
    options.delivery.pause_ns = options.delivery.max_pause_ns = 2 * kMillisecond;
    auto runner = std::make_unique<Runner>(options, clock_, series_, factory_, events_);
    PipelineSpec spec;
    spec.nodes = {node_};
    const Status started = runner->Start(spec);
    EXPECT_TRUE(started) << started.error().message;
    return runner;
  }

  // The life of one incident: found, opened, acted upon, verified, resolved.
  std::vector<Notification> Life(int number) {
    Incident incident;
    incident.id = static_cast<uint64_t>(number);
    incident.trace_id = "trace" + std::to_string(number);
    incident.target = {{"service", "svc-" + std::to_string(number)}};
    Finding& finding = incident.findings.emplace_back();
    finding.id = "spikes/a/" + std::to_string(number);
    finding.metric = "latency_p99";
    finding.unit = "s";
    finding.severity = incident.severity = Severity::kCritical;
    finding.value = 1.84;
    finding.expected_high = 0.09;
    finding.began_ns = incident.opened_ns = clock_.NowNs();
    finding.recent = {0.06, 0.05, 1.84};
    finding.recent_step_ns = kSecond;
    std::vector<Notification> life;
    const auto tell = [&](Notification::Kind kind, const std::string& what) -> Notification& {
      Notification& n = life.emplace_back();
      n.kind = kind;
      n.node = "cure";
      n.text = "event " + std::to_string(number) + " " + what;
      n.event_id = n.text;
      n.ts_ns = clock_.NowNs();
      n.url = IncidentUrl("https://heald.example", incident.id);
      n.incident = std::make_shared<const Incident>(incident);
      return n;
    };
    tell(Notification::Kind::kFinding, "found").finding = std::make_shared<const Finding>(finding);
    tell(Notification::Kind::kIncident, "opened");
    Decision decision;
    decision.verdict = DecisionVerdict::kAct;
    decision.policy = "cure";
    decision.plan.summary = "restart svc-" + std::to_string(number);
    incident.state = IncidentState::kActing;
    tell(Notification::Kind::kDecision, "acting").decision =
        std::make_shared<const Decision>(decision);
    Outcome outcome;
    outcome.state = OutcomeState::kVerified;
    outcome.detail = "well again";
    Notification& verified = tell(Notification::Kind::kOutcome, "verified");
    verified.decision = std::make_shared<const Decision>(decision);
    verified.outcome = std::make_shared<const Outcome>(outcome);
    incident.state = IncidentState::kResolved;
    incident.findings[0].state = FindingState::kClear;
    tell(Notification::Kind::kIncident, "resolved");
    return life;
  }
  // All incidents at once, their events mixed, each incident's in order.
  std::vector<Notification> Lives() {
    std::vector<Notification> all;
    std::vector<std::vector<Notification>> lives;
    for (int i = 1; i <= kIncidents; ++i) lives.push_back(Life(i));
    for (size_t step = 0; step < lives[0].size(); ++step)
      for (std::vector<Notification>& life : lives) all.push_back(life[step]);
    return all;
  }
  static bool Delivered(Runner& runner, int seconds = 25) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < until) {
      if (runner.stats().at(0).spool.items == 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  // How far the incident is in a message.
  static int StateIn(const SlackServer::Json& message) {
    const std::string text = message.dump();
    int state = 0;
    for (const char* step : {"🔧 restart svc-", "✅ verified", "resolved"})
      state += text.find(step) != std::string::npos ? 1 : 0;
    return state;
  }
  // "event 3 verified" out of "✅ Resolved · svc-3 · latency_p99: event 3 verified".
  static std::string EventIn(const SlackServer::Json& message) {
    const std::string text = message["text"];
    return text.substr(text.find(": ") + 2);
  }

  const std::string dir_ = [] {
    std::string pattern = ::testing::TempDir() + "heald-slack-XXXXXX";
    return std::string(mkdtemp(pattern.data()));
  }();
  SlackServer slack_;
  SystemClock clock_;
  SeriesTable series_;
  testing::NodeHealth events_;
  plugin::Loader loader_{"", {}, ""};
  plugin::Factory factory_{loader_, plugin::Shared{&series_, &clock_, &events_, dir_}};
  NodeSpec node_;
};

TEST_P(SlackDeliveryTest, AWebhookAcceptsEachEventOnceAndInOrder) {
  slack_.GoMad(GetParam(), 2, false);
  UseWebhook();
  auto runner = Start();
  std::vector<std::string> expected;
  for (const Notification& n : Lives()) {
    runner->Notify(n, {});
    // Opened is told once, by whichever comes first; acting is left out by default.
    if (!n.text.ends_with("opened") && !n.text.ends_with("acting")) expected.push_back(n.text);
  }
  ASSERT_TRUE(Delivered(*runner));
  std::vector<std::string> accepted;
  for (const auto& message : slack_.webhooks()) {
    accepted.push_back(EventIn(message));
    EXPECT_EQ(ProblemIn(message), "");
  }
  EXPECT_EQ(accepted, expected);
  EXPECT_EQ(slack_.impatient(), 0);
  EXPECT_EQ(runner->stats().at(0).dropped, 0u);
  for (const Mood mood : {Mood::kBroken, Mood::kWrongBody, Mood::kNotHttp, Mood::kNoAnswer})
    EXPECT_GT(slack_.count(mood), 0) << "the server wasn't mad enough";
}

TEST_P(SlackDeliveryTest, ABotPostsEachIncidentOnceAndShowsAllOfIt) {
  slack_.GoMad(GetParam(), 2, true);
  UseBot();
  auto runner = Start();
  size_t told = 0;
  for (const Notification& n : Lives()) {
    runner->Notify(n, {});
    // In two goes, so that there is something to update; the rest of each joins.
    if (++told == 2 * kIncidents) {
      ASSERT_TRUE(Delivered(*runner));
    }
  }
  ASSERT_TRUE(Delivered(*runner));
  std::set<std::string> shown;
  for (const SlackServer::Message& message : slack_.messages()) {
    EXPECT_TRUE(shown.insert(message.body["metadata"]["event_payload"]["incident"]).second)
        << "posted twice";
    EXPECT_EQ(ProblemIn(message.body), "");
    const std::string text = message.body.dump();
    for (const char* step : {"🔧 restart svc-", "✅ verified: well again", "resolved"})
      EXPECT_THAT(text, ::testing::HasSubstr(step));
    EXPECT_EQ(text.find("verified"), text.rfind("verified")) << "told twice: " << text;
    EXPECT_THAT(text, ::testing::HasSubstr("https://heald.example/#/incidents/"));
    // Never back to an earlier state.
    std::vector<int> states;
    for (const auto& version : message.versions) states.push_back(StateIn(version));
    EXPECT_TRUE(std::is_sorted(states.begin(), states.end()));
    EXPECT_GT(states.size(), 1u);
  }
  EXPECT_EQ(shown.size(), static_cast<size_t>(kIncidents));
  EXPECT_EQ(slack_.impatient(), 0);
  EXPECT_EQ(runner->stats().at(0).dropped, 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SlackDeliveryTest, ::testing::Values(1u, 2u, 3u));

TEST_F(SlackDeliveryTest, ABotsUpdatesJoinWhileItKeepsToItsRate) {
  UseBot(300 * kMillisecond);
  auto runner = Start();
  const std::vector<Notification> life = Life(1);
  const int64_t began_ns = clock_.MonotonicNs();
  for (const Notification& n : life) {
    runner->Notify(n, {});
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ASSERT_TRUE(Delivered(*runner));
  EXPECT_GE(clock_.MonotonicNs() - began_ns, 300 * kMillisecond);
  EXPECT_THAT(slack_.calls(), ::testing::ElementsAre("chat.postMessage", "chat.update"));
  EXPECT_EQ(EventIn(slack_.messages()[0].body), "event 1 resolved");
}

TEST_F(SlackDeliveryTest, WhatHappenedWhileSlackWasAwayIsToldOnceItIsBackOverARestart) {
  UseBot();
  slack_.http().Stop();
  {
    auto runner = Start();
    for (const Notification& n : Lives()) runner->Notify(n, {});
    const int64_t began_ns = clock_.MonotonicNs();
    EXPECT_TRUE(runner->StopSources(10 * kSecond) && runner->Drain(10 * kSecond) &&
                runner->Stop(10 * kSecond));
    EXPECT_LT(clock_.MonotonicNs() - began_ns, 3 * kSecond) << "an end waits for nobody";
  }
  slack_.http().Start();
  auto runner = Start();
  ASSERT_TRUE(Delivered(*runner));
  EXPECT_EQ(slack_.messages().size(), static_cast<size_t>(kIncidents));
}

TEST_F(SlackDeliveryTest, NoSecretIsOnTheDisk) {
  UseWebhook();
  slack_.http().Stop();
  auto runner = Start();
  for (const Notification& n : Life(1)) runner->Notify(n, {});
  std::ifstream in(dir_ + "/nodes/slack/spool.slack");
  const std::string spool{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(spool, ::testing::HasSubstr("event 1 resolved"));
  EXPECT_THAT(spool, ::testing::Not(::testing::HasSubstr("XSECRET")));
}

}  // namespace
}  // namespace heald::slack
