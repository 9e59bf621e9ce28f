// The whole agent and its journal: in a PostgreSQL, without it for a while, verified and kept
// short.
#include <gmock/gmock.h>

#include "tests/agent/fixture.h"
#include "tests/fakes/postgres_server.h"

namespace heald::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kPatience = 20'000'000'000;

class AgentStoreTest : public AgentTest {
 protected:
  void SetUp() override {
    if (!fakes::PostgresServer::Installed()) GTEST_SKIP() << "PostgreSQL isn't installed";
    server_ = std::make_unique<fakes::PostgresServer>();
  }
  // The healing pipeline with its journal there.
  void WriteWithStore(const std::string& more = "") {
    std::string text = HealingPipeline();
    const std::string state = "state_dir: state";
    text.insert(text.find(state) + state.size(), ", store: '" + server_->Url("heald") + "'" + more);
    Write(text);
  }
  double Metric(const std::string& name) {
    const std::string page = GetText("/metrics");
    const size_t at = page.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(page.substr(at + name.size() + 2));
  }
  bool Healed() {
    const nlohmann::json page = Get("/api/v1/incidents");
    return page.contains("incidents") && !page["incidents"].empty() &&
           page["incidents"][0]["state"] == "resolved";
  }
  // A verb of the command line about this pipeline; its exit code.
  int Verb(std::vector<std::string> arguments, std::string* output) {
    arguments.push_back(dir_ + "/pipeline.yaml");
    demo::DemoProcess verb("heald", arguments);
    const int code = verb.Wait(kPatience);
    *output = verb.output();
    return code;
  }

  std::unique_ptr<fakes::PostgresServer> server_;
};

TEST_F(AgentStoreTest, HealsWithItsJournalInPostgresAndVerifiesIt) {
  SetSick([this] { return Starts().size() == 1; });
  WriteWithStore();
  StartAndWait();
  ASSERT_TRUE(Eventually([this] { return Healed(); })) << agent().output();
  EXPECT_EQ(Metric("heald_store_up"), 1);
  std::string output;
  EXPECT_EQ(Verb({"explain", "1"}, &output), 0) << "while the agent runs";
  EXPECT_THAT(output, HasSubstr("verified"));
  EXPECT_EQ(Verb({"audit", "verify"}, &output), 0) << output;
  EXPECT_THAT(output, HasSubstr("audit rows fit, 1 to "));
  const size_t head_at = output.find("head ") + 5;
  const std::string head = output.substr(head_at, output.find('\n', head_at) - head_at);
  EXPECT_EQ(Verb({"audit", "verify", "--known", head}, &output), 0) << output;
  EXPECT_EQ(Verb({"audit", "verify", "--known", "7:abc"}, &output), 2);
  server_->Run(
      "SET session_replication_role = replica; UPDATE heald.audit SET actor = 'nobody' "
      "WHERE seq = 3");
  EXPECT_EQ(Verb({"audit", "verify"}, &output), 1);
  EXPECT_THAT(output, HasSubstr("audit row 3 doesn't fit its hash"));
  EXPECT_EQ(Verb({"audit", "verify", "--format", "json"}, &output), 1);
  EXPECT_EQ(nlohmann::json::parse(output)["bad_seq"], 3);
  server_->Stop();
  EXPECT_EQ(Verb({"audit", "verify"}, &output), 3);
  EXPECT_THAT(output, HasSubstr("Connection refused"));
}

TEST_F(AgentStoreTest, DetectsAndTellsButDoesNothingWhileTheStoreIsAway) {
  WriteWithStore();
  StartAndWait();
  ASSERT_TRUE(Eventually([this] { return Starts().size() == 1; }));
  server_->Stop();
  SetSick([this] { return Starts().size() == 1; });
  ASSERT_TRUE(Eventually([this] { return Metric("heald_journal_held_changes") > 0; }));
  EXPECT_EQ(Metric("heald_store_up"), 0);
  EXPECT_TRUE(Eventually([this] {
    int status = 0;
    return Get("/readyz", &status).dump().find("store") != std::string::npos && status == 503;
  }));
  int alive = 0;
  Get("/healthz", &alive);
  EXPECT_EQ(alive, 200) << "a supervisor's restart would mend nothing";
  ASSERT_TRUE(agent().WaitForOutput("the journal can't be used", kPatience)) << agent().output();
  EXPECT_TRUE(agent().WaitForOutput("tried again every 2s", kPatience)) << agent().output();
  EXPECT_EQ(Starts().size(), 1u) << "it acted without its journal";
  server_->Start();
  ASSERT_TRUE(Eventually([this] { return Healed(); }, 40)) << agent().output();
  EXPECT_EQ(Starts().size(), 2u);
  EXPECT_TRUE(Eventually([this] { return Metric("heald_journal_held_changes") == 0; }));
  EXPECT_EQ(Metric("heald_journal_lost_changes_total"), 0);
  EXPECT_TRUE(Eventually([this] {
    int status = 0;
    Get("/readyz", &status);
    return status == 200;
  }));
  std::string output;
  EXPECT_EQ(Verb({"audit", "verify"}, &output), 0) << output;
}

TEST_F(AgentStoreTest, ActsWithoutTheStoreWhereToldToAndIsKilledMeanwhile) {
  WriteWithStore(", act_without_store: true");
  StartAndWait();
  ASSERT_TRUE(Eventually([this] { return Starts().size() == 1; }));
  server_->Stop();
  SetSick([this] { return Starts().size() == 1; });
  ASSERT_TRUE(Eventually([this] { return Starts().size() == 2; })) << agent().output();
  agent().Signal(SIGKILL);
  ASSERT_EQ(agent().Wait(kPatience), 128 + SIGKILL);
  server_->Start();
  StartAndWait();
  ASSERT_TRUE(Eventually([this] { return Healed(); }, 40)) << agent().output();
  EXPECT_EQ(Starts().size(), 2u) << "done once, known from what was held";
  std::string output;
  EXPECT_EQ(Verb({"explain", "1"}, &output), 0);
  EXPECT_THAT(output, HasSubstr("verified"));
  EXPECT_EQ(Verb({"audit", "verify"}, &output), 0) << output;
}

