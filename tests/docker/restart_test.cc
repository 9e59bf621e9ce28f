#include "tests/docker/fixture.h"
#include "tests/fakes/certificates.h"

namespace heald::docker::testing {
namespace {

using nlohmann::json;
using sdk::Effect;
using sdk::EffectState;
using ::testing::AllOf;
using ::testing::HasSubstr;

class DockerRestartTest : public EngineTest {};

Config Restart(const std::string& container) {
  Config config;
  config.container = container;
  config.stop_timeout = sdk::Seconds(2);
  config.stable_for = sdk::Seconds(1);
  return config;
}

// Healthy once /tmp/ok exists; the check runs every 0.2 s.
json WithHealthCheck(const std::string& test) {
  json body = Sleeper();
  body["Healthcheck"] = {{"Test", {"CMD", "/bin/sh", "-c", test}},
                         {"Interval", 200'000'000},
                         {"Timeout", 1'000'000'000},
                         {"Retries", 2}};
  return body;
}

TEST_F(DockerRestartTest, RestartsOnceAndWaitsForStableUptime) {
  ASSERT_NE(engine_->RunContainer("payments", Sleeper()), "");
  const Config config = Restart("payments");
  const sdk::Plan plan = PlanOf(config);
  EXPECT_THAT(plan.summary, HasSubstr("restart container payments ("));
  EXPECT_FALSE(plan.reversible);
  const std::string before = StartedAt("payments");
  EXPECT_EQ(action_->DryRun(Request(), plan, config).state, EffectState::kDone);
  EXPECT_EQ(Observe(plan, config).state, EffectState::kAbsent);
  EXPECT_EQ(StartedAt("payments"), before) << "planning and dry run change nothing";

  const Effect effect = Do(plan, config);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_THAT(effect.detail, HasSubstr("payments running for "));
  const std::string after = StartedAt("payments");
  EXPECT_NE(after, before);
  try {
    action_->Execute(Request(), plan, config);
    FAIL() << "one plan, two restarts";
  } catch (const sdk::Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_CONFLICT);
  }
  EXPECT_EQ(StartedAt("payments"), after);
}

TEST_F(DockerRestartTest, WaitsUntilTheHealthCheckPasses) {
  ASSERT_NE(engine_->RunContainer("web", WithHealthCheck("true")), "");
  const Config config = Restart("web");
  const sdk::Plan plan = PlanOf(config);
  // Retries × (Interval + Timeout) = 2.4 s, besides stop_timeout and the margin.
  EXPECT_EQ(plan.effect_within.ns, 2'400'000'000 + sdk::Seconds(2).ns + sdk::Seconds(5).ns);
  const Effect effect = Do(plan, config);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_THAT(effect.detail, HasSubstr("web healthy"));
}

TEST_F(DockerRestartTest, UnhealthyAfterTheRestartIsAFailureThatSaysWhy) {
  ASSERT_NE(engine_->RunContainer("web", WithHealthCheck("echo no database; false")), "");
  const Config config = Restart("web");
  const Effect effect = Do(PlanOf(config), config);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, AllOf(HasSubstr("web is unhealthy"), HasSubstr("no database")));
}

TEST_F(DockerRestartTest, ContainerThatEndsAgainIsAFailure) {
  json body;
  // Lives the first time, ends with 3 the second.
  body["Cmd"] = {"/bin/sh", "-c",
                 "trap 'exit 0' TERM; test -e /tmp/again && exit 3; touch /tmp/again; "
                 "while :; do sleep 0.1; done"};
  ASSERT_NE(engine_->RunContainer("crashy", body), "");
  const Config config = Restart("crashy");
  const sdk::Plan plan = PlanOf(config);
  // Its first start must have got as far as the mark.
  ASSERT_TRUE([&] {
    for (int i = 0; i < 200; ++i) {
      int status = 0;
      engine_->Api("GET", "/containers/crashy/archive?path=/tmp/again", nullptr, &status);
      if (status == 200) return true;
    }
    return false;
  }());
  const Effect effect = Do(plan, config);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("crashy is exited, exit code 3"));
}

TEST_F(DockerRestartTest, SeveralMatchesAreRefusedUnlessAllowedAndThenTakenOneByOne) {
  for (int number : {1, 2})
    ASSERT_NE(
        engine_->RunContainer("shop-web-" + std::to_string(number), Replica("shop", "web", number)),
        "");
  Config config = Restart("");
  config.compose_project = "shop";
  config.compose_service = "web";
  EXPECT_THAT(PlanFailure(config).what(),
              HasSubstr("2 containers match (shop-web-1, shop-web-2), max_targets is 1"));
  config.max_targets = 2;
  // The host's clock stands still in tests, so waiting between the two isn't bounded by it.
  const Effect effect = Do(PlanOf(config), config);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_THAT(effect.detail, AllOf(HasSubstr("shop-web-1"), HasSubstr("shop-web-2")));
  EXPECT_LT(StartedAt("shop-web-1"), StartedAt("shop-web-2"));
}

TEST_F(DockerRestartTest, UnknownContainerNamesTheClosest) {
  ASSERT_NE(engine_->RunContainer("payments", Sleeper()), "");
  const sdk::Failure failure = PlanFailure(Restart("paymnets"));
  EXPECT_EQ(failure.code(), HEALD_NOT_FOUND);
  EXPECT_STREQ(failure.what(), "docker: no container 'paymnets': did you mean 'payments'");
  EXPECT_THAT(PlanFailure(Restart("zzz")).what(), HasSubstr("`docker ps -a` lists what there is"));
}

TEST_F(DockerRestartTest, WorksOverTcpWithCertificates) {
  const std::filesystem::path folder = host_.host().StateDir();
  const fakes::Authority authority(folder, "ca");
  const fakes::CertificateFiles server = authority.Issue("server", "IP:127.0.0.1");
  const fakes::CertificateFiles client = authority.Issue("client", "DNS:client");
  const heald::testing::DockerEngine::Tls tls{authority.ca_file(), server.cert_file,
                                              server.key_file};
  heald::testing::DockerEngine engine(&tls);
  ASSERT_TRUE(engine.Available()) << engine.why();
  ASSERT_NE(engine.RunContainer("remote", Sleeper()), "");

  Config config = Restart("remote");
  config.url = "tcp://127.0.0.1:" + std::to_string(engine.tls_port());
  config.tls.ca_file = authority.ca_file();
  config.tls.cert_file = client.cert_file;
  config.tls.key_file = client.key_file;
  DockerAction action(host_.host(), config);
  const sdk::Plan plan = action.MakePlan(Request(), config);
  const std::string before =
      engine.Api("GET", "/containers/remote/json").at("State").at("StartedAt");
  action.Execute(Request(), plan, config);
  EXPECT_NE(engine.Api("GET", "/containers/remote/json").at("State").at("StartedAt"), before);

  config.tls.cert_file.clear();
  config.tls.key_file.clear();
  DockerAction stranger(host_.host(), config);
  EXPECT_THROW(stranger.MakePlan(Request(), config), sdk::Failure);
}

}  // namespace
}  // namespace heald::docker::testing
