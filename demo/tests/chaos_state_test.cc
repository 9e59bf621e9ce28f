#include "demo/services/chaos_state.h"

#include <gmock/gmock.h>

#include <chrono>
#include <map>
#include <set>
#include <thread>

namespace heald::demo {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

Result<Faults> Read(const std::map<std::string, std::string>& environment) {
  return FaultsFromEnvironment(
      [&](const char* name) {
        const auto it = environment.find(name);
        return it == environment.end() ? nullptr : it->second.c_str();
      },
      1500);
}

TEST(DemoChaosStateTest, IsOffWithoutASwitch) {
  const auto faults = Read({{"FAILURE_RATE", "0.2"}, {"LATENCY_SPIKE_RATE", "0.1"}});
  ASSERT_TRUE(faults.ok());
  EXPECT_FALSE(faults->Any());
}

TEST(DemoChaosStateTest, ReadsRatesFromTheEnvironment) {
  const auto faults =
      Read({{"CHAOS_ENABLED", "true"}, {"FAILURE_RATE", "0.2"}, {"LATENCY_SPIKE_RATE", "0.1"}});
  ASSERT_TRUE(faults.ok());
  EXPECT_DOUBLE_EQ(faults->failure_rate, 0.2);
  EXPECT_DOUBLE_EQ(faults->latency_rate, 0.1);
  EXPECT_DOUBLE_EQ(faults->latency_ms, 1500);
}

TEST(DemoChaosStateTest, NamesTheVariableThatIsWrong) {
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"CHAOS_ENABLED", "maybe"},
                                                        {"FAILURE_RATE", "20%"},
                                                        {"FAILURE_RATE", "1.2"},
                                                        {"FAILURE_RATE", "nan"},
                                                        {"LATENCY_SPIKE_RATE", "-0.1"},
                                                        {"LATENCY_SPIKE_RATE", "often"}}) {
    const auto faults = Read({{name, value}});
    ASSERT_FALSE(faults.ok()) << name << "=" << value;
    EXPECT_THAT(faults.error().message, AllOf(HasSubstr(name), HasSubstr("'" + value + "'")));
  }
}

TEST(DemoChaosStateTest, DrawsTheShareThatWasAsked) {
  ChaosState chaos({}, 1);
  chaos.Set({{"latency_ms", 100},
             {"latency_rate", 0.25},
             {"failure_rate", 0.5},
             {"pool_loss_rate", 0.75}});
  int slow = 0;
  int lost = 0;
  int failed = 0;
  for (int i = 0; i < 4000; ++i) {
    slow += chaos.DrawLatency() == 100'000'000 ? 1 : 0;
    failed += chaos.DrawFailure() ? 1 : 0;
    lost += chaos.DrawLostConnection() ? 1 : 0;
  }
  EXPECT_NEAR(slow, 1000, 150);
  EXPECT_NEAR(failed, 2000, 150);
  EXPECT_NEAR(lost, 3000, 150);
}

TEST(DemoChaosStateTest, ReplacesAllFaultsAtOnce) {
  ChaosState chaos({}, 1);
  chaos.Set({{"failure_rate", 1}});
  chaos.Set({{"latency_ms", 10}});
  EXPECT_FALSE(chaos.DrawFailure());
  EXPECT_EQ(chaos.DrawLatency(), 10'000'000);
}

TEST(DemoChaosStateTest, GoesBackToTheEnvironmentWhenTimeIsUp) {
  Faults environment;
  environment.failure_rate = 1;
  ChaosState chaos(environment, 1);
  EXPECT_EQ(chaos.Describe()["source"], "environment");
  chaos.Set({{"hang", true}, {"duration_s", 0.02}});
  EXPECT_EQ(chaos.Describe()["source"], "runtime");
  EXPECT_GT(chaos.Describe()["remaining_s"], 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (chaos.Current().hang && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_FALSE(chaos.Current().hang);
  EXPECT_TRUE(chaos.DrawFailure());
  EXPECT_TRUE(chaos.Describe()["remaining_s"].is_null());
}

TEST(DemoChaosStateTest, ClearEndsTheFaultsOfTheEnvironmentToo) {
  Faults environment;
  environment.failure_rate = 1;
  ChaosState chaos(environment, 1);
  chaos.Clear();
  EXPECT_FALSE(chaos.DrawFailure());
  EXPECT_EQ(chaos.Describe()["source"], "none");
}

TEST(DemoChaosStateTest, DescribesEveryFaultThatLasts) {
  const std::set<std::string> once = {"crash_loop", "drift", "certificate_days", "duration_s"};
  const json faults = ChaosState({}, 1).Describe()["faults"];
  for (const Field& field : ChaosState::Fields())
    EXPECT_EQ(faults.contains(field.name), !once.contains(field.name)) << field.name;
}

TEST(DemoChaosStateTest, WhatHappensOnceIsNotInForceAfterwards) {
  const json body = {{"drift", true}, {"certificate_days", 0}, {"crash_loop", true}};
  const Faults asked = ChaosState::Asked(body);
  EXPECT_TRUE(asked.drift && asked.crash_loop);
  EXPECT_EQ(asked.certificate_days, 0);
  ChaosState chaos({}, 1);
  chaos.Set(body);
  EXPECT_FALSE(chaos.Current().Any());
  EXPECT_FALSE(chaos.Current().NeedData());
}

}  // namespace
}  // namespace heald::demo
