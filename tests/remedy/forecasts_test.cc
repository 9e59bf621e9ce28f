#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// ---- the book alone -----------------------------------------------------------------------------

class ForecastBookTest : public ::testing::Test {
 protected:
  ForecastBookTest() {
    incident_.id = 7;
    latest_.SetWanted({"memory"}, {"service"});
  }

  Finding Say(const std::string& id = "leaks/1/1") {
    Finding finding;
    finding.node = "leaks";
    finding.id = id;
    finding.kind = FindingKind::kPrediction;
    finding.severity = Severity::kWarning;
    finding.target = {{"service", "payments"}};
    finding.metric = "memory";
    finding.value = 200;
    finding.ts_ns = now_ns_;
    finding.probability = 0.9;
    finding.eta_low_ns = now_ns_ + 8 * kMinute;
    finding.eta_ns = now_ns_ + 10 * kMinute;
    finding.eta_high_ns = now_ns_ + 12 * kMinute;
    finding.annotations.Set(kAboveAnnotation, "256");
    finding.annotations.Set(kHorizonAnnotation, "900");
    return finding;
  }
  std::vector<Forecast> Report(const Finding& finding) {
    return book_.OnFinding(finding, incident_, "{service=payments}", now_ns_);
  }
  // Every 15 s a sample, so long as `value` gives one.
  std::vector<Forecast> Pass(int64_t duration_ns, std::optional<double> value) {
    std::vector<Forecast> judged;
    const int64_t end_ns = now_ns_ + duration_ns;
    for (; now_ns_ < end_ns; now_ns_ += 15 * kSecond) {
      if (value) latest_.Record("prom", "memory", {{"service", "payments"}}, *value, now_ns_);
      for (Forecast& forecast : book_.Judge(latest_, now_ns_)) judged.push_back(forecast);
    }
    return judged;
  }

  int64_t now_ns_ = kStart;
  Incident incident_;
  LatestSamples latest_;
  ForecastBook book_;
};

TEST_F(ForecastBookTest, WhatCrossesTheThresholdInTimeCameTrue) {
  ASSERT_THAT(Report(Say()), SizeIs(1));
  EXPECT_THAT(Pass(10 * kMinute, 240), IsEmpty());
  const std::vector<Forecast> judged = Pass(kMinute, 257);
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_EQ(judged[0].outcome, ForecastOutcome::kCameTrue);
  EXPECT_EQ(judged[0].happened_ns - judged[0].made_ns, 10 * kMinute);
  EXPECT_EQ(judged[0].probability, 0.9);
  EXPECT_THAT(judged[0].reason, HasSubstr("came true 10 min after it was said: memory 257"));
  EXPECT_EQ(book_.pending(), 0u);
}

TEST_F(ForecastBookTest, TheDetectorsOwnReportsCountWithoutAnySample) {
  Report(Say());
  now_ns_ += 5 * kMinute;
  Finding update = Say();
  update.state = FindingState::kUpdate;
  update.value = 256;
  EXPECT_THAT(Report(update), IsEmpty());
  const std::vector<Forecast> judged = book_.Judge(latest_, now_ns_);
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_EQ(judged[0].outcome, ForecastOutcome::kCameTrue);
  update.value = 270;
  EXPECT_THAT(Report(update), IsEmpty()) << "it goes on, and is no new prediction";
}

TEST_F(ForecastBookTest, WhatDoesNotHappenInTimeIsAFalseAlarm) {
  Report(Say());
  const std::vector<Forecast> judged = Pass(20 * kMinute, 240);
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_EQ(judged[0].outcome, ForecastOutcome::kFalseAlarm);
  EXPECT_EQ(judged[0].judged_ns - judged[0].made_ns, 15 * kMinute) << "the horizon";
}

