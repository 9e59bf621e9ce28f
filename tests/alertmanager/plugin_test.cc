// The alertmanager plugin behind its C tables, posted to as Alertmanager does it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "heald/plugin.h"
#include "tests/fakes/source_harness.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::alertmanager {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Answer = sdk::testing::FakeListener::Answer;
using Findings = std::vector<sdk::Finding>;

json AlertOf(const std::string& status, const json& labels, const std::string& fingerprint,
             const std::string& from = "2026-11-22T12:00:00.5Z") {
  return {{"status", status},
          {"labels", labels},
          {"annotations", {{"summary", "it is down"}}},
          {"startsAt", from},
          {"endsAt", status == "resolved" ? "2026-11-22T12:05:00Z" : "0001-01-01T00:00:00Z"},
          {"generatorURL", "http://prometheus/graph"},
          {"fingerprint", fingerprint}};
}

json MessageOf(const std::vector<json>& alerts, uint64_t truncated = 0) {
  return {{"version", "4"},
          {"receiver", "heald"},
          {"status", "firing"},
          {"alerts", alerts},
          {"groupLabels", json::object()},
          {"groupKey", "{}:{}"},
          {"truncatedAlerts", truncated}};
}

const json kDown = {{"alertname", "Down"}, {"service", "a"}, {"severity", "critical"}};

class AlertmanagerPluginTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(); }
  void Start(const json& config = json::object()) {
    json all = {{"max_body", 1 << 20}};
    all.update(config);
    source_ = std::make_unique<fakes::SourceHarness>(heald_plugin_v1, "alerts", all);
    source_->host().SetNow(1'795'349'400'000'000'000);  // 2026-11-22T12:10:00Z
  }
  Answer Post(const json& message) { return PostText(message.dump()); }
  Answer PostText(const std::string& text) { return source_->listener().Post("", text); }
  Findings Take() { return source_->sink().TakeFindings(); }
  // "open Down{service=a} 3", a line each.
  std::vector<std::string> Told() {
    std::vector<std::string> lines;
    for (const sdk::Finding& f : Take()) {
      static constexpr const char* kStates[] = {"open ", "update ", "clear "};
      std::string line = kStates[static_cast<size_t>(f.state)] + f.metric + "{";
      for (const auto& [name, value] : f.target.items())
        line += (line.back() == '{' ? "" : ",") + name + "=" + value;
      lines.push_back(line + "} " + std::to_string(static_cast<int>(f.severity)));
    }
    return lines;
  }

  std::unique_ptr<fakes::SourceHarness> source_;
};

TEST_F(AlertmanagerPluginTest, AnAlertIsAFindingUntilItIsResolved) {
  EXPECT_EQ(Post(MessageOf({AlertOf("firing", kDown, "f1")})).status, 204);
  Findings told = Take();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state, sdk::FindingState::kOpen);
  EXPECT_EQ(told[0].metric, "Down");
  EXPECT_EQ(told[0].target, (sdk::LabelSet{{"service", "a"}}));
  EXPECT_EQ(told[0].severity, sdk::Severity::kCritical);
  EXPECT_EQ(told[0].summary, "it is down");
  EXPECT_EQ(told[0].began_ns, 1'795'348'800'500'000'000);
  EXPECT_EQ(told[0].annotations.Get("source"), "http://prometheus/graph");
  EXPECT_EQ(Post(MessageOf({AlertOf("resolved", kDown, "f1")})).status, 204);
  const Findings cleared = Take();
  ASSERT_EQ(cleared.size(), 1u);
  EXPECT_EQ(cleared[0].state, sdk::FindingState::kClear);
  EXPECT_EQ(cleared[0].id, told[0].id);
  EXPECT_EQ(cleared[0].ts_ns, 1'795'349'100'000'000'000);
  EXPECT_EQ(cleared[0].annotations.Get("cleared"), "");
}

TEST_F(AlertmanagerPluginTest, NothingBeganInTheFuture) {
  Post(MessageOf({AlertOf("firing", kDown, "f1", "2026-11-22T12:40:00Z")}));
  EXPECT_EQ(Take().at(0).began_ns, source_->host().now_ns());
}

TEST_F(AlertmanagerPluginTest, ATimeFromAClockThatWasNeverSetIsNotWhenItBegan) {
  Post(MessageOf({AlertOf("firing", kDown, "f1", "1970-01-01T00:00:01Z")}));
  EXPECT_EQ(Take().at(0).began_ns, source_->host().now_ns());
  Post(MessageOf({AlertOf("resolved", kDown, "f1", "1970-01-01T00:00:01Z")}));
  EXPECT_EQ(Take().at(0).state, sdk::FindingState::kClear);
  Post(MessageOf({AlertOf("firing", kDown, "f1", "2026-06-01T00:00:00Z")}));
  EXPECT_LT(Take().at(0).began_ns, source_->host().now_ns()) << "half a year is possible";
}

