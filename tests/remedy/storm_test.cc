#include "core/remedy/storm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class RemedyStormTest : public ::testing::Test {
 protected:
  static PipelineSpec Spec() {
    PipelineSpec spec = MakeSpec({MakePolicy()});
    spec.agent.storm = {5, kMinute, 10 * kMinute};
    return spec;
  }
  std::vector<Finding> Flood(int count, int first = 0) {
    std::vector<Finding> findings;
    for (int i = first; i < first + count; ++i) {
      findings.push_back(world.Make("s" + std::to_string(i)));
      world.engine->OnFinding(findings.back());
    }
    return findings;
  }
  const IncidentBook& book() { return world.engine->incidents(); }

  World world{Spec()};
};

TEST_F(RemedyStormTest, TheLimitItselfIsNoStorm) {
  Flood(5);
  EXPECT_FALSE(world.engine->storm().on());
  world.Run(kMinute);
  EXPECT_EQ(world.gateway.executes, 5);
  Flood(5, 5);
  EXPECT_FALSE(world.engine->storm().on()) << "the first five are a minute old";
  EXPECT_THAT(book().all(), SizeIs(10));
}

TEST_F(RemedyStormTest, OneMoreStopsAllActionAndIsToldOnce) {
  Flood(40);
  EXPECT_TRUE(world.engine->storm().on());
  EXPECT_THAT(book().all(), SizeIs(6)) << "five, and the storm's own";
  const Incident& storm = book().all().at(6)->incident;
  EXPECT_EQ(storm.summary,
            "storm: more than 5 new incidents within 1m, since 00:00:00 UTC; nothing is repaired "
            "until it has been calm for 10m");
  world.Run(10 * kSecond);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("incident #6  storm:")).Times(1));
  EXPECT_THAT(world.told.lines, Not(Contains(HasSubstr("s20"))));
  EXPECT_EQ(world.Refusals().size(), 5u) << "once for each incident";
  EXPECT_THAT(world.Refusals(), Contains(HasSubstr("storm: nothing is repaired during a storm: "
                                                   "more than 5 new incidents within 1m, since "
                                                   "00:00:00 UTC (incident #6); next possible")));
  const Chain chain = world.ChainOf(6);
  ASSERT_THAT(chain.incident.findings, SizeIs(1));
  EXPECT_EQ(chain.incident.findings[0].count, 35u);
  EXPECT_EQ(chain.incident.findings[0].summary, "latency_p99 of 35 targets, such as s5");
}

TEST_F(RemedyStormTest, EndsByItselfWhenItIsCalmAndActsAgain) {
  const std::vector<Finding> findings = Flood(20);
  world.Run(5 * kMinute);
  for (size_t i = 5; i < findings.size(); ++i) world.Clear(findings[i]);
  world.Run(5 * kMinute - kSecond);
  EXPECT_TRUE(world.engine->storm().on());
  EXPECT_EQ(world.gateway.executes, 0);
  world.Run(2 * kSecond);
  EXPECT_FALSE(world.engine->storm().on());
  EXPECT_EQ(world.gateway.executes, 5) << "those that were open all the time";
  EXPECT_THAT(world.told.lines, Contains(HasSubstr("incident #6  the storm is over after 10 min: "
                                                   "15 findings were only counted, 0 of them are "
                                                   "still open")));
  EXPECT_EQ(world.ChainOf(6).incident.state, IncidentState::kResolved);
}

TEST_F(RemedyStormTest, GoesOnWhileMuchIsStillWrong) {
  std::vector<Finding> findings = Flood(20);
  world.Run(30 * kMinute);
  EXPECT_TRUE(world.engine->storm().on()) << "15 at once would be the next storm";
  for (size_t i = 5; i < 12; ++i) world.Clear(findings[i]);
  world.Run(kMinute);
  EXPECT_TRUE(world.engine->storm().on());
  for (size_t i = 12; i < 15; ++i) world.Clear(findings[i]);
  world.Run(kMinute);
  EXPECT_FALSE(world.engine->storm().on());
  for (size_t i = 15; i < 20; ++i) {
    findings[i].state = FindingState::kUpdate;
    world.engine->OnFinding(findings[i]);
  }
  EXPECT_THAT(book().all(), SizeIs(10)) << "what was counted only is taken in with its next word";
}

