// The numbers of demo/README.md, of profile.h, and what must follow from them.
#include "demo/services/profile.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "demo/services/latency_model.h"
#include "demo/tools/load_engine.h"

namespace heald::demo {
namespace {

using Row = std::vector<std::string>;

std::string Trim(const std::string& text) {
  const size_t first = text.find_first_not_of(" `");
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(" `") - first + 1);
}

// The rows below `<!-- table: name -->`, without heading and rule.
std::vector<Row> ReadTable(const std::string& name) {
  std::ifstream file(std::string(HEALD_SOURCE_DIR) + "/demo/README.md");
  std::string line;
  while (std::getline(file, line) && line != "<!-- table: " + name + " -->") {
  }
  std::vector<Row> rows;
  while (std::getline(file, line) && line.starts_with("|")) {
    Row row;
    std::istringstream cells(line.substr(1));
    for (std::string cell; std::getline(cells, cell, '|');) row.push_back(Trim(cell));
    rows.push_back(row);
  }
  if (rows.size() < 2) return {};
  rows.erase(rows.begin(), rows.begin() + 2);
  return rows;
}

// "1500 ms", "100 %", "30 /s": the number, when the unit is the one expected.
double Number(const std::string& cell, const std::string& unit) {
  std::istringstream in(cell);
  double value = -1;
  std::string actual;
  in >> value >> actual;
  EXPECT_EQ(actual, unit) << "in '" << cell << "'";
  return value;
}

TEST(DemoProfileTest, ReadmeTableOfServicesIsTheHeader) {
  const auto rows = ReadTable("services");
  ASSERT_EQ(rows.size(), kProfiles.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const ServiceProfile& profile = kProfiles[i];
    const Row& row = rows[i];
    ASSERT_EQ(row.size(), 8U);
    SCOPED_TRACE(profile.name);
    EXPECT_EQ(row[0], profile.name);
    EXPECT_EQ(Number(row[1], ""), profile.port);
    EXPECT_EQ(Number(row[2], "ms"), profile.base_latency_ms);
    EXPECT_EQ(Number(row[3], "ms"), profile.base_max_ms);
    EXPECT_EQ(Number(row[4], "ms"), profile.noise_p99_ms);
    EXPECT_EQ(Number(row[5], "ms"), profile.fault_latency_ms);
    EXPECT_EQ(Number(row[6], "%"), profile.fault_share * 100);
    EXPECT_EQ(Number(row[7], "/s"), profile.steady_per_s);
  }
}

double WorstCaseS(const ServiceProfile& profile) {
  const double seen = profile.fault_latency_ms / 1000 + kScrapeIntervalS;
  const double decided = kForS + kScrapeIntervalS;
  const double verified = kQuantileWindowS + kScrapeIntervalS;
  return seen + decided + kRestartBudgetS + verified;
}

TEST(DemoProfileTest, ReadmeTableOfTheLoopIsTheHeader) {
  std::map<std::string, std::string> cells;
  for (const Row& row : ReadTable("loop")) cells[row.at(0)] = row.at(1);
  const std::vector<std::tuple<const char*, const char*, double>> expected = {
      {"scrape interval", "s", kScrapeIntervalS},
      {"quantile window (short)", "s", kQuantileWindowS},
      {"baseline min_samples", "samples", kBaselineMinSamples},
      {"baseline deviation floor", "ms", kBaselineFloorMs},
      {"baseline expected range, on both sides", "deviations", kBaselineReach},
      {"alarm: latency_p99 above", "ms", kAlarmP99Ms},
      {"alarm: error share above", "%", kAlarmErrorShare * 100},
      {"alarm: requests in flight above", "", kAlarmInFlight},
      {"... while answered are below", "/s", kIdleRate},
      {"... in the last", "s", kCrowdWindowS},
      {"alarm: CPU above", "cores", kAlarmCores},
      {"alarm: requests that wait for a connection above", "", kAlarmPoolWaiting},
      {"... both while answered are below", "/s", kBusyRate},
      {"alarm: certificate ends within", "days", kAlarmCertificateDays},
      {"alarm: disk used above", "%", kAlarmDiskUsed * 100},
      {"alarm: down for", "s", kDownForS},
      {"error share, healthy at most", "%", kHealthyErrorShareMax * 100},
      {"error fault, share of requests", "%", kErrorFaultShare * 100},
      {"prediction: memory reaches", "MiB", kAlarmMemoryMiB},
      {"... within", "s", kTrendHorizonS},
      {"... with probability", "%", kTrendProbability * 100},
      {"trend window", "samples", kTrendWindow},
      {"leak fault", "MiB/s", kLeakMiBPerS},
      {"leak fault, at most", "MiB", kLeakMostMiB},
      {"CPU fault", "cores", kBurnCores},
      {"pool fault, share of requests", "%", kPoolLossShare * 100},
      {"connections in a pool", "", kPoolConnections},
      {"certificate fault, days left", "days", kOldCertificateDays},
      {"certificate, when it is new", "days", kCertificateDays},
      {"disk", "MiB", kDiskMiB},
      {"disk fault", "MiB/s", kDiskFillMiBPerS},
      {"leak to verified, limit", "s", kLeakHealedWithinS},
      {"orders, p99 with slow peers below", "ms", kOrdersDegradedP99Ms},
      {"for", "s", kForS},
      {"restart, SIGTERM to ready", "s", kRestartBudgetS},
      {"verify.within", "s", kVerifyWithinS},
      {"fault to verified, worst case", "s", WorstCaseS(kProfiles[0])},
      {"fault to verified, limit", "s", kHealedWithinS},
  };
  EXPECT_EQ(cells.size(), expected.size());
  for (const auto& [name, unit, value] : expected) {
    SCOPED_TRACE(name);
    EXPECT_DOUBLE_EQ(Number(cells[name], unit), value);
  }
}

TEST(DemoProfileTest, NoiseIsClearlyBelowAndFaultsClearlyAboveTheAlarm) {
  for (const ServiceProfile& profile : kProfiles) {
    SCOPED_TRACE(profile.name);
    EXPECT_LE(profile.noise_p99_ms * 2, kAlarmP99Ms);
    EXPECT_GE(profile.fault_latency_ms, kAlarmP99Ms * 2);
    EXPECT_GT(profile.fault_share, 0.01 * 2) << "a p99 shows only what is in over 1 % of requests";
    EXPECT_LT(profile.noise_p99_ms + kBaselineReach * kBaselineFloorMs, kAlarmP99Ms)
        << "the detector has spoken when the alarm bound is passed";
  }
  EXPECT_LE(kHealthyErrorShareMax * 2, kAlarmErrorShare);
  EXPECT_GE(kErrorFaultShare, kAlarmErrorShare * 2);
}

TEST(DemoProfileTest, ASlowServiceIsNoCrowdAndAHangIs) {
  for (const ServiceProfile& profile : kProfiles) {
    SCOPED_TRACE(profile.name);
    const double slow_s = (profile.fault_latency_ms + profile.base_max_ms) / 1000;
    EXPECT_LT(2 * profile.steady_per_s * slow_s, kAlarmInFlight)
        << "orders asks beside the traffic";
    const double patience_s = static_cast<double>(kRequestTimeout_ns) / 1e9;
    EXPECT_GT(profile.steady_per_s * patience_s, kAlarmInFlight * 1.2);
    EXPECT_LT(profile.steady_per_s * patience_s, kOpenLoopConnections);
    EXPECT_GT(profile.steady_per_s, kIdleRate * 2);
  }
}

TEST(DemoProfileTest, ALostConnectionShareEmptiesThePoolInSeconds) {
  for (const ServiceProfile& profile : kProfiles) {
    SCOPED_TRACE(profile.name);
    EXPECT_LT(kPoolConnections / (profile.steady_per_s * kPoolLossShare), 6);
    // A healthy service never waits for one.
    EXPECT_LT(profile.steady_per_s * profile.base_max_ms / 1000 * 10, kPoolConnections);
    EXPECT_GT(profile.steady_per_s * kPoolPatienceS, kAlarmPoolWaiting * 2);
  }
  EXPECT_GT(kBurnCores, kAlarmCores * 2);
}

TEST(DemoProfileTest, ADiskIsCleanedBeforeItIsFull) {
  const double left_s = (1 - kAlarmDiskUsed) * kDiskMiB / kDiskFillMiBPerS;
  EXPECT_GT(left_s, 3 * kScrapeIntervalS) << "seen by one scrape, cleaned before the next";
  EXPECT_LT(kDiskMiB / kDiskFillMiBPerS, 20);
}

TEST(DemoProfileTest, OrdersStaysWellWhenItsPeersAreSlow) {
  const ServiceProfile& orders = *FindProfile("orders");
  EXPECT_LT(orders.base_max_ms + kOrderDeadlineMs, kOrdersDegradedP99Ms);
  EXPECT_LT(kOrdersDegradedP99Ms, kAlarmP99Ms);
  EXPECT_LT(kOrderDeadlineMs - 100, kBaselineReach * kBaselineFloorMs)
      << "even then it is nothing unusual: healthy calls take 100 ms of the deadline";
}

TEST(DemoProfileTest, OrdersIsSlowerThanItsCalls) {
  double calls_ms = 0;
  for (const ServiceProfile& profile : kProfiles) calls_ms += profile.base_max_ms;
  EXPECT_LT(calls_ms, FindProfile("orders")->noise_p99_ms);
  EXPECT_LT(calls_ms - FindProfile("orders")->base_max_ms, kOrderDeadlineMs)
      << "healthy peers answer within the deadline";
}

TEST(DemoProfileTest, HealsInTimeInTheWorstCase) {
  for (const ServiceProfile& profile : kProfiles)
    EXPECT_LT(WorstCaseS(profile), kHealedWithinS) << profile.name;
  EXPECT_GE(kVerifyWithinS, kQuantileWindowS + 2 * kScrapeIntervalS);
}

TEST(DemoProfileTest, ALeakIsPredictedWellBeforeItsLimit) {
  constexpr double kHealthyMiB = 32;  // more than a service ever has
  const double to_limit_s = (kAlarmMemoryMiB - kHealthyMiB) / kLeakMiBPerS;
  // Half a window of it is a line; the rest of the way must be within sight by then.
  const double line_s = kTrendWindow / 2.0 * kScrapeIntervalS;
  EXPECT_GT(kTrendHorizonS * 1.2, to_limit_s - line_s);
  EXPECT_GT(to_limit_s - line_s - kForS - kRestartBudgetS, 8);
  EXPECT_GT(kLeakMostMiB, kAlarmMemoryMiB * 1.5);
  EXPECT_LT(line_s + to_limit_s / 2, kLeakHealedWithinS);
}

TEST(DemoProfileTest, EnoughRequestsStandBehindAQuantile) {
  for (const ServiceProfile& profile : kProfiles)
    EXPECT_GE(profile.steady_per_s * kQuantileWindowS, 100) << profile.name;
}

TEST(DemoProfileTest, DrawsFollowTheProfileAndRepeatBySeed) {
  for (const ServiceProfile& profile : kProfiles) {
    SCOPED_TRACE(profile.name);
    LatencyModel model(profile, 3);
    LatencyModel again(profile, 3);
    std::vector<double> draws_ms;
    for (int i = 0; i < 5000; ++i) {
      const int64_t draw_ns = model.Draw();
      EXPECT_EQ(draw_ns, again.Draw());
      draws_ms.push_back(static_cast<double>(draw_ns) / 1e6);
    }
    std::sort(draws_ms.begin(), draws_ms.end());
    EXPECT_NEAR(draws_ms[2500], profile.base_latency_ms, profile.base_latency_ms * 0.05);
    EXPECT_LE(draws_ms.back(), profile.base_max_ms);
    EXPECT_LT(draws_ms[4950], profile.noise_p99_ms);
  }
}

}  // namespace
}  // namespace heald::demo
