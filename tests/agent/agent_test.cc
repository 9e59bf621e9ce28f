#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "tests/agent/fixture.h"
#include "tests/fakes/child_process.h"

namespace heald::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr int64_t kPatience = 20'000'000'000;

TEST_F(AgentTest, HealsAndTellsTheWholeStory) {
  SetSick([this] { return Starts().size() == 1; });
  Write(HealingPipeline());
  StartAndWait();
  ASSERT_TRUE(agent().WaitForOutput("verified", kPatience)) << agent().output();
  ASSERT_TRUE(
      Eventually([&] { return Get("/api/v1/incidents")["incidents"][0]["state"] == "resolved"; }));
  EXPECT_THAT(Starts(), SizeIs(2));
  nlohmann::json chain = Get("/api/v1/incidents/1");
  EXPECT_EQ(chain["decisions"][0]["policy"], "cure");
  EXPECT_EQ(chain["decisions"][0]["verdict"], "act");
  EXPECT_GE(chain["decisions"][0]["guards"].size(), 3u);
  EXPECT_GE(chain["timeline"].size(), 6u);
  int status = 0;
  Get("/readyz", &status);
  EXPECT_EQ(status, 200);
}

TEST_F(AgentTest, MetricsTellWhatHappened) {
  SetSick([this] { return Starts().size() == 1; });
  Write(HealingPipeline());
  StartAndWait();
  ASSERT_TRUE(agent().WaitForOutput("verified", kPatience)) << agent().output();
  for (const char* part : {"heald_findings_total{", "heald_sample_to_action_seconds_count 1",
                           "heald_outcomes_total{policy=\"cure\",state=\"verified\"} 1",
                           "heald_heal_duration_seconds_count{policy=\"cure\"} 1",
                           "heald_node_records_out_total{", "process_resident_memory_bytes"})
    EXPECT_TRUE(Eventually([&] { return GetText("/metrics").find(part) != std::string::npos; }))
        << part;
}

// increase() and rate() don't see the first value of a series.
TEST_F(AgentTest, CountersAreThereBeforeAnythingHappens) {
  SetSick([] { return false; });
  Write(HealingPipeline());
  StartAndWait();
  const std::string page = GetText("/metrics");
  for (const char* line :
       {"heald_findings_total{node=\"ill\",severity=\"critical\"} 0",
        "heald_incidents_total{state=\"open\"} 0", "heald_incidents_total{state=\"escalated\"} 0",
        "heald_decisions_total{mode=\"enforce\",policy=\"cure\",verdict=\"act\"} 0",
        "heald_guard_refusals_total{guard=\"cooldown\",policy=\"cure\"} 0",
        "heald_outcomes_total{policy=\"cure\",state=\"failed\"} 0",
        "heald_heal_duration_seconds_count{policy=\"cure\"} 0",
        "heald_reloads_total{result=\"failed\"} 0", "heald_last_reload_successful 1"})
    EXPECT_THAT(page, HasSubstr(std::string(line) + "\n"));
  EXPECT_THAT(page, HasSubstr("\nheald_last_reload_success_timestamp_seconds 1"));
  EXPECT_THAT(page, Not(HasSubstr("verdict=\"would_act\""))) << "not in mode enforce";
  EXPECT_THAT(page, Not(HasSubstr("heald_predictions_total"))) << "nothing here predicts";
}

TEST_F(AgentTest, ThePageIsBoundedHoweverManyPoliciesThereAre) {
  SetSick([] { return false; });
  std::string text = HealingPipeline();
  std::string more;
  for (int i = 2; i <= 201; ++i)
    more += "  p" + std::to_string(i) + ": {inputs: [ill], action: alert}\n";
  text.insert(text.find("actions:"), more);
  Write(text);
  StartAndWait();
  const std::string page = GetText("/metrics");
  EXPECT_THAT(page, HasSubstr("heald_outcomes_total{policy=\"p200\",state=\"failed\"} 0"));
  EXPECT_THAT(page, Not(HasSubstr("heald_outcomes_total{policy=\"p201\"")));
  EXPECT_THAT(page, HasSubstr("heald_metrics_refused_total 0"));
}

