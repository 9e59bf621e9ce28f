#include "core/api/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/base/units.h"

namespace heald::api {
namespace {

constexpr int64_t kTime = 1'795'292'043'250'000'000;
constexpr const char* kTimeText = "2026-11-21T20:14:03.250Z";

TEST(ApiJsonTest, FindingHasEveryFieldAndNullForUnknown) {
  Finding finding;
  finding.id = "spikes/1/1";
  finding.node = "spikes";
  finding.severity = Severity::kCritical;
  finding.target = {{"service", "payments"}};
  finding.metric = "latency_p99";
  finding.unit = "s";
  finding.value = 1.84;
  finding.expected_high = 0.09;
  finding.score = std::numeric_limits<double>::infinity();
  finding.began_ns = kTime;
  finding.recent = {0.05, kUnknown};
  finding.recent_step_ns = 1'500'000'000;
  finding.contributors = {{"db", 0.7, 3, kUnknown}};
  const Json json = ToJson(finding);
  EXPECT_EQ(json["severity"], "critical");
  EXPECT_EQ(json["kind"], "anomaly");
  EXPECT_EQ(json["state"], "open");
  EXPECT_EQ(json["target"], Json({{"service", "payments"}}));
  EXPECT_EQ(json["target_name"], "payments");
  EXPECT_EQ(json["value"], 1.84);
  EXPECT_TRUE(json["expected_low"].is_null());
  EXPECT_TRUE(json["score"].is_null());
  EXPECT_TRUE(json["probability"].is_null());
  EXPECT_EQ(json["began"], kTimeText);
  EXPECT_TRUE(json["eta"].is_null());
  EXPECT_EQ(json["recent"], Json::parse("[0.05,null]"));
  EXPECT_EQ(json["recent_step_seconds"], 1.5);
  EXPECT_EQ(json["contributors"][0]["share"], 0.7);
  EXPECT_TRUE(json["annotations"].is_object());
  EXPECT_EQ(json.size(), 29u);
}

TEST(ApiJsonTest, TimelineShowsSamplesAndCallsWithTheirTimes) {
  ChainEvent seen{
      kTime, "slow", "finding.opened", "",
      R"({"text":"slow","recent":[1,null,3],"recent_step_ns":2000000000,"sample_ts_ns":)" +
          std::to_string(kTime) + "}"};
  Json json = ToJson(seen);
  EXPECT_EQ(json["samples"],
            Json::array({{{"time", FormatTime(kTime - 4'000'000'000)}, {"value", 1}},
                         {{"time", FormatTime(kTime - 2'000'000'000)}, {"value", nullptr}},
                         {{"time", FormatTime(kTime)}, {"value", 3}}}));
  EXPECT_EQ(json["calls"], Json::array());
  EXPECT_FALSE(json["detail"].contains("recent"));
  seen.detail = R"({"recent":[1,3],"sample_ts_ns":)" + std::to_string(kTime) + "}";
  EXPECT_TRUE(ToJson(seen)["samples"][0]["time"].is_null()) << "at no fixed rate";

  ChainEvent done{kTime, "heald", "execution.observed", "d1",
                  R"({"text":"…","calls":[{"call":"POST /c","answer":"204","took_ns":812000000,)"
                  R"("at_ns":)" +
                      std::to_string(kTime) + "}]}"};
  EXPECT_EQ(ToJson(done)["calls"], Json::array({{{"call", "POST /c"},
                                                 {"answer", "204"},
                                                 {"time", FormatTime(kTime)},
                                                 {"took_seconds", 0.812}}}));
}

TEST(ApiJsonTest, ChainHoldsDecisionsGuardsOutcomesAndTimeline) {
  IncidentChain chain;
  chain.incident.id = 7;
  chain.incident.state = IncidentState::kResolved;
  chain.incident.opened_ns = kTime;
  chain.incident.findings.emplace_back();
  Decision decision;
  decision.id = "d1";
  decision.incident = 7;
  decision.verdict = DecisionVerdict::kAct;
  decision.mode = Mode::kEnforce;
  decision.actor = "heald";
  decision.plan = {"restart payments", true, "c1", "{\"secret\":1}", 30'000'000'000};
  decision.guards = {{"cooldown", true, "5 min since the last"}};
  chain.decisions = {decision};
  chain.outcomes = {{"d1", 7, OutcomeState::kVerified, "back to normal", kTime}};
  chain.timeline = {{kTime, "heald", "verified", "d1", "payments is healthy"},
                    {kTime, "user:anna", "switch", "", "off"}};
  const Json json = ToJson(chain);
  EXPECT_EQ(json["id"], 7);
  EXPECT_EQ(json["state"], "resolved");
  EXPECT_TRUE(json["closed"].is_null());
  EXPECT_EQ(json["findings"].size(), 1u);
  EXPECT_EQ(json["decisions"][0]["verdict"], "act");
  EXPECT_EQ(json["decisions"][0]["mode"], "enforce");
  EXPECT_EQ(json["decisions"][0]["guards"][0],
            Json({{"guard", "cooldown"}, {"allowed", true}, {"reason", "5 min since the last"}}));
  EXPECT_EQ(json["decisions"][0]["plan"]["effect_within_seconds"], 30.0);
  EXPECT_FALSE(json["decisions"][0]["plan"].contains("before"));  // the action's own affair
  EXPECT_EQ(json["outcomes"][0]["state"], "verified");
  EXPECT_EQ(json["timeline"][0]["decision"], "d1");
  EXPECT_TRUE(json["timeline"][1]["decision"].is_null());
  EXPECT_EQ(json["timeline"][1]["actor"], "user:anna");
}

TEST(ApiJsonTest, BytesThatAreNotTextAreReplaced) {
  EXPECT_EQ(Dump(ToJson(Labels{{"a", "x\xff"}})), "{\"a\":\"x\xEF\xBF\xBD\"}\n");
}

}  // namespace
}  // namespace heald::api
