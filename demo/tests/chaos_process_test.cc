#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/base/units.h"
#include "demo/support/http_client.h"
#include "demo/tests/demo_process.h"
#include "demo/tests/metrics_text.h"

namespace heald::demo {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(DemoChaosProcessTest, StartsBrokenWhenTheEnvironmentSaysSo) {
  const DemoService service("users", {}, {{"CHAOS_ENABLED", "true"}, {"FAILURE_RATE", "1"}});
  ASSERT_NE(service.url(), "") << service.output();
  HttpClient client;
  const auto reply = client.Send("GET", service.url() + "/users", "", kTimeout_ns);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->status, 500);
  const auto chaos = client.Send("GET", service.url() + "/chaos", "", kTimeout_ns);
  ASSERT_TRUE(chaos.ok());
  EXPECT_EQ(json::parse(chaos->body)["source"], "environment");
}

TEST(DemoChaosProcessTest, RefusesToStartWithABadRate) {
  DemoProcess service("heald-demo-service", {"--service", "users", "--port", "0"},
                      {{"CHAOS_ENABLED", "true"}, {"FAILURE_RATE", "a lot"}});
  EXPECT_EQ(service.Wait(kTimeout_ns), 1);
  EXPECT_THAT(service.output(), HasSubstr("FAILURE_RATE='a lot' is not a share"));
}

// Grows while the fault is in force, stays afterwards, ends with the process.
TEST(DemoChaosProcessTest, LeakIsRealAndStays) {
  const DemoService service("users");
  HttpClient client;
  const auto resident_mib = [&] {
    const auto reply = client.Send("GET", service.url() + "/metrics", "", kTimeout_ns);
    std::string error;
    return MetricsText::Parse(reply ? reply->body : "", &error)
               .Sum("process_resident_memory_bytes") /
           (1 << 20);
  };
  const double before = resident_mib();
  ASSERT_TRUE(
      client.Send("PUT", service.url() + "/chaos", R"({"leak_mib_s":64})", kTimeout_ns).ok());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (resident_mib() < before + 20 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_GE(resident_mib(), before + 20);
  ASSERT_TRUE(client.Send("DELETE", service.url() + "/chaos", "", kTimeout_ns).ok());
  EXPECT_GE(resident_mib(), before + 20);
}

TEST(DemoChaosProcessTest, BurnsCpuUntilTheFaultEnds) {
  const DemoService service("users");
  HttpClient client;
  const auto cpu_s = [&] {
    const auto reply = client.Send("GET", service.url() + "/metrics", "", kTimeout_ns);
    std::string error;
    return MetricsText::Parse(reply ? reply->body : "", &error).Sum("process_cpu_seconds_total");
  };
  const double before_s = cpu_s();
  ASSERT_TRUE(client.Send("PUT", service.url() + "/chaos", R"({"cpu_cores":4})", kTimeout_ns).ok());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (cpu_s() < before_s + 0.5 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_GE(cpu_s(), before_s + 0.5);
  ASSERT_TRUE(client.Send("DELETE", service.url() + "/chaos", "", kTimeout_ns).ok());
  // At most the slice that was begun; then it is idle but for these questions.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const double ended_s = cpu_s();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LT(cpu_s(), ended_s + 0.2);
}

TEST(DemoChaosProcessTest, CrashEndsTheProcessAfterTheAnswer) {
  DemoService service("users");
  const auto reply =
      HttpClient().Send("PUT", service.url() + "/chaos", R"({"crash":true})", kTimeout_ns);
  ASSERT_TRUE(reply.ok()) << reply.error().message;
  EXPECT_EQ(reply->status, 202);
  EXPECT_EQ(service.Wait(kTimeout_ns), 1);
}

// The programs that heald runs, against a service that was broken for good.
TEST(DemoChaosProcessTest, UpkeepCuresWhatARestartDoesNot) {
  std::string data = ::testing::TempDir() + "demo-upkeep-XXXXXX";
  ASSERT_NE(mkdtemp(data.data()), nullptr);
  const auto upkeep = [&](const std::string& verb) {
    DemoProcess run("heald-demo-upkeep", {verb, "payments"}, {{"HEALD_DEMO_DATA", data}});
    return std::pair(run.Wait(kTimeout_ns), run.output());
  };
  HttpClient client;
  const auto suffer = [&](const DemoService& service, const char* fault) {
    const auto reply = client.Send("PUT", service.url() + "/chaos", fault, kTimeout_ns);
    return reply ? reply->status : 0;
  };
  {
    DemoService service("payments", {"--data", data});
    ASSERT_NE(service.url(), "") << service.output();
    EXPECT_EQ(upkeep("roll-back").first, 1) << "nothing is wrong yet";
    EXPECT_EQ(upkeep("clean-disk").first, 1);
    EXPECT_EQ(suffer(service, R"({"certificate_days":1})"), 200);
    const auto renewed = upkeep("renew-certificate");
    EXPECT_EQ(renewed.first, 0) << renewed.second;
    const auto page = client.Send("GET", service.url() + "/metrics", "", kTimeout_ns);
    std::string error;
    EXPECT_GT(MetricsText::Parse(page ? page->body : "", &error).Sum("certificate_days_left"), 80);
    EXPECT_EQ(suffer(service, R"({"crash_loop":true})"), 202);
    EXPECT_EQ(service.Wait(kTimeout_ns), 1);
  }
  DemoProcess again("heald-demo-service", {"--service", "payments", "--port", "0", "--data", data});
  EXPECT_EQ(again.Wait(kTimeout_ns), 1);
  EXPECT_THAT(again.output(), HasSubstr("'decline_above_cents' must be"));
  const auto back = upkeep("roll-back");
  EXPECT_EQ(back.first, 0) << back.second;
  EXPECT_NE(DemoService("payments", {"--data", data}).url(), "");
  std::filesystem::remove_all(data);
}

TEST(DemoChaosProcessTest, ARestartCuresFaultsOfTheRunTime) {
  HttpClient client;
  {
    DemoService service("users");
    ASSERT_TRUE(
        client.Send("PUT", service.url() + "/chaos", R"({"failure_rate":1})", kTimeout_ns).ok());
    EXPECT_EQ(client.Send("GET", service.url() + "/users", "", kTimeout_ns)->status, 500);
    service.Signal(SIGTERM);
    ASSERT_EQ(service.Wait(kTimeout_ns), 0);
  }
  const DemoService service("users");
  EXPECT_EQ(client.Send("GET", service.url() + "/users", "", kTimeout_ns)->status, 200);
}

}  // namespace
}  // namespace heald::demo