TEST_F(AgentTest, DryRunTouchesNothing) {
  SetSick([] { return true; });
  std::string text = HealingPipeline();
  text.replace(text.find("state_dir: state"), 16, "state_dir: state, dry_run: true");
  Write(text);
  StartAndWait();
  ASSERT_TRUE(Eventually([&] {
    nlohmann::json chain = Get("/api/v1/incidents/1");
    return chain.is_object() && !chain["outcomes"].empty() &&
           chain["outcomes"][0]["state"] == "dry_run";
  })) << agent().output();
  EXPECT_THAT(Starts(), SizeIs(1));
}

TEST_F(AgentTest, WaitsForAPersonInModeApprove) {
  SetSick([this] { return Starts().size() == 1; });
  std::string text = HealingPipeline();
  text.replace(text.find("mode: enforce"), 13, "mode: approve");
  Write(text);
  StartAndWait();
  nlohmann::json waiting;
  ASSERT_TRUE(Eventually([&] {
    waiting = Get("/api/v1/approvals")["approvals"];
    return !waiting.empty();
  })) << agent().output();
  EXPECT_THAT(Starts(), SizeIs(1));
  int status = 0;
  Call("PUT", "/api/v1/approvals/nosuch", R"({"approve": true})", &status);
  EXPECT_EQ(status, 404);
  Call("PUT", "/api/v1/approvals/" + waiting[0]["id"].get<std::string>(),
       R"({"approve": true, "actor": "anna"})", &status);
  EXPECT_EQ(status, 200);
  ASSERT_TRUE(agent().WaitForOutput("verified", kPatience)) << agent().output();
  EXPECT_THAT(Get("/api/v1/incidents/1").dump(), HasSubstr("user:anna"));
  EXPECT_THAT(Starts(), SizeIs(2));
}

TEST_F(AgentTest, TheSwitchStopsAllAndSurvivesARestart) {
  SetSick([] { return false; });
  Write(HealingPipeline());
  StartAndWait();
  ASSERT_TRUE(Eventually([this] { return Starts().size() == 1; }));
  int status = 0;
  Call("PUT", "/api/v1/switch", R"({"enabled": false, "actor": "anna"})", &status);
  ASSERT_EQ(status, 200);
  agent().Signal(SIGTERM);
  ASSERT_EQ(agent().Wait(kPatience), 0) << agent().output();
  SetSick([] { return true; });
  StartAndWait();
  EXPECT_EQ(Get("/api/v1/switch")["enabled"], false);
  EXPECT_EQ(Get("/api/v1/switch")["actor"], "user:anna");
  ASSERT_TRUE(Eventually([&] {
    nlohmann::json chain = Get("/api/v1/incidents/1");
    return chain.is_object() && !chain["decisions"].empty() &&
           chain["decisions"][0]["verdict"] == "refused";
  })) << agent().output();
  EXPECT_TRUE(Eventually([this] { return Starts().size() >= 2; }))
      << "the agent's own second start";
  EXPECT_THAT(Starts(), SizeIs(2)) << "one per start of the agent, none by the policy";
}

TEST_F(AgentTest, FirstStateOfTheSwitchComesFromTheEnvironment) {
  SetSick([] { return false; });
  std::string text = HealingPipeline();
  text.replace(text.find("state_dir: state"), 16,
               "state_dir: state, auto_remediation: '${env:AUTO_REMEDIATION_ENABLED:-true}'");
  Write(text);
  StartAndWait({{"AUTO_REMEDIATION_ENABLED", "false"}});
  EXPECT_EQ(Get("/api/v1/switch")["enabled"], false);
}

