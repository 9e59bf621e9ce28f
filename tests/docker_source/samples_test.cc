#include "plugins/sources/docker/container_samples.h"

#include <gmock/gmock.h>

namespace heald::docker {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

State Of(const std::string& status, int64_t exit_code = 0, const std::string& policy = "no") {
  return ReadState({{"Id", "3f2a"},
                    {"Name", "/payments"},
                    {"RestartCount", 2},
                    {"State", {{"Status", status}, {"ExitCode", exit_code}}},
                    {"HostConfig", {{"RestartPolicy", {{"Name", policy}}}}}});
}

TEST(DockerSamplesTest, AServiceThatEndedIsDownAndAJobThatIsDoneIsNot) {
  EXPECT_THAT(StateSamples(Of("running")),
              ElementsAre(Pair("restart_count", 2), Pair("running", 1)));
  EXPECT_THAT(StateSamples(Of("exited", 3)), Contains(Pair("running", 0)));
  EXPECT_THAT(StateSamples(Of("exited", 3)), Contains(Pair("exit_code", 3)));
  EXPECT_THAT(StateSamples(Of("exited", 0)), Not(Contains(Pair("running", 0))));
  EXPECT_THAT(StateSamples(Of("exited", 0, "always")), Contains(Pair("running", 0)));
  EXPECT_THAT(StateSamples(Of("restarting", 0, "always")), Contains(Pair("running", 0)));
  for (const char* status : {"created", "paused", "removing", ""})
    EXPECT_THAT(StateSamples(Of(status)), IsEmpty()) << status;
}

TEST(DockerSamplesTest, HealthIsKnownOnceTheCheckHasSaid) {
  State state = Of("running");
  for (const char* health : {"", "none", "starting"}) {
    state.container.health = health;
    EXPECT_THAT(StateSamples(state), Not(Contains(Pair("healthy", ::testing::_)))) << health;
  }
  state.container.health = "unhealthy";
  EXPECT_THAT(StateSamples(state), Contains(Pair("healthy", 0)));
  EXPECT_THAT(EventSamples("health_status: healthy", -1), ElementsAre(Pair("healthy", 1)));
}

TEST(DockerSamplesTest, TheServiceIsThatOfComposeOrSwarmOrTheName) {
  const auto labels = [](const SourceConfig& config, const json& own) {
    return LabelsOf(config, "shop-web-1", own);
  };
  EXPECT_EQ(
      labels({}, {{"com.docker.compose.service", "web"}, {"com.docker.compose.project", "shop"}}),
      (sdk::LabelSet{{"container", "shop-web-1"}, {"service", "web"}, {"project", "shop"}}));
  EXPECT_EQ(labels({}, {{"com.docker.swarm.service.name", "shop_web"}}).Get("service"), "shop_web");
  EXPECT_EQ(labels({}, nullptr).Get("service"), "shop-web-1");
  SourceConfig config;
  config.service_label = "org.app/name";
  config.labels = {{"team", "org.team"}, {"zone", "org.zone"}};
  EXPECT_EQ(labels(config, {{"org.app/name", "pay"}, {"org.team", "blue"}}),
            (sdk::LabelSet{{"container", "shop-web-1"}, {"service", "pay"}, {"team", "blue"}}));
}

TEST(DockerSamplesTest, ConfigurationMistakesAreNamed) {
  const auto problems = [](SourceConfig config) {
    std::vector<std::string> texts;
    for (const auto& problem : CheckConfig(config))
      texts.push_back(problem.pointer + " " + problem.message);
    return texts;
  };
  EXPECT_THAT(problems({}), IsEmpty());
  SourceConfig config;
  config.url = "tcp://docker:2375";
  EXPECT_THAT(problems(config), IsEmpty());
  config.url = "docker";
  EXPECT_THAT(problems(config), ElementsAre(::testing::StartsWith("/url ")));
  config = {};
  config.labels = {{"service", "x"}, {"a-b", "x"}, {"empty", ""}};
  config.containers_with = {"shop=1", "=x"};
  EXPECT_THAT(problems(config),
              ElementsAre("/labels 'a-b' can't name a label: use letters, digits and '_'",
                          "/labels/empty name the container label that it is",
                          "/labels/service 'service' is there already: set service_label",
                          "/containers_with/1 a label is needed: name=value, or name alone"));
}

}  // namespace
}  // namespace heald::docker
