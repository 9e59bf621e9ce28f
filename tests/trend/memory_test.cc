#include <gtest/gtest.h>

#include <vector>

#include "heald/testing.h"
#include "plugins/detectors/trend/detector.h"
#include "tests/sdk/allocation_counter.h"

namespace heald::trend {
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

class TrendMemoryTest : public ::testing::Test {
 protected:
  FakeHost host_;
  FakeSink fake_{host_};
  sdk::Sink sink_{fake_.table()};
};

TEST_F(TrendMemoryTest, ASeriesTakesAtMost1536Bytes) {
  constexpr uint32_t kSeries = 1000;
  Rounds rounds(kSeries);
  const int64_t before = LiveBytes();
  Detector detector(host_.host(), {.above = 100});
  rounds.Feed(detector, sink_, 600);
  const int64_t per_series = (LiveBytes() - before) / kSeries;
  RecordProperty("bytes_per_series", static_cast<int>(per_series));
  EXPECT_GT(per_series, 1024);  // the buckets alone; less means that nothing was measured
  EXPECT_LE(per_series, 1536);
}

TEST_F(TrendMemoryTest, AllocatesNothingOnceASeriesIsKnown) {
  Detector detector(host_.host(), {.above = 20, .horizon = sdk::Minutes(10)});
  Rounds rounds(100);
  rounds.Feed(detector, sink_, 20);
  const uint64_t before = Allocations();
  rounds.Feed(detector, sink_, 600);
  EXPECT_EQ(Allocations(), before);
}

TEST_F(TrendMemoryTest, ChurnDoesNotGrowIt) {
  Detector detector(host_.host(), {.above = 100});
  Rounds rounds(100);
  rounds.Feed(detector, sink_, 10);
  std::vector<heald_series> all(100);
  for (heald_series i = 0; i < 100; ++i) all[i] = i;
  detector.Expired(all, sink_);
  rounds.Feed(detector, sink_, 10);
  const int64_t before = LiveBytes();
  for (int i = 0; i < 50; ++i) {
    detector.Expired(all, sink_);
    rounds.Feed(detector, sink_, 10);
  }
  EXPECT_EQ(LiveBytes(), before);
}

}  // namespace
}  // namespace heald::trend
