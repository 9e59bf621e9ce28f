#include "plugins/detectors/baseline/detector.h"

#include <gmock/gmock.h>

#include <cmath>

#include "heald/testing.h"

namespace heald::baseline {
namespace {

using sdk::Finding;
using sdk::FindingState;
using sdk::Severity;
using sdk::testing::DetectorHarness;
using sdk::testing::FakeHost;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BaselineDetectorTest : public ::testing::Test {
 protected:
  using Values = std::vector<std::pair<std::string, double>>;

  void Start(const Config& config = {}) { baseline_.emplace(host_, config); }
  double Noise() { return std::sin(static_cast<double>(++n_) * 12.9898); }
  // What a healthy instance says.
  Values Usual() {
    return {{"cpu", 0.3 + 0.02 * Noise()},
            {"memory", 500 + 5 * Noise()},
            {"latency", 0.1 + 0.01 * Noise()},
            {"requests", 100 + 4 * Noise()}};
  }
  std::vector<sdk::testing::FakeScores::Scored> Feed(const Values& values,
                                                     sdk::Duration step = sdk::Seconds(15)) {
    return baseline_->Score(values, labels_, step);
  }
  void Normal(int moments = 200) {
    for (int i = 0; i < moments; ++i) Feed(Usual());
  }
  Values Faulty() {
    Values values = Usual();
    values[2].second = 2;
    values[0].second = 0.6;
    return values;
  }
  const std::vector<Finding>& findings() { return baseline_->findings(); }
  std::vector<std::string_view> ClearReasons() {
    std::vector<std::string_view> reasons;
    for (const Finding& finding : findings())
      if (finding.state == FindingState::kClear)
        reasons.push_back(finding.annotations.Get(sdk::kClearedBecause));
    return reasons;
  }

  FakeHost host_;
  std::optional<DetectorHarness<Detector>> baseline_;
  sdk::LabelSet labels_{{"instance", "a:9100"}, {"job", "shop"}};
  int n_ = 0;
};

TEST_F(BaselineDetectorTest, SaysOneThingAboutAnEntityWithItsCauses) {
  Start();
  Normal();
  EXPECT_TRUE(findings().empty());
  for (int i = 0; i < 4; ++i) Feed(Faulty());
  ASSERT_FALSE(findings().empty());
  for (const Finding& said : findings()) EXPECT_EQ(said.id, 1u);
  const Finding& finding = findings()[0];
  EXPECT_EQ(finding.state, FindingState::kOpen);
  EXPECT_EQ(finding.target, labels_);
  EXPECT_EQ(finding.metric, "latency");
  EXPECT_EQ(finding.unit, "s");
  EXPECT_EQ(finding.value, 2);
  EXPECT_GT(finding.expected_high, 0.1);
  EXPECT_LT(finding.expected_high, 0.3);
  EXPECT_LT(finding.expected_low, 0.1);
  EXPECT_GE(finding.score, 5);
  EXPECT_GT(finding.confidence, 0.9);
  EXPECT_GE(finding.severity, Severity::kWarning);
  EXPECT_LE(finding.began_ns, finding.ts_ns);
  EXPECT_GT(finding.began_ns, finding.ts_ns - sdk::Minutes(2).ns);
  EXPECT_EQ(finding.recent.back(), 2);
  ASSERT_GE(finding.contributors.size(), 2u);
  EXPECT_EQ(finding.contributors[0].name, "latency");
  double shares = 0;
  for (const sdk::Contributor& contributor : finding.contributors) shares += contributor.share;
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_GE(finding.contributors[0].share, finding.contributors[1].share);
}

TEST_F(BaselineDetectorTest, ClearsWithinAFewSamplesOfTheReturnToNormal) {
  Start();
  Normal();
  for (int i = 0; i < 20; ++i) Feed(Faulty());
  EXPECT_TRUE(ClearReasons().empty());
  for (int i = 0; i < 4; ++i) Feed(Usual());
  EXPECT_THAT(ClearReasons(), ElementsAre("normal"));
  // What is left of the smoothed score opens no second finding.
  Normal(300);
  EXPECT_THAT(ClearReasons(), ElementsAre("normal"));
  EXPECT_EQ(findings().back().state, FindingState::kClear);
  EXPECT_EQ(findings().back().severity, Severity::kNormal);
  EXPECT_EQ(findings().back().recent.back(), findings().back().value);
  for (const Finding& finding : findings()) EXPECT_EQ(finding.id, findings()[0].id);
}

TEST_F(BaselineDetectorTest, ASecondFaultIsASecondFinding) {
  Start();
  Normal(1000);
  for (int i = 0; i < 10; ++i) Feed(Faulty());
  Normal(200);
  for (int i = 0; i < 10; ++i) Feed(Faulty());
  EXPECT_NE(findings().back().id, findings().front().id);
}

TEST_F(BaselineDetectorTest, DoesNotLearnAFaultWhileItIsOpen) {
  Start();
  Normal(1000);
  for (int i = 0; i < 60; ++i) Feed(Faulty());
  EXPECT_TRUE(ClearReasons().empty());
}

// What is young has learnt much of the fault before it is called one.
TEST_F(BaselineDetectorTest, IsNotOverWhileTheValueIsOutOfTheRangeThatWasTold) {
  Config config;
  config.group_by = {"instance"};
  config.direction = Direction::kAbove;
  config.min_samples = 10;
  config.min_deviation = 0.05;
  config.clear_after = 1;
  Start(config);
  const auto feed = [&](double latency) {
    Feed({{"latency", latency + 0.02 * Noise()}, {"errors", 0}}, sdk::Seconds(1));
  };
  for (int i = 0; i < 28; ++i) feed(0.32);
  for (int i = 0; i < 120; ++i) feed(2);
  ASSERT_FALSE(findings().empty());
  EXPECT_LT(findings()[0].expected_high, 2);
  EXPECT_TRUE(ClearReasons().empty());
  for (int i = 0; i < 3; ++i) feed(0.32);
  EXPECT_THAT(ClearReasons(), ElementsAre("normal"));
}

// Whatever was learnt of it meanwhile, and whichever series leads by then.
TEST_F(BaselineDetectorTest, AFaultThatStaysIsNotOverForAGroup) {
  for (const int learnt : {45, 300, 3000}) {
    Start();
    for (int i = 0; i < learnt; ++i) Feed(Usual(), sdk::Seconds(1));
    for (int i = 0; i < 3500; ++i) Feed(Faulty(), sdk::Seconds(1));
    ASSERT_FALSE(findings().empty());
    EXPECT_TRUE(ClearReasons().empty()) << "after " << learnt;
    EXPECT_EQ(findings().back().metric, findings().front().metric);
    EXPECT_EQ(findings().back().expected_high, findings().front().expected_high);
    for (int i = 0; i < 20; ++i) Feed(Usual(), sdk::Seconds(1));
    EXPECT_THAT(ClearReasons(), ElementsAre("normal"));
  }
}

// Its values are all as expected; how they move isn't.
TEST_F(BaselineDetectorTest, AFreezeOrAJitterThatStaysIsNotOver) {
  for (const double times : {0.0, 3.0})
    for (const size_t wrong : {1u, 2u, 4u}) {
      SCOPED_TRACE(std::to_string(wrong) + " of 4, noise times " + std::to_string(times));
      Start({.max_hold = sdk::Minutes(240)});
      for (int i = 0; i < 1500; ++i) Feed(Usual(), sdk::Minutes(1));
      const Values middle{{"cpu", 0.3}, {"memory", 500}, {"latency", 0.1}, {"requests", 100}};
      for (int i = 0; i < 50; ++i) {
        Values values = Usual();
        for (size_t at = 0; at < wrong; ++at)
          values[at].second = middle[at].second + times * (values[at].second - middle[at].second);
        Feed(values, sdk::Minutes(1));
      }
      ASSERT_FALSE(findings().empty());
      EXPECT_TRUE(ClearReasons().empty());
      for (int i = 0; i < 40; ++i) Feed(Usual(), sdk::Minutes(1));
      EXPECT_THAT(ClearReasons(), ElementsAre("normal"));
    }
}

TEST_F(BaselineDetectorTest, TheWayBackFromBelowIsNothingAbove) {
  for (const size_t columns : {1u, 4u})
    for (const int fallen : {1, 2, 5, 20, 100}) {
      SCOPED_TRACE(std::to_string(columns) + " columns, down for " + std::to_string(fallen));
      Config config;
      config.direction = Direction::kAbove;
      Start(config);
      const auto feed = [&](int moments, double times) {
        for (int i = 0; i < moments; ++i) {
          Values values = Usual();
          values.resize(columns);
          for (auto& [name, value] : values) value *= times;
          Feed(values);
        }
      };
      feed(1000, 1);
      feed(fallen, 0);
      feed(100, 1);
      EXPECT_TRUE(findings().empty());
      feed(10, 2);
      EXPECT_FALSE(findings().empty());
    }
}

// Time-outs, say: a hundred times the usual for five minutes.
TEST_F(BaselineDetectorTest, ADisasterDoesNotHideTheNextFault) {
  Start();
  const auto feed = [&](double times, int minutes) {
    for (int i = 0; i < minutes; ++i) {
      Values values = Usual();
      values[2].second *= times;
      Feed(values, sdk::Minutes(1));
    }
  };
  feed(1, 5000);
  feed(100, 5);
  feed(1, 600);
  ASSERT_EQ(ClearReasons().size(), 1u);
  feed(3, 10);
  feed(1, 20);
  EXPECT_EQ(ClearReasons().size(), 2u);
}

// A day later the hours' profile is known, and says nothing yet.
TEST_F(BaselineDetectorTest, NoiseWithoutASeasonIsNoFindingOnTheSecondDay) {
  Start();
  for (int i = 0; i < 3 * 1440; ++i) Feed(Usual(), sdk::Minutes(1));
  EXPECT_TRUE(findings().empty());
  for (int i = 0; i < 10; ++i) Feed(Faulty(), sdk::Minutes(1));
  EXPECT_FALSE(findings().empty());
}

TEST_F(BaselineDetectorTest, AFaultThatComesEveryDayIsFoundEachTime) {
  Start();
  Normal(4 * 1440);
  for (size_t found = 1; found <= 10; ++found) {
    for (int i = 0; i < 60; ++i) Feed(Faulty(), sdk::Minutes(1));
    for (int i = 0; i < 1680; ++i) Feed(Usual(), sdk::Minutes(1));
    EXPECT_EQ(ClearReasons().size(), found);
  }
}

// Somebody who tries it breaks the same service again and again, as soon as it knows its usual.
TEST_F(BaselineDetectorTest, AYoungSeriesFindsAFaultEachTimeThatItComes) {
  for (const int gap : {30, 60, 120}) {
    Config config;
    config.group_by = {"instance"};
    config.direction = Direction::kAbove;
    config.min_samples = 10;
    config.min_deviation = 0.05;
    config.clear_after = 1;
    Start(config);
    const auto feed = [&](double latency, int seconds) {
      for (int i = 0; i < seconds; ++i)
        Feed({{"latency", latency + 0.004 * Noise()}, {"errors", 0}}, sdk::Seconds(1));
    };
    feed(0.08, 60);
    for (size_t found = 1; found <= 5; ++found) {
      feed(2, 10);
      feed(0.08, gap);
      EXPECT_EQ(ClearReasons().size(), found) << "every " << gap << " s";
    }
  }
}

TEST_F(BaselineDetectorTest, TheUnitChangesNoScore) {
  const auto scores = [&](double unit) {
    Start();
    n_ = 0;
    std::vector<double> all;
    for (int i = 0; i < 400; ++i) {
      Values values = i < 380 ? Usual() : Faulty();
      for (auto& [metric, value] : values) value *= unit;
      for (const auto& scored : Feed(values)) all.push_back(scored.score);
    }
    return all;
  };
  EXPECT_EQ(scores(1), scores(std::exp2(-30)));
}

TEST_F(BaselineDetectorTest, UpdatesAtMostEachInterval) {
  Start({.update_interval = sdk::Seconds(60)});
  Normal();
  for (int i = 0; i < 41; ++i) Feed(Faulty());
  size_t updates = 0;
  for (const Finding& finding : findings()) updates += finding.state == FindingState::kUpdate;
  EXPECT_GE(updates, 6u);
  EXPECT_LE(updates, 12u);
}

TEST_F(BaselineDetectorTest, ALevelShiftIsReBaselinedAndSaidSo) {
  Start({.max_hold = sdk::Minutes(30)});
  Normal(1000);
  const auto shifted = [&] {
    Values values = Usual();
    values[1].second += 400;
    values[3].second += 100;
    return values;
  };
  for (int i = 0; i < 400; ++i) Feed(shifted());
  EXPECT_THAT(ClearReasons(), ElementsAre("re-baselined"));
  EXPECT_THAT(findings().back().summary, HasSubstr("settled at another level"));
  EXPECT_THAT(findings().back().summary, HasSubstr("memory"));
  EXPECT_EQ(host_.MetricTotal("rebaselined_total"), 1);
  // A fault at the new level is found.
  for (int i = 0; i < 10; ++i) {
    Values values = shifted();
    values[2].second = 3;
    Feed(values);
  }
  EXPECT_EQ(findings().back().metric, "latency");
}

TEST_F(BaselineDetectorTest, SilentWhileItLearns) {
  Start();
  for (int i = 0; i < 35; ++i) {
    const auto scores = Feed(i % 5 == 0 ? Faulty() : Usual());
    for (const auto& scored : scores) EXPECT_EQ(scored.score, 0);
  }
  EXPECT_TRUE(findings().empty());
}

TEST_F(BaselineDetectorTest, ScoresEveryMomentOnceAndNeverBelowZero) {
  Start();
  for (int i = 0; i < 300; ++i) {
    const auto scores = Feed(i > 250 ? Faulty() : Usual());
    ASSERT_EQ(scores.size(), 1u);
    EXPECT_GE(scores[0].score, 0);
    EXPECT_TRUE(std::isfinite(scores[0].score));
    EXPECT_EQ(scores[0].ts_ns, host_.now_ns());
  }
  EXPECT_FALSE(findings().empty());
}

TEST_F(BaselineDetectorTest, ARaisedScoreNamesItsCausesBeforeAFindingOpens) {
  Start({.threshold = 50});
  for (int i = 0; i < 400; ++i) {
    const auto scores = Feed(Usual());
    ASSERT_TRUE(i < 100 || scores[0].contributors.empty()) << i;
  }
  sdk::testing::FakeScores::Scored raised;
  for (int i = 0; i < 3; ++i) raised = Feed(Faulty())[0];
  EXPECT_TRUE(findings().empty());
  ASSERT_FALSE(raised.contributors.empty());
  EXPECT_EQ(raised.contributors[0].name, "latency");
}

TEST_F(BaselineDetectorTest, TheScoreOfOneSeriesIsThatOfTheOnset) {
  Start({.group_by = {}});
  const auto feed = [&](double value) { return Feed({{"cpu", value}})[0].score; };
  for (int i = 0; i < 1000; ++i) feed(0.3 + 0.02 * Noise());
  const size_t before = findings().size();
  int onsets = 0;
  for (int i = 0; i < 50; ++i) onsets += feed(0.9) >= 2.2 ? 1 : 0;
  EXPECT_EQ(onsets, 1);
  ASSERT_GT(findings().size(), before);
  EXPECT_EQ(findings()[before].state, FindingState::kOpen);
}

TEST_F(BaselineDetectorTest, EntitiesAreJudgedApart) {
  Start();
  const sdk::LabelSet other{{"instance", "b:9100"}, {"job", "shop"}};
  for (int i = 0; i < 200; ++i) {
    Feed(Usual());
    baseline_->Score(Usual(), other, sdk::Seconds(0));
  }
  for (int i = 0; i < 5; ++i) {
    Feed(Usual());
    baseline_->Score(Faulty(), other, sdk::Seconds(0));
  }
  ASSERT_FALSE(findings().empty());
  for (const Finding& finding : findings()) EXPECT_EQ(finding.target, other);
}

TEST_F(BaselineDetectorTest, SeriesThatComeOneByOneAreStillOneMoment) {
  Start();
  const auto feed = [&](const Values& values) {
    host_.Advance(sdk::Seconds(15));
    for (const auto& [name, value] : values)
      baseline_->FeedAt(name, labels_, value, host_.now_ns());
  };
  for (int i = 0; i < 200; ++i) feed(Usual());
  EXPECT_TRUE(findings().empty());
  for (int i = 0; i < 6; ++i) feed(Faulty());
  ASSERT_FALSE(findings().empty());
  // Both faulty series are in it, though they came in calls of their own.
  EXPECT_THAT(findings().back().contributors,
              ::testing::Contains(::testing::Field(&sdk::Contributor::name, "latency")));
  EXPECT_THAT(findings().back().contributors,
              ::testing::Contains(::testing::Field(&sdk::Contributor::name, "cpu")));
}

TEST_F(BaselineDetectorTest, TheSameMetricTwiceIsToldApartByItsLabels) {
  Start();
  const auto feed = [&](double second) {
    host_.Advance(sdk::Seconds(15));
    sdk::LabelSet disk = labels_;
    disk.Set("device", "sda");
    baseline_->FeedAt("busy", disk, 0.2 + 0.02 * Noise(), host_.now_ns());
    disk.Set("device", "sdb");
    baseline_->FeedAt("busy", disk, second, host_.now_ns());
  };
  for (int i = 0; i < 200; ++i) feed(0.2 + 0.02 * Noise());
  for (int i = 0; i < 10; ++i) feed(0.9);
  ASSERT_FALSE(findings().empty());
  EXPECT_EQ(findings()[0].contributors[0].name, "busy{device=sdb}");
  EXPECT_EQ(findings()[0].target, labels_);
}

TEST_F(BaselineDetectorTest, OddSamplesAreSkippedAndCounted) {
  Start();
  Normal();
  baseline_->FeedAt("cpu", labels_, std::nan(""), host_.now_ns() + 1);
  baseline_->FeedAt("cpu", labels_, 99, host_.now_ns());       // same time again
  baseline_->FeedAt("cpu", labels_, 99, host_.now_ns() - 10);  // out of order
  EXPECT_EQ(host_.MetricTotal("samples_skipped_total"), 3);
  EXPECT_TRUE(findings().empty());
}

TEST_F(BaselineDetectorTest, AClockThatWasSetBackBlindsNobody) {
  Start();
  Normal();
  host_.Advance(sdk::Minutes(-60));
  Normal();
  EXPECT_EQ(host_.MetricTotal("samples_skipped_total"), 0);
}

TEST_F(BaselineDetectorTest, AGapEndsAFindingWithoutSayingThatItRecovered) {
  Start();
  Normal();
  for (int i = 0; i < 10; ++i) Feed(Faulty());
  Feed(Faulty(), sdk::Minutes(361));
  EXPECT_THAT(ClearReasons(), ElementsAre("gap"));
}

TEST_F(BaselineDetectorTest, AFaultBeforeALongSilenceIsNoneAfterIt) {
  for (const size_t columns : {1u, 4u})
    for (const int faulty : {3, 10, 100}) {
      Start();
      const auto feed = [&](Values values, sdk::Duration step) {
        values.resize(columns);
        Feed(values, step);
      };
      for (int i = 0; i < 1000; ++i) feed(Usual(), sdk::Seconds(15));
      for (int i = 0; i < faulty; ++i) feed(Faulty(), sdk::Seconds(15));
      ASSERT_FALSE(findings().empty());
      feed(Usual(), sdk::Minutes(361));
      for (int i = 0; i < 200; ++i) feed(Usual(), sdk::Seconds(15));
      EXPECT_THAT(ClearReasons(), ElementsAre("gap")) << columns << " columns, " << faulty;
      EXPECT_EQ(findings().back().state, FindingState::kClear);
    }
}

TEST_F(BaselineDetectorTest, ExpiredSeriesEndTheirFinding) {
  Start();
  Normal();
  for (int i = 0; i < 10; ++i) Feed(Faulty());
  for (const char* const metric : {"cpu", "memory", "latency", "requests"})
    baseline_->Expire(metric, labels_);
  EXPECT_THAT(ClearReasons(), ElementsAre("expired"));
}

TEST_F(BaselineDetectorTest, SeriesBeyondTheLimitAreLeftOutAndCounted) {
  Start({.max_series = 3});
  Normal(10);
  EXPECT_EQ(host_.MetricTotal("samples_left_out_total"), 10);
}

TEST_F(BaselineDetectorTest, ComingAndGoingSeriesDoNotPileUp) {
  Start({.max_series = 20});
  for (int i = 0; i < 500; ++i) {
    sdk::LabelSet pod{{"instance", "pod-" + std::to_string(i)}};
    baseline_->Feed("cpu", pod, 1);
    baseline_->Expire("cpu", pod);
  }
  EXPECT_EQ(host_.MetricTotal("samples_left_out_total"), 0);
  EXPECT_TRUE(findings().empty());
}

}  // namespace
}  // namespace heald::baseline
