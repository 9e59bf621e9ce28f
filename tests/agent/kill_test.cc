// The whole agent is killed with SIGKILL at every transition of the journal and started again: at
// most one execution per decision, a still-valid one completes, nothing is missing in the history.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/remedy/journal.h"
#include "tests/agent/fixture.h"

namespace heald::testing {
namespace {

constexpr int64_t kPatience = 20'000'000'000;

class AgentKillTest : public AgentTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(AgentKillTest, CompletesExactlyOnce) {
  SetSick([this] { return Starts().size() == 1; });
  Write(HealingPipeline("cooldown: 10m, max_per_hour: 1"));
  Start({{"HEALD_FAULT_POINT", GetParam()}});
  ASSERT_EQ(agent().Wait(kPatience), 128 + SIGKILL) << agent().output();
  StartAndWait();
  ASSERT_TRUE(Eventually(
      [&] {
        nlohmann::json page = Get("/api/v1/incidents");
        if (!page.is_object() || page["incidents"].empty()) return false;
        for (const nlohmann::json& incident : page["incidents"])
          if (incident["state"] != "resolved") return false;
        return Starts().size() >= 2;
      },
      40))
      << Get("/api/v1/incidents").dump(1) << agent().output();
  // A kill stops nothing but the agent, so the service was started once by it and once by the
  // policy.
  EXPECT_EQ(Starts().size(), 2u);
  size_t executed = 0;
  std::string story;
  const nlohmann::json page = Get("/api/v1/incidents");
  for (const nlohmann::json& incident : page["incidents"]) {
    nlohmann::json chain = Get("/api/v1/incidents/" + std::to_string(incident["id"].get<int>()));
    story += chain.dump(1);
    std::set<std::string> events;
    for (const nlohmann::json& event : chain["timeline"]) events.insert(event["event"]);
    EXPECT_TRUE(events.contains("finding.opened")) << chain.dump(1);
    EXPECT_TRUE(events.contains("incident.opened")) << chain.dump(1);
    for (const nlohmann::json& outcome : chain["outcomes"])
      executed += outcome["state"] == "verified" ? 1 : 0;
  }
  EXPECT_EQ(executed, 1u) << story;
}

// The transitions that a healed incident goes through; tests/remedy kills at the others too.
std::vector<std::string> Points() {
  using remedy::Transition;
  std::vector<std::string> points;
  for (const Transition t : {Transition::kOpened, Transition::kPlanned, Transition::kIssued,
                             Transition::kObserved, Transition::kVerified, Transition::kResolved}) {
    points.emplace_back(remedy::kFaultPoints[static_cast<size_t>(t)].before);
    points.emplace_back(remedy::kFaultPoints[static_cast<size_t>(t)].after);
  }
  points.emplace_back(remedy::kExecuteFaultPoint.before);
  points.emplace_back(remedy::kExecuteFaultPoint.after);
  return points;
}

INSTANTIATE_TEST_SUITE_P(EveryTransition, AgentKillTest, ::testing::ValuesIn(Points()),
                         [](const ::testing::TestParamInfo<std::string>& point) {
                           std::string name = point.param;
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace heald::testing