TEST_F(AlertmanagerPluginTest, TextsHaveALengthThatALogLineBears) {
  json labels = kDown;
  labels["alertname"] = std::string(100'000, 'x');
  labels["where"] = "ü" + std::string(100'000, 'y');
  EXPECT_EQ(Post(MessageOf({AlertOf("firing", labels, "f1")})).status, 204);
  const sdk::Finding told = Take().at(0);
  EXPECT_EQ(told.metric, std::string(1000, 'x') + "…");
  EXPECT_EQ(told.target.Get("where").size(), 1000 + std::string("…").size());
  EXPECT_EQ(Post(MessageOf({AlertOf("resolved", labels, "f1")})).status, 204);
  EXPECT_EQ(Take().at(0).id, told.id);
}

TEST_F(AlertmanagerPluginTest, WhatIsToldAgainChangesNothing) {
  const json message = MessageOf({AlertOf("firing", kDown, "f1")});
  for (int i = 0; i < 3; ++i) Post(message);
  EXPECT_THAT(Told(), SizeIs(1));
  const json over = MessageOf({AlertOf("resolved", kDown, "f1")});
  for (int i = 0; i < 3; ++i) Post(over);
  EXPECT_THAT(Told(), SizeIs(1));
}

TEST_F(AlertmanagerPluginTest, AGroupIsAsManyFindingsAsItHasTargets) {
  json b = kDown;
  b["service"] = "b";
  Post(MessageOf({AlertOf("firing", kDown, "f1"), AlertOf("firing", b, "f2")}));
  EXPECT_THAT(Told(), ElementsAre("open Down{service=a} 3", "open Down{service=b} 3"));
  Post(MessageOf({AlertOf("resolved", kDown, "f1"), AlertOf("firing", b, "f2")}));
  EXPECT_THAT(Told(), ElementsAre("clear Down{service=a} 0"));
  Post(MessageOf({AlertOf("resolved", b, "f2")}));
  EXPECT_THAT(Told(), ElementsAre("clear Down{service=b} 0"));
}

TEST_F(AlertmanagerPluginTest, AWarningAndACriticalOneAreOneThingAsBadAsTheWorse) {
  json warning = kDown;
  warning["severity"] = "warning";
  Post(MessageOf({AlertOf("firing", warning, "w")}));
  Post(MessageOf({AlertOf("firing", kDown, "c")}));
  EXPECT_THAT(Told(), ElementsAre("open Down{service=a} 2", "update Down{service=a} 3"));
  Post(MessageOf({AlertOf("resolved", kDown, "c")}));
  EXPECT_THAT(Told(), ElementsAre("update Down{service=a} 2"));
  Post(MessageOf({AlertOf("resolved", warning, "w")}));
  EXPECT_THAT(Told(), ElementsAre("clear Down{service=a} 0"));
}

TEST_F(AlertmanagerPluginTest, ALateResolvedDoesNotEndWhatFiresAnew) {
  Post(MessageOf({AlertOf("firing", kDown, "f1", "2026-11-22T13:00:00Z")}));
  Post(MessageOf({AlertOf("resolved", kDown, "f1", "2026-11-22T12:00:00Z")}));
  EXPECT_THAT(Told(), SizeIs(1));
}

TEST_F(AlertmanagerPluginTest, SeveritiesAreTheUsualOnesAndTheConfigs) {
  Start({{"severities", {{"p1", "critical"}, {"p5", "info"}}}, {"default_severity", "info"}});
  const auto severity = [&](const char* word) {
    json labels = {{"alertname", word}};
    if (*word != 0) labels["severity"] = word;
    Post(MessageOf({AlertOf("firing", labels, word)}));
    const Findings told = Take();
    return told.empty() ? -1 : static_cast<int>(told[0].severity);
  };
  EXPECT_EQ(severity("critical"), 3);
  EXPECT_EQ(severity("PAGE"), 3);
  EXPECT_EQ(severity("warn"), 2);
  EXPECT_EQ(severity("none"), 1);
  EXPECT_EQ(severity("p1"), 3);
  EXPECT_EQ(severity("p5"), 1);
  EXPECT_EQ(severity("odd"), 1);
  EXPECT_EQ(severity(""), 1);
}

TEST_F(AlertmanagerPluginTest, ARestartForgetsNoAlert) {
  Post(MessageOf({AlertOf("firing", kDown, "f1")}));
  const uint64_t id = Take().at(0).id;
  fakes::SourceHarness next(heald_plugin_v1, "alerts", json::object(),
                            std::string(source_->host().host().StateDir()));
  EXPECT_EQ(next.Poll(), "");
  const Findings told = next.sink().TakeFindings();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].id, id) << "so whoever knew it knows it again";
  EXPECT_EQ(told[0].state, sdk::FindingState::kUpdate);
  EXPECT_EQ(next.Poll(), "");
  EXPECT_THAT(next.sink().TakeFindings(), IsEmpty()) << "once";
  next.listener().Post("", MessageOf({AlertOf("resolved", kDown, "f1")}).dump());
  EXPECT_THAT(next.sink().TakeFindings(), SizeIs(1));
}

