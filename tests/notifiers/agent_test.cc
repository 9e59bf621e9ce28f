// The whole agent with every notifier at once: what is told survives a kill -9 while nobody can be
// reached, and what was on its way comes again with the same id.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <set>

#include "tests/agent/fixture.h"
#include "tests/fakes/child_process.h"
#include "tests/fakes/http_server.h"

namespace heald::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

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
           "trigger_on: [opened]}\n"
           "  mail:\n    plugin: email\n    inputs: [ill, cure]\n"
           "    config: {server: 'smtp://127.0.0.1:" +
           std::to_string(mail_port_) +
           "', starttls: never, from: heald@example.com, to: [ops@example.com]}\n";
  }
  static bool HasMailServer() {
    return std::system((std::string(HEALD_PYTHON) + " -c 'import aiosmtpd' 2>/dev/null").c_str()) ==
           0;
  }
  std::vector<nlohmann::json> Mails() {
    std::vector<nlohmann::json> mails;
    std::ifstream in(dir_ + "/mails.jsonl");
    for (std::string line; std::getline(in, line);) mails.push_back(nlohmann::json::parse(line));
    return mails;
  }
  bool Healed() {
    nlohmann::json page = Get("/api/v1/incidents");
    return page.is_object() && page["incidents"].size() == 1 &&
           page["incidents"][0]["state"] == "resolved";
  }
  bool NothingWaits() {
    const std::string page = GetText("/metrics");
    for (const char* node : {"hook", "pager", "mail"}) {
      if (node == std::string("mail") && !mail_) continue;
      const size_t at = page.find(std::string("heald_spool_notices{node=\"") + node + "\"");
      if (at == std::string::npos || page.substr(page.find("} ", at) + 2, 2) != "0\n") return false;
    }
    return true;
  }

  const int mail_port_ = fakes::FreePort();
  std::optional<fakes::ChildProcess> mail_;
  fakes::HttpServer hook_{[](const fakes::FakeRequest&) { return fakes::FakeReply{}; }};
  fakes::HttpServer pager_{[](const fakes::FakeRequest&) {
    return fakes::FakeReply{.status = 202, .body = R"({"status":"success"})"};
  }};
};

TEST_F(NotifiersAgentTest, AKillInTheMiddleLosesNothingAndChangesNoId) {
  // The webhook hangs in its first request; PagerDuty and the mail server are away.
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
  if (HasMailServer())
    mail_.emplace(
        std::vector<std::string>{HEALD_PYTHON,
                                 std::string(HEALD_SOURCE_DIR) + "/tests/email/smtp_server.py",
                                 dir_, "--port", std::to_string(mail_port_)},
        dir_ + "/mail.log");
  else
    std::cerr << "python3-aiosmtpd is not installed: the mail notifier isn't tested here\n";
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
  if (mail_) {
    std::set<std::string> letters;
    bool resolved = false;
    for (const nlohmann::json& mail : Mails()) {
      EXPECT_TRUE(letters.insert(mail["headers"]["Message-ID"]).second) << "told twice";
      resolved = resolved || mail["headers"]["Subject"] == "✅ Resolved · a · sick";
      EXPECT_TRUE(mail["faults"].empty()) << mail["faults"];
    }
    EXPECT_EQ(letters.size(), 2u) << "opened and resolved";
    EXPECT_TRUE(resolved);
  }
  EXPECT_THAT(GetText("/metrics"),
              HasSubstr("heald_plugin_http_requests_total{class=\"2xx\",node=\"hook\""));
}

// One alert as Alertmanager posts it.
std::string Posted(const std::string& status) {
  const nlohmann::json alert = {{"status", status},
                                {"labels", {{"alertname", "Down"}, {"service", "a"}}},
                                {"annotations", {{"summary", "a is down"}}},
                                {"startsAt", "2026-11-22T12:00:00Z"},
                                {"endsAt", "0001-01-01T00:00:00Z"},
                                {"fingerprint", "f1"}};
  return nlohmann::json({{"version", "4"}, {"alerts", {alert}}}).dump();
}

TEST_F(NotifiersAgentTest, WhoHearsOfASourceAloneIsToldTheEndAndItsSilenceShows) {
  Write(
      "version: 1\n"
      "agent: {listen: '127.0.0.1:0', state_dir: state}\n"
      "sources: {alerts: {plugin: alertmanager, config: {silent_after: 500ms}}}\n"
      "notifiers: {hook: {plugin: webhook, inputs: [alerts], config: {url: '" +
      hook_.url() + "/in'}}}\n");
  StartAndWait();
  const auto node = [this] {
    const nlohmann::json pipeline = Get("/api/v1/pipeline");
    for (const nlohmann::json& each : pipeline["nodes"])
      if (each["name"] == "alerts") return each;
    return nlohmann::json();
  };
  ASSERT_TRUE(Eventually([&] { return node()["state"] == "failing"; })) << node();
  EXPECT_EQ(node()["ok"], false);
  EXPECT_TRUE(node()["last_received"].is_null());
  int status = 0;
  EXPECT_THAT(Get("/readyz", &status).dump(), HasSubstr("nothing has been pushed since the start"));
  EXPECT_EQ(status, 200) << "who isn't ready might be cut off from who pushes";

  Call("POST", "/receive/alerts", Posted("firing"), &status);
  EXPECT_EQ(status, 204);
  EXPECT_EQ(node()["state"], "running");
  EXPECT_FALSE(node()["last_received"].is_null());
  ASSERT_TRUE(hook_.WaitForRequests(2, std::chrono::seconds(20)));
  Call("POST", "/receive/alerts", Posted("resolved"), &status);
  ASSERT_TRUE(hook_.WaitForRequests(4, std::chrono::seconds(20)));
  const nlohmann::json known = Get("/api/v1/anomalies")["anomalies"][0];
  std::vector<std::string> types;
  for (const fakes::FakeRequest& request : hook_.requests()) {
    const auto event = nlohmann::json::parse(request.body);
    types.push_back(event["type"]);
    const nlohmann::json& data = event["data"];
    const nlohmann::json finding =
        data.contains("finding") ? data["finding"] : data["incident"]["findings"][0];
    EXPECT_EQ(finding["id"], known["id"]) << "one finding, one id";
    EXPECT_EQ(finding["node"], "alerts");
  }
  EXPECT_THAT(types,
              UnorderedElementsAre("dev.heald.finding.opened", "dev.heald.incident.opened",
                                   "dev.heald.finding.cleared", "dev.heald.incident.resolved"));

  support::HttpClient client{support::HttpConfig{}};
  support::HttpRequest foreign;
  foreign.method = "POST";
  foreign.url = url_ + "/receive/alerts";
  foreign.body = "{}";
  foreign.headers = {{"Origin", "http://elsewhere.example"}};
  EXPECT_EQ(client.Perform(foreign).response.status, 403);
  EXPECT_THAT(GetText("/metrics"),
              HasSubstr("heald_receive_requests_total{node=\"alerts\",result=\"denied\"} 1"));
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
