// The whole agent with every notifier at once: what is told survives a kill -9 while nobody can be
// reached, and what was on its way comes again with the same id.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/fixture.h"
#include "tests/fakes/http_server.h"

namespace heald::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr int64_t kPatience = 20'000'000'000;

class NotifiersAgentTest : public AgentTest {
 protected:
  std::string Pipeline() {
    return HealingPipeline() +
           "notifiers:\n"
           "  hook:\n    plugin: webhook\n    inputs: [ill, cure]\n"
           "    config: {url: '" +
           hook_.url() +
           "/in'}\n"
           "  pager:\n    plugin: pagerduty\n    inputs: [ill, cure]\n"
           "    config: {url: '" +
           pager_.url() +
           "/v2/enqueue', routing_key: 0123456789abcdef0123456789abcdef, "
           "trigger_on: [opened]}\n";
  }
  bool Healed() {
    nlohmann::json page = Get("/api/v1/incidents");
    return page.is_object() && page["incidents"].size() == 1 &&
           page["incidents"][0]["state"] == "resolved";
  }
  bool NothingWaits() {
    const std::string page = GetText("/metrics");
    for (const char* node : {"hook", "pager"}) {
      const size_t at = page.find(std::string("heald_spool_notices{node=\"") + node + "\"");
      if (at == std::string::npos || page.substr(page.find("} ", at) + 2, 2) != "0\n") return false;
    }
    return true;
  }

  fakes::HttpServer hook_{[](const fakes::FakeRequest&) { return fakes::FakeReply{}; }};
  fakes::HttpServer pager_{[](const fakes::FakeRequest&) {
    return fakes::FakeReply{.status = 202, .body = R"({"status":"success"})"};
  }};
};

TEST_F(NotifiersAgentTest, AKillInTheMiddleLosesNothingAndChangesNoId) {
  // The webhook hangs in its first request; PagerDuty is away.
  hook_.SetScript([](const fakes::FakeRequest&) {
    return fakes::FakeReply{.delay = std::chrono::seconds(60)};
  });
  pager_.Stop();
  SetSick([this] { return Starts().size() == 1; });
  Write(Pipeline());
  StartAndWait();
  ASSERT_TRUE(Eventually([this] { return Healed(); }, 40)) << agent().output();
  ASSERT_TRUE(hook_.WaitForRequests(1, std::chrono::seconds(20)));
  agent().Signal(SIGKILL);
  ASSERT_EQ(agent().Wait(kPatience), 128 + SIGKILL);

  hook_.SetScript([](const fakes::FakeRequest&) { return fakes::FakeReply{}; });
  pager_.Start();
  StartAndWait();
  ASSERT_TRUE(Eventually([this] { return NothingWaits(); }, 40)) << agent().output();
  const std::vector<fakes::FakeRequest> told = hook_.requests();
  ASSERT_GE(told.size(), 4u);
  EXPECT_EQ(told[0].Header("idempotency-key"), told[1].Header("idempotency-key"))
      << "the one that was on its way";
  std::set<std::string> ids;
  std::vector<std::string> types;
  for (size_t i = 1; i < told.size(); ++i) {
    const auto event = nlohmann::json::parse(told[i].body);
    EXPECT_TRUE(ids.insert(event["id"]).second) << "told twice";
    types.push_back(event["type"]);
  }
  EXPECT_THAT(types, Contains("dev.heald.decision.act"));
  EXPECT_THAT(types, Contains("dev.heald.outcome.verified"));
  EXPECT_THAT(types, Contains("dev.heald.incident.resolved"));
  std::vector<std::string> calls;
  for (const fakes::FakeRequest& request : pager_.requests())
    calls.push_back(nlohmann::json::parse(request.body)["event_action"]);
  EXPECT_THAT(calls, Contains("trigger"));
  EXPECT_THAT(calls, Contains("resolve"));
  EXPECT_THAT(GetText("/metrics"),
              HasSubstr("heald_plugin_http_requests_total{class=\"2xx\",node=\"hook\""));
}

TEST_F(NotifiersAgentTest, AnUnknownPlaceholderIsAnErrorWithItsLine) {
  Write(HealingPipeline() +
        "notifiers:\n"
        "  hook:\n"
        "    plugin: webhook\n"
        "    inputs: [ill]\n"
        "    config: {url: 'http://127.0.0.1:1/', body: '{\"a\": \"${decision.polcy}\"}'}\n");
  Start();
  EXPECT_NE(agent().Wait(kPatience), 0);
  EXPECT_THAT(agent().output(), HasSubstr("there is no ${decision.polcy}"));
  EXPECT_THAT(agent().output(), HasSubstr("did you mean 'decision.policy'?"));
}

}  // namespace
}  // namespace heald::testing
