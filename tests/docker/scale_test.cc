#include "tests/docker/fixture.h"

namespace heald::docker::testing {
namespace {

using nlohmann::json;
using sdk::Effect;
using sdk::EffectState;
using ::testing::HasSubstr;

class DockerScaleTest : public EngineTest {
 protected:
  static Config Scale() {
    Config config;
    config.operation = Operation::kScale;
    config.compose_project = "shop";
    config.compose_service = "web";
    config.stop_timeout = sdk::Seconds(2);
    config.stable_for = sdk::Seconds(0);
    return config;
  }
  static Config To(int64_t replicas) {
    Config config = Scale();
    config.replicas = replicas;
    return config;
  }
  void Run(int number, const json& host_config = json::object()) {
    json body = Replica("shop", "web", number);
    body["HostConfig"] = host_config;
    ASSERT_NE(engine_->RunContainer("shop-web-" + std::to_string(number), body), "");
  }
};

TEST_F(DockerScaleTest, AddsClonesAndUndoRemovesThem) {
  Run(1, {{"Memory", 33'554'432}});
  Config config = Scale();
  config.scale_up_by = 2;
  const sdk::Plan plan = PlanOf(config);
  EXPECT_EQ(plan.summary, "scale shop/web from 1 to 3 replicas");
  EXPECT_TRUE(plan.reversible);
  EXPECT_EQ(action_->DryRun(Request(), plan, config).state, EffectState::kDone);
  EXPECT_EQ(Observe(plan, config).state, EffectState::kAbsent);
  const Effect effect = Do(plan, config);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;

  const json model = engine_->Api("GET", "/containers/shop-web-1/json");
  const json clone = engine_->Api("GET", "/containers/shop-web-3/json");
  EXPECT_EQ(clone.at("Image"), model.at("Image"));
  EXPECT_EQ(clone.at("Config").at("Cmd"), model.at("Config").at("Cmd"));
  EXPECT_EQ(clone.at("Config").at("Env"), model.at("Config").at("Env"));
  EXPECT_EQ(clone.at("Config").at("Labels").at("com.docker.compose.container-number"), "3");
  EXPECT_EQ(clone.at("Config").at("Labels").at("com.docker.compose.service"), "web");
  EXPECT_EQ(clone.at("HostConfig"), model.at("HostConfig"));

  // The same execution again, as after a crash, adds nothing.
  action_->Execute(Request(), plan, config);
  EXPECT_FALSE(Exists("shop-web-4"));
  action_->Undo(Request(), plan, config);
  EXPECT_TRUE(Exists("shop-web-1"));
  EXPECT_FALSE(Exists("shop-web-2"));
  EXPECT_FALSE(Exists("shop-web-3"));
}

TEST_F(DockerScaleTest, RemovesTheHighestNumbers) {
  for (int number : {1, 2, 3}) Run(number);
  const sdk::Plan plan = PlanOf(To(1));
  const Effect effect = Do(plan, To(1));
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_TRUE(Exists("shop-web-1"));
  EXPECT_FALSE(Exists("shop-web-2"));
  EXPECT_FALSE(Exists("shop-web-3"));
}

TEST_F(DockerScaleTest, FinishesWhatAKilledAgentBegan) {
  Run(1);
  const Config config = To(3);
  const sdk::Plan plan = PlanOf(config);
  // Killed after the second was created, before it was started.
  json body = Replica("shop", "web", 2);
  body["Image"] = heald::testing::DockerEngine::kImage;
  body["HostConfig"]["NetworkMode"] = "host";
  engine_->Api("POST", "/containers/create?name=shop-web-2", body);
  EXPECT_EQ(Observe(plan, config).state, EffectState::kPending);
  const Effect effect = Do(plan, config);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_EQ(StatusOf("shop-web-2"), "running");
  EXPECT_EQ(StatusOf("shop-web-3"), "running");
}

TEST_F(DockerScaleTest, UndoDoesNotBringBackWhatAPersonRemoved) {
  for (int number : {1, 2}) Run(number);
  const sdk::Plan plan = PlanOf(To(3));
  ASSERT_EQ(Do(plan, To(3)).state, EffectState::kDone);
  engine_->Api("DELETE", "/containers/shop-web-2?force=true");
  const Effect effect = action_->Undo(Request(), plan, To(3));
  EXPECT_EQ(effect.state, EffectState::kDone);
  EXPECT_EQ(effect.detail,
            "shop/web has 2 replicas: nothing to take back, as others changed it meanwhile");
  EXPECT_FALSE(Exists("shop-web-2"));
  EXPECT_TRUE(Exists("shop-web-3"));
}

TEST_F(DockerScaleTest, AnUndoThatWasCutOffIsSeenAndFinished) {
  Run(1);
  const sdk::Plan plan = PlanOf(To(2));
  ASSERT_EQ(Do(plan, To(2)).state, EffectState::kDone);
  engine_->Api("POST", "/containers/shop-web-2/rename?name=shop-web-2-being-undone");
  engine_->Api("POST", "/containers/shop-web-2-being-undone/stop?t=1");
  const Effect half = Observe(plan, To(2));
  EXPECT_EQ(half.state, EffectState::kDone) << "so that the undo is called once more";
  EXPECT_THAT(half.detail, HasSubstr("has yet to remove shop-web-2-being-undone"));
  EXPECT_EQ(action_->Undo(Request(), plan, To(2)).detail, "shop/web has 1 replicas again");
  EXPECT_FALSE(Exists("shop-web-2-being-undone"));
  EXPECT_EQ(Observe(plan, To(2)).state, EffectState::kAbsent);
}

TEST_F(DockerScaleTest, ClonesEveryNetworkOfItsModel) {
  int status = 0;
  for (const char* network : {"shop_front", "shop_back"})
    engine_->Api("POST", "/networks/create", {{"Name", network}}, &status);
  if (status != 201) GTEST_SKIP() << "no bridge networks here";
  json body = Replica("shop", "web", 1);
  body["HostConfig"]["NetworkMode"] = "shop_front";
  body["NetworkingConfig"]["EndpointsConfig"]["shop_front"]["Aliases"] = {"web", "shop-web-1"};
  if (engine_->RunContainer("shop-web-1", body).empty()) {
    for (const char* network : {"shop_front", "shop_back"})
      engine_->Api("DELETE", std::string("/networks/") + network);
    GTEST_SKIP() << "no container can join a bridge network here";
  }
  engine_->Api("POST", "/networks/shop_back/connect",
               {{"Container", "shop-web-1"}, {"EndpointConfig", {{"Aliases", {"backend"}}}}});
  const Effect effect = Do(PlanOf(To(2)), To(2));
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  const json networks =
      engine_->Api("GET", "/containers/shop-web-2/json").at("NetworkSettings").at("Networks");
  EXPECT_THAT(networks.at("shop_front").at("Aliases"), ::testing::Contains(json("web")));
  EXPECT_THAT(networks.at("shop_front").at("Aliases"),
              ::testing::Not(::testing::Contains(json("shop-web-1"))));
  EXPECT_THAT(networks.at("shop_back").at("Aliases"), ::testing::Contains(json("backend")));
  TearDown();
  for (const char* network : {"shop_front", "shop_back"})
    engine_->Api("DELETE", std::string("/networks/") + network);
}

TEST_F(DockerScaleTest, RefusesBeyondMaxReplicas) {
  for (int number : {1, 2}) Run(number);
  Config config = Scale();
  config.scale_up_by = 1;
  config.max_replicas = 2;
  const sdk::Failure failure = PlanFailure(config);
  EXPECT_EQ(failure.code(), HEALD_FULL);
  EXPECT_STREQ(failure.what(), "shop/web has 2 replicas already (max_replicas 2)");
}

TEST_F(DockerScaleTest, RefusesFixedHostPortsAndOwnNames) {
  Run(1, {{"PortBindings", {{"80/tcp", {{{"HostPort", "8080"}}}}}}});
  EXPECT_THAT(PlanFailure(To(2)).what(),
              HasSubstr("cannot scale shop/web: shop-web-1 publishes 80/tcp on the fixed host port "
                        "8080"));
  TearDown();
  ASSERT_NE(engine_->RunContainer("frontend", Replica("shop", "web", 1)), "");
  EXPECT_THAT(PlanFailure(To(2)).what(), HasSubstr("frontend has a container_name of its own"));
  EXPECT_FALSE(Exists("shop-web-2"));
}

TEST_F(DockerScaleTest, ServiceWithoutContainersIsNotFound) {
  EXPECT_THAT(PlanFailure(To(2)).what(), HasSubstr("no container of compose service shop/web"));
}

}  // namespace
}  // namespace heald::docker::testing
