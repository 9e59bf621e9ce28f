// Every notifier over HTTP, from the runner through the spool and the plugin's boundary, to a
// receiver that is mad or away: each event arrives once, in order, and health says what is the
// matter. HEALD_TEST_OUTAGE_SECONDS=30 is how long "away" is in the long run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/agent/notice_codec.h"
#include "core/pipeline/placeholders.h"
#include "core/pipeline/runner.h"
#include "core/plugin/instances.h"
#include "tests/notifiers/node_health.h"
#include "tests/notifiers/receiver.h"

namespace heald::testing {
namespace {

using Json = nlohmann::json;

constexpr int kIncidents = 12;

struct Case {
  std::string plugin;
  std::function<Value::Map(const std::string& url)> config;
  Receiver::Take take;
  std::function<std::string(const fakes::FakeRequest&)> name;
  // What `name` gives for this event; empty: it isn't sent.
  std::function<std::string(const Notification&)> expected;
};

std::vector<Case> Cases() {
  const auto pagerduty_name = [](const fakes::FakeRequest& request) {
    const Json event = Json::parse(request.body);
    return event["event_action"] == "trigger"
               ? event["payload"]["custom_details"]["Event"].get<std::string>()
               : event["event_action"].get<std::string>() + " " +
                     event["dedup_key"].get<std::string>();
  };
  const auto slack_name = [](const fakes::FakeRequest& request) {
    const std::string text = Json::parse(request.body)["text"];
    return text.substr(text.find(": ") + 2);
  };
  return {{"webhook",
           [](const std::string& url) {
             return Value::Map{{"url", url + "/hook"}};
           },
           [](const fakes::FakeRequest&) { return fakes::FakeReply{.body = "{}"}; },
           [](const fakes::FakeRequest& request) {
             return std::string(request.Header("idempotency-key"));
           },
           [](const Notification& event) { return event.event_id; }},
          {"pagerduty",
           [](const std::string& url) {
             return Value::Map{{"url", url + "/v2/enqueue"},
                               {"routing_key", "0123456789abcdef0123456789abcdef"},
                               {"trigger_on", Value::List{"opened", "acting", "verified"}}};
           },
           [](const fakes::FakeRequest&) {
             return fakes::FakeReply{.status = 202,
                                     .body = R"({"status":"success","message":"Event processed"})"};
           },
           pagerduty_name,
           [](const Notification& event) {
             return event.text.ends_with("resolved") ? "resolve heald-" + event.incident->trace_id
                                                     : event.event_id;
           }},
          {"slack",
           [](const std::string& url) {
             return Value::Map{{"webhook_url", url + "/services/T/B/X"}, {"min_interval", 0}};
           },
           [](const fakes::FakeRequest&) { return fakes::FakeReply{.body = "ok"}; }, slack_name,
           [](const Notification& event) {
             // Opened is told once, by whichever comes first; acting is left out by default.
             return event.text.ends_with("opened") || event.text.ends_with("acting") ? ""
                                                                                     : event.text;
           }}};
}

class NotifierDeliveryTest : public ::testing::TestWithParam<Case> {
 protected:
  NotifierDeliveryTest() {
    node_.kind = Kind::kNotifier;
    node_.name = "told";
    node_.plugin = GetParam().plugin;
    node_.blocking = true;
    node_.inputs = {{"cure", "", ""}};
    Value::Map config = GetParam().config(receiver_.http().url());
    config.emplace_back("timeout", kSecond);
    node_.config = std::move(config);
  }
  ~NotifierDeliveryTest() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<Runner> Start() {
    RunnerOptions options;
    options.state_dir = dir_;
    options.delivery.codec = agent::JsonNotices();
    options.delivery.pause_ns = 2 * kMillisecond;
    options.delivery.max_pause_ns = 50 * kMillisecond;
    auto runner = std::make_unique<Runner>(options, clock_, series_, factory_, events_);
    PipelineSpec spec;
    spec.nodes = {node_};
    const Status started = runner->Start(spec);
    EXPECT_TRUE(started) << started.error().message;
    return runner;
  }
  // The lives of all incidents at once, their events mixed, each incident's in order.
  std::vector<Notification> Lives() {
    std::vector<Notification> all;
    for (const char* what : {"found", "opened", "acting", "verified", "resolved"})
      for (int i = 1; i <= kIncidents; ++i) all.push_back(EventOf(i, what));
    return all;
  }
  Notification EventOf(int number, const std::string& what) {
    Incident incident;
    incident.id = static_cast<uint64_t>(number);
    incident.trace_id = "trace" + std::to_string(number);
    incident.target = {{"service", "svc-" + std::to_string(number)}};
    if (what == "acting") incident.state = IncidentState::kActing;
    if (what == "resolved") incident.state = IncidentState::kResolved;
    Finding& finding = incident.findings.emplace_back();
    finding.id = "spikes/a/" + std::to_string(number);
    finding.metric = "latency_p99";
    finding.severity = incident.severity = Severity::kCritical;
    Notification n;
    n.kind = Notification::Kind::kIncident;
    n.node = "cure";
    n.text = n.event_id = "event " + std::to_string(number) + " " + what;
    n.ts_ns = clock_.NowNs();
    Decision decision;
    decision.verdict = DecisionVerdict::kAct;
    decision.actor = "heald";
    if (what == "found") {
      n.kind = Notification::Kind::kFinding;
      n.finding = std::make_shared<const Finding>(finding);
    } else if (what == "acting" || what == "verified") {
      n.kind = Notification::Kind::kDecision;
      n.decision = std::make_shared<const Decision>(decision);
    }
    if (what == "verified") {
      Outcome outcome;
      outcome.state = OutcomeState::kVerified;
      n.kind = Notification::Kind::kOutcome;
      n.outcome = std::make_shared<const Outcome>(outcome);
    }
    n.incident = std::make_shared<const Incident>(incident);
    return n;
  }
  void Tell(Runner& runner, const std::vector<Notification>& events) {
    for (const Notification& event : events) {
      runner.Notify(event, {});
      if (std::string name = GetParam().expected(event); !name.empty())
        expected_.push_back(std::move(name));
    }
  }
  template <typename Condition>
  static bool Eventually(Condition condition, int seconds = 20) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < until) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  static bool Delivered(Runner& runner) {
    return Eventually([&] { return runner.stats().at(0).spool.items == 0; });
  }

