#include "core/remedy/efficacy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/remedy/report.h"
#include "tests/remedy/specs.h"

namespace heald::remedy {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const auto kTellsNobody = [](std::string_view action) { return action == "alert"; };

PolicyEfficacy EfficacyOf(World& world, const std::string& policy) {
  const auto all = ReadEfficacy(world.store.get(), 0, kTellsNobody);
  EXPECT_TRUE(all);
  const auto at = all->find(policy);
  EXPECT_TRUE(at != all->end());
  return at == all->end() ? PolicyEfficacy() : at->second;
}

// One incident of the target, healed by its action or not at all.
void OneIncident(World& world, const std::string& service, bool heals) {
  const Finding finding = world.Open(service);
  world.Run(5 * kSecond);
  if (heals) world.Clear(finding);
  world.Run(3 * kMinute);
  if (!heals) world.Clear(finding);
  world.Run(10 * kMinute);
}

TEST(RemedyEfficacyTest, CountsWhatReallyWasDoneAndHowLongRecoveryTook) {
  World world(MakeSpec({MakePolicy()}));
  OneIncident(world, "a", true);
  OneIncident(world, "b", true);
  OneIncident(world, "c", false);
  const PolicyEfficacy latency = EfficacyOf(world, "latency");
  EXPECT_EQ(latency.attempts, 3u);
  EXPECT_EQ(latency.verified, 2u);
  EXPECT_EQ(latency.failed, 1u);
  EXPECT_DOUBLE_EQ(latency.success_ratio, 2.0 / 3);
  EXPECT_EQ(latency.recover_median_ns, 7 * kSecond) << "5 s, and 2 s before it was seen";
  EXPECT_EQ(latency.cleared_by_itself, 0u);
}

TEST(RemedyEfficacyTest, SaysHowOftenItClearedByItself) {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kShadow;
  World world(MakeSpec({policy}));
  for (const char* service : {"a", "b"}) {
    const Finding finding = world.Open(service);
    world.Run(40 * kSecond);
    world.Clear(finding);
  }
  const PolicyEfficacy latency = EfficacyOf(world, "latency");
  EXPECT_EQ(latency.attempts, 0u);
  EXPECT_EQ(latency.would_act, 2u);
  EXPECT_EQ(latency.cleared_by_itself, 2u);
  EXPECT_EQ(latency.cleared_in_shadow, 2u);
  EXPECT_NEAR(static_cast<double>(latency.cleared_median_ns), 40e9, 1e9);
  const Chain chain = world.ChainOf(1);
  EXPECT_EQ(chain.incident.resolution, Resolution::kByItself);
  EXPECT_EQ(Afterwards(chain.decisions.at(0), chain.incident),
            "cleared by itself after 40 s: an action would have been noise");
}

TEST(RemedyEfficacyTest, AnIncidentKnowsHowItEndedAndWhoWasNeeded) {
  World world(MakeSpec({MakePolicy()}));
  OneIncident(world, "a", true);
  OneIncident(world, "b", false);
  EXPECT_EQ(world.ChainOf(1).incident.resolution, Resolution::kHealed);
  EXPECT_EQ(world.ChainOf(1).incident.healed_by, "latency");
  EXPECT_FALSE(world.ChainOf(1).incident.needed_person);
  EXPECT_EQ(world.ChainOf(2).incident.resolution, Resolution::kAfterFailure);
  EXPECT_TRUE(world.ChainOf(2).incident.needed_person);
}

TEST(RemedyEfficacyTest, PredictionsAreScored) {
  World world(MakeSpec({}));
  Change change;
  const auto add = [&](const std::string& id, double probability, ForecastOutcome outcome) {
    Forecast& forecast = change.forecasts.emplace_back();
    forecast.finding = id;
    forecast.detector = "leaks";
    forecast.probability = probability;
    forecast.made_ns = 100;
    forecast.outcome = outcome;
    forecast.judged_ns = 500;
    if (outcome == ForecastOutcome::kCameTrue) forecast.happened_ns = 400;
  };
  add("1", 0.9, ForecastOutcome::kCameTrue);
  add("2", 0.8, ForecastOutcome::kFalseAlarm);
  add("3", 0.8, ForecastOutcome::kAverted);
  add("4", 0.8, ForecastOutcome::kSuperseded);
  ASSERT_TRUE(world.store->Commit(&change));
  const std::vector<ForecastScore> scores = *ReadForecastScores(world.store.get(), 0);
  ASSERT_THAT(scores, SizeIs(1));
  EXPECT_NEAR(scores[0].brier_score, (0.01 + 0.64) / 2, 1e-9);
  EXPECT_DOUBLE_EQ(scores[0].precision_ratio, 0.5);
  EXPECT_EQ(scores[0].averted, 1u);
  EXPECT_EQ(scores[0].lead_median_ns, 300);
}

// ---- policies that keep failing -----------------------------------------------------------------

PolicySpec Demoted() {
  PolicySpec policy = MakePolicy();
  policy.guard.demote = {3, 5};
  policy.guard.breaker.failures = 0;
  return policy;
}

TEST(RemedyDemotionTest, APolicyThatKeepsFailingAsksFromThenOn) {
  World world(MakeSpec({Demoted()}));
  OneIncident(world, "a", false);
  OneIncident(world, "b", true);
  OneIncident(world, "c", false);
  EXPECT_EQ(ModeNow(world), Mode::kEnforce);
  world.Restart();  // what happened before a restart counts
  const int before = world.gateway.executes;
  OneIncident(world, "d", false);
  EXPECT_EQ(world.gateway.executes, before + 1);
  EXPECT_EQ(ModeNow(world), Mode::kApprove);
  EXPECT_EQ(world.engine->overrides().at("latency").actor, "heald");
  EXPECT_THAT(world.told.loud,
              Contains(HasSubstr("policy latency asks from now on: 3 of its last 4 executions "
                                 "failed or didn't last; it enforces again when a person "
                                 "sets its mode")));
  EXPECT_THAT(world.Kinds(4), Contains("policy.demoted"));
  world.Open("e");
  world.Run(kSecond);
  EXPECT_EQ(world.gateway.executes, before + 1) << "it asks";
  EXPECT_THAT(world.engine->AwaitingApproval(), SizeIs(1));
  world.Restart();
  EXPECT_EQ(ModeNow(world), Mode::kApprove) << "also after a restart";
}

TEST(RemedyDemotionTest, APersonSetsItBackAndItCountsAnew) {
  World world(MakeSpec({Demoted()}));
  for (const char* service : {"a", "b", "c"}) OneIncident(world, service, false);
  ASSERT_EQ(ModeNow(world), Mode::kApprove);
  ASSERT_TRUE(world.engine->ChangePolicy("latency", std::nullopt, Mode::kEnforce, "user:anna"));
  world.Restart();
  OneIncident(world, "d", false);
  OneIncident(world, "e", false);
  EXPECT_EQ(ModeNow(world), Mode::kEnforce);
  OneIncident(world, "f", false);
  EXPECT_EQ(ModeNow(world), Mode::kApprove);
}

TEST(RemedyDemotionTest, WithoutAnyFailureCountedOrWithZeroItNeverHappens) {
  PolicySpec policy = Demoted();
  policy.guard.demote.failures = 0;
  World world(MakeSpec({policy}));
  for (const char* service : {"a", "b", "c", "d"}) OneIncident(world, service, false);
  EXPECT_EQ(ModeNow(world), Mode::kEnforce);
}

TEST(FailuresTest, AnIncidentThatEndsWellTakesItsFailuresBack) {
  Failures failures;
  for (uint64_t incident = 1; incident <= 4; ++incident) {
    failures.Add("p", {incident, 10, true});
    failures.Add("p", {incident, 20, incident > 2});
  }
  EXPECT_EQ(failures.Failed("p", 10), 4u);
  EXPECT_EQ(failures.Failed("p", 2), 2u);
  EXPECT_EQ(failures.Known("p", 10), 8u);
}

// ---- reports and labels -------------------------------------------------------------------------

TEST(RemedyReportTest, WeeksBeginOnMondayAndTellWhatPeopleWereSpared) {
  World world(MakeSpec({MakePolicy()}));
  // 2026-01-01 is a Thursday.
  OneIncident(world, "a", true);
  world.Run(4 * kDay);
  OneIncident(world, "a", true);
  OneIncident(world, "b", false);
  OneIncident(world, "d", true);
  ASSERT_TRUE(world.engine->LabelIncident(3, {"false_positive", "load test", "user:anna", 0}));
  ASSERT_TRUE(world.engine->LabelIncident(4, {"noise", "", "user:anna", 0}));
  const WeeklyReport report = *ReadWeekly(world.store.get(), 2, world.clock.NowNs());
  ASSERT_THAT(report.weeks, SizeIs(2));
  EXPECT_EQ(FormatTime(report.weeks[0].from_ns), "2026-01-05T00:00:00.000Z");
  EXPECT_EQ(report.weeks[0].figures.incidents, 3u);
  EXPECT_EQ(report.weeks[0].figures.healed, 1u) << "noise had nothing to heal";
  EXPECT_DOUBLE_EQ(report.weeks[0].figures.healed_ratio, 1);
  EXPECT_EQ(report.weeks[0].figures.avoided_pages, 1u);
  EXPECT_EQ(report.weeks[0].figures.needed_person, 1u);
  EXPECT_EQ(report.weeks[0].figures.false_positives, 1u);
  EXPECT_EQ(report.weeks[0].figures.mttr_median_ns, 7 * kSecond)
      << "the false positive is left out";
  EXPECT_EQ(report.weeks[1].figures.incidents, 1u);
  EXPECT_EQ(report.total.incidents, 4u);
  ASSERT_THAT(report.targets, SizeIs(3));
  EXPECT_EQ(report.targets[0].name, "a");
  ASSERT_THAT(report.policies, SizeIs(1));
  EXPECT_EQ(report.policies[0].figures.healed, 2u);
}

TEST(RemedyLabelTest, IsKeptWithWhoAndWhyAndCanBeTakenBack) {
  World world(MakeSpec({}));
  const Finding finding = world.Open("payments");
  const auto label = [&](const std::string& value) {
    return world.engine->LabelIncident(1, {value, "known", "user:anna", 0});
  };
  EXPECT_EQ(label("nonsense").error().code, Code::kInvalid);
  EXPECT_EQ(world.engine->LabelIncident(9, {"noise", "", "user:anna", 0}).error().code,
            Code::kNotFound);
  ASSERT_TRUE(label("noise"));
  world.Clear(finding);
  world.Run(kSecond);
  EXPECT_EQ(world.ChainOf(1).incident.label.value, "noise") << "its end doesn't take it away";
  ASSERT_TRUE(label("false_positive")) << "also when it is over";
  world.Restart();
  EXPECT_EQ(world.ChainOf(1).incident.label.value, "false_positive");
  EXPECT_EQ(world.ChainOf(1).incident.label.actor, "user:anna");
  EXPECT_THAT(world.Kinds(1), Contains("incident.labelled").Times(2));
  ASSERT_TRUE(label(""));
  EXPECT_EQ(world.ChainOf(1).incident.label.value, "");
}

}  // namespace
}  // namespace heald::remedy
