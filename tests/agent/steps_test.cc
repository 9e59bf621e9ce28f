// A chain of steps by the whole agent on a real process: what doesn't help is followed by what
// does, or by a person, who is called once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/fixture.h"

namespace heald::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class AgentStepsTest : public AgentTest {
 protected:
  // The service is restarted; then a program is run that leaves a mark.
  std::string Chain(const std::string& guard) {
    std::string text = HealingPipeline(guard);
    const auto replace = [&](const std::string& what, const std::string& by) {
      const size_t at = text.find(what);
      ASSERT_NE(at, std::string::npos) << what;
      text.replace(at, what.size(), by);
    };
    replace("    action: restart\n",
            "    steps:\n"
            "      - {action: restart, verify: {within: 2s}}\n"
            "      - {action: mark, verify: {within: 3s}}\n");
    replace("    verify: {within: 15s}\n", "");
    return text + "  mark: {plugin: exec, config: {command: [/usr/bin/touch, '" + mark() + "']}}\n";
  }
  std::string mark() const { return dir_ + "/marked"; }
  bool IsMarked() const { return std::filesystem::exists(mark()); }
  nlohmann::json Executions() {
    nlohmann::json out = nlohmann::json::array();
    const nlohmann::json incident = Get("/api/v1/incidents/1");
    for (const nlohmann::json& outcome : incident["outcomes"])
      if (outcome["state"] != "issued" && outcome["state"] != "observed") out.push_back(outcome);
    return out;
  }
  std::vector<std::string> Events(const std::string& kind) {
    std::vector<std::string> texts;
    const nlohmann::json incident = Get("/api/v1/incidents/1");
    for (const nlohmann::json& event : incident["timeline"])
      if (event["event"] == kind) texts.push_back(event["text"]);
    return texts;
  }
};

TEST_F(AgentStepsTest, WhatDoesNotHelpIsFollowedByWhatDoes) {
  SetSick([this] { return !Starts().empty() && !IsMarked(); });
  Write(Chain("cooldown: 10m"));
  StartAndWait();
  ASSERT_TRUE(Eventually([&] {
    const nlohmann::json incident = Get("/api/v1/incidents/1");
    return incident.value("state", "") == "resolved";
  })) << agent().output();
  EXPECT_THAT(Starts(), SizeIs(2)) << "by the agent, and once by the first step";
  const nlohmann::json chain = Get("/api/v1/incidents/1");
  std::vector<std::pair<int, std::string>> acted;
  for (const nlohmann::json& decision : chain["decisions"])
    if (decision["verdict"] == "act") acted.emplace_back(decision["step"], decision["action"]);
  EXPECT_THAT(acted, ElementsAre(std::pair(1, "restart"), std::pair(2, "mark")));
  const nlohmann::json ended = Executions();
  ASSERT_THAT(ended, SizeIs(2)) << chain.dump(1);
  EXPECT_EQ(ended[0]["state"], "failed");
  EXPECT_THAT(ended[0].dump(), HasSubstr("not back to normal"));
  EXPECT_EQ(ended[1]["state"], "verified");
  EXPECT_THAT(Events("step.next"), SizeIs(1));
  EXPECT_THAT(Events("incident.escalated"), SizeIs(0));
}

TEST_F(AgentStepsTest, WhereNothingHelpsAPersonIsCalledOnce) {
  SetSick([this] { return !Starts().empty(); });
  Write(Chain("cooldown: 1s"));
  StartAndWait();
  // The chain begins again after its cooldown: the service is restarted a second time.
  ASSERT_TRUE(Eventually([&] { return Starts().size() >= 3; })) << agent().output();
  ASSERT_TRUE(Eventually([&] { return Executions().size() >= 3; })) << agent().output();
  EXPECT_TRUE(IsMarked());
  const std::vector<std::string> pages = Events("incident.escalated");
  ASSERT_THAT(pages, SizeIs(1));
  EXPECT_THAT(pages[0], HasSubstr("needs a person"));
  EXPECT_THAT(pages[0], HasSubstr("all 2 steps were tried"));
  for (const nlohmann::json& outcome : Executions()) EXPECT_EQ(outcome["state"], "failed");
}

}  // namespace
}  // namespace heald::testing
