#include "heald/batch.h"

#include <gmock/gmock.h>

#include "heald/testing.h"

namespace heald::sdk {
namespace {

using ::testing::ElementsAre;
using testing::FakeHost;
using testing::FakeSink;
using ::testing::HasSubstr;

template <typename F>
int32_t CodeOf(F&& call) {
  try {
    call();
  } catch (const Failure& failure) {
    return failure.code();
  }
  return HEALD_OK;
}

TEST(SdkLabelSetTest, StaysSortedAndUnique) {
  LabelSet labels{{"b", "1"}, {"a", "2"}, {"b", "3"}};
  EXPECT_THAT(labels.items(), ElementsAre(Label("a", "2"), Label("b", "3")));
  labels.Set("aa", "4");
  labels.Remove("b");
  labels.Remove("zz");
  EXPECT_THAT(labels.items(), ElementsAre(Label("a", "2"), Label("aa", "4")));
  EXPECT_EQ(labels.Get("aa"), "4");
  EXPECT_EQ(labels.Get("b"), "");
}

class SdkBatchTest : public ::testing::Test {
 protected:
  FakeHost host_;
  FakeSink fake_{host_};
  Sink sink_{fake_.table()};
  heald_series series_ = host_.host().Intern("m", {{"a", "1"}});
};

TEST_F(SdkBatchTest, PublishesTheRowsThatWereAdded) {
  BatchWriter batch = sink_.Reserve(8);
  EXPECT_EQ(batch.capacity(), 8u);
  batch.Add(series_, 10, 1.5);
  batch.Add(series_, 11, 2.5);
  EXPECT_EQ(batch.size(), 2u);
  EXPECT_TRUE(batch.Commit());
  const auto rows = fake_.TakeRows();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].ts_ns, 11);
  EXPECT_EQ(rows[1].value, 2.5);
}

TEST_F(SdkBatchTest, ADroppedBatchPublishesNothing) {
  {
    BatchWriter batch = sink_.Reserve(1);
    batch.Add(series_, 1, 1);
  }
  EXPECT_TRUE(fake_.TakeRows().empty());
}

TEST_F(SdkBatchTest, RefusesMoreRowsThanReserved) {
  BatchWriter batch = sink_.Reserve(1);
  batch.Add(series_, 1, 1);
  EXPECT_EQ(CodeOf([&] { batch.Add(series_, 2, 2); }), HEALD_INVALID);
}

TEST_F(SdkBatchTest, SaysWhenASeriesHasExpired) {
  const heald_series other = host_.host().Intern("m", {{"a", "2"}});
  host_.Expire(series_);
  BatchWriter batch = sink_.Reserve(2);
  batch.Add(series_, 1, 1);
  batch.Add(other, 1, 2);
  EXPECT_FALSE(batch.Commit());
  EXPECT_EQ(fake_.TakeRows().size(), 1u);
}

TEST_F(SdkBatchTest, AFullPipelineIsARetryableFailure) {
  fake_.SetFull(true);
  try {
    sink_.Reserve(1);
    FAIL() << "reserved";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_FULL);
    EXPECT_TRUE(failure.retryable());
  }
}

