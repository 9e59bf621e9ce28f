#include <gmock/gmock.h>

#include "heald/testing.h"
#include "plugins/actions/docker/docker_action.h"
#include "tests/fakes/problems.h"

namespace heald::docker {
namespace {

using fakes::ProblemsIn;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DockerConfigTest, OneTargetIsEnough) {
  Config config;
  config.container = "${target.container}";
  EXPECT_THAT(ProblemsIn<DockerAction>(config), IsEmpty());
  config.url = "tcp://127.0.0.1:2375";
  EXPECT_THAT(ProblemsIn<DockerAction>(config), IsEmpty());
}

TEST(DockerConfigTest, NoneAndSeveralTargetsAreRefused) {
  Config config;
  EXPECT_THAT(ProblemsIn<DockerAction>(config),
              ElementsAre(HasSubstr(": no target: give one of container")));
  config.container = "a";
  config.label = "b";
  EXPECT_THAT(ProblemsIn<DockerAction>(config), ElementsAre(HasSubstr(": more than one target")));
}

TEST(DockerConfigTest, ComposeNeedsProjectAndService) {
  Config config;
  config.compose_service = "web";
  EXPECT_THAT(ProblemsIn<DockerAction>(config),
              ElementsAre("/compose_service: give both compose_project and "
                          "compose_service"));
}

TEST(DockerConfigTest, ScaleNeedsAServiceAndANumber) {
  Config config;
  config.operation = Operation::kScale;
  config.container = "a";
  EXPECT_THAT(ProblemsIn<DockerAction>(config),
              ElementsAre(HasSubstr("/operation: scale needs compose_project"),
                          HasSubstr("/operation: scale needs either replicas or scale_up_by")));
  config.container.clear();
  config.swarm_service = "web";
  config.replicas = 11;
  EXPECT_THAT(ProblemsIn<DockerAction>(config),
              ElementsAre("/replicas: replicas is above max_replicas (10)"));
}

TEST(DockerConfigTest, NumbersWithoutScaleAreRefused) {
  Config config;
  config.container = "a";
  config.scale_up_by = 1;
  EXPECT_THAT(ProblemsIn<DockerAction>(config),
              ElementsAre("/scale_up_by: only with operation: scale"));
  config.scale_up_by.reset();
  config.container.clear();
  config.swarm_service = "web";
  EXPECT_THAT(ProblemsIn<DockerAction>(config),
              ElementsAre(HasSubstr("a Swarm service can only be scaled")));
}

TEST(DockerConfigTest, ScalingStopsAtMaxReplicas) {
  Config config;
  config.scale_up_by = 4;
  EXPECT_EQ(WantedReplicas(config, "web", 3), 7);
  EXPECT_EQ(WantedReplicas(config, "web", 8), 10);
  EXPECT_THROW(WantedReplicas(config, "web", 10), sdk::Failure);
  EXPECT_THROW(WantedReplicas(config, "web", 12), sdk::Failure) << "never fewer by going up";
  config.scale_up_by.reset();
  config.replicas = 2;
  EXPECT_EQ(WantedReplicas(config, "web", 12), 2);
}

TEST(DockerConfigTest, RollingRestartTakesSeveral) {
  Config config;
  config.operation = Operation::kRollingRestart;
  config.container = "web";
  EXPECT_THAT(ProblemsIn<DockerAction>(config),
              ElementsAre(HasSubstr("/container: rolling_restart takes several containers")));
  config.container.clear();
  config.label = "role=web";
  EXPECT_THAT(ProblemsIn<DockerAction>(config), IsEmpty());
  EXPECT_EQ(MaxTargets(config), 10);
  config.operation = Operation::kRestart;
  EXPECT_EQ(MaxTargets(config), 1);
  config.max_targets = 3;
  EXPECT_EQ(MaxTargets(config), 3);
}

TEST(DockerConfigTest, SchemaHasTheDefaults) {
  const auto schema = nlohmann::json::parse(sdk::ConfigSchema<Config>());
  EXPECT_EQ(schema.at("properties").at("url").at("default"), "unix:///var/run/docker.sock");
  EXPECT_EQ(schema.at("properties").at("max_replicas").at("default"), 10);
  EXPECT_FALSE(schema.contains("required"));
}

}  // namespace
}  // namespace heald::docker