TEST_F(AgentTest, SighupReloadsAndAWrongFileLeavesTheOldPipelineRunning) {
  SetSick([] { return false; });
  Write(HealingPipeline());
  StartAndWait();
  std::string wrong = HealingPipeline();
  wrong.replace(wrong.find("above:"), 6, "abov:");
  Write(wrong);
  agent().Signal(SIGHUP);
  ASSERT_TRUE(agent().WaitForOutput("unknown key 'abov'", kPatience)) << agent().output();
  EXPECT_THAT(Get("/api/v1/status")["reload_error"].get<std::string>(),
              HasSubstr("unknown key 'abov'"));
  EXPECT_THAT(GetText("/metrics"), HasSubstr("heald_last_reload_successful 0"));
  std::string right = HealingPipeline("cooldown: 2s");
  right.replace(right.find("critical: 0.5"), 13, "critical: 0.6");
  Write(right);
  agent().Signal(SIGHUP);
  ASSERT_TRUE(agent().WaitForOutput(
      "1 restarted, 0 removed; without what they had learnt: ill (above)", kPatience))
      << agent().output();
  EXPECT_TRUE(
      agent().WaitForOutput("policy cure: cooldown 1s -> 2s, max_per_hour 10 -> none", kPatience))
      << agent().output();
  EXPECT_TRUE(Get("/api/v1/status")["reload_error"].is_null());
  SetSick([this] { return Starts().size() == 1; });
  EXPECT_TRUE(agent().WaitForOutput("verified", kPatience)) << agent().output();
}

TEST_F(AgentTest, WhatAnActionThatIsGoneHasLeftUndoneIsToldByCheckStartAndStatus) {
  SetSick([] { return false; });
  Write(HealingPipeline());
  std::filesystem::create_directories(dir_ + "/state/nodes/back");
  std::ofstream(dir_ + "/state/nodes/back/owed-argocd-1")
      << "auto-sync of shop is off: `argocd app set shop`\n{}\n";
  const std::string told =
      "back is no longer in the pipeline and has left this: auto-sync of shop is off";
  demo::DemoProcess check("heald", {"check", dir_ + "/pipeline.yaml"});
  EXPECT_EQ(check.Wait(kPatience), 0) << "it can run all the same";
  EXPECT_THAT(check.output(), AllOf(HasSubstr("warning"), HasSubstr(told)));
  StartAndWait();
  EXPECT_THAT(agent().output(), HasSubstr(told));
  EXPECT_THAT(Get("/api/v1/status")["problems"].dump(), HasSubstr(told));
  std::filesystem::remove(dir_ + "/state/nodes/back/owed-argocd-1");
  EXPECT_EQ(Get("/api/v1/status")["problems"].size(), 0U);
}

TEST_F(AgentTest, ADetectorChangedByAReloadDoesntLeaveItsIncidentOpen) {
  SetSick([] { return true; });
  std::string text = HealingPipeline();
  text.replace(text.find("mode: enforce"), 13, "mode: shadow");
  Write(text);
  StartAndWait();
  ASSERT_TRUE(Eventually([&] { return !Get("/api/v1/incidents")["incidents"].empty(); }));
  text.replace(text.find("critical: 0.5"), 13, "critical: 0.6");
  Write(text);
  agent().Signal(SIGHUP);
  ASSERT_TRUE(agent().WaitForOutput("1 restarted", kPatience)) << agent().output();
  SetSick([] { return false; });
  EXPECT_TRUE(Eventually([&] {
    return Get("/api/v1/incidents")["incidents"][0]["state"] == "resolved";
  })) << agent().output();
  EXPECT_THAT(Get("/api/v1/incidents")["incidents"], SizeIs(1));
}