  const std::string dir_ = [] {
    std::string pattern = ::testing::TempDir() + "heald-told-XXXXXX";
    return std::string(mkdtemp(pattern.data()));
  }();
  Receiver receiver_{GetParam().take, GetParam().name};
  std::vector<std::string> expected_;
  SystemClock clock_;
  SeriesTable series_;
  testing::NodeHealth events_;
  plugin::Loader loader_{HEALD_TEST_PLUGIN_DIR, {}, ""};
  plugin::Factory factory_{loader_, plugin::Shared{&series_, &clock_, &events_, dir_}};
  NodeSpec node_;
};

TEST_P(NotifierDeliveryTest, EachEventArrivesOnceAndInOrderWhateverTheReceiverDoes) {
  receiver_.GoMad(7);
  auto runner = Start();
  Tell(*runner, Lives());
  ASSERT_TRUE(Delivered(*runner));
  EXPECT_EQ(receiver_.taken(), expected_);
  EXPECT_EQ(runner->stats().at(0).dropped, 0u);
  EXPECT_TRUE(Eventually([&] { return events_.problem().empty(); })) << events_.problem();
  for (int madness = 1; madness <= static_cast<int>(Madness::kSlowBytes); ++madness)
    EXPECT_GT(receiver_.count(static_cast<Madness>(madness)), 0)
        << "the receiver wasn't mad enough: " << madness;
}

TEST_P(NotifierDeliveryTest, AReceiverThatIsAwayInTheMiddleIsToldAllOnceItIsBack) {
  const char* seconds = std::getenv("HEALD_TEST_OUTAGE_SECONDS");
  const std::chrono::milliseconds outage(seconds == nullptr ? 200 : 1000 * std::atoi(seconds));
  const std::vector<Notification> lives = Lives();
  const auto half = lives.begin() + static_cast<ptrdiff_t>(lives.size() / 2);
  auto runner = Start();
  Tell(*runner, {lives.begin(), half});
  ASSERT_TRUE(Delivered(*runner));
  receiver_.http().Stop();
  Tell(*runner, {half, lives.end()});
  ASSERT_TRUE(Eventually([&] { return !events_.problem().empty(); }));
  EXPECT_THAT(events_.problem(), ::testing::HasSubstr("connection refused by http://127.0.0.1"));
  std::this_thread::sleep_for(outage);
  receiver_.http().Start();
  const int64_t back_ns = clock_.MonotonicNs();
  ASSERT_TRUE(Delivered(*runner));
  EXPECT_LT(clock_.MonotonicNs() - back_ns, 5 * kSecond);
  EXPECT_TRUE(Eventually([&] { return events_.problem().empty(); }));
  EXPECT_EQ(receiver_.taken(), expected_);
}

TEST_P(NotifierDeliveryTest, WhatWaitsSurvivesARestart) {
  receiver_.http().Stop();
  {
    auto runner = Start();
    Tell(*runner, Lives());
    EXPECT_TRUE(runner->StopSources(10 * kSecond) && runner->Drain(10 * kSecond) &&
                runner->Stop(10 * kSecond));
  }
  receiver_.http().Start();
  auto runner = Start();
  ASSERT_TRUE(Delivered(*runner));
  EXPECT_EQ(receiver_.taken(), expected_);
}

INSTANTIATE_TEST_SUITE_P(Http, NotifierDeliveryTest, ::testing::ValuesIn(Cases()),
                         [](const auto& each) { return each.param.plugin; });

}  // namespace
}  // namespace heald::testing
