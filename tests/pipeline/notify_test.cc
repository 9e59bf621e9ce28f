// Notices on their way from the runner to a notifier: what is told survives whatever happens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "core/pipeline/placeholders.h"
#include "core/pipeline/runner.h"
#include "tests/pipeline/fakes.h"

namespace heald {
namespace {

using fakes::Eventually;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

class NotifyTest : public ::testing::Test {
 protected:
  NotifyTest() {
    std::string pattern = ::testing::TempDir() + "heald-notify-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    NodeSpec notifier;
    notifier.kind = Kind::kNotifier;
    notifier.name = "slack";
    notifier.plugin = "fake";
    notifier.inputs = {{"spikes", "", ""}};
    spec_.nodes = {notifier};
  }
  ~NotifyTest() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<Runner> Make() {
    RunnerOptions options;
    options.state_dir = dir_;
    options.tick_ns = 10 * kMillisecond;
    options.delivery.codec = fakes::TextNotices();
    options.delivery.pause_ns = options.delivery.max_pause_ns = pause_ns_;
    return std::make_unique<Runner>(options, clock_, series_, factory_, events_);
  }
  static void Tell(Runner& runner, const std::string& text) {
    Notification notification;
    notification.node = "spikes";
    notification.event_id = text;
    notification.text = text;
    runner.Notify(notification, {});
  }
  static NodeStats StatsOf(Runner& runner) {
    for (NodeStats& s : runner.stats())
      if (s.name == "slack") return s;
    return {};
  }
  // As a server that is down.
  void Refuse(bool down) { down_ = down; }
  void UseServer() {
    world_.on_notify["slack"] = [this](const Notification&) -> Status {
      ++calls_;
      if (down_) return MakeError(Code::kUnavailable, "no route");
      return {};
    };
  }

