#include "core/backtest/summary.h"

#include <gmock/gmock.h>

namespace heald::backtest {
namespace {

class BacktestSummaryTest : public ::testing::Test {
 protected:
  BacktestSummaryTest() : run_(Empty()) {}
  static Backtest Empty() {
    Backtest run;
    run.span = {0, 10 * kDay, 12 * kDay};
    run.spec = std::make_unique<PipelineSpec>();
    NodeSpec node;
    node.kind = Kind::kDetector;
    node.name = "d";
    run.spec->nodes = {node};
    PolicySpec policy;
    policy.name = "p";
    run.spec->policies = {policy};
    run.ledger = std::make_unique<Ledger>(*run.spec);
    return run;
  }
  static void AddIncident(Backtest& run, const char* target, int64_t opened_ns, int64_t closed_ns) {
    SeenIncident& incident = run.ledger->incidents.emplace_back();
    incident.id = run.ledger->incidents.size();
    incident.target = incident.target_key = target;
    incident.opened_ns = run.span.from_ns + opened_ns;
    incident.closed_ns = closed_ns == 0 ? 0 : run.span.from_ns + closed_ns;
  }
  void AddFinding(int64_t told_ns, int64_t cleared_ns, bool recovered = true) {
    FoundFinding& found = run_.ledger->findings.emplace_back();
    found.detector = "d";
    found.told_ns = run_.span.from_ns + told_ns;
    found.cleared_ns = cleared_ns == 0 ? 0 : run_.span.from_ns + cleared_ns;
    found.recovered = recovered && cleared_ns != 0;
  }
  void AddAct(size_t finding, int64_t ts_ns) {
    Act& act = run_.ledger->acts.emplace_back();
    act.policy = "p";
    act.finding = finding;
    act.ts_ns = run_.span.from_ns + ts_ns;
  }
  Summary Sum() const { return Summarize(run_, {}, 5 * kMinute); }

  Backtest run_;
};

TEST_F(BacktestSummaryTest, CountsByDay) {
  AddIncident(run_, "a", kHour, kHour + kMinute);
  AddIncident(run_, "a", kDay + kHour, kDay + 2 * kHour);
  AddIncident(run_, "b", kDay + kHour, 0);
  run_.ledger->incidents[0].quiet = false;
  const Summary sum = Sum();
  EXPECT_EQ(sum.incidents, 3u);
  EXPECT_DOUBLE_EQ(sum.alerts_per_day, 1.5);
  ASSERT_EQ(sum.by_day.size(), 3u);
  EXPECT_EQ(sum.by_day[1].second, 2u);
  EXPECT_EQ(sum.by_itself, 1u);
  EXPECT_EQ(sum.judged, 3u);
  EXPECT_EQ(sum.open_at_end, 1u);
  ASSERT_EQ(sum.entities.size(), 2u);
  EXPECT_EQ(sum.entities[0].target, "a");
}

TEST_F(BacktestSummaryTest, MutedIncidentsAreNoAlerts) {
  AddIncident(run_, "a", kHour, kHour + kMinute);
  run_.ledger->incidents[0].quiet = true;
  EXPECT_EQ(Sum().incidents, 0u);
  EXPECT_EQ(Sum().quiet, 1u);
}

TEST_F(BacktestSummaryTest, TimesThatOverlapAreOpenOnce) {
  AddFinding(0, 10 * kMinute);
  AddFinding(5 * kMinute, 15 * kMinute);
  AddFinding(kHour, kHour + kMinute);
  EXPECT_EQ(Sum().detectors[0].open_ns, 16 * kMinute);
  EXPECT_EQ(Sum().detectors[0].median_ns, 10 * kMinute);
}

TEST_F(BacktestSummaryTest, AnActIsJudgedByHowHistoryWentOn) {
  AddFinding(0, 4 * kMinute);             // soon over
  AddFinding(0, kHour);                   // not so soon
  AddFinding(0, 2 * kMinute, false);      // its series ended
  AddFinding(2 * kDay - 2 * kMinute, 0);  // history ends before anybody knows
  AddFinding(kDay, 0);                    // bad to the end
  for (size_t i = 0; i < 3; ++i) AddAct(i, kMinute);
  AddAct(3, 2 * kDay - kMinute);
  AddAct(4, kDay + kMinute);
  const PolicySummary policy = Sum().policies[0];
  EXPECT_EQ(policy.would_act, 5u);
  EXPECT_EQ(policy.cleared, 1u);
  EXPECT_EQ(policy.still_bad, 2u);
  EXPECT_EQ(policy.unknown, 2u);
}

TEST_F(BacktestSummaryTest, IncidentsAreTheSameWhereTargetAndTimeAre) {
  Backtest other = Empty();
  AddIncident(run_, "a", kHour, 2 * kHour);
  AddIncident(run_, "a", 5 * kHour, 6 * kHour);
  AddIncident(run_, "b", kHour, 0);
  AddIncident(other, "a", 2 * kHour + 30 * kSecond, 3 * kHour);
  AddIncident(other, "c", 5 * kHour, 6 * kHour);
  EXPECT_THAT(OnlyIn(run_, other), ::testing::ElementsAre(1, 2));
  EXPECT_THAT(OnlyIn(other, run_), ::testing::ElementsAre(1));
}

}  // namespace
}  // namespace heald::backtest
