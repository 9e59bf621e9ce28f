// The same odd input for every detector of metrics, through the built plugin: what no healthy
// source sends is judged or skipped, never a crash, a NaN or a finding that stays open for ever.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "tests/detectors/loaded_detector.h"
#include "tests/detectors/torn_state.h"
#include "tests/sdk/allocation_counter.h"

namespace heald {
namespace {

using heald::testing::LiveBytes;
using heald::testing::LoadedDetector;
using sdk::testing::FakeHost;

constexpr int64_t kStepNs = 15'000'000'000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

class DetectorsOddInputTest : public ::testing::TestWithParam<const char*> {
 protected:
  DetectorsOddInputTest() {
    for (const char* const metric : {"cpu", "queue"})
      series_.push_back(host_.host().Intern(metric, {{"instance", "a:9100"}}));
  }
  // One moment; values of both series around 10 and 50.
  void Moment(double cpu, double queue) {
    host_.Advance({kStepNs});
    ASSERT_NO_FATAL_FAILURE(detector_.Feed(series_, {cpu, queue}, host_.now_ns()));
    ASSERT_NO_FATAL_FAILURE(detector_.Tick());
  }
  void Usual(int moments) {
    for (int i = 0; i < moments; ++i) {
      ++n_;
      ASSERT_NO_FATAL_FAILURE(Moment(10 + std::sin(n_ * 12.9898), 50 + 3 * std::sin(n_ * 78.233)));
    }
  }
  void EndAll() {
    for (const heald_series series : series_) host_.Expire(series);
    detector_.Expire(series_);
    EXPECT_EQ(detector_.open(), 0u);
  }

  FakeHost host_;
  LoadedDetector detector_{host_, GetParam()};
  std::vector<heald_series> series_;
  int n_ = 0;
};

TEST_P(DetectorsOddInputTest, NoValueIsTooOdd) {
  ASSERT_NO_FATAL_FAILURE(Usual(200));
  for (const double odd : {kNaN, kInfinity, -kInfinity, 1e300, -1e300, 1e-300, -1e-300, 5e-324,
                           std::numeric_limits<double>::max(), -0.0}) {
    SCOPED_TRACE(odd);
    for (int i = 0; i < 6; ++i) ASSERT_NO_FATAL_FAILURE(Moment(odd, 50));
    for (int i = 0; i < 3; ++i) ASSERT_NO_FATAL_FAILURE(Moment(odd, odd));
    ASSERT_NO_FATAL_FAILURE(Usual(60));
  }
  ASSERT_NO_FATAL_FAILURE(Usual(1000));
  EXPECT_EQ(detector_.open(), 0u);
  EndAll();
}

TEST_P(DetectorsOddInputTest, OddValuesFromTheFirstSampleOn) {
  for (int i = 0; i < 40; ++i) ASSERT_NO_FATAL_FAILURE(Moment(kNaN, kInfinity));
  for (int i = 0; i < 40; ++i) ASSERT_NO_FATAL_FAILURE(Moment(1e-300, -1e300));
  ASSERT_NO_FATAL_FAILURE(Usual(500));
  EndAll();
}

TEST_P(DetectorsOddInputTest, LateAndRepeatedSamplesChangeNothing) {
  ASSERT_NO_FATAL_FAILURE(Usual(300));
  const std::string before = detector_.Snapshot();
  const size_t opened = detector_.opened();
  for (const int64_t late_ns : {int64_t{0}, int64_t{1}, kStepNs, 1000 * kStepNs})
    ASSERT_NO_FATAL_FAILURE(detector_.Feed(series_, {1e9, -1e9}, host_.now_ns() - late_ns));
  EXPECT_EQ(detector_.Snapshot(), before);
  EXPECT_EQ(detector_.opened(), opened);
}

TEST_P(DetectorsOddInputTest, AConstantIsNoFault) {
  for (const double constant : {7.0, 0.0, 1e-300}) {
    SCOPED_TRACE(constant);
    ASSERT_NO_FATAL_FAILURE(EndAll());
    series_ = {host_.host().Intern("constant", {{"instance", std::to_string(constant)}}),
               host_.host().Intern("other", {{"instance", std::to_string(constant)}})};
    for (int i = 0; i < 1500; ++i) ASSERT_NO_FATAL_FAILURE(Moment(constant, constant));
  }
  EXPECT_EQ(detector_.opened(), 0u);
}

TEST_P(DetectorsOddInputTest, GapsAndCounterResetsEndWhatTheyBegin) {
  double counter = 0;
  for (int i = 0; i < 3000; ++i) {
    if (i % 700 == 650) host_.Advance({int64_t{86'400} * 1'000'000'000});
    if (i % 90 < 3) host_.Advance({20 * kStepNs});
    counter = i % 400 == 399 ? 0 : counter + 0.2;
    ASSERT_NO_FATAL_FAILURE(Moment(counter, 50 + 3 * std::sin(i * 78.233)));
  }
  EndAll();
}

// A generation of series takes the place of the one before, as where every deployment has new pods.
TEST_P(DetectorsOddInputTest, AHundredThousandSeriesComeAndGo) {
  constexpr uint32_t kSeries = 100'000;
  std::vector<heald_series> series(kSeries);
  int64_t after_first = 0;
  for (uint32_t generation = 1; generation <= 3; ++generation) {
    for (uint32_t i = 0; i < kSeries; ++i) series[i] = generation << 22U | (i + 10);
    for (int round = 0; round < 2; ++round) {
      host_.Advance({kStepNs});
      ASSERT_NO_FATAL_FAILURE(
          detector_.Feed(series, std::vector<double>(kSeries, round), host_.now_ns()));
    }
    detector_.Expire(series);
    if (generation == 1)
      after_first = LiveBytes();
    else
      EXPECT_LE(LiveBytes(), after_first + 100'000);
  }
  EXPECT_EQ(detector_.open(), 0u);
}

TEST_P(DetectorsOddInputTest, ADamagedStateIsRefused) {
  ASSERT_NO_FATAL_FAILURE(Usual(300));
  const std::string name = GetParam();
  FakeHost other_host;
  LoadedDetector other(other_host, name == "zscore" ? "threshold" : "zscore");
  LoadedDetector fresh(other_host, name);
  testing::ExpectOnlyAllOfIt(fresh, name, detector_.Snapshot(), other.Snapshot());
}

INSTANTIATE_TEST_SUITE_P(Each, DetectorsOddInputTest,
                         ::testing::Values("baseline", "isolation_forest", "threshold", "trend",
                                           "zscore"),
                         [](const auto& which) { return std::string(which.param); });

}  // namespace
}  // namespace heald
