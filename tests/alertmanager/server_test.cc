// A whole agent that a real Alertmanager posts to: one of the test's own, or the one at
// HEALD_TEST_ALERTMANAGER_URL, whose receiver must post to HEALD_TEST_RECEIVE_LISTEN
// (127.0.0.1:18099) at /receive/alerts, with send_resolved and short intervals.
#include <gmock/gmock.h>

#include <cstdlib>
#include <ctime>

#include "core/base/units.h"
#include "tests/agent/fixture.h"
#include "tests/fakes/child_process.h"
#include "tests/fakes/fault_proxy.h"
#include "tests/integration/alertmanager_server.h"

namespace heald::testing {
namespace {

using nlohmann::json;

int64_t NowNs() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

class AlertmanagerServerTest : public AgentTest {
 protected:
  void SetUp() override {
    const char* outside = std::getenv("HEALD_TEST_ALERTMANAGER_URL");
    const char* listen = std::getenv("HEALD_TEST_RECEIVE_LISTEN");
    listen_ = outside == nullptr  ? "127.0.0.1:" + std::to_string(fakes::FreePort())
              : listen == nullptr ? "127.0.0.1:18099"
                                  : listen;
    if (outside == nullptr && !AlertmanagerServer::Installed())
      GTEST_SKIP() << "alertmanager is not installed (apt install prometheus-alertmanager)";
    Write(
        "version: 1\n"
        "agent: {listen: '" +
        listen_ +
        "', state_dir: state}\n"
        "sources: {alerts: {plugin: alertmanager}}\n"
        "policies:\n"
        "  tell: {inputs: [alerts], when: metric == \"Down\", action: alert, mode: enforce}\n");
    ASSERT_NO_FATAL_FAILURE(StartAndWait());
    if (outside != nullptr) {
      server_url_ = outside;
      return;
    }
    way_ = std::make_unique<fakes::FaultProxy>(std::stoi(listen_.substr(listen_.rfind(':') + 1)));
    server_ = std::make_unique<AlertmanagerServer>(dir_ + "/alertmanager",
                                                   way_->url() + "/receive/alerts");
    ASSERT_TRUE(server_->Start()) << "alertmanager doesn't become ready";
    server_url_ = server_->url();
  }
  // Nothing goes on firing on a server that others use, nor does the next agent there hear of it.
  void TearDown() override {
    if (server_ != nullptr || server_url_.empty() || IsSkipped()) return;
    EXPECT_TRUE(Post(false));
    EXPECT_TRUE(Eventually([&] { return IsOver(); })) << agent().output();
  }

  // As Prometheus does it, which repeats itself; for an hour, or over.
  bool Post(bool firing = true) {
    const json alerts = {{{"labels", labels_},
                          {"annotations", {{"summary", "a is down"}}},
                          {"startsAt", FormatTime(began_ns_)},
                          {"endsAt", FormatTime(NowNs() + (firing ? kHour : -kSecond))}}};
    support::HttpClient client{support::HttpConfig{}};
    support::HttpRequest request;
    request.method = "POST";
    request.url = server_url_ + "/api/v2/alerts";
    request.body = alerts.dump();
    request.headers = {{"Content-Type", "application/json"}};
    return client.Perform(request).ok();
  }
  // Of what is listed there; an outside server also tells of others' alerts.
  json OfOurService(const std::string& path, const std::string& list) {
    const json all = Get(path);
    json ours = json::array();
    for (const json& entry : all[list])
      if (entry["target"].value("service", "") == labels_["service"]) ours.push_back(entry);
    return ours;
  }
  json Findings(const std::string& query = "") {
    return OfOurService("/api/v1/anomalies" + query, "anomalies");
  }
  bool IsOpen() { return Findings("?state=open").size() == 1; }
  bool IsOver() {
    const json incidents = OfOurService("/api/v1/incidents", "incidents");
    return incidents.size() == 1 && incidents[0]["state"] == "resolved";
  }
  double Taken() {
    const std::string page = GetText("/metrics");
    const std::string name = "heald_receive_requests_total{node=\"alerts\",result=\"taken\"} ";
    const size_t at = page.find(name);
    return at == std::string::npos ? 0 : std::atof(page.c_str() + at + name.size());
  }

