#include <gmock/gmock.h>

#include "heald/testing.h"
#include "plugins/detectors/trend/detector.h"

namespace heald::trend {
namespace {

using sdk::Failure;
using sdk::FindingState;
using sdk::testing::DetectorHarness;
using sdk::testing::FakeHost;

const sdk::LabelSet kPayments{{"service", "payments"}};
const Config kConfig{.above = 250, .horizon = sdk::Minutes(2)};

// Another process: other handles, a clock that went on.
class TrendSnapshotTest : public ::testing::Test {
 protected:
  TrendSnapshotTest() { after_host_.host().Intern("something_else", {}); }
  void Normal(int samples = 200) {
    for (int i = 0; i < samples; ++i) before_.Feed("memory", kPayments, 40 + i % 3);
  }
  void Rise(DetectorHarness<Detector>& trend, int samples) {
    for (int i = 0; i < samples; ++i) trend.Feed("memory", kPayments, ++level_ + i % 3);
  }
  void GoOn() {
    after_.Restore(before_.Snapshot());
    after_host_.SetNow(before_host_.now_ns());
  }

  FakeHost before_host_;
  FakeHost after_host_;
  DetectorHarness<Detector> before_{before_host_, kConfig};
  DetectorHarness<Detector> after_{after_host_, kConfig};
  double level_ = 40;
};

TEST_F(TrendSnapshotTest, ALeakIsPredictedAcrossARestart) {
  Normal();
  Rise(before_, 60);
  ASSERT_TRUE(before_.findings().empty());
  GoOn();
  Rise(after_, 60);
  ASSERT_FALSE(after_.findings().empty());
  EXPECT_EQ(after_.findings()[0].state, FindingState::kOpen);
}

TEST_F(TrendSnapshotTest, APredictionGoesOnWhereItIsToldOtherwiseMeanwhile) {
  Normal();
  Rise(before_, 130);
  ASSERT_EQ(before_.findings().at(0).state, FindingState::kOpen);
  Config config = kConfig;
  config.horizon = sdk::Minutes(1);
  config.probability = {0.5};
  config.component = "the shop";
  DetectorHarness<Detector> after(after_host_, config);
  after.Restore(before_.Snapshot());
  after_host_.SetNow(before_host_.now_ns());
  Rise(after, 12);
  ASSERT_EQ(after.findings().size(), 1u);
  EXPECT_EQ(after.findings()[0].state, FindingState::kUpdate);
  EXPECT_EQ(after.findings()[0].id, before_.findings()[0].id);
  EXPECT_EQ(after.findings()[0].component, "the shop");
}

TEST_F(TrendSnapshotTest, AnOpenPredictionGoesOnUnderItsId) {
  Normal();
  Rise(before_, 130);
  ASSERT_EQ(before_.findings().at(0).state, FindingState::kOpen);
  GoOn();
  Rise(after_, 12);
  ASSERT_EQ(after_.findings().size(), 1u);
  EXPECT_EQ(after_.findings()[0].state, FindingState::kUpdate);
  EXPECT_EQ(after_.findings()[0].kind, sdk::FindingKind::kPrediction);
  EXPECT_EQ(after_.findings()[0].id, before_.findings()[0].id);
  EXPECT_EQ(after_.findings()[0].began_ns, before_.findings()[0].began_ns);
  EXPECT_GT(after_.findings()[0].probability, 0.9);
  for (int i = 0; i < 12; ++i) after_.Feed("memory", kPayments, 40);
  EXPECT_EQ(after_.findings().back().state, FindingState::kClear);
}

TEST_F(TrendSnapshotTest, ASecondSnapshotKeepsWhatHasNotComeBack) {
  Normal();
  Rise(before_, 130);
  after_.Restore(before_.Snapshot());
  EXPECT_EQ(after_.Snapshot(), before_.Snapshot());
}

TEST_F(TrendSnapshotTest, AnotherWindowStartsAnew) {
  Normal();
  Config config = kConfig;
  config.window = 120;
  DetectorHarness<Detector> other(after_host_, config);
  other.Restore(before_.Snapshot());
  after_host_.SetNow(before_host_.now_ns());
  for (int i = 0; i < 100; ++i) other.Feed("memory", kPayments, 40);
  EXPECT_TRUE(other.findings().empty());
}

TEST_F(TrendSnapshotTest, RefusesEveryTornOrDamagedState) {
  Normal(40);
  const std::string good = before_.Snapshot();
  for (size_t cut = 0; cut < good.size(); ++cut)
    ASSERT_THROW(after_.Restore(good.substr(0, cut)), Failure) << cut;
  for (size_t at = 0; at < good.size(); ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    ASSERT_THROW(after_.Restore(damaged), Failure) << at;
  }
}

// A sound checksum over nonsense: another version of this plugin, or a bug in it.
TEST_F(TrendSnapshotTest, RefusesNumbersOutOfRange) {
  const auto refusal = [&](uint32_t count, double value) {
    sdk::SnapshotWriter out("trend", 2);
    out.U64(1);
    out.U64(1);
    out.Labels(kPayments);
    out.U32(4);
    out.I64(4'000'000'000);
    out.I64(1);
    out.U32(0);
    out.U32(0);
    out.U32(count);
    out.F64(value);
    try {
      after_.Restore(std::move(out).Finish());
    } catch (const Failure& failure) {
      return std::string(failure.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal(4'000'000, 1), ::testing::HasSubstr("count in it is out of range"));
  EXPECT_THAT(refusal(1, INFINITY), ::testing::HasSubstr("value in it is out of range"));
}

}  // namespace
}  // namespace heald::trend
