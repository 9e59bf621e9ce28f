#include "tests/docker/fixture.h"

#include <chrono>
#include <thread>

namespace heald::docker::testing {

using nlohmann::json;
using sdk::Effect;
using sdk::EffectState;

std::unique_ptr<heald::testing::DockerEngine> EngineTest::engine_;

void EngineTest::SetUpTestSuite() {
  engine_ = std::make_unique<heald::testing::DockerEngine>();
}

void EngineTest::TearDownTestSuite() {
  engine_.reset();
}

void EngineTest::SetUp() {
  if (!engine_->Available()) GTEST_SKIP() << engine_->why();
  action_ = std::make_unique<DockerAction>(host_.host(), With({}));
}

void EngineTest::TearDown() {
  if (!engine_->Available()) return;
  for (const json& container : engine_->Api("GET", "/containers/json?all=true"))
    engine_->Api("DELETE", "/containers/" + container.at("Id").get<std::string>() + "?force=true");
}

Config EngineTest::With(Config config) const {
  config.url = engine_->url();
  return config;
}

sdk::Request EngineTest::Request() const {
  sdk::Request request;
  request.deadline_ns = host_.now_ns() + sdk::Seconds(30).ns;
  return request;
}

sdk::Plan EngineTest::PlanOf(const Config& config) {
  return action_->MakePlan(Request(), config);
}

Effect EngineTest::Observe(const sdk::Plan& plan, const Config& config) {
  return action_->Observe(Request(), plan, config);
}

Effect EngineTest::Settled(const sdk::Plan& plan, const Config& config) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (;;) {
    const Effect effect = Observe(plan, config);
    const bool open = effect.state == EffectState::kPending || effect.state == EffectState::kAbsent;
    if (!open || std::chrono::steady_clock::now() > until) return effect;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

Effect EngineTest::Do(const sdk::Plan& plan, const Config& config) {
  action_->Execute(Request(), plan, config);
  return Settled(plan, config);
}

sdk::Failure EngineTest::PlanFailure(const Config& config) {
  try {
    const sdk::Plan plan = PlanOf(config);
    ADD_FAILURE() << "planned: " << plan.summary;
  } catch (const sdk::Failure& failure) {
    return failure;
  }
  return {HEALD_OK, ""};
}

std::string EngineTest::StartedAt(const std::string& name) {
  return engine_->Api("GET", "/containers/" + name + "/json")
      .value("/State/StartedAt"_json_pointer, "");
}

std::string EngineTest::StatusOf(const std::string& name) {
  return engine_->Api("GET", "/containers/" + name + "/json")
      .value("/State/Status"_json_pointer, "");
}

bool EngineTest::Exists(const std::string& name) {
  int status = 0;
  engine_->Api("GET", "/containers/" + name + "/json", nullptr, &status);
  return status == 200;
}

json Sleeper() {
  return {{"Cmd", {"/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"}}};
}

json Replica(const std::string& project, const std::string& service, int number) {
  json body = Sleeper();
  body["Labels"] = {{"com.docker.compose.project", project},
                    {"com.docker.compose.service", service},
                    {"com.docker.compose.container-number", std::to_string(number)},
                    {"com.docker.compose.oneoff", "False"}};
  body["Env"] = {"COLOUR=blue"};
  return body;
}

}  // namespace heald::docker::testing