TEST_F(AgentTest, AReloadDuringAFaultKeepsWhatIsUsualWhereTheStateFits) {
  std::atomic<bool> sick = false;
  SetSick([&] { return sick.load(); });
  std::string text = HealingPipeline();
  text.replace(text.find("mode: enforce"), 13, "mode: shadow");
  text.replace(text.find("plugin: threshold"), 17, "plugin: zscore");
  text.replace(text.find("above: {critical: 0.5}"), 22, "min_samples: 3, critical_at: 2");
  Write(text);
  StartAndWait();
  ASSERT_TRUE(Eventually([&] { return Get("/api/v1/status")["learning"] == false; }));
  sick = true;
  const auto incidents = [&] { return Get("/api/v1/incidents")["incidents"]; };
  ASSERT_TRUE(Eventually([&] { return !incidents().empty(); })) << agent().output();
  text.replace(text.find("critical_at: 2"), 14, "critical_at: 3");
  Write(text);
  agent().Signal(SIGHUP);
  ASSERT_TRUE(
      agent().WaitForOutput("1 restarted, 0 removed; with what they had learnt: ill", kPatience))
      << agent().output();
  // Enough samples for a detector that had begun anew to take the fault for what is usual.
  const auto judged = [&] {
    int rows = 0;
    const nlohmann::json pipeline = Get("/api/v1/pipeline");
    for (const nlohmann::json& node : pipeline["nodes"])
      if (node["name"] == "ill") rows = node["records_in"].get<int>();
    return rows;
  };
  ASSERT_TRUE(Eventually([&] { return judged() >= 5; }));
  EXPECT_EQ(incidents()[0]["state"], "open");
  sick = false;
  EXPECT_TRUE(Eventually([&] { return incidents()[0]["state"] == "resolved"; }))
      << agent().output();
  EXPECT_THAT(incidents(), SizeIs(1)) << "the recovery is no fault";
  text.replace(text.find("min_samples: 3"), 14, "min_samples: 4");
  Write(text);
  agent().Signal(SIGHUP);
  EXPECT_TRUE(agent().WaitForOutput("without what they had learnt: ill (min_samples)", kPatience))
      << agent().output();
}

TEST_F(AgentTest, AServerThatIsAwayIsToldOnceHoweverOftenItIsAsked) {
  Write(
      "version: 1\n"
      "agent: {listen: '127.0.0.1:0', state_dir: state}\n"
      "sources:\n"
      "  prom:\n"
      "    plugin: prometheus\n"
      "    config: {url: 'http://127.0.0.1:" +
      std::to_string(fakes::FreePort()) +
      "', interval: 1s, queries: {up: up}}\n"
      "detectors: {odd: {plugin: zscore, inputs: [prom.up]}}\n"
      "notifiers: {log: {plugin: log, inputs: [odd]}}\n");
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  ASSERT_TRUE(Eventually([&] { return Get("/api/v1/status")["nodes"][0].value("errors", 0) >= 5; }))
      << agent().output();
  agent().Signal(SIGTERM);
  EXPECT_EQ(agent().Wait(kPatience), 0);
  const std::string& said = agent().output();
  const size_t first = said.find("connection refused");
  ASSERT_NE(first, std::string::npos) << said;
  EXPECT_EQ(said.find("connection refused", first + 1), std::string::npos) << said;
}

TEST_F(AgentTest, SigtermEndsItInTimeAndTheServicesWithIt) {
  SetSick([] { return false; });
  Write(HealingPipeline());
  StartAndWait();
  ASSERT_TRUE(Eventually([&] { return Starts().size() == 1; }));
  agent().Signal(SIGTERM);
  EXPECT_EQ(agent().Wait(kPatience), 0) << agent().output();
  EXPECT_NE(kill(std::stoi(Starts()[0]), 0), 0) << "the service was left behind";
}

TEST_F(AgentTest, SaysEveryMistakeAtOnceAndStartsNothing) {
  Write(
      "version: 1\nsources:\n  page: {plugin: scrap}\ndetectors: {x: {plugin: zscore, inputs: "
      "[pag.sick]}}\n");
  Start();
  EXPECT_EQ(agent().Wait(kPatience), 1);
  EXPECT_THAT(agent().output(),
              AllOf(HasSubstr("did you mean 'scrape'?"), HasSubstr("did you mean 'page"),
                    HasSubstr("Nothing was started.")));
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/state"));
}

TEST_F(AgentTest, SaysWhoHoldsThePort) {
  SetSick([] { return false; });
  std::string text = HealingPipeline();
  text.replace(text.find("127.0.0.1:0"), 11, "127.0.0.1:" + std::to_string(page_.port()));
  Write(text);
  Start();
  EXPECT_EQ(agent().Wait(kPatience), 3);
  EXPECT_THAT(agent().output(),
              AllOf(HasSubstr(std::to_string(page_.port())), HasSubstr("Nothing was started.")));
  EXPECT_THAT(Starts(), SizeIs(0));
}

