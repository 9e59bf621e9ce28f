// The whole agent with a Slack notifier: what is told survives a kill while Slack can't be reached.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/fixture.h"
#include "tests/slack/block_kit.h"
#include "tests/slack/slack_server.h"

namespace heald::testing {
namespace {

using slack::SlackServer;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kPatience = 20'000'000'000;

class SlackAgentTest : public AgentTest {
 protected:
  std::string Pipeline(const std::string& notifier) {
    return HealingPipeline() + "notifiers:\n  chat:\n    plugin: slack\n    inputs: [ill, cure]\n" +
           "    config:\n" + notifier;
  }
  std::string Bot() {
    return "      bot_token: xoxb-test\n      channel: C0123456789\n      min_interval: 0\n"
           "      api_url: " +
           slack_.api() + "\n";
  }
  // The value of a metric of the node `chat`.
  double Metric(const std::string& name) {
    const std::string page = GetText("/metrics");
    const size_t at = page.find(name + "{node=\"chat\"");
    return at == std::string::npos ? -1 : std::stod(page.substr(page.find("} ", at) + 2));
  }
  bool Healed() {
    nlohmann::json page = Get("/api/v1/incidents");
    return page.is_object() && page["incidents"].size() == 1 &&
           page["incidents"][0]["state"] == "resolved";
  }

  SlackServer slack_;
};

TEST_F(SlackAgentTest, ToldAfterAKillWhileSlackWasAway) {
  slack_.http().Stop();
  SetSick([this] { return Starts().size() == 1; });
  Write(Pipeline(Bot()));
  StartAndWait();
  ASSERT_TRUE(Eventually([this] { return Healed(); }, 40)) << agent().output();
  ASSERT_TRUE(Eventually([this] { return Metric("heald_spool_notices") >= 4; }));
  EXPECT_GT(Metric("heald_spool_bytes"), 1000);
  agent().Signal(SIGKILL);
  ASSERT_EQ(agent().Wait(kPatience), 128 + SIGKILL);

  slack_.http().Start();
  StartAndWait();
  ASSERT_TRUE(Eventually([this] { return Metric("heald_spool_notices") == 0; }))
      << agent().output();
  ASSERT_EQ(slack_.messages().size(), 1u);
  const SlackServer::Json message = slack_.messages()[0].body;
  EXPECT_EQ(slack::ProblemIn(message), "");
  EXPECT_THAT(message["blocks"][0]["text"]["text"].get<std::string>(), HasSubstr("✅ Resolved · a"));
  for (const char* told : {"🔧 restart", "✅ verified", "✅ resolved", "/#/incidents/1|Open"})
    EXPECT_THAT(message.dump(), HasSubstr(told));
}

TEST_F(SlackAgentTest, AWebhookIsToldOfTheSameWithTemplatesOfOnesOwnAndATightMouth) {
  SetSick([this] { return Starts().size() == 1; });
  Write(Pipeline("      webhook_url: " + slack_.webhook() +
                 "\n      min_interval: 0\n      events: [opened, resolved]\n"
                 "      templates: {title: '${target.service}$ is ${incident.state}', "
                 "text: '<${incident.url}|${target.team} look>'}\n"));
  StartAndWait();
  ASSERT_TRUE(Eventually([this] { return slack_.webhooks().size() == 2; }, 40)) << agent().output();
  EXPECT_EQ(slack_.webhooks()[0]["blocks"][0]["text"]["text"], "a$ is open");
  EXPECT_EQ(slack_.webhooks()[1]["blocks"][0]["text"]["text"], "a$ is resolved");
  EXPECT_THAT(agent().output(), Not(HasSubstr("SECRET")));
}

TEST_F(SlackAgentTest, AnEndDoesntWaitForSlack) {
  slack_.http().SetScript([](const fakes::FakeRequest&) {
    return fakes::FakeReply{.delay = std::chrono::seconds(60)};
  });
  SetSick([] { return true; });
  Write(Pipeline(Bot()));
  StartAndWait();
  ASSERT_TRUE(slack_.http().WaitForRequests(1, std::chrono::seconds(20))) << agent().output();
  const auto began = std::chrono::steady_clock::now();
  agent().Signal(SIGTERM);
  EXPECT_EQ(agent().Wait(kPatience), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(6));
}

TEST_F(SlackAgentTest, SaysWhatIsWrongInTheFile) {
  Write(Pipeline("      bot_token: xoxb-test\n"));
  Start();
  EXPECT_NE(agent().Wait(kPatience), 0);
  EXPECT_THAT(agent().output(), HasSubstr("name the channel that the bot posts to"));
}

}  // namespace
}  // namespace heald::testing
