#include <gmock/gmock.h>

#include "demo/services/profile.h"
#include "demo/services/users.h"
#include "demo/tools/latency_histogram.h"
#include "demo/tools/random_faults.h"
#include "demo/tools/targets.h"
#include "demo/tools/traffic_mix.h"

namespace heald::demo {
namespace {

using ::testing::HasSubstr;

TEST(DemoLatencyHistogramTest, GivesQuantilesWithinTwoPercent) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Quantile(0.99), 0);
  for (int64_t i = 1; i <= 1000; ++i) histogram.Add(i * 1'000'000);
  EXPECT_NEAR(static_cast<double>(histogram.Quantile(0.5)), 500e6, 500e6 * 0.021);
  EXPECT_NEAR(static_cast<double>(histogram.Quantile(0.99)), 990e6, 990e6 * 0.021);
  EXPECT_EQ(histogram.count(), 1000);
}

TEST(DemoLatencyHistogramTest, KeepsExtremes) {
  LatencyHistogram histogram;
  histogram.Add(0);
  histogram.Add(int64_t{3600} * 1'000'000'000);
  EXPECT_LE(histogram.Quantile(0.5), 100'000);
  EXPECT_GE(histogram.Quantile(1), int64_t{60} * 1'000'000'000);
}

TEST(DemoTargetsTest, DefaultsToTheProfilePorts) {
  const auto targets = ParseTargets({}, {});
  ASSERT_TRUE(targets.ok());
  EXPECT_EQ((*targets)[2].service, "payments");
  EXPECT_EQ((*targets)[2].url, "http://127.0.0.1:8003");
}

TEST(DemoTargetsTest, TakesPortsAndUrls) {
  const auto targets = ParseTargets({"orders=1234"}, {"users=http://there:9/"});
  ASSERT_TRUE(targets.ok());
  EXPECT_EQ((*targets)[0].url, "http://127.0.0.1:1234");
  EXPECT_EQ((*targets)[1].url, "http://there:9");
}

TEST(DemoTargetsTest, QuotesWhatItCannotRead) {
  for (const char* port : {"orders", "orders=", "orders=x", "orders=0", "orders=70000", "carts=1"})
    EXPECT_THAT(ParseTargets({port}, {}).error().message, HasSubstr(port));
  for (const char* url : {"orders=there:1", "orders=https://x", "orders=http://", "carts=http://x"})
    EXPECT_THAT(ParseTargets({}, {url}).error().message, HasSubstr(url));
}

TEST(DemoTargetsTest, SelectsByName) {
  const auto targets = ParseTargets({}, {});
  EXPECT_EQ(Select(*targets, {}).size(), 3U);
  ASSERT_EQ(Select(*targets, {"users"}).size(), 1U);
  EXPECT_EQ(Select(*targets, {"users"})[0].service, "users");
}

TEST(DemoTrafficMixTest, AsksForWhatItCreated) {
  TrafficMix mix("payments", 1);
  const PlannedRequest first = mix.Next();
  EXPECT_EQ(first.method, "POST");
  mix.Learn(first, 201, R"({"id":"p-9"})");
  bool asked = false;
  for (int i = 0; i < 50; ++i) asked |= mix.Next().path == "/payments/p-9";
  EXPECT_TRUE(asked);
}

TEST(DemoTrafficMixTest, ForgetsAnIdThatIsGone) {
  TrafficMix mix("payments", 1);
  mix.Learn({"POST", "/payments", "{}"}, 201, R"({"id":"p-9"})");
  mix.Learn({"GET", "/payments/p-9", ""}, 404, "{}");
  for (int i = 0; i < 50; ++i) EXPECT_EQ(mix.Next().method, "POST");
}

TEST(DemoTrafficMixTest, SurvivesAnAnswerThatIsNoJson) {
  TrafficMix mix("orders", 1);
  mix.Learn({"POST", "/orders", "{}"}, 201, "<html>");
  EXPECT_EQ(mix.Next().method, "POST");
}

TEST(DemoFaultDiceTest, RepeatsBySeed) {
  const auto targets = *ParseTargets({}, {});
  FaultDice first(5, {"latency", "errors", "hang"}, targets);
  FaultDice second(5, {"latency", "errors", "hang"}, targets);
  FaultDice other(6, {"latency", "errors", "hang"}, targets);
  bool differs = false;
  for (int i = 0; i < 20; ++i) {
    const RandomFault fault = first.Roll();
    EXPECT_EQ(fault.body, second.Roll().body);
    EXPECT_GT(fault.body["duration_s"], 0) << "every fault ends by itself";
    differs |= fault.body != other.Roll().body;
  }
  EXPECT_TRUE(differs);
}

TEST(DemoFaultDiceTest, KeepsToTheKindsAskedFor) {
  FaultDice dice(1, {"latency"}, *ParseTargets({}, {}));
  for (int i = 0; i < 20; ++i) {
    const RandomFault fault = dice.Roll();
    EXPECT_GT(fault.body.at("latency_ms"), kAlarmP99Ms * 1.5) << "clearly above the alarm bound";
    EXPECT_FALSE(fault.body.contains("hang"));
  }
}

}  // namespace
}  // namespace heald::demo