  std::string dir_;
  int64_t pause_ns_ = kMillisecond;
  SystemClock clock_;
  SeriesTable series_;
  fakes::World world_{series_};
  fakes::FakeFactory factory_{world_};
  fakes::Events events_;
  PipelineSpec spec_;
  std::atomic<bool> down_{false};
  std::atomic<int> calls_{0};
};

TEST_F(NotifyTest, TriesForEverAndInOrder) {
  std::mt19937 random(7);
  std::map<std::string, int> failures;
  std::vector<std::string> told;
  for (int i = 0; i < 50; ++i) {
    told.push_back("event " + std::to_string(i));
    failures[told.back()] = static_cast<int>(random() % 30);
  }
  world_.on_notify["slack"] = [&](const Notification& n) -> Status {
    if (failures[n.text]-- > 0) return MakeError(Code::kUnavailable, "no route");
    return {};
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  for (const std::string& text : told) Tell(*runner, text);
  EXPECT_TRUE(Eventually([&] { return world_.CallsOf("slack").size() == told.size(); }));
  EXPECT_EQ(world_.CallsOf("slack"), told);
  EXPECT_TRUE(Eventually([&] { return StatsOf(*runner).spool.items == 0; }));
  EXPECT_EQ(StatsOf(*runner).dropped, 0u);
  EXPECT_EQ(StatsOf(*runner).out, told.size());
}

TEST_F(NotifyTest, DropsWhatCanNeverBeDeliveredAndCountsIt) {
  world_.on_notify["slack"] = [&](const Notification& n) -> Status {
    if (n.text == "bad") return MakeError(Code::kInvalid, "no such channel: invite the bot");
    return {};
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  for (const char* text : {"first", "bad", "last"}) Tell(*runner, text);
  EXPECT_TRUE(Eventually([&] { return world_.CallsOf("slack").size() == 2; }));
  EXPECT_THAT(world_.CallsOf("slack"), ElementsAre("first", "last"));
  EXPECT_EQ(StatsOf(*runner).notices_refused, 1u);
  EXPECT_THAT(events_.Health(),
              Contains("slack: no such channel: invite the bot; this event is dropped"));
}

TEST_F(NotifyTest, WaitsAsLongAsTheServerAsks) {
  std::vector<int64_t> at;
  pause_ns_ = kHour;  // only Retry-After may end the pause of a notifier that keeps to a rate
  world_.on_notify["slack"] = [&](const Notification&) -> Status {
    at.push_back(clock_.MonotonicNs());
    if (at.size() > 1) return {};
    Error error = MakeError(Code::kFull, "one a second");
    error.retryable = true;
    error.retry_after_ns = 50 * kMillisecond;
    return error;
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  Tell(*runner, "first");
  ASSERT_TRUE(Eventually([&] { return world_.CallsOf("slack").size() == 1; }));
  EXPECT_GE(at[1] - at[0], 50 * kMillisecond);
  EXPECT_THAT(events_.Health(), IsEmpty()) << "keeping to a rate is no failure";
}

TEST_F(NotifyTest, ARestartGoesOnWhereTheLastOneEnded) {
  Refuse(true);
  UseServer();
  {
    const auto runner = Make();
    ASSERT_TRUE(runner->Start(spec_));
    for (const char* text : {"first", "second"}) Tell(*runner, text);
    ASSERT_TRUE(Eventually([&] { return calls_ > 2; }));
    ASSERT_TRUE(runner->Stop(5 * kSecond));
    Tell(*runner, "told after the end");
  }
  Refuse(false);
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  Tell(*runner, "third");
  EXPECT_TRUE(Eventually([&] { return world_.CallsOf("slack").size() == 4; }));
  EXPECT_THAT(world_.CallsOf("slack"),
              ElementsAre("first", "second", "told after the end", "third"));
}

TEST_F(NotifyTest, AnEndDoesntWaitForAServerThatIsDown) {
  pause_ns_ = kHour;
  Refuse(true);
  UseServer();
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  Tell(*runner, "first");
  ASSERT_TRUE(Eventually([&] { return StatsOf(*runner).errors > 0; }));
  const int64_t began_ns = clock_.MonotonicNs();
  EXPECT_TRUE(runner->StopSources(10 * kSecond));
  EXPECT_TRUE(runner->Drain(10 * kSecond));
  EXPECT_TRUE(runner->Stop(10 * kSecond));
  EXPECT_LT(clock_.MonotonicNs() - began_ns, kSecond);
}

TEST_F(NotifyTest, AReplacedNotifierTakesOverWhatWaits) {
  Refuse(true);
  UseServer();
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  Tell(*runner, "first");
  ASSERT_TRUE(Eventually([&] { return calls_ > 0; }));
  spec_.nodes[0].config = Value(Value::Map{{"channel", Value("#b")}});
  ASSERT_TRUE(runner->Reload(spec_));
  Refuse(false);
  Tell(*runner, "second");
  EXPECT_TRUE(Eventually([&] { return world_.CallsOf("slack").size() == 2; }));
  EXPECT_THAT(world_.CallsOf("slack"), ElementsAre("first @#b", "second @#b"));
}

TEST_F(NotifyTest, OtherInputsCountAfterAReload) {
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  spec_.nodes[0].inputs = {{"others", "", ""}};
  ASSERT_TRUE(runner->Reload(spec_));
  Tell(*runner, "not for it");
  EXPECT_EQ(StatsOf(*runner).spool.items, 0u);
}

TEST_F(NotifyTest, AnotherPluginLeavesWhatWasNotMeantForItUntilTheFirstComesBack) {
  Refuse(true);
  world_.on_notify["slack"] = [this](const Notification& n) -> Status {
    ++calls_;
    if (down_ && n.text == "for fake") return MakeError(Code::kUnavailable, "no route");
    return {};
  };
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  Tell(*runner, "for fake");
  ASSERT_TRUE(Eventually([&] { return calls_ > 0; }));
  spec_.nodes[0].plugin = "other";
  ASSERT_TRUE(runner->Reload(spec_));
  Tell(*runner, "for other");
  ASSERT_TRUE(Eventually([&] { return StatsOf(*runner).spool.items == 0; }));
  EXPECT_THAT(world_.CallsOf("slack"), ElementsAre("for other"));
  Refuse(false);
  spec_.nodes[0].plugin = "fake";
  ASSERT_TRUE(runner->Reload(spec_));
  EXPECT_TRUE(Eventually([&] { return world_.CallsOf("slack").size() == 2; }));
  EXPECT_THAT(world_.CallsOf("slack"), ElementsAre("for other", "for fake"));
}

TEST_F(NotifyTest, ANodeThatIsRemovedLeavesItsFile) {
  Refuse(true);
  UseServer();
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  Tell(*runner, "first");
  const std::vector<NodeSpec> nodes = std::exchange(spec_.nodes, {});
  ASSERT_TRUE(runner->Reload(spec_));
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/nodes/slack/spool.fake"));
  spec_.nodes = nodes;
  Refuse(false);
  ASSERT_TRUE(runner->Reload(spec_));
  EXPECT_TRUE(Eventually([&] { return world_.CallsOf("slack").size() == 1; }));
}

TEST_F(NotifyTest, DropsARecordThatNobodyCanReadAndDeliversTheRest) {
  {
    Result<std::unique_ptr<Spool>> spool = [&] {
      std::filesystem::create_directories(dir_ + "/nodes/slack");
      return Spool::Open(dir_ + "/nodes/slack/spool.fake");
    }();
    ASSERT_TRUE(spool);
    ASSERT_TRUE((*spool)->Push("no lines"));
    ASSERT_TRUE((*spool)->Push("id\nspikes\ngood\n\n"));
  }
  const auto runner = Make();
  ASSERT_TRUE(runner->Start(spec_));
  EXPECT_TRUE(Eventually([&] { return world_.CallsOf("slack").size() == 1; }));
  EXPECT_THAT(world_.CallsOf("slack"), ElementsAre("good"));
  EXPECT_EQ(StatsOf(*runner).notices_refused, 1u);
}

TEST_F(NotifyTest, SaysWhyItCantStartWhenTheSpoolCantBeUsed) {
  std::filesystem::create_directories(dir_ + "/nodes/slack/spool.fake");
  const auto runner = Make();
  const Status status = runner->Start(spec_);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("notifier slack: can't use the spool " + dir_));
}

// ---- placeholders ----

TEST(PlaceholdersTest, ConfigKnowsExactlyTheNamesThatThereAre) {
  EXPECT_THAT(RuntimeNames(), UnorderedElementsAreArray(PlaceholderNames()));
}

TEST(PlaceholdersTest, EveryNameHasAValueWhereItsRecordHas) {
  Finding finding;
  for (double* number :
       {&finding.value, &finding.expected_low, &finding.expected_high, &finding.probability})
    *number = 1;
  finding.began_ns = kSecond;
  finding.count = 2;
  Incident incident;
  incident.opened_ns = kSecond;
  const TemplateLookup lookup = Placeholders(nullptr, &finding, &incident, "http://heald/#/7");
  for (const std::string& name : RuntimeNames())
    EXPECT_EQ(lookup(name).has_value(), !IsForNotifiers(name)) << name;
  EXPECT_FALSE(Placeholders(nullptr, nullptr, &incident, "")("incident.url"));
}

TEST(PlaceholdersTest, ADecisionThatWaitsHasALinkAndATime) {
  Decision decision;
  decision.verdict = DecisionVerdict::kAwaitsApproval;
  decision.ts_ns = 1'795'292'043 * kSecond;
  decision.expires_ns = decision.ts_ns + 15 * kMinute;
  Notification notification;
  notification.decision = std::make_shared<const Decision>(decision);
  const TemplateLookup lookup = Placeholders(notification, "https://heald/approve?t=x");
  EXPECT_EQ(lookup("approval.url"), "https://heald/approve?t=x");
  EXPECT_EQ(lookup("approval.expires"), "20:29 UTC");
  decision.expires_ns = decision.ts_ns + kDay;
  notification.decision = std::make_shared<const Decision>(decision);
  EXPECT_EQ(Placeholders(notification)("approval.expires"), "2026-11-22 20:14 UTC");
  decision.verdict = DecisionVerdict::kAct;
  notification.decision = std::make_shared<const Decision>(decision);
  EXPECT_EQ(Placeholders(notification)("approval.expires"), "");
}

TEST(PlaceholdersTest, AnEventHasItsDecisionsAndOutcomesWords) {
  Finding finding;
  finding.metric = "latency_p99";
  finding.unit = "s";
  finding.value = 1.84;
  finding.expected_high = 0.09;
  finding.began_ns = 1'795'294'950 * kSecond;
  Decision decision;
  decision.policy = "slow";
  decision.actor = "user:anna";
  decision.plan.summary = "restart payments";
  decision.guards = {{"budget", true, "fine"}, {"cooldown", false, "12 s left"}};
  Outcome outcome;
  outcome.state = OutcomeState::kFailed;
  outcome.detail = "no answer";
  Notification event;
  event.kind = Notification::Kind::kOutcome;
  event.event_id = "6f1c";
  event.finding = std::make_shared<const Finding>(finding);
  event.decision = std::make_shared<const Decision>(decision);
  event.outcome = std::make_shared<const Outcome>(outcome);
  const TemplateLookup lookup = Placeholders(event);
  for (const auto& [name, text] : {std::pair{"finding.now", "1.84 s"},
                                   {"finding.expected", "at most 0.09 s"},
                                   {"finding.began", "2026-11-21 21:02:30 UTC"},
                                   {"decision.policy", "slow"},
                                   {"decision.actor", "user:anna"},
                                   {"decision.plan", "restart payments"},
                                   {"decision.refused_by", "cooldown: 12 s left"},
                                   {"outcome.state", "failed"},
                                   {"outcome.detail", "no answer"},
                                   {"event.id", "6f1c"},
                                   {"event.kind", "outcome"}})
    EXPECT_EQ(lookup(name), text) << name;
}

TEST(PlaceholdersTest, AnEventThatLacksARecordIsToldWithAGap) {
  Notification notification;
  notification.node = "spikes";
  const TemplateLookup lookup = Placeholders(notification);
  for (const std::string& name : RuntimeNames()) {
    if (name.starts_with("event.")) continue;
    EXPECT_EQ(lookup(name), "") << name;
  }
  EXPECT_EQ(lookup("event.kind"), "finding");
  EXPECT_EQ(lookup("event.time"), "");
  EXPECT_EQ(lookup("target.service"), "");
}

TEST(PlaceholdersTest, AnEventWithoutAFindingBorrowsThatOfItsDecisionOrTheWorst) {
  Incident incident;
  incident.findings.resize(3);
  incident.findings[0].id = "a";
  incident.findings[1].id = "b";
  incident.findings[1].severity = Severity::kCritical;
  incident.findings[2].id = "c";
  Notification notification;
  notification.incident = std::make_shared<const Incident>(incident);
  notification.url = IncidentUrl("https://heald.example", 7);
  EXPECT_EQ(Placeholders(notification)("finding.id"), "b");
  EXPECT_EQ(Placeholders(notification)("incident.url"), "https://heald.example/#/incidents/7");
  Decision decision;
  decision.finding = "c";
  notification.decision = std::make_shared<const Decision>(decision);
  EXPECT_EQ(Placeholders(notification)("finding.id"), "c");
}

}  // namespace
}  // namespace heald