TEST_F(AgentTest, ASecondAgentOnTheSameJournalIsRefused) {
  SetSick([] { return false; });
  Write(HealingPipeline());
  StartAndWait();
  demo::DemoProcess second("heald", {"run", dir_ + "/pipeline.yaml"});
  EXPECT_EQ(second.Wait(kPatience), 3) << second.output();
  EXPECT_THAT(second.output(), HasSubstr("heald.db"));
}

TEST_F(AgentTest, ExplainReadsTheJournalWithAndWithoutTheAgent) {
  SetSick([this] { return Starts().size() == 1; });
  Write(HealingPipeline());
  StartAndWait();
  ASSERT_TRUE(agent().WaitForOutput("resolved", kPatience)) << agent().output();
  for (int round = 0; round < 2; ++round) {
    demo::DemoProcess explain("heald", {"explain", "1", dir_ + "/pipeline.yaml"});
    EXPECT_EQ(explain.Wait(kPatience), 0) << explain.output();
    EXPECT_THAT(explain.output(),
                AllOf(HasSubstr("incident #1  a  resolved"), HasSubstr("execution.issued"),
                      HasSubstr("cooldown"), HasSubstr("verified")));
    demo::DemoProcess list("heald", {"incidents", dir_ + "/pipeline.yaml", "--format", "json"});
    EXPECT_EQ(list.Wait(kPatience), 0) << list.output();
    EXPECT_EQ(nlohmann::json::parse(list.output())[0]["state"], "resolved");
    agent().Signal(SIGTERM);
    agent().Wait(kPatience);
  }
  demo::DemoProcess none("heald", {"explain", "99", dir_ + "/pipeline.yaml"});
  EXPECT_EQ(none.Wait(kPatience), 1);
}

// ---- plugins that misbehave ----

class AgentMisbehavingTest : public AgentTest {
 protected:
  void WriteDeed(const std::string& deed) {
    std::string text = HealingPipeline();
    text.replace(
        text.find("state_dir: state"), 16,
        "state_dir: state, plugin_dirs: ['" + std::string(BAD_PLUGIN_DIR) + "/misbehaving']");
    text.replace(text.find("detectors:\n"), 11,
                 "detectors:\n  naughty: {plugin: misbehaving, inputs: [page.sick], deadline: 1s, "
                 "config: {deed: " +
                     deed + "}}\n");
    text.replace(text.find("inputs: [ill]"), 13, "inputs: [ill, naughty]");
    Write(text);
  }
};

TEST_F(AgentMisbehavingTest, APluginThatThrowsIsCountedAndTheOthersGoOn) {
  SetSick([this] { return Starts().size() == 1; });
  WriteDeed("throw");
  StartAndWait();
  ASSERT_TRUE(agent().WaitForOutput("no reason at all", kPatience)) << agent().output();
  EXPECT_TRUE(agent().WaitForOutput("verified", kPatience)) << agent().output();
  int status = 0;
  const nlohmann::json ready = Get("/readyz", &status);
  EXPECT_EQ(status, 503);
  EXPECT_THAT(ready.dump(), HasSubstr("no reason at all"));
}

TEST_F(AgentMisbehavingTest, APluginThatHangsIsLeftAloneAndTheAgentStillEnds) {
  SetSick([this] { return Starts().size() == 1; });
  WriteDeed("hang");
  StartAndWait();
  ASSERT_TRUE(agent().WaitForOutput("doesn't return", kPatience)) << agent().output();
  EXPECT_TRUE(agent().WaitForOutput("verified", kPatience)) << agent().output();
  int status = 0;
  EXPECT_THAT(Get("/healthz", &status).dump(), HasSubstr("naughty"));
  EXPECT_EQ(status, 503);
  agent().Signal(SIGTERM);
  EXPECT_EQ(agent().Wait(3 * kPatience), 3) << agent().output();
  EXPECT_THAT(agent().output(), HasSubstr("ending without it"));
}

