#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "heald/testing.h"
#include "plugins/detectors/baseline/detector.h"
#include "tests/sdk/allocation_counter.h"

namespace heald::baseline {
namespace {

using heald::testing::Allocations;
using heald::testing::LiveBytes;
using sdk::testing::FakeHost;
using sdk::testing::FakeSink;

// Rounds of one sample per series, as a scrape gives them.
class Rounds {
 public:
  explicit Rounds(uint32_t series) : series_(series), ts_ns_(series), value_(series) {
    for (uint32_t i = 0; i < series; ++i) series_[i] = i;
  }
  void Feed(Detector& detector, sdk::Sink& sink, int rounds) {
    for (int r = 0; r < rounds; ++r) {
      ++round_;
      for (size_t i = 0; i < series_.size(); ++i) {
        ts_ns_[i] = round_ * 1'000'000'000;
        value_[i] = static_cast<double>((round_ * 7 + static_cast<int64_t>(i)) % 5) + 10;
      }
      const heald_samples raw{sizeof raw,     0,      series_.data(), ts_ns_.data(), value_.data(),
                              series_.size(), nullptr};
      detector.Process(sdk::Samples(raw), sink);
    }
  }

 private:
  std::vector<heald_series> series_;
  std::vector<int64_t> ts_ns_;
  std::vector<double> value_;
  int64_t round_ = 0;
};

TEST(BaselineMemoryTest, ASeriesByItselfTakesAtMost256Bytes) {
  // Whole chunks of the table, so that no empty rows are counted.
  constexpr uint32_t kSeries = 1024;
  FakeHost host;
  FakeSink fake(host);
  sdk::Sink sink(fake.table());
  Rounds rounds(kSeries);
  const int64_t before = LiveBytes();
  Detector detector(host.host(), {});
  rounds.Feed(detector, sink, 40);
  const int64_t per_series = (LiveBytes() - before) / kSeries;
  RecordProperty("bytes_per_series", static_cast<int>(per_series));
  EXPECT_GT(per_series, 150);  // what is learnt alone; less means that nothing was measured
  EXPECT_LE(per_series, 256);
}

TEST(BaselineMemoryTest, ASeriesOfAGroupTakesAtMost256Bytes) {
  constexpr uint32_t kSeries = 1024;
  FakeHost host;
  FakeSink fake(host);
  sdk::Sink sink(fake.table());
  for (uint32_t i = 0; i < kSeries; ++i)
    host.host().Intern("metric_" + std::to_string(i), {{"instance", "a:9100"}});
  Rounds rounds(kSeries);
  const int64_t before = LiveBytes();
  Detector detector(host.host(), {});
  rounds.Feed(detector, sink, 25);
  const int64_t per_series = (LiveBytes() - before) / kSeries;
  RecordProperty("bytes_per_series", static_cast<int>(per_series));
  EXPECT_GT(per_series, 150);
  EXPECT_LE(per_series, 256);
}

TEST(BaselineMemoryTest, AllocatesNothingOnceASeriesIsKnown) {
  FakeHost host;
  FakeSink fake(host);
  sdk::Sink sink(fake.table());
  Detector detector(host.host(), {});
  Rounds rounds(100);
  rounds.Feed(detector, sink, 1);
  const uint64_t before = Allocations();
  rounds.Feed(detector, sink, 39);  // while it learns, so that no finding is made
  EXPECT_EQ(Allocations(), before);
}

TEST(BaselineMemoryTest, ChurnDoesNotGrowIt) {
  FakeHost host;
  FakeSink fake(host);
  sdk::Sink sink(fake.table());
  Detector detector(host.host(), {});
  Rounds rounds(100);
  rounds.Feed(detector, sink, 1);
  std::vector<heald_series> all(100);
  for (heald_series i = 0; i < 100; ++i) all[i] = i;
  detector.Expired(all, sink);
  rounds.Feed(detector, sink, 1);
  const int64_t before = LiveBytes();
  for (int i = 0; i < 50; ++i) {
    detector.Expired(all, sink);
    rounds.Feed(detector, sink, 1);
  }
  EXPECT_EQ(LiveBytes(), before);
}

// A generation of series takes the place of the one before, as where every deployment has new pods.
TEST(BaselineMemoryTest, AHundredThousandSeriesComeAndGo) {
  constexpr uint32_t kSeries = 100'000;
  FakeHost host;
  FakeSink fake(host);
  sdk::Sink sink(fake.table());
  Detector detector(host.host(), {});
  std::vector<heald_series> series(kSeries + 10);
  std::vector<int64_t> ts_ns(series.size());
  const std::vector<double> value(series.size(), 5);
  int64_t after_first = 0;
  for (uint64_t generation = 0; generation < 3; ++generation) {
    for (size_t i = 0; i < series.size(); ++i)
      series[i] = static_cast<heald_series>(generation << 22U | i);
    for (int round = 0; round < 2; ++round) {
      for (int64_t& ts : ts_ns) ts += 1'000'000'000;
      const heald_samples raw{sizeof raw,    0,      series.data(), ts_ns.data(), value.data(),
                              series.size(), nullptr};
      detector.Process(sdk::Samples(raw), sink);
    }
    // Ten are beyond max_series.
    EXPECT_EQ(host.MetricTotal("samples_left_out_total"), 20 * (generation + 1));
    detector.Expired(series, sink);
    if (generation == 0)
      after_first = LiveBytes();
    else
      EXPECT_LE(LiveBytes(), after_first + 1024);
  }
}

}  // namespace
}  // namespace heald::baseline