TEST_F(ForecastBookTest, AfterAVerifiedActionItIsAvertedUnlessItHappensAllTheSame) {
  Report(Say());
  Pass(3 * kMinute, 240);
  book_.OnVerified("{service=payments}", "restart payments", now_ns_);
  std::vector<Forecast> judged = Pass(20 * kMinute, 100);
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_EQ(judged[0].outcome, ForecastOutcome::kAverted);
  EXPECT_THAT(judged[0].reason, HasSubstr("restart payments was verified 3 min after"));

  Report(Say("leaks/1/2"));
  book_.OnVerified("{service=payments}", "restart payments", now_ns_);
  judged = Pass(5 * kMinute, 300);
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_EQ(judged[0].outcome, ForecastOutcome::kCameTrue);
}

TEST_F(ForecastBookTest, WithoutDataNobodyKnows) {
  latest_.SetStaleness("prom", 30 * kSecond);
  Report(Say());
  Pass(5 * kMinute, 240);
  const std::vector<Forecast> judged = Pass(15 * kMinute, std::nullopt);
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_EQ(judged[0].outcome, ForecastOutcome::kUndecidable);
  EXPECT_THAT(judged[0].reason, HasSubstr("nothing is known of memory for"));
}

TEST_F(ForecastBookTest, TimeThatTheAgentWasAwayCountsAsBlind) {
  const std::vector<Forecast> said = Report(Say());
  for (const auto& [away_ns, outcome] : {std::pair(kMinute, ForecastOutcome::kFalseAlarm),
                                         std::pair(6 * kMinute, ForecastOutcome::kUndecidable)}) {
    now_ns_ = kStart + 2 * kMinute + away_ns;
    ForecastBook after;
    after.Restore(said, kStart + 2 * kMinute, now_ns_);
    book_ = after;
    const std::vector<Forecast> judged = Pass(20 * kMinute, 240);
    ASSERT_THAT(judged, SizeIs(1));
    EXPECT_EQ(judged[0].outcome, outcome) << judged[0].reason;
  }
}

TEST_F(ForecastBookTest, SaidAgainUnderAnotherIdItIsOnePrediction) {
  Report(Say());
  Pass(5 * kMinute, 240);
  Finding clear = Say();
  clear.state = FindingState::kClear;
  Report(clear);
  const std::vector<Forecast> changed = Report(Say("leaks/1/2"));
  ASSERT_THAT(changed, SizeIs(2));
  EXPECT_EQ(changed[0].outcome, ForecastOutcome::kSuperseded);
  EXPECT_EQ(changed[1].finding, "leaks/1/2");
  EXPECT_EQ(changed[1].made_ns, kStart) << "what was said first counts";
  ASSERT_THAT(Pass(20 * kMinute, 240), SizeIs(1));
}

TEST_F(ForecastBookTest, WithoutAThresholdAnAnomalyOfTheSameSeriesIsTheTruth) {
  Finding said = Say();
  said.annotations = {};
  Report(said);
  Finding anomaly = Say("spikes/1/1");
  anomaly.kind = FindingKind::kAnomaly;
  anomaly.metric = "other";
  now_ns_ += kMinute;
  Report(anomaly);
  EXPECT_THAT(Pass(kMinute, 240), IsEmpty());
  anomaly.metric = "memory";
  anomaly.ts_ns = now_ns_;
  Report(anomaly);
  const std::vector<Forecast> judged = Pass(kMinute, 240);
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_EQ(judged[0].outcome, ForecastOutcome::kCameTrue);
}

TEST_F(ForecastBookTest, WhatOthersDoToTheTargetMakesItUndecidable) {
  Report(Say());
  now_ns_ += kMinute;
  Finding event = Say("restarts/1/1");
  event.kind = FindingKind::kEvent;
  event.summary = "payments was restarted";
  Report(event);
  const std::vector<Forecast> judged = Pass(20 * kMinute, 100);
  ASSERT_THAT(judged, SizeIs(1));
  EXPECT_EQ(judged[0].outcome, ForecastOutcome::kUndecidable);
  EXPECT_THAT(judged[0].reason, HasSubstr("payments was restarted"));
}

