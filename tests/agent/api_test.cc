// What the API says of a running agent, and what it changes in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/fixture.h"

namespace heald::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::SizeIs;

class AgentApiTest : public AgentTest {
 protected:
  // The member `key` of each object in a list.
  static std::vector<std::string> Names(const json& list, const char* key) {
    std::vector<std::string> out;
    for (const json& item : list) out.push_back(item.value(key, ""));
    return out;
  }
  void Restart() {
    agent().Signal(SIGTERM);
    EXPECT_EQ(agent().Wait(20'000'000'000), 0) << agent().output();
    StartAndWait();
  }
  std::string InMode(const std::string& mode) {
    std::string text = HealingPipeline();
    text.replace(text.find("mode: enforce"), 13, "mode: " + mode);
    return text;
  }
};

TEST_F(AgentApiTest, APolicysModeIsChangedWhileItRunsAndSurvivesARestart) {
  SetSick([this] { return Starts().size() == 1; });
  Write(InMode("shadow"));
  StartAndWait();
  ASSERT_TRUE(Eventually([&] { return !Get("/api/v1/incidents/1")["decisions"].empty(); }));
  EXPECT_THAT(Starts(), SizeIs(1));
  const json changed =
      Call("PATCH", "/api/v1/policies/cure", R"({"mode": "enforce", "actor": "anna"})");
  EXPECT_EQ(changed["mode"], "enforce") << changed;
  EXPECT_EQ(changed["file_mode"], "shadow");
  EXPECT_EQ(changed["changed_by"], "user:anna");
  ASSERT_TRUE(Eventually([&] { return Get("/api/v1/incidents/1")["state"] == "resolved"; }));
  EXPECT_THAT(Starts(), SizeIs(2));
  const json done = Get("/api/v1/executions")["executions"];
  ASSERT_THAT(done, SizeIs(1));
  EXPECT_EQ(done[0]["state"], "verified");
  EXPECT_EQ(done[0]["target_name"], "a");
  EXPECT_THAT(done[0]["plan"].get<std::string>(), HasSubstr("restart a"));
  EXPECT_THAT(Names(Get("/api/v1/audit")["events"], "text"),
              ::testing::Contains(HasSubstr("policy cure: mode shadow -> enforce, by user:anna")));
  Restart();
  EXPECT_EQ(Get("/api/v1/policies/cure")["mode"], "enforce");
  EXPECT_TRUE(agent().WaitForOutput("policy cure: mode enforce, set by user:anna", 5'000'000'000));
  EXPECT_THAT(agent().output(), HasSubstr("; the file says mode shadow"));
  int status = 0;
  const json refused =
      Call("POST", "/api/v1/silences",
           R"({"matchers": ["policy=cuer"], "for_seconds": 60, "comment": "x"})", &status);
  EXPECT_EQ(status, 400);
  EXPECT_EQ(refused["detail"], "there is no policy 'cuer'; did you mean 'cure'?");
  // The file wins as soon as it says something else.
  Write(InMode("approve"));
  const json reloaded = Call("POST", "/api/v1/reload", "{}");
  EXPECT_EQ(reloaded["applied"], true);
  EXPECT_THAT(reloaded["summary"].get<std::string>(), HasSubstr("policy cure: enforce -> approve"));
  EXPECT_EQ(Get("/api/v1/policies/cure")["mode"], "approve");
  EXPECT_TRUE(Get("/api/v1/policies/cure")["changed_by"].is_null());
}

TEST_F(AgentApiTest, ADetectionRunFindsWhatTheNextPollWouldHaveFoundInAnHour) {
  std::string text = InMode("shadow");
  text.replace(text.find("interval: 1s"), 12, "interval: 1h");
  Write(text);
  StartAndWait();
  ASSERT_TRUE(Eventually([&] { return !Get("/api/v1/services")["services"].empty(); }));
  SetSick([] { return true; });
  const json report = Call("POST", "/api/v1/detections", "{}");
  ASSERT_THAT(report["sources"], SizeIs(1)) << report;
  EXPECT_EQ(report["sources"][0]["name"], "page");
  EXPECT_EQ(report["sources"][0]["ok"], true);
  EXPECT_GE(report["sources"][0]["samples"], 1);
  ASSERT_THAT(report["findings"], SizeIs(1));
  EXPECT_EQ(report["findings"][0]["node"], "ill");
  EXPECT_EQ(report["findings"][0]["incident"], 1);
}

TEST_F(AgentApiTest, ServicesShowTheirSignalsAndTheirIncident) {
  Write(InMode("shadow"));
  StartAndWait();
  const auto service = [&] { return Get("/api/v1/services")["services"][0]; };
  ASSERT_TRUE(Eventually([&] { return service()["state"] == "healthy"; })) << service();
  EXPECT_EQ(service()["name"], "a");
  EXPECT_THAT(Names(service()["signals"], "name"), IsSupersetOf({"sick"}));
  SetSick([] { return true; });
  ASSERT_TRUE(Eventually([&] { return service()["state"] == "critical"; })) << service();
  EXPECT_EQ(service()["incident"], 1);
  SetSick([] { return false; });
  ASSERT_TRUE(Eventually([&] { return service()["state"] == "healthy"; })) << service();
  EXPECT_TRUE(service()["incident"].is_null());
  EXPECT_EQ(service()["last_incident"], 1);
}

TEST_F(AgentApiTest, ThePipelineIsAGraphWithRates) {
  Write(HealingPipeline());
  StartAndWait();
  const json pipeline = Get("/api/v1/pipeline");
  EXPECT_THAT(Names(pipeline["nodes"], "name"), IsSupersetOf({"page", "ill", "cure", "restart"}));
  EXPECT_THAT(
      pipeline["edges"],
      IsSupersetOf(
          {json{{"from", "page"}, {"to", "ill"}, {"records", "samples"}, {"outputs", {"sick"}}},
           json{{"from", "ill"},
                {"to", "cure"},
                {"records", "findings"},
                {"outputs", json::array()}},
           json{{"from", "cure"},
                {"to", "restart"},
                {"records", "decisions"},
                {"outputs", json::array()}}}));
  EXPECT_TRUE(Eventually([&] {
    return Get("/api/v1/pipeline")["nodes"][0].value("out_per_second", 0.0) > 0;
  })) << "a rate";
}

TEST_F(AgentApiTest, TheConfigurationIsShownWithoutItsSecrets) {
  std::string text = HealingPipeline();
  text.replace(text.find("state_dir: state"), 16,
               "state_dir: '${env:HEALD_TEST_STATE}', token: 'a-token-nobody-may-see'");
  Write(text);
  StartAndWait({{"HEALD_TEST_STATE", dir_ + "/state"}});
  support::HttpConfig config;
  config.bearer_token = "a-token-nobody-may-see";
  support::HttpClient client{config};
  support::HttpRequest request;
  request.url = url_ + "/api/v1/config";
  const std::string shown = client.Perform(request).response.body;
  EXPECT_THAT(shown, HasSubstr("${env:HEALD_TEST_STATE}"));
  EXPECT_THAT(shown, HasSubstr("********"));
  EXPECT_THAT(shown, Not(HasSubstr("nobody")));
}

TEST_F(AgentApiTest, TheSwitchRemembersWhoAndWhenOverARestart) {
  Write(HealingPipeline());
  StartAndWait();
  const json off = Call("PUT", "/api/v1/switch", R"({"enabled": false, "actor": "anna"})");
  Restart();
  EXPECT_EQ(Get("/api/v1/switch"), off);
  EXPECT_EQ(off["actor"], "user:anna");
  EXPECT_FALSE(off["changed"].is_null());
}

}  // namespace
}  // namespace heald::testing