  std::string listen_;
  std::string server_url_;
  std::unique_ptr<fakes::FaultProxy> way_;  // from the server to the agent
  std::unique_ptr<AlertmanagerServer> server_;
  // Names of its own, as an outside server keeps what an earlier run posted.
  json labels_ = {
      {"alertname", "Down"}, {"service", "a" + std::to_string(NowNs())}, {"severity", "critical"}};
  int64_t began_ns_ = NowNs() - kMinute;
};

TEST_F(AlertmanagerServerTest, AnAlertIsOneFindingHoweverOftenItIsToldAndEndsWithIt) {
  ASSERT_TRUE(Post());
  ASSERT_TRUE(Eventually([&] { return IsOpen(); })) << agent().output();
  const json finding = Findings()[0];
  EXPECT_EQ(finding["metric"], "Down");
  EXPECT_EQ(finding["severity"], "critical");
  EXPECT_EQ(finding["target"]["service"], labels_["service"]);
  EXPECT_EQ(finding["summary"], "a is down");
  EXPECT_TRUE(Eventually([&] { return Taken() >= 2; })) << "repeated after two seconds";
  EXPECT_EQ(Findings().size(), 1u);
  ASSERT_TRUE(Post(false));
  EXPECT_TRUE(Eventually([&] { return IsOver(); })) << agent().output();
}

TEST_F(AlertmanagerServerTest, AnAgentThatIsKilledKnowsTheAlertAgainAndHearsOfItsEnd) {
  ASSERT_TRUE(Post());
  ASSERT_TRUE(Eventually([&] { return IsOpen(); })) << agent().output();
  agent().Signal(SIGKILL);
  agent().Wait(kMinute);
  // It is over while nobody listens.
  ASSERT_TRUE(Post(false));
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  EXPECT_TRUE(Eventually([&] { return IsOver(); }, 30)) << agent().output();
  EXPECT_EQ(Findings().size(), 1u) << "no other one for the same";
}

TEST_F(AlertmanagerServerTest, WhatFiredWhileTheAgentWasAwayComesOnceItIsBack) {
  agent().Signal(SIGKILL);
  agent().Wait(kMinute);
  ASSERT_TRUE(Post());
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  EXPECT_TRUE(Eventually([&] { return IsOpen(); }, 30)) << agent().output();
  EXPECT_EQ(Findings().size(), 1u);
}

TEST_F(AlertmanagerServerTest, AnAlertmanagerThatWasAwayDoublesNothing) {
  if (server_ == nullptr) GTEST_SKIP() << "the outside server isn't ours to stop";
  ASSERT_TRUE(Post());
  ASSERT_TRUE(Eventually([&] { return IsOpen(); })) << agent().output();
  const char* seconds = std::getenv("HEALD_TEST_OUTAGE_SECONDS");
  server_->Stop();
  std::this_thread::sleep_for(std::chrono::seconds(seconds == nullptr ? 1 : std::atoi(seconds)));
  EXPECT_TRUE(IsOpen()) << "silence is no recovery";
  ASSERT_TRUE(server_->Start());
  server_url_ = server_->url();
  const double before = Taken();
  ASSERT_TRUE(Post());
  EXPECT_TRUE(Eventually([&] { return Taken() > before; }));
  EXPECT_EQ(Findings().size(), 1u);
  ASSERT_TRUE(Post(false));
  EXPECT_TRUE(Eventually([&] { return IsOver(); })) << agent().output();
}

TEST_F(AlertmanagerServerTest, WhateverBecomesOfTheAnswersEachAlertIsOneFinding) {
  if (server_ == nullptr) GTEST_SKIP() << "the outside server doesn't post through this test";
  size_t alerts = 0;
  for (const fakes::Fault fault : fakes::kFaults) {
    way_->Set(fault);
    labels_["alertname"] = "Down" + std::string(ToString(fault));  // a group of its own
    ASSERT_TRUE(Post());
    ++alerts;
    if (fault == fakes::Fault::kRefuse)
      std::this_thread::sleep_for(std::chrono::milliseconds(500));  // nobody sees it knock
    else
      EXPECT_TRUE(Eventually([&] { return way_->met() > 0; })) << ToString(fault);
    way_->Set(fakes::Fault::kNone);
    EXPECT_TRUE(Eventually([&] { return Findings("?state=open").size() == alerts; }))
        << ToString(fault) << "\n"
        << agent().output();
    EXPECT_EQ(Findings().size(), alerts) << ToString(fault);
  }
}

}  // namespace
}  // namespace heald::testing
