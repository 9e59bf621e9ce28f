// Measured, not derived: latencies under steady load against the numbers of demo/README.md.
#include <gmock/gmock.h>

#include <atomic>
#include <map>

#include "core/base/units.h"
#include "demo/services/profile.h"
#include "demo/support/http_client.h"
#include "demo/tests/demo_process.h"
#include "demo/tests/metrics_text.h"
#include "demo/tools/load_engine.h"

namespace heald::demo {
namespace {

struct DemoNoiseTest : ::testing::Test {
  MetricsText Scrape(const std::string& url) {
    std::string error;
    const auto reply = client.Send("GET", url + "/metrics", "", 5 * kSecond);
    EXPECT_TRUE(reply.ok());
    return reply ? MetricsText::Parse(reply->body, &error) : MetricsText();
  }
  // Steady load for a quantile window and a second; the p99 the services themselves measured.
  std::map<std::string, double> MeasureP99Ms() {
    LoadPlan plan;
    plan.rate_per_s = kProfiles[0].steady_per_s;
    plan.connections = 64;
    plan.duration_ns = static_cast<int64_t>((kQuantileWindowS + 1) * 1e9);
    std::map<std::string, MetricsText> before;
    const std::pair<const char*, const DemoService*> services[] = {
        {"orders", &orders}, {"users", &users}, {"payments", &payments}};
    for (const auto& [name, service] : services) {
      plan.targets.push_back({name, service->url()});
      before[name] = Scrape(service->url());
    }
    const std::atomic<bool> stop{false};
    const auto report = RunLoad(plan, stop, [](const LoadReport&) {});
    EXPECT_TRUE(report.ok());
    std::map<std::string, double> p99_ms;
    for (const Target& target : plan.targets) {
      p99_ms[target.service] =
          1000 * Scrape(target.url)
                     .Quantile("http_request_duration_seconds", 0.99, before[target.service]);
      EXPECT_EQ(report->services.at(target.service).errors, 0) << target.service;
      EXPECT_EQ(report->services.at(target.service).skipped, 0) << target.service;
      RecordProperty(target.service + "_p99_ms", std::to_string(p99_ms[target.service]));
    }
    return p99_ms;
  }

  DemoService users{"users", {"--seed", "11"}};
  DemoService payments{"payments", {"--seed", "12"}};
  DemoService orders{
      "orders", {"--seed", "13", "--users-url", users.url(), "--payments-url", payments.url()}};
  HttpClient client;
};

TEST_F(DemoNoiseTest, HealthyP99StaysBelowTheBoundOfTheReadme) {
  for (const auto& [name, p99_ms] : MeasureP99Ms()) {
    EXPECT_LT(p99_ms, FindProfile(name)->noise_p99_ms) << name;
    EXPECT_GT(p99_ms, FindProfile(name)->base_latency_ms) << name;
  }
}

TEST_F(DemoNoiseTest, ASlowPaymentsPassesTheAlarmAndLeavesOrdersWell) {
  const auto spike = client.Send(
      "PUT", payments.url() + "/chaos",
      R"({"latency_ms":)" + std::to_string(FindProfile("payments")->fault_latency_ms) + "}",
      5 * kSecond);
  ASSERT_TRUE(spike.ok());
  ASSERT_EQ(spike->status, 200);
  auto p99_ms = MeasureP99Ms();
  EXPECT_GT(p99_ms["payments"], 2 * kAlarmP99Ms);
  EXPECT_LT(p99_ms["orders"], kOrdersDegradedP99Ms);
  EXPECT_LT(p99_ms["users"], FindProfile("users")->noise_p99_ms);
}

}  // namespace
}  // namespace heald::demo
