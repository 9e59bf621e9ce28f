#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "heald/testing.h"
#include "plugins/detectors/isolation_forest/detector.h"
#include "tests/sdk/allocation_counter.h"

namespace heald::isolation_forest {
namespace {

using heald::testing::LiveBytes;
using sdk::testing::FakeHost;
using sdk::testing::FakeSink;

void Feed(Detector& detector, FakeSink& fake, const std::vector<heald_series>& series,
          int64_t ts_ns) {
  std::vector<int64_t> times(series.size(), ts_ns);
  std::vector<double> values(series.size());
  for (size_t i = 0; i < series.size(); ++i)
    values[i] = static_cast<double>((static_cast<uint64_t>(ts_ns) * 7 + i * 13) % 101);
  const heald_samples raw{sizeof raw,    0,      series.data(), times.data(), values.data(),
                          series.size(), nullptr};
  sdk::Sink sink(fake.table());
  detector.Process(sdk::Samples(raw), sink);
}

std::vector<heald_series> Series(FakeHost& host, size_t count, const std::string& instance) {
  std::vector<heald_series> series;
  for (size_t i = 0; i < count; ++i)
    series.push_back(host.host().Intern("metric_" + std::to_string(i), {{"instance", instance}}));
  return series;
}

TEST(ForestMemoryTest, AnEntityOfTenSeriesTakesAtMost600Kilobytes) {
  FakeHost host;
  FakeSink fake(host);
  const std::vector<heald_series> series = Series(host, 10, "a");
  Detector detector(host.host(), {});
  const int64_t before = LiveBytes();
  for (int64_t i = 1; i <= 1100; ++i) Feed(detector, fake, series, i * 1'000'000'000);
  const int64_t bytes = LiveBytes() - before;
  RecordProperty("bytes", static_cast<int>(bytes));
  EXPECT_GT(bytes, 200'000);
  EXPECT_LE(bytes, 600'000);
  // That is all, however long it runs.
  for (int64_t i = 1101; i <= 3000; ++i) Feed(detector, fake, series, i * 1'000'000'000);
  EXPECT_LE(LiveBytes() - before, 600'000);
}

TEST(ForestMemoryTest, AHundredThousandSeriesThatComeAndGoLeaveLittleBehind) {
  FakeHost host;
  FakeSink fake(host);
  sdk::Sink sink(fake.table());
  Detector detector(host.host(), {.max_entities = 50});
  int64_t ts_ns = 0;
  const auto wave = [&](int number) {
    std::vector<heald_series> series;
    for (int entity = 0; entity < 250; ++entity)
      for (const heald_series one :
           Series(host, 40, std::to_string(number) + "-" + std::to_string(entity)))
        series.push_back(one);
    for (int i = 0; i < 3; ++i) Feed(detector, fake, series, ts_ns += 1'000'000'000);
    for (const heald_series one : series) host.Expire(one);
    detector.Expired(series, sink);
  };
  wave(0);
  wave(1);
  const int64_t before = LiveBytes();
  for (int i = 2; i < 10; ++i) wave(i);
  EXPECT_LE(LiveBytes() - before, 100'000);
  EXPECT_TRUE(fake.findings().empty());
}

}  // namespace
}  // namespace heald::isolation_forest