TEST_F(AgentStoreTest, StartsWithoutItsStoreFindsAndTellsAndActsOnceTheJournalIsRead) {
  std::string text = HealingPipeline();
  const std::string state = "state_dir: state";
  text.insert(text.find(state) + state.size(),
              ", act_without_store: true, store: '" + server_->Url("heald") + "'");
  text += "notifiers:\n  told: {plugin: log, inputs: [cure], config: {path: '" + dir_ +
          "/told.jsonl'}}\n";
  Write(text);
  server_->Stop();
  SetSick([this] { return Starts().size() == 1; });
  StartAndWait();
  EXPECT_THAT(agent().output(), HasSubstr("heald finds and tells, and does nothing"));
  EXPECT_THAT(agent().output(), HasSubstr("next attempt in 5s"));
  const auto told = [this] {
    std::ifstream in(dir_ + "/told.jsonl");
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  ASSERT_TRUE(Eventually([&] {
    return told().find("the journal can't be read") != std::string::npos;
  })) << agent().output();
  int status = 0;
  EXPECT_EQ(Get("/api/v1/anomalies?state=open")["anomalies"].size(), 1u);
  EXPECT_THAT(Get("/api/v1/incidents", &status).dump(), HasSubstr("hasn't been read yet"));
  EXPECT_EQ(status, 503);
  EXPECT_FALSE(Get("/api/v1/switch")["enabled"].get<bool>());
  EXPECT_THAT(Get("/api/v1/status")["problems"].dump(), HasSubstr("store"));
  Call("PATCH", "/api/v1/policies/cure", R"({"mode": "shadow"})", &status);
  EXPECT_EQ(status, 503);
  EXPECT_EQ(Metric("heald_store_up"), 0);
  EXPECT_EQ(Starts().size(), 1u) << "it acted and knew nothing of what was before";
  server_->Start();
  ASSERT_TRUE(Eventually([this] { return Healed(); }, 40)) << agent().output();
  EXPECT_EQ(Starts().size(), 2u);
  EXPECT_TRUE(Eventually([this] { return Metric("heald_store_up") == 1; }));
  EXPECT_EQ(Get("/api/v1/status")["problems"].size(), 0u);
  std::string output;
  EXPECT_EQ(Verb({"audit", "verify"}, &output), 0) << output;
}

TEST_F(AgentStoreTest, ASwitchThatWentOffBeforeTheJournalWasReadStaysOff) {
  WriteWithStore();
  server_->Stop();
  SetSick([] { return true; });
  StartAndWait();
  int status = 0;
  Call("PUT", "/api/v1/switch", R"({"enabled": true})", &status);
  EXPECT_EQ(status, 503);
  Call("PUT", "/api/v1/switch", R"({"enabled": false})", &status);
  EXPECT_EQ(status, 200);
  agent().Signal(SIGKILL);
  ASSERT_EQ(agent().Wait(kPatience), 128 + SIGKILL);
  StartAndWait();
  EXPECT_FALSE(Get("/api/v1/switch")["enabled"].get<bool>());
  agent().Signal(SIGTERM);
  ASSERT_EQ(agent().Wait(kPatience), 0) << agent().output();
  server_->Start();
  StartAndWait();
  ASSERT_TRUE(agent().WaitForOutput("automatic remediation is off", kPatience)) << agent().output();
  EXPECT_TRUE(Eventually([this] {
    const nlohmann::json page = Get("/api/v1/incidents");
    return page.contains("incidents") && page["incidents"].size() == 1;
  }));
  EXPECT_FALSE(Get("/api/v1/switch")["enabled"].get<bool>());
  EXPECT_EQ(Get("/api/v1/executions")["executions"].size(), 0u) << agent().output();
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/state/switch_off.json"))
      << "the next start would switch it off again";
}

TEST_F(AgentStoreTest, StopsAtOnceWhileItsStoreIsAwayAndKeepsThePasswordToItself) {
  std::string text = HealingPipeline();
  const std::string state = "state_dir: state";
  text.insert(text.find(state) + state.size(),
              ", store: 'postgresql://anna:${env:STORE_PASSWORD}@127.0.0.1:1/x'");
  Write(text);
  StartAndWait({{"STORE_PASSWORD", "hunter2"}});
  agent().Signal(SIGTERM);
  EXPECT_EQ(agent().Wait(5'000'000'000), 0) << agent().output();
  EXPECT_THAT(agent().output(), HasSubstr("store postgresql://127.0.0.1:1/x"));
  EXPECT_THAT(agent().output(), Not(HasSubstr("hunter2")));
}

TEST_F(AgentStoreTest, RefusesToStartWhereTheServerSaysNo) {
  std::string text = HealingPipeline();
  const std::string state = "state_dir: state";
  std::string url = server_->Url("heald", "nobody");
  Write(std::string(text).insert(text.find(state) + state.size(), ", store: '" + url + "'"));
  Start();
  EXPECT_EQ(agent().Wait(kPatience), 3);
  EXPECT_THAT(agent().output(), HasSubstr("check user and password"));
  EXPECT_THAT(agent().output(), HasSubstr("Nothing was started"));
}

}  // namespace
}  // namespace heald::testing
