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
    return page.is_object() && !page["incidents"].empty() &&
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
  ASSERT_TRUE(agent().WaitForOutput("the journal can't be used", kPatience)) << agent().output();
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

TEST_F(AgentStoreTest, RefusesToStartWithoutItsStoreAndKeepsThePasswordToItself) {
  std::string text = HealingPipeline();
  const std::string state = "state_dir: state";
  text.insert(text.find(state) + state.size(),
              ", store: 'postgresql://anna:${env:STORE_PASSWORD}@127.0.0.1:1/x'");
  Write(text);
  Start({{"STORE_PASSWORD", "hunter2"}});
  EXPECT_EQ(agent().Wait(kPatience), 3);
  EXPECT_THAT(agent().output(), HasSubstr("store postgresql://127.0.0.1:1/x"));
  EXPECT_THAT(agent().output(), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace heald::testing