// ---- in the engine ------------------------------------------------------------------------------

Finding Leak(World& world) {
  Finding finding = world.Make("payments", Severity::kWarning);
  finding.kind = FindingKind::kPrediction;
  finding.probability = 0.8;
  finding.eta_ns = finding.eta_high_ns = world.clock.NowNs() + 10 * kMinute;
  finding.annotations.Set(kAboveAnnotation, "5");
  return finding;
}

std::vector<std::string> Reasons(World& world) {
  std::vector<std::string> reasons;
  for (const Forecast& forecast : world.ChainOf(1).forecasts)
    reasons.push_back(std::string(ToString(forecast.outcome)));
  return reasons;
}

TEST(RemedyForecastTest, IsJudgedJournaledAndToldOnceOverARestart) {
  World world(MakeSpec({}));
  const Finding finding = Leak(world);
  world.engine->OnFinding(finding);
  EXPECT_THAT(Reasons(world), ElementsAre("pending"));
  world.Run(2 * kMinute);
  world.Restart();
  Finding again = finding;  // the same detector process goes on
  again.state = FindingState::kUpdate;
  again.value = 6;
  again.ts_ns = world.clock.NowNs();
  world.Run(10 * kSecond);
  world.engine->OnFinding(again);
  world.Run(kSecond);
  EXPECT_THAT(Reasons(world), ElementsAre("came_true"));
  EXPECT_THAT(world.Kinds(1), Contains("prediction.judged").Times(1));
  world.Restart();
  world.Run(20 * kMinute);
  EXPECT_THAT(world.Kinds(1), Contains("prediction.judged").Times(1));
}

TEST(RemedyForecastTest, AnActionThatIsVerifiedAvertsIt) {
  PolicySpec policy = MakePolicy();
  policy.allow_on_prediction = true;
  World world(MakeSpec({policy}));
  const Finding finding = Leak(world);
  world.engine->OnFinding(finding);
  world.Run(5 * kSecond);
  world.Clear(finding);
  for (int i = 0; i < 50; ++i) {
    world.Sample("payments", 1);
    world.Run(15 * kSecond);
  }
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_THAT(Reasons(world), ElementsAre("averted"));
}

// ---- what it recommends -------------------------------------------------------------------------

TEST(RemedyRecommendedActionTest, GoesBeforeTheActionAndOnlyWhereItIsMapped) {
  PolicySpec policy = MakePolicy();
  policy.recommended_actions = {{"scale_out", "add_replica", ""}};
  PipelineSpec spec = MakeSpec({policy});
  NodeSpec other = *spec.FindNode("restart");
  other.name = "add_replica";
  spec.nodes.push_back(other);
  World world(spec);
  Finding finding = world.Make("payments");
  finding.recommended_action = "scale_out";
  world.engine->OnFinding(finding);
  Finding unmapped = world.Make("orders");
  unmapped.recommended_action = "restart";
  world.engine->OnFinding(unmapped);
  world.Run(kSecond);
  ASSERT_THAT(world.told.decisions, SizeIs(2));
  EXPECT_EQ(world.told.decisions[0].action, "add_replica");
  EXPECT_EQ(world.told.decisions[1].action, "restart");
}

TEST(RemedyRecommendedActionTest, IsTakenUpAfterACrash) {
  PolicySpec policy = MakePolicy();
  policy.action = "alert";
  policy.recommended_actions = {{"restart", "restart", ""}};
  World world(MakeSpec({policy}));
  Finding finding = world.Make("payments");
  finding.recommended_action = "restart";
  world.engine->OnFinding(finding);
  world.Run(50 * kMillisecond);
  ASSERT_EQ(world.gateway.executes, 1);
  world.Restart();
  world.Run(5 * kSecond);
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
  EXPECT_THAT(world.Kinds(1), Contains("execution.verified"));
}

}  // namespace
}  // namespace heald::remedy