// systemd's end of a notification socket.
class NotifySocket {
 public:
  explicit NotifySocket(std::string path) : path_(std::move(path)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval patience{.tv_sec = kPatience / 1'000'000'000, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~NotifySocket() { close(fd_); }
  std::string Next() {
    std::array<char, 1024> text{};
    const ssize_t size = recv(fd_, text.data(), text.size(), 0);
    return size < 0 ? "nothing" : std::string(text.data(), static_cast<size_t>(size));
  }
  // What came meanwhile, without waiting.
  std::string Rest() {
    std::string rest;
    for (std::array<char, 1024> text{};;) {
      const ssize_t size = recv(fd_, text.data(), text.size(), MSG_DONTWAIT);
      if (size < 0) return rest;
      rest.append(text.data(), static_cast<size_t>(size)) += "\n";
    }
  }
  std::map<std::string, std::string> Environment() const {
    return {{"NOTIFY_SOCKET", path_}, {"WATCHDOG_USEC", "300000"}};
  }

 private:
  const std::string path_;
  const int fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

TEST_F(AgentTest, SystemdIsToldWhenItRunsThatItLivesAndWhenItEnds) {
  SetSick([] { return false; });
  NotifySocket systemd(dir_ + "/notify");
  Write(HealingPipeline());
  StartAndWait(systemd.Environment());
  EXPECT_THAT(systemd.Next(), AllOf(StartsWith("READY=1\nSTATUS="), HasSubstr(url_)));
  EXPECT_EQ(systemd.Next(), "WATCHDOG=1");
  EXPECT_EQ(systemd.Next(), "WATCHDOG=1");
  agent().Signal(SIGTERM);
  EXPECT_EQ(agent().Wait(kPatience), 0);
  EXPECT_THAT(systemd.Rest(), EndsWith("STOPPING=1\n"));
}

TEST_F(AgentMisbehavingTest, ThatAnAgentWithAHungPluginLivesIsNotToldToSystemd) {
  SetSick([] { return false; });
  NotifySocket systemd(dir_ + "/notify");
  WriteDeed("hang");
  StartAndWait(systemd.Environment());
  ASSERT_TRUE(agent().WaitForOutput("doesn't return", kPatience)) << agent().output();
  systemd.Rest();
  std::this_thread::sleep_for(
      std::chrono::milliseconds(500));  // it would have been told five times
  EXPECT_EQ(systemd.Rest(), "");
}

TEST_F(AgentMisbehavingTest, ACrashSaysInWhichNodeAndCall) {
#ifdef HEALD_SANITIZED
  GTEST_SKIP() << "a sanitizer handles SIGSEGV itself";
#endif
  SetSick([] { return false; });
  WriteDeed("crash");
  Start();
  EXPECT_EQ(agent().Wait(kPatience), 128 + SIGSEGV);
  EXPECT_THAT(agent().output(),
              AllOf(HasSubstr("SIGSEGV"), HasSubstr("node 'naughty', call samples")));
}

TEST_F(AgentMisbehavingTest, APluginThatRefusesItsConfigNamesTheNode) {
  SetSick([] { return false; });
  WriteDeed("throw_in_create");
  Start();
  EXPECT_EQ(agent().Wait(kPatience), 3);
  EXPECT_THAT(agent().output(), HasSubstr("detector naughty: it doesn't want to"));
}

TEST_F(AgentMisbehavingTest, PluginsThatCantBeLoadedAreErrorsInTheFile) {
  for (const auto& [folder, why] :
       std::map<std::string, std::string>{{"newer", "was built for ABI"},
                                          {"not_a_library", "not a shared library"},
#ifndef HEALD_SANITIZED  // a sanitizer handles SIGSEGV itself
                                          {"crash_in_init", "crashes when it is loaded"},
#endif
                                          {"init_fails", "no licence found"}}) {
    Write("version: 1\nagent: {listen: '127.0.0.1:0', state_dir: state, plugin_dirs: ['" +
          std::string(BAD_PLUGIN_DIR) + "/" + folder +
          "']}\nsources: {page: {plugin: scrape, config: {targets: ['" + page_.url() +
          "']}}}\ndetectors: {x: {plugin: raw, inputs: [page]}}\n");
    Start();
    EXPECT_EQ(agent().Wait(kPatience), 1) << folder << agent().output();
    EXPECT_THAT(agent().output(), AllOf(HasSubstr("pipeline.yaml:4:"), HasSubstr(why))) << folder;
  }
}

}  // namespace
}  // namespace heald::testing