TEST_F(AlertmanagerPluginTest, ARestartKeepsTheIdWhateverBecameOfTheAlertThatItWasMadeOf) {
  const auto fires = [&](const char* fingerprint, const char* from) {
    Post(MessageOf({AlertOf("firing", kDown, fingerprint, from)}));
  };
  fires("f1", "2026-11-22T12:00:00Z");
  const uint64_t id = Take().at(0).id;
  fires("f2", "2026-11-22T12:00:05Z");
  Post(MessageOf({AlertOf("resolved", kDown, "f1", "2026-11-22T12:00:00Z")}));
  fires("f2", "2026-11-22T12:08:00Z");  // it ended and came again within a group_interval
  fakes::SourceHarness next(heald_plugin_v1, "alerts", json::object(),
                            std::string(source_->host().host().StateDir()));
  EXPECT_EQ(next.Poll(), "");
  EXPECT_EQ(next.sink().TakeFindings().at(0).id, id);
  next.listener().Post("", MessageOf({AlertOf("resolved", kDown, "f2")}).dump());
  EXPECT_EQ(next.sink().TakeFindings().size(), 0u) << "that was the one before";
  next.listener().Post(
      "", MessageOf({AlertOf("resolved", kDown, "f2", "2026-11-22T12:08:00Z")}).dump());
  const Findings cleared = next.sink().TakeFindings();
  ASSERT_THAT(cleared, SizeIs(1));
  EXPECT_EQ(cleared[0].id, id);
}

TEST_F(AlertmanagerPluginTest, AlertsOfAnOlderFileAreKnown) {
  const std::string dir(source_->host().host().StateDir());
  std::ofstream(dir + "/alerts.json")
      << R"({"alerts": [{"name": "Down", "target": {"service": "a"}, "fingerprint": "f1",
             "severity": 3, "summary": "s", "url": "", "from_ns": 5, "seen_ns": 6}]})";
  fakes::SourceHarness next(heald_plugin_v1, "alerts", {{"forget_after", 0}}, dir);
  EXPECT_EQ(next.Poll(), "");
  const Findings told = next.sink().TakeFindings();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_NE(told[0].id, 0u);
}

TEST_F(AlertmanagerPluginTest, ADamagedFileIsPutAsideAndSaid) {
  for (const char* text : {"{", "{\"alerts\": [{}]}", "[]", "{\"alerts\": 1}"}) {
    const std::string dir(source_->host().host().StateDir());
    std::ofstream(dir + "/alerts.json") << text;
    fakes::SourceHarness source(heald_plugin_v1, "alerts", json::object(), dir);
    EXPECT_THAT(source.log(), Contains(HasSubstr("put aside"))) << text;
    EXPECT_EQ(source.Poll(), "");
  }
}

TEST_F(AlertmanagerPluginTest, WhatCannotBeWrittenIsNotTakenAndNotLost) {
  const std::string dir(source_->host().host().StateDir());
  std::filesystem::create_directory(dir + "/alerts.json.new");
  const json message = MessageOf({AlertOf("firing", kDown, "f1")});
  EXPECT_EQ(Post(message).status, 503);
  EXPECT_THAT(Told(), IsEmpty());
  std::filesystem::remove(dir + "/alerts.json.new");
  EXPECT_EQ(Post(message).status, 204);
  EXPECT_THAT(Told(), ElementsAre("open Down{service=a} 3"));
}

