// Every fault once, as people run it: minutes.
#include <gmock/gmock.h>

#include "core/base/units.h"
#include "demo/scenario/scenarios.h"
#include "demo/tests/demo_process.h"

namespace heald::demo {
namespace {

using ::testing::HasSubstr;

TEST(DemoAllScenariosTest, HealsEveryOneAndPrintsTheTable) {
  DemoProcess run("heald-demo-scenario", {"--scenario", "all", "--pipeline",
                                          std::string(HEALD_SOURCE_DIR) + "/configs/demo.yaml"});
  EXPECT_EQ(run.Wait(900 * kSecond), 0) << run.output();
  for (const Scenario& scenario : Scenarios())
    EXPECT_THAT(run.output(), HasSubstr("\n| " + scenario.name + " | " + scenario.fault + " | "));
  const std::string count = std::to_string(Scenarios().size());
  EXPECT_THAT(run.output(), HasSubstr("\n" + count + " of " + count + " healed, on average"));
}

}  // namespace
}  // namespace heald::demo