TEST_F(RemedyStormTest, WhatNobodyReportsAnyMoreDoesNotKeepItUp) {
  Flood(20);
  world.Run(kHour - kMinute);
  EXPECT_TRUE(world.engine->storm().on());
  world.Run(2 * kMinute + kSecond);
  EXPECT_FALSE(world.engine->storm().on());
}

TEST_F(RemedyStormTest, FurtherOnesProlongIt) {
  Flood(10);
  world.Run(9 * kMinute);
  for (Finding& finding : Flood(3, 100)) world.Clear(finding);
  world.Run(9 * kMinute);
  EXPECT_TRUE(world.engine->storm().on());
  EXPECT_THAT(book().all(), SizeIs(6)) << "while it lasts they are counted";
}

TEST_F(RemedyStormTest, IncidentsThatAreOpenLiveOn) {
  const std::vector<Finding> findings = Flood(20);
  Finding more = world.Make("s0");
  more.metric = "error_rate";
  world.engine->OnFinding(more);
  EXPECT_THAT(book().all().at(1)->incident.findings, SizeIs(2));
  world.Clear(more);
  world.Clear(findings[0]);
  EXPECT_EQ(world.ChainOf(1).incident.state, IncidentState::kResolved);
}

TEST_F(RemedyStormTest, OutlivesARestart) {
  const std::vector<Finding> findings = Flood(10);
  world.Run(kMinute);
  world.Restart();
  EXPECT_TRUE(world.engine->storm().on());
  for (int i = 0; i < 5; ++i) world.engine->OnFinding(findings[static_cast<size_t>(i)]);
  world.Run(8 * kMinute);
  EXPECT_EQ(world.gateway.executes, 0);
  EXPECT_EQ(world.ChainOf(6).incident.closed_ns, 0);
  world.Run(2 * kMinute);
  EXPECT_FALSE(world.engine->storm().on());
  EXPECT_EQ(world.gateway.executes, 5);
  world.Restart();
  EXPECT_FALSE(world.engine->storm().on());
}

TEST_F(RemedyStormTest, CanBeSwitchedOffInTheFile) {
  Flood(10);
  PipelineSpec spec = Spec();
  spec.agent.storm.incidents = 0;
  world.engine->SetPolicies(spec);
  world.Run(11 * kMinute);
  EXPECT_FALSE(world.engine->storm().on());
  Flood(30, 1000);
  EXPECT_FALSE(world.engine->storm().on());
}

TEST_F(RemedyStormTest, AReplacedDetectorTakesItsCountedFindingsAlong) {
  Flood(20);
  world.engine->OnNodeGone("spikes");
  EXPECT_EQ(world.engine->storm().merged_open(), 0u);
}

TEST_F(RemedyStormTest, FiftyThousandBadSeriesAreFewIncidentsFewNoticesAndLittleMemory) {
  PipelineSpec spec = Spec();
  spec.agent.storm = StormSpec();
  world.engine->SetPolicies(spec);
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 50'000; ++i) {
      Finding finding = world.Make("s" + std::to_string(i));
      finding.id = "spikes/1/x" + std::to_string(i);
      finding.metric = "m" + std::to_string(i % 200);
      finding.state = round == 0 ? FindingState::kOpen : FindingState::kUpdate;
      world.engine->OnFinding(finding);
      if (i % 1000 == 0) world.Run(200 * kMillisecond);
    }
  EXPECT_THAT(book().all(), SizeIs(51));
  EXPECT_LT(world.told.ids.size(), 200u);
  EXPECT_EQ(world.engine->storm().merged_total(), 50'000u - 50u);
  const Chain chain = world.ChainOf(51);
  EXPECT_LE(chain.incident.findings.size(), 50u);
  uint64_t counted = 0;
  world.Run(kMinute);
  for (const Finding& finding : world.ChainOf(51).incident.findings) counted += finding.count;
  EXPECT_EQ(counted, 50'000u - 50u);
}

}  // namespace
}  // namespace heald::remedy
