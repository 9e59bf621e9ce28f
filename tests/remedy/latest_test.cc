#include "core/remedy/latest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>
#include <vector>

namespace heald::remedy {
namespace {

constexpr int64_t kNow = 1'000 * kSecond;

class RemedyLatestTest : public ::testing::Test {
 protected:
  RemedyLatestTest() { latest.SetWanted({"latency_p99", "prom.error_rate"}, {"service"}); }
  LatestSamples latest;
};

TEST_F(RemedyLatestTest, KeepsOnlyWhatIsWanted) {
  EXPECT_TRUE(latest.Wanted("prom", "latency_p99"));
  EXPECT_TRUE(latest.Wanted("other", "latency_p99"));
  EXPECT_TRUE(latest.Wanted("prom", "error_rate"));
  EXPECT_FALSE(latest.Wanted("other", "error_rate"));
  latest.Record("prom", "cpu", {{"service", "a"}}, 1, kNow);
  EXPECT_EQ(latest.series_count(), 0u);
}

TEST_F(RemedyLatestTest, FindsByNameAndByNodeAndName) {
  latest.Record("prom", "latency_p99", {{"__name__", "latency_p99"}, {"service", "a"}}, 0.5, kNow);
  EXPECT_EQ(latest.Lookup("latency_p99", {{"service", "a"}}, kNow), 0.5);
  EXPECT_EQ(latest.Lookup("prom.latency_p99", {{"service", "a"}}, kNow), 0.5);
  EXPECT_EQ(latest.Lookup("scrape.latency_p99", {{"service", "a"}}, kNow), std::nullopt);
  EXPECT_EQ(latest.Lookup("latency_p99", {{"service", "b"}}, kNow), std::nullopt);
}

TEST_F(RemedyLatestTest, TakesTheLargestOfSeveralSeriesOfTheTarget) {
  latest.Record("prom", "latency_p99", {{"service", "a"}, {"instance", "1"}}, 0.5, kNow);
  latest.Record("prom", "latency_p99", {{"service", "a"}, {"instance", "2"}}, 0.9, kNow);
  latest.Record("prom", "latency_p99", {{"service", "b"}, {"instance", "3"}}, 5.0, kNow);
  EXPECT_EQ(latest.Lookup("latency_p99", {{"service", "a"}}, kNow), 0.9);
  EXPECT_EQ(latest.Lookup("latency_p99", {{"service", "a"}, {"instance", "1"}}, kNow), 0.5);
  EXPECT_EQ(latest.Lookup("latency_p99", {}, kNow), 5.0);
}

TEST_F(RemedyLatestTest, StaleAndNanAreMissing) {
  const Labels target{{"service", "a"}};
  latest.Record("prom", "latency_p99", target, 0.5, kNow);
  EXPECT_EQ(latest.Lookup("latency_p99", target, kNow + 5 * kMinute), 0.5);
  EXPECT_EQ(latest.Lookup("latency_p99", target, kNow + 5 * kMinute + 1), std::nullopt);
  latest.Record("prom", "latency_p99", target, std::nan(""), kNow + kSecond);
  EXPECT_EQ(latest.Lookup("latency_p99", target, kNow + kSecond), std::nullopt);
}

TEST_F(RemedyLatestTest, TheMostExactStalenessCounts) {
  const Labels target{{"service", "a"}};
  latest.Record("prom", "latency_p99", target, 0.5, kNow);
  latest.SetStaleness("prom", 30 * kSecond);
  EXPECT_FALSE(latest.Lookup("latency_p99", target, kNow + 31 * kSecond));
  latest.SetStaleness("prom.latency_p99", kMinute);
  EXPECT_TRUE(latest.Lookup("latency_p99", target, kNow + 31 * kSecond));
}

TEST_F(RemedyLatestTest, AnOlderSampleChangesNothing) {
  const Labels target{{"service", "a"}};
  latest.Record("prom", "latency_p99", target, 0.5, kNow);
  latest.Record("prom", "latency_p99", target, 0.1, kNow - 1);
  EXPECT_EQ(latest.Lookup("latency_p99", target, kNow), 0.5);
}

TEST_F(RemedyLatestTest, DropsExpiredSeriesAndCountsTargets) {
  latest.Record("prom", "latency_p99", {{"service", "a"}, {"instance", "1"}}, 1, kNow);
  latest.Record("prom", "latency_p99", {{"service", "a"}, {"instance", "2"}}, 1, kNow + kHour);
  latest.Record("prom", "latency_p99", {{"service", "b"}}, 1, kNow);
  EXPECT_EQ(latest.Count({"latency_p99"}, "", [](const std::string&) { return true; }).known, 2u);
  EXPECT_EQ(latest.DropExpired(kNow + kHour), 2u);
  EXPECT_EQ(latest.series_count(), 1u);
  EXPECT_EQ(latest.Count({"latency_p99"}, "", [](const std::string&) { return true; }).known, 1u);
  EXPECT_EQ(latest.Lookup("latency_p99", {{"service", "a"}}, kNow + kHour), 1.0);
}

TEST_F(RemedyLatestTest, IsBounded) {
  LatestSamples small({kMinute, 2});
  small.SetWanted({"latency_p99"}, {"service"});
  for (int i = 0; i < 5; ++i)
    small.Record("prom", "latency_p99", {{"service", std::to_string(i)}}, 1, kNow);
  EXPECT_EQ(small.series_count(), 2u);
  EXPECT_EQ(small.refused_total(), 3u);
}

TEST_F(RemedyLatestTest, AReloadDropsWhatNobodyWantsAnyMore) {
  const Labels target{{"service", "a"}};
  latest.Record("prom", "latency_p99", target, 1, kNow);
  latest.Record("prom", "error_rate", target, 2, kNow);
  latest.SetWanted({"latency_p99"}, {"service"});
  EXPECT_EQ(latest.series_count(), 1u);
  EXPECT_EQ(latest.Lookup("latency_p99", target, kNow), 1.0);
  EXPECT_EQ(latest.Lookup("error_rate", target, kNow), std::nullopt);
}

TEST_F(RemedyLatestTest, WritersAndReadersGetAlong) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this, t] {
      for (int i = 0; i < 2'000; ++i) {
        const Labels target{{"service", std::to_string(i % 10)}};
        if (t % 2 == 0) {
          latest.Record("prom", "latency_p99", target, i, kNow + i);
        } else if (const auto value = latest.Lookup("latency_p99", target, kNow + i)) {
          EXPECT_EQ(static_cast<int>(*value) % 10, i % 10);
        }
        if (i % 500 == 0) latest.DropExpired(kNow);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(latest.series_count(), 10u);
}

}  // namespace
}  // namespace heald::remedy