TEST_F(SdkBatchTest, AFindingCrossesWhole) {
  Finding finding;
  finding.kind = FindingKind::kPrediction;
  finding.state = FindingState::kUpdate;
  finding.severity = Severity::kCritical;
  finding.id = 9;
  finding.About(series_, host_.host().LabelsOf(series_));
  finding.unit = "s";
  finding.summary = "sum";
  finding.value = 1;
  finding.expected_low = 2;
  finding.score = 3;
  finding.confidence = 0.5;
  finding.began_ns = 4;
  finding.ts_ns = 5;
  finding.contributors = {{"m", 0.75, 1, 2}, {"n", 0.25, 3, 4}};
  finding.probability = 0.9;
  finding.eta_ns = 6;
  finding.component = "disk";
  finding.recommended_action = "clean";
  finding.recent = {1, 2, 3};
  finding.count = 7;
  finding.annotations.Set("note", "x");
  sink_.Emit(finding);
  const auto got = fake_.TakeFindings();
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].kind, FindingKind::kPrediction);
  EXPECT_EQ(got[0].state, FindingState::kUpdate);
  EXPECT_EQ(got[0].severity, Severity::kCritical);
  EXPECT_EQ(got[0].id, 9u);
  EXPECT_EQ(got[0].metric, "m");
  EXPECT_EQ(got[0].target, (LabelSet{{"a", "1"}}));
  EXPECT_TRUE(std::isnan(got[0].expected_high));
  EXPECT_EQ(got[0].contributors.at(1).name, "n");
  EXPECT_EQ(got[0].contributors.at(1).share, 0.25);
  EXPECT_EQ(got[0].probability, 0.9);
  EXPECT_EQ(got[0].component, "disk");
  EXPECT_EQ(got[0].recommended_action, "clean");
  EXPECT_THAT(got[0].recent, ElementsAre(1, 2, 3));
  EXPECT_EQ(got[0].count, 7u);
  EXPECT_EQ(got[0].annotations.Get("note"), "x");
}

TEST(SdkFakeHostTest, InternGivesTheSameHandleForTheSameLabels) {
  FakeHost host;
  const heald_series a = host.host().Intern("m", {{"x", "1"}});
  EXPECT_EQ(host.host().Intern("m", {{"x", "1"}}), a);
  EXPECT_NE(host.host().Intern("n", {{"x", "1"}}), a);
  EXPECT_EQ(host.host().LabelsOf(a).Get("__name__"), "m");
}

TEST(SdkFakeHostTest, RefusesLabelsWithoutAName) {
  FakeHost host;
  EXPECT_EQ(CodeOf([&] { host.host().Intern("", {}); }), HEALD_INVALID);
}

TEST(SdkFakeHostTest, RefusesSeriesBeyondTheLimit) {
  FakeHost host;
  host.LimitSeries(1);
  host.host().Intern("m", {});
  EXPECT_EQ(CodeOf([&] { host.host().Intern("n", {}); }), HEALD_FULL);
}

TEST(SdkFakeHostTest, ASlotComesBackWithAnotherGeneration) {
  FakeHost host;
  const heald_series old = host.host().Intern("m", {});
  host.Expire(old);
  EXPECT_TRUE(host.host().LabelsOf(old).items().empty());
  EXPECT_EQ(CodeOf([&] { host.Expire(old); }), HEALD_STALE_SERIES);
  const heald_series next = host.host().Intern("n", {});
  EXPECT_EQ(HEALD_SERIES_SLOT(next), HEALD_SERIES_SLOT(old));
  EXPECT_EQ(HEALD_SERIES_GENERATION(next), HEALD_SERIES_GENERATION(old) + 1);
  EXPECT_FALSE(host.Alive(old));
  EXPECT_TRUE(host.Alive(next));
}

TEST(SdkFakeHostTest, ClockLogMetricsAndFolder) {
  FakeHost fake("spikes");
  const Host host = fake.host();
  const int64_t start_ns = host.NowNs();
  fake.Advance(Seconds(3));
  EXPECT_EQ(host.NowNs() - start_ns, Seconds(3).ns);
  EXPECT_EQ(host.Name(), "spikes");
  EXPECT_TRUE(std::filesystem::is_directory(host.StateDir()));
  host.Log(Level::kWarning, "careful",
           {{"facility", "SESSTMOUT"}, {"a", "too long to stay in place"}});
  ASSERT_EQ(fake.log().size(), 1u);
  EXPECT_EQ(fake.log()[0].fields,
            LabelSet({{"a", "too long to stay in place"}, {"facility", "SESSTMOUT"}}));
  EXPECT_EQ(fake.log()[0].level, Level::kWarning);
  const Metric metric = host.Counter("things_total", "Things", {{"a", "1"}});
  metric.Record(2);
  host.Counter("things_total", "Things", {{"a", "1"}}).Record(3);
  EXPECT_EQ(fake.MetricTotal("things_total|a=1"), 5);
  EXPECT_FALSE(host.Cancelled());
  fake.Cancel();
  EXPECT_TRUE(host.Cancelled());
}

}  // namespace
}  // namespace heald::sdk
