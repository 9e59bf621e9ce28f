#include "plugins/actions/docker/swarm.h"

#include <unistd.h>

#include <filesystem>

#include "tests/docker/fixture.h"
#include "tests/fakes/http_server.h"

namespace heald::docker::testing {
namespace {

using nlohmann::json;
using sdk::Effect;
using sdk::EffectState;
using ::testing::HasSubstr;

class DockerSwarmTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    had_bridge_ = HasBridge();
    int status = 0;
    const json answer = engine_->Api(
        "POST", "/swarm/init",
        {{"ListenAddr", "127.0.0.1:0"}, {"AdvertiseAddr", "127.0.0.1"}, {"ForceNewCluster", false}},
        &status);
    if (status != 200) GTEST_SKIP() << "no Swarm here: " << answer.dump();
    json spec;
    spec["Name"] = "web";
    spec["TaskTemplate"]["ContainerSpec"] = {{"Image", heald::testing::DockerEngine::kImage},
                                             {"Command", Sleeper().at("Cmd")}};
    spec["TaskTemplate"]["Networks"] = {{{"Target", "host"}}};
    spec["TaskTemplate"]["RestartPolicy"] = {{"Condition", "none"}};
    spec["Mode"]["Replicated"]["Replicas"] = 1;
    engine_->Api("POST", "/services/create", spec, &status);
    ASSERT_EQ(status, 201);
    // Until then the orchestrator writes into the service too.
    Engine engine(With({}), {});
    for (int i = 0; i < 600 && Running(engine) != EffectState::kDone; ++i) usleep(50'000);
    ASSERT_EQ(Running(engine), EffectState::kDone);
  }
  void TearDown() override {
    engine_->Api("DELETE", "/services/web");
    engine_->Api("POST", "/swarm/leave?force=true");
    // Swarm makes this interface on the host and never removes it.
    if (!had_bridge_ && HasBridge()) engine_->Api("DELETE", "/networks/docker_gwbridge");
    EngineTest::TearDown();
  }
  static EffectState Running(Engine& engine) {
    return JudgeTasks("web", engine.Tasks("web"), 1).state;
  }
  static Config To(int64_t replicas) {
    Config config;
    config.operation = Operation::kScale;
    config.swarm_service = "web";
    config.replicas = replicas;
    return config;
  }
  static bool HasBridge() { return std::filesystem::exists("/sys/class/net/docker_gwbridge"); }
  int64_t Replicas() { return ReadService(engine_->Api("GET", "/services/web")).replicas; }

  bool had_bridge_ = false;
};

TEST_F(DockerSwarmTest, ScalesAndRollsBack) {
  const Config config = To(3);
  const sdk::Plan plan = PlanOf(config);
  EXPECT_EQ(plan.summary, "scale service web from 1 to 3 replicas");
  EXPECT_EQ(action_->DryRun(Request(), plan, config).state, EffectState::kDone);
  EXPECT_EQ(Observe(plan, config).state, EffectState::kAbsent);
  const Effect effect = Do(plan, config);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_EQ(effect.detail, "web: 3 of 3 replicas running");
  EXPECT_EQ(Replicas(), 3);
  action_->Undo(Request(), plan, config);
  EXPECT_EQ(Replicas(), 1);
}

TEST_F(DockerSwarmTest, ServiceChangedMeanwhileIsAConflict) {
  const Config config = To(2);
  const sdk::Plan plan = PlanOf(config);
  const SwarmService service = ReadService(engine_->Api("GET", "/services/web"));
  engine_->Api("POST", "/services/web/update?version=" + std::to_string(service.version),
               SpecWithReplicas(service, 3));
  try {
    action_->Execute(Request(), plan, config);
    FAIL();
  } catch (const sdk::Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_CONFLICT);
  }
  EXPECT_EQ(Replicas(), 3);
  EXPECT_EQ(Observe(plan, config).state, EffectState::kFailed);
}

TEST_F(DockerSwarmTest, AnUpdateOfAnOlderVersionIsAConflict) {
  const SwarmService service = ReadService(engine_->Api("GET", "/services/web"));
  Engine engine(With({}), {});
  try {
    engine.UpdateService(service.id, service.spec, {.version = service.version - 1});
    FAIL();
  } catch (const sdk::Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_CONFLICT) << failure.what();
  }
}

// What the orchestrator does now and then, in the words that a real Engine has for it.
TEST(DockerSwarmUndoTest, ReadsAnewWhatChangedInTheSameMoment) {
  int index = 10;
  std::vector<std::string> updates;
  const fakes::HttpServer server([&](const fakes::FakeRequest& request) -> fakes::FakeReply {
    if (request.path == "/_ping") return {.headers = {{"Api-Version", "1.41"}}, .body = "OK"};
    if (request.path == "/version") return {.body = R"({"ApiVersion":"1.41"})"};
    if (request.method == "GET")
      return {.body =
                  json{{"ID", "x"},
                       {"Version", {{"Index", ++index}}},
                       {"Spec", {{"Name", "web"}, {"Mode", {{"Replicated", {{"Replicas", 3}}}}}}}}
                      .dump()};
    updates.push_back(request.query);
    if (updates.size() > 2) return {.body = "{}"};
    return {.status = 500,
            .body = R"({"message":"rpc error: code = Unknown desc = update out of sequence"})"};
  });
  Config config;
  config.url = server.url();
  config.operation = Operation::kScale;
  config.swarm_service = "web";
  sdk::testing::FakeHost host;
  DockerAction action(host.host(), config);
  sdk::Plan plan;
  plan.before = R"({"kind":"swarm","version":9,"replicas":1,"wanted":3})";
  EXPECT_EQ(action.Undo({}, plan, config).detail, "web goes back to 1 replicas");
  EXPECT_THAT(updates, ::testing::ElementsAre("version=11", "version=12", "version=13"));
}

TEST_F(DockerSwarmTest, UnknownServiceIsNotFound) {
  Config config = To(2);
  config.swarm_service = "wbe";
  const sdk::Failure failure = PlanFailure(config);
  EXPECT_EQ(failure.code(), HEALD_NOT_FOUND);
  EXPECT_THAT(failure.what(), HasSubstr("service wbe not found"));
}

TEST(DockerTasksTest, CountsWhatRuns) {
  const json tasks = {{{"Status", {{"State", "running"}}}},
                      {{"Status", {{"State", "rejected"}, {"Err", "No such image"}}}}};
  const Effect effect = JudgeTasks("web", tasks, 2);
  EXPECT_EQ(effect.state, EffectState::kPending);
  EXPECT_EQ(effect.detail, "web: 1 of 2 replicas running; No such image");
}

TEST(DockerTasksTest, GlobalServicesHaveNoReplicas) {
  const json service = {{"ID", "x"},
                        {"Version", {{"Index", 7}}},
                        {"Spec", {{"Name", "agent"}, {"Mode", {{"Global", json::object()}}}}}};
  EXPECT_THROW(ReadService(service), sdk::Failure);
}

}  // namespace
}  // namespace heald::docker::testing
