// The whole loop with real processes: heald, the services, traffic, faults.
#include "demo/scenario/scenarios.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/units.h"
#include "demo/services/profile.h"
#include "demo/tests/demo_process.h"

namespace heald::demo {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kProgram = "heald-demo-scenario";

class DemoScenarioTest : public ::testing::TestWithParam<std::string> {};

TEST_P(DemoScenarioTest, HealsInTime) {
  DemoProcess run(kProgram, {"--scenario", GetParam(), "--json", "--pipeline",
                             HEALD_SOURCE_DIR "/configs/demo.yaml"});
  ASSERT_EQ(run.Wait(100 * kSecond), 0) << run.output();
  const json result = json::parse(run.output(), nullptr, false);
  ASSERT_TRUE(result.is_object()) << run.output();
  EXPECT_EQ(result["missing"], "");
  double before_s = 0;
  for (const char* step : {"finding", "decision", "issued", "ready", "verified"}) {
    ASSERT_TRUE(result["seconds"].contains(step)) << step << " in " << run.output();
    EXPECT_GE(result["seconds"][step], before_s) << step;
    before_s = result["seconds"][step];
  }
  EXPECT_LT(before_s, GetParam() == "leak" ? kLeakHealedWithinS : kHealedWithinS);
}

INSTANTIATE_TEST_SUITE_P(, DemoScenarioTest,
                         ::testing::Values("latency", "errors", "crash", "hang", "orders", "leak",
                                           "crash-loop", "certificate", "drift"),
                         [](const auto& scenario) {
                           std::string name = scenario.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(DemoScenarioListTest, NamesEveryScenarioThatIsTested) {
  DemoProcess list(kProgram, {"--scenario", "list"});
  ASSERT_EQ(list.Wait(10 * kSecond), 0);
  EXPECT_EQ(Scenarios().size(), 12U);
  for (const Scenario& scenario : Scenarios())
    EXPECT_THAT(list.output(), HasSubstr(scenario.fault));
  DemoProcess wrong(kProgram, {"--scenario", "flood"});
  EXPECT_EQ(wrong.Wait(10 * kSecond), 2);
  EXPECT_THAT(wrong.output(), HasSubstr("no scenario 'flood'"));
}

}  // namespace
}  // namespace heald::demo