TEST_F(AlertmanagerPluginTest, AnAlertThatIsNotRepeatedIsOverButHasNotRecovered) {
  Start({{"forget_after", 3'600'000'000'000}});
  Post(MessageOf({AlertOf("firing", kDown, "f1")}));
  Take();
  source_->host().Advance(sdk::Minutes(59));
  source_->Poll();
  EXPECT_THAT(Told(), IsEmpty());
  source_->host().Advance(sdk::Minutes(2));
  source_->Poll();
  const Findings told = Take();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state, sdk::FindingState::kClear);
  EXPECT_EQ(told[0].annotations.Get("cleared"), "not repeated");
}

TEST_F(AlertmanagerPluginTest, WhatWasLeftOutIsSaid) {
  Start({{"max_alerts", 2}});
  std::vector<json> alerts;
  for (const char* service : {"a", "b", "c"})
    alerts.push_back(AlertOf("firing", {{"alertname", "Down"}, {"service", service}}, service));
  Post(MessageOf(alerts, 7));
  EXPECT_THAT(Told(), SizeIs(2));
  EXPECT_EQ(source_->host().MetricTotal("refused_alerts_total"), 1);
  EXPECT_EQ(source_->host().MetricTotal("truncated_alerts_total"), 7);
  EXPECT_THAT(source_->log(), Contains(HasSubstr("left 7 alerts out")));
  EXPECT_THAT(source_->log(), Contains(HasSubstr("raise max_alerts")));
}

TEST_F(AlertmanagerPluginTest, WhatIsNoWebhookGets400WithTheReason) {
  const auto refused = [&](const std::string& text, const std::string& why) {
    const Answer answer = PostText(text);
    EXPECT_EQ(answer.status, 400) << text;
    EXPECT_THAT(answer.body, HasSubstr(why));
  };
  refused("", "no JSON");
  refused("{\"version\": \"4\", \"alerts\": [", "no JSON");
  refused("[]", "no object");
  refused("{}", "version ''");
  refused(R"({"version": "3", "alerts": []})", "version '3'");
  refused(R"({"version": "4"})", "alerts is no list");
  const json good = AlertOf("firing", kDown, "f1");
  const auto with = [&](const char* name, const json& value) {
    json alert = good;
    alert[name] = value;
    return MessageOf({good, alert}).dump();
  };
  refused(with("status", "odd"), "alert 2: status 'odd'");
  refused(with("labels", json::object()), "alert 2: it has no labels");
  refused(with("labels", {{"a", 1}}), "alert 2: labels.a is no text");
  refused(with("startsAt", "yesterday"), "alert 2: startsAt 'yesterday' is no time");
  refused(MessageOf({json(1)}).dump(), "alert 1: it is no object");
  EXPECT_THAT(Told(), ElementsAre("open Down{service=a} 3")) << "one bad alert costs no other";
}

TEST_F(AlertmanagerPluginTest, ARefusalIsToldInTheLogOnceAndInTheStateUntilOneIsTaken) {
  const auto refused = HasSubstr("refused what was pushed: this is no webhook of Alertmanager");
  for (int i = 0; i < 3; ++i) PostText("{}");
  EXPECT_THAT(source_->log(), ElementsAre(refused));
  EXPECT_THAT(source_->Poll(), refused);
  Post(MessageOf({AlertOf("firing", kDown, "f1")}));
  EXPECT_EQ(source_->Poll(), "");
  json odd = AlertOf("firing", kDown, "f2");
  odd["status"] = "odd";
  Post(MessageOf({odd, AlertOf("resolved", kDown, "f1")}));
  EXPECT_THAT(Told(), ElementsAre("open Down{service=a} 3", "clear Down{service=a} 0"));
  EXPECT_THAT(source_->Poll(), HasSubstr("alert 1: status 'odd'"));
  source_->host().Advance(sdk::Minutes(10));
  EXPECT_EQ(source_->Poll(), "") << "nobody has sent any for long";
}

// Bytes of a real Alertmanager 0.25.
TEST_F(AlertmanagerPluginTest, TakesWhatARealOneSent) {
  const char* shared = std::getenv("HEALD_SHARED");
  const std::string path =
      (shared != nullptr ? std::string(shared) : std::string(HEALD_SOURCE_DIR) + "/../shared") +
      "/transcripts/alertmanager/webhook.jsonl";
  std::ifstream in(path);
  if (!in) GTEST_SKIP() << "no transcripts at " << path << ": set HEALD_SHARED";
  size_t lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    const json exchange = json::parse(line);
    EXPECT_EQ(PostText(exchange.at("body").get<std::string>()).status, 204);
  }
  EXPECT_GE(lines, 1u);
  EXPECT_THAT(Told(), ElementsAre("open PeerTest{} 2"));
}

}  // namespace
}  // namespace heald::alertmanager
