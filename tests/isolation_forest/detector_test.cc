#include "plugins/detectors/isolation_forest/detector.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "heald/testing.h"
#include "tests/fakes/problems.h"

namespace heald::isolation_forest {
namespace {

using fakes::ProblemsIn;
using sdk::Finding;
using sdk::FindingState;
using sdk::Severity;
using sdk::testing::DetectorHarness;
using sdk::testing::FakeHost;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class ForestDetectorTest : public ::testing::Test {
 protected:
  using Values = std::vector<std::pair<std::string, double>>;
  using Scored = std::vector<sdk::testing::FakeScores::Scored>;

  void Start(const Config& config = {}) { forest_.emplace(host_, config); }
  // Without a generator: a hill around 0, hardly ever beyond 1.5.
  double Noise() {
    const auto n = static_cast<double>(++n_);
    return (std::sin(n * 12.9898) + std::sin(n * 78.233) + std::sin(n * 37.719) +
            std::sin(n * 4.581)) /
           2;
  }
  // What a healthy instance says.
  Values Usual() {
    return {{"cpu", 0.3 + 0.02 * Noise()},
            {"memory", 500 + 5 * Noise()},
            {"latency", 0.1 + 0.01 * Noise()},
            {"requests", 100 + 4 * Noise()}};
  }
  Values Faulty() {
    Values values = Usual();
    values[0].second = 0.7 + 0.1 * Noise();
    values[2].second = 2 + 0.5 * Noise();
    values[3].second = 250 + 40 * Noise();
    return values;
  }
  Scored Feed(const Values& values, sdk::Duration step = sdk::Seconds(15)) {
    return forest_->Score(values, labels_, step);
  }
  void Normal(int moments = 200) {
    for (int i = 0; i < moments; ++i) Feed(Usual());
  }
  void Fault(int moments) {
    for (int i = 0; i < moments; ++i) Feed(Faulty());
  }
  const std::vector<Finding>& findings() { return forest_->findings(); }
  const Finding& Last() {
    static const Finding kNone;
    EXPECT_FALSE(findings().empty());
    return findings().empty() ? kNone : findings().back();
  }
  std::vector<std::string_view> ClearReasons() {
    std::vector<std::string_view> reasons;
    for (const Finding& finding : findings())
      if (finding.state == FindingState::kClear)
        reasons.push_back(finding.annotations.Get(sdk::kClearedBecause));
    return reasons;
  }

  FakeHost host_;
  std::optional<DetectorHarness<Detector>> forest_;
  sdk::LabelSet labels_{{"instance", "a:9100"}, {"job", "shop"}};
  int n_ = 0;
};

TEST_F(ForestDetectorTest, SaysOneThingAboutAnEntityWithItsCauses) {
  Start();
  Normal();
  EXPECT_THAT(findings(), IsEmpty());
  Fault(6);
  ASSERT_FALSE(findings().empty());
  for (const Finding& said : findings()) EXPECT_EQ(said.id, 1u);
  const Finding& finding = findings()[0];
  EXPECT_EQ(finding.state, FindingState::kOpen);
  EXPECT_EQ(finding.severity, Severity::kWarning);
  EXPECT_EQ(finding.target, labels_);
  EXPECT_THAT(finding.metric, ::testing::AnyOf("cpu", "latency", "requests"));
  EXPECT_GE(finding.score, 0.6);
  EXPECT_LE(finding.score, 1);
  EXPECT_GT(finding.confidence, 0.5);
  EXPECT_LE(finding.confidence, 1);
  EXPECT_LE(finding.began_ns, finding.ts_ns);
  EXPECT_GT(finding.began_ns, finding.ts_ns - sdk::Minutes(2).ns);
  EXPECT_EQ(finding.recent.back(), finding.value);
  EXPECT_GT(finding.value, finding.expected_high);
  EXPECT_LT(finding.expected_low, finding.expected_high);
  double shares = 0;
  for (const sdk::Contributor& contributor : finding.contributors) shares += contributor.share;
  EXPECT_NEAR(shares, 1, 1e-9);
  ASSERT_GE(finding.contributors.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_NE(finding.contributors[i].name, "memory");
  for (const sdk::Contributor& contributor : finding.contributors) {
    if (contributor.name == "latency") {
      EXPECT_NEAR(contributor.expected, 0.1, 0.01);
    }
  }
}

TEST_F(ForestDetectorTest, WhatIsFarOutIsCritical) {
  Start({.thresholds = {.warning = 0.55, .critical = 0.6}});
  Normal();
  Fault(20);
  ASSERT_FALSE(findings().empty());
  EXPECT_EQ(Last().severity, Severity::kCritical);
}

TEST_F(ForestDetectorTest, ClearsSoonAfterTheReturnToNormal) {
  Start();
  Normal(300);
  Fault(20);
  EXPECT_THAT(ClearReasons(), IsEmpty());
  Normal(40);
  EXPECT_THAT(ClearReasons(), ElementsAre("normal"));
  Normal(300);
  EXPECT_EQ(Last().state, FindingState::kClear);
  EXPECT_EQ(Last().severity, Severity::kNormal);
  Fault(10);
  EXPECT_EQ(Last().id, 2u);
}

TEST_F(ForestDetectorTest, DoesNotLearnAFault) {
  Start({.refit_interval = sdk::Minutes(5), .max_hold = sdk::Minutes(600)});
  Normal(300);
  Fault(300);
  EXPECT_THAT(ClearReasons(), IsEmpty());
  EXPECT_EQ(Last().id, 1u);
}

TEST_F(ForestDetectorTest, AFaultThatLastsLongerThanMaxHoldBecomesUsualAndSaysSo) {
  Start({.max_hold = sdk::Minutes(30)});
  Normal(300);
  Fault(240);
  EXPECT_THAT(ClearReasons(), ElementsAre("re-baselined"));
  EXPECT_THAT(Last().summary, HasSubstr("no recovery"));
  EXPECT_EQ(host_.MetricTotal("rebaselined_total"), 1);
}

TEST_F(ForestDetectorTest, UpdatesAtMostEachInterval) {
  Start({.update_interval = sdk::Seconds(60)});
  Normal(300);
  Fault(41);
  size_t updates = 0;
  for (const Finding& finding : findings()) updates += finding.state == FindingState::kUpdate;
  EXPECT_GE(updates, 6u);
  EXPECT_LE(updates, 12u);
}

TEST_F(ForestDetectorTest, SilentWhileItLearns) {
  Start();
  for (int i = 0; i < 127; ++i) {
    const Scored scores = Feed(i % 5 == 0 ? Faulty() : Usual());
    ASSERT_EQ(scores.size(), 1u);
    EXPECT_EQ(scores[0].score, 0);
  }
  EXPECT_THAT(findings(), IsEmpty());
  forest_->Tick();
  EXPECT_EQ(host_.MetricTotal("learning_series"), 4);
}

TEST_F(ForestDetectorTest, ScoresEveryMomentOnceWithItsCauses) {
  Start();
  Normal();
  for (int i = 0; i < 50; ++i) {
    const Scored scores = Feed(i < 20 ? Usual() : Faulty());
    ASSERT_EQ(scores.size(), 1u);
    EXPECT_EQ(scores[0].series, HEALD_SERIES_NONE);
    EXPECT_EQ(scores[0].ts_ns, host_.now_ns());
    EXPECT_GT(scores[0].score, 0);
    EXPECT_LT(scores[0].score, 1);
    double shares = 0;
    for (const sdk::Contributor& contributor : scores[0].contributors) shares += contributor.share;
    // What is as usual has no causes.
    if (i < 20) {
      EXPECT_THAT(scores[0].contributors, IsEmpty());
    } else if (i >= 25) {
      EXPECT_NEAR(shares, 1, 1e-9);
    }
  }
}

// The step is rare in more ways than the level at which it stands still.
TEST_F(ForestDetectorTest, WhatIsStillFarOutHasNotRecovered) {
  Start();
  Normal();
  for (int i = 0; i < 200; ++i) {
    Values values = Usual();
    values[0].second += 60;
    values[2].second += 60;
    Feed(values);
  }
  ASSERT_FALSE(findings().empty());
  EXPECT_EQ(findings()[0].state, FindingState::kOpen);
  for (const std::string_view reason : ClearReasons()) EXPECT_EQ(reason, "re-baselined");
  EXPECT_FALSE(ClearReasons().empty());
}

// Learnt, a fault that stays would make its end look like one.
TEST_F(ForestDetectorTest, AYoungEntityDoesNotLearnWhatIsStillFarOut) {
  int ends = 0;
  constexpr int kRuns = 20;
  for (int run = 0; run < kRuns; ++run) {
    Start();
    labels_.Set("instance", std::to_string(run));
    const auto opened = [this](int moments, double more) {
      const size_t before = findings().size();
      for (int i = 0; i < moments; ++i) {
        Values values = Usual();
        values[0].second += more;
        values[2].second += more;
        Feed(values, sdk::Seconds(1));
      }
      return std::any_of(findings().begin() + static_cast<std::ptrdiff_t>(before), findings().end(),
                         [](const Finding& f) { return f.state == FindingState::kOpen; });
    };
    opened(300, 0);
    opened(2000, 60);
    ends += opened(300, 0) ? 1 : 0;
  }
  EXPECT_LT(ends, kRuns / 2);
}

TEST_F(ForestDetectorTest, JudgesTheSameWhetherScoresAreAskedForOrNot) {
  DetectorHarness<Detector> other(host_);
  Start();
  const auto both = [&](const Values& values) {
    Feed(values);
    std::vector<heald_series> series;
    std::vector<double> numbers;
    for (const auto& [name, value] : values) {
      series.push_back(host_.host().Intern(name, labels_));
      numbers.push_back(value);
    }
    const std::vector<int64_t> ts_ns(values.size(), host_.now_ns());
    const heald_samples samples{sizeof samples, 0,      series.data(), ts_ns.data(), numbers.data(),
                                values.size(),  nullptr};
    sdk::Sink sink(other.sink().table());
    other.detector().Process(sdk::Samples(samples), sink);
  };
  for (int i = 0; i < 300; ++i) both(Usual());
  for (int i = 0; i < 10; ++i) both(Faulty());
  for (int i = 0; i < 20; ++i) both(Usual());
  ASSERT_FALSE(findings().empty());
  ASSERT_EQ(findings().size(), other.findings().size());
  for (size_t i = 0; i < findings().size(); ++i) {
    EXPECT_EQ(findings()[i].ts_ns, other.findings()[i].ts_ns);
    EXPECT_EQ(findings()[i].score, other.findings()[i].score);
  }
}

TEST_F(ForestDetectorTest, EntitiesAreJudgedApart) {
  Start();
  const sdk::LabelSet other{{"instance", "b:9100"}, {"job", "shop"}};
  for (int i = 0; i < 200; ++i) {
    Feed(Usual());
    forest_->Score(Usual(), other, sdk::Seconds(0));
  }
  for (int i = 0; i < 6; ++i) {
    Feed(Usual());
    forest_->Score(Faulty(), other, sdk::Seconds(0));
  }
  ASSERT_FALSE(findings().empty());
  for (const Finding& finding : findings()) EXPECT_EQ(finding.target, other);
}

TEST_F(ForestDetectorTest, OnlyTheFeaturesAskedForAreJudged) {
  Start({.features = {"cpu", "memory"}});
  Normal();
  for (int i = 0; i < 20; ++i) {
    Values values = Usual();
    values[2].second = 5;
    const Scored scores = Feed(values);
    for (const sdk::Contributor& contributor : scores[0].contributors)
      EXPECT_THAT(contributor.name, ::testing::AnyOf("cpu", "memory"));
  }
  EXPECT_THAT(findings(), IsEmpty());
  EXPECT_EQ(host_.MetricTotal("samples_left_out_total"), 0);
}

TEST_F(ForestDetectorTest, SeriesWithoutTheGroupsLabelsAreJudgedByThemselves) {
  Start({.group_by = {"pod"}});
  for (int i = 0; i < 200; ++i) EXPECT_EQ(Feed(Usual()).size(), 4u);
  for (int i = 0; i < 10; ++i) Feed(Faulty());
  ASSERT_FALSE(findings().empty());
  for (const Finding& finding : findings()) {
    ASSERT_EQ(finding.contributors.size(), 1u);
    EXPECT_EQ(finding.contributors[0].name, finding.metric);
  }
}

TEST_F(ForestDetectorTest, AnAbsentSeriesCountsAsUsualAndIsNoCause) {
  Start();
  Normal(300);
  for (int i = 0; i < 60; ++i) {
    Values values = Usual();
    values.erase(values.begin() + 1);  // memory falls silent: after 5 minutes it is absent
    const Scored scores = Feed(values);
    ASSERT_EQ(scores.size(), 1u);
    EXPECT_LT(scores[0].score, 0.6) << i;
    for (const sdk::Contributor& contributor : scores[0].contributors) {
      if (i > 25 && contributor.name == "memory") {
        EXPECT_LT(contributor.share, 0.5);
      }
    }
  }
  EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(ForestDetectorTest, WithMostSeriesAbsentNothingIsJudgedAndNothingClears) {
  Start();
  Normal(300);
  Fault(10);
  ASSERT_EQ(Last().id, 1u);
  const size_t said = findings().size();
  Feed({{"memory", 500}}, sdk::Minutes(10));
  for (int i = 0; i < 30; ++i) EXPECT_THAT(Feed({{"memory", 500}}), IsEmpty());
  EXPECT_EQ(findings().size(), said);
}

TEST_F(ForestDetectorTest, SlowSeriesKeepTheirLastValueMeanwhile) {
  Start();
  int i = 0;
  const auto feed = [&](const Values& values) {
    const bool all = ++i % 4 == 0;  // two of them only every minute
    return Feed(all ? values : Values(values.begin(), values.begin() + 2));
  };
  for (int k = 0; k < 400; ++k) feed(Usual());
  EXPECT_THAT(findings(), IsEmpty());
  for (int k = 0; k < 20; ++k) feed(Faulty());
  ASSERT_FALSE(findings().empty());
}

TEST_F(ForestDetectorTest, OddSamplesAreSkippedAndCounted) {
  Start();
  forest_->FeedAt("cpu", labels_, kInfinity, host_.now_ns());  // nothing to hold it against
  Normal();
  forest_->FeedAt("cpu", labels_, std::nan(""), host_.now_ns() + 1);
  forest_->FeedAt("cpu", labels_, 99, host_.now_ns());       // same time again
  forest_->FeedAt("cpu", labels_, 99, host_.now_ns() - 10);  // out of order
  EXPECT_EQ(host_.MetricTotal("samples_skipped_total"), 4);
  EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(ForestDetectorTest, AClockThatWasSetBackBlindsNobody) {
  Start();
  Normal();
  host_.Advance(sdk::Minutes(-60));
  for (int i = 0; i < 20; ++i) Feed(Faulty());
  ASSERT_FALSE(findings().empty());
  EXPECT_LE(findings().back().ts_ns, host_.now_ns());
  EXPECT_EQ(host_.MetricTotal("samples_skipped_total"), 0);
}

TEST_F(ForestDetectorTest, ExtremeValuesLeaveItUsable) {
  for (const double odd : {kInfinity, -kInfinity, 1e300, -1e300, 1e-300}) {
    Start();
    Normal(300);
    for (int i = 0; i < 5; ++i) {
      Values values = Usual();
      for (auto& value : values) value.second = odd;
      const Scored scores = Feed(values);
      EXPECT_TRUE(scores[0].score > 0 && scores[0].score <= 1) << odd;
    }
    EXPECT_EQ(findings().size() > 0, true) << odd;
    Normal(300);
    EXPECT_EQ(Last().state, FindingState::kClear) << odd;
    const size_t said = findings().size();
    Fault(10);
    EXPECT_GT(findings().size(), said) << odd;
  }
}

TEST_F(ForestDetectorTest, ConstantAndHugeSeriesAreLearntLikeOthers) {
  for (const double unit : {1e-300, 1e-9, 1.0, 1e300}) {
    Start();
    const auto feed = [&](double value) {
      Feed({{"constant", 7}, {"zero", 0}, {"value", value * unit}});
    };
    for (int i = 0; i < 300; ++i) feed(10 + Noise());
    EXPECT_THAT(findings(), IsEmpty()) << unit;
    for (int i = 0; i < 10; ++i) feed(40 + 10 * Noise());
    ASSERT_FALSE(findings().empty()) << unit;
    EXPECT_EQ(findings()[0].metric, "value");
    EXPECT_NEAR(findings()[0].contributors[0].expected / unit, 10, 1) << unit;
  }
}

TEST_F(ForestDetectorTest, ACounterResetIsOverSoon) {
  Start();
  double counter = 0;
  const auto feed = [&] {
    Values values = Usual();
    values.emplace_back("served_total", counter += 100 + 5 * Noise());
    Feed(values);
  };
  for (int i = 0; i < 1000; ++i) feed();
  counter = 0;
  for (int i = 0; i < 100; ++i) feed();
  if (!findings().empty()) {
    EXPECT_EQ(Last().state, FindingState::kClear);
  }
}

TEST_F(ForestDetectorTest, ConstantSeriesNeverMakeAFinding) {
  Start({.contamination = sdk::Ratio{0.05}});
  for (int i = 0; i < 300; ++i) Feed({{"up", 1}, {"limit", 0}});
  EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(ForestDetectorTest, AGapEndsAFindingWithoutSayingThatItRecovered) {
  Start();
  Normal(300);
  Fault(10);
  Feed(Faulty(), sdk::Minutes(361));
  EXPECT_THAT(ClearReasons(), ElementsAre("gap"));
}

TEST_F(ForestDetectorTest, AFaultBeforeALongSilenceIsNoneAfterIt) {
  for (const int faulty : {5, 10, 50}) {
    Start();
    Normal(1000);
    Fault(faulty);
    ASSERT_FALSE(findings().empty());
    Feed(Usual(), sdk::Minutes(361));
    Normal(200);
    EXPECT_THAT(ClearReasons(), ElementsAre("gap")) << faulty;
    EXPECT_EQ(Last().state, FindingState::kClear);
  }
}

TEST_F(ForestDetectorTest, ExpiredSeriesEndTheirFindingAndComeBackKnown) {
  Start();
  Normal(300);
  Fault(10);
  for (const char* const metric : {"cpu", "memory", "latency", "requests"})
    forest_->Expire(metric, labels_);
  EXPECT_THAT(ClearReasons(), ElementsAre("expired"));
  Normal(20);
  const size_t said = findings().size();
  Fault(10);
  EXPECT_GT(findings().size(), said);
}

TEST_F(ForestDetectorTest, WhatHasEndedIsForgottenAfterAWhile) {
  Start();
  Normal(300);
  for (const char* const metric : {"cpu", "memory", "latency", "requests"})
    forest_->Expire(metric, labels_);
  host_.Advance(sdk::Minutes(361));
  forest_->Tick();
  EXPECT_EQ(Feed(Usual())[0].score, 0);
}

TEST_F(ForestDetectorTest, ASeriesThatIsReplacedLeavesItsEntityUsable) {
  Start({.max_features = 5});
  Normal(300);
  // A process writes under another label each time; only one of them fits in.
  for (int i = 0; i < 40; ++i) {
    sdk::LabelSet process = labels_;
    process.Set("pid", std::to_string(i));
    for (int k = 0; k < 10; ++k) {
      Feed(Usual());
      forest_->FeedAt("threads", process, 4, host_.now_ns());
    }
    forest_->Expire("threads", process);
  }
  EXPECT_EQ(host_.MetricTotal("samples_left_out_total"), 0);
  EXPECT_THAT(findings(), IsEmpty());
  Fault(10);
  ASSERT_FALSE(findings().empty());
  EXPECT_EQ(findings()[0].target, labels_);
}

TEST_F(ForestDetectorTest, SeriesBeyondTheLimitsAreLeftOutAndCounted) {
  Start({.max_features = 3});
  Normal(10);
  EXPECT_EQ(host_.MetricTotal("samples_left_out_total"), 10);
  ASSERT_EQ(host_.log().size(), 1u);
  EXPECT_THAT(host_.log()[0].message, HasSubstr("more than 3 series (max_features)"));
  Start({.max_series = 3});
  Normal(10);
  EXPECT_EQ(host_.MetricTotal("samples_left_out_total"), 20);
  Start({.max_entities = 1});
  Normal(10);
  forest_->Feed("cpu", {{"instance", "b:9100"}}, 1);
  EXPECT_EQ(host_.MetricTotal("samples_left_out_total"), 21);
}

TEST_F(ForestDetectorTest, RoomThatBecomesFreeIsTaken) {
  Start({.max_entities = 1});
  Feed({{"cpu", 1}});
  const sdk::LabelSet other{{"instance", "b:9100"}};
  forest_->Feed("cpu", other, 1);
  EXPECT_EQ(host_.MetricTotal("samples_left_out_total"), 1);
  forest_->Expire("cpu", labels_);
  forest_->Feed("cpu", other, 1);
  EXPECT_EQ(host_.MetricTotal("samples_left_out_total"), 1);
}

TEST(ForestValidateTest, TheDefaultsAreFine) {
  EXPECT_THAT(ProblemsIn<Detector>({}), IsEmpty());
}

TEST(ForestValidateTest, CriticalIsNotBelowWarning) {
  EXPECT_THAT(ProblemsIn<Detector>({.thresholds = {.warning = 0.7, .critical = 0.6}}),
              ElementsAre(HasSubstr("/thresholds/critical: 'critical' is below 'warning'")));
}

TEST(ForestValidateTest, NamesAreGivenOnce) {
  EXPECT_THAT(ProblemsIn<Detector>({.group_by = {"pod", "pod"}, .features = {"cpu", ""}}),
              ElementsAre("/group_by/1: 'pod' is listed twice",
                          "/features/1: is empty: name one or leave it out"));
}

}  // namespace
}  // namespace heald::isolation_forest
