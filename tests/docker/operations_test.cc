#include "tests/docker/fixture.h"

namespace heald::docker::testing {
namespace {

using sdk::Effect;
using sdk::EffectState;
using ::testing::HasSubstr;

class DockerOperationsTest : public EngineTest {
 protected:
  static Config To(Operation operation) {
    Config config;
    config.operation = operation;
    config.label = "app=pay";
    config.stop_timeout = sdk::Seconds(2);
    config.stable_for = sdk::Seconds(0);
    return config;
  }
  void Run(const std::string& name) {
    nlohmann::json body = Sleeper();
    body["Labels"] = {{"app", "pay"}};
    ASSERT_NE(engine_->RunContainer(name, body), "");
  }
};

TEST_F(DockerOperationsTest, StopsAndUndoStartsAgain) {
  Run("pay");
  const Config config = To(Operation::kStop);
  const sdk::Plan plan = PlanOf(config);
  EXPECT_TRUE(plan.reversible);
  EXPECT_EQ(Do(plan, config).state, EffectState::kDone);
  EXPECT_EQ(StatusOf("pay"), "exited");
  action_->Undo(Request(), plan, config);
  EXPECT_EQ(StatusOf("pay"), "running");
}

TEST_F(DockerOperationsTest, StartsAndUndoStopsAgain) {
  Run("pay");
  engine_->Api("POST", "/containers/pay/stop?t=2");
  const Config config = To(Operation::kStart);
  const sdk::Plan plan = PlanOf(config);
  EXPECT_EQ(Observe(plan, config).state, EffectState::kAbsent);
  EXPECT_EQ(Do(plan, config).state, EffectState::kDone);
  EXPECT_EQ(StatusOf("pay"), "running");
  action_->Undo(Request(), plan, config);
  EXPECT_EQ(StatusOf("pay"), "exited");
}

TEST_F(DockerOperationsTest, PausesAndUndoUnpauses) {
  Run("pay");
  const Config config = To(Operation::kPause);
  const sdk::Plan plan = PlanOf(config);
  const Effect effect = Do(plan, config);
  if (StatusOf("pay") != "paused") GTEST_SKIP() << "no freezer cgroup here: " << effect.detail;
  EXPECT_EQ(effect.state, EffectState::kDone);
  const Effect again = action_->DryRun(Request(), plan, config);
  EXPECT_EQ(again.state, EffectState::kFailed);
  EXPECT_EQ(again.detail, "pay is paused: only a running container can be paused");
  action_->Undo(Request(), plan, config);
  EXPECT_EQ(StatusOf("pay"), "running");
}

TEST_F(DockerOperationsTest, LabelThatNobodyHasIsNotFound) {
  Run("pay");
  Config config = To(Operation::kStop);
  config.label = "app=orders";
  const sdk::Failure failure = PlanFailure(config);
  EXPECT_EQ(failure.code(), HEALD_NOT_FOUND);
  EXPECT_STREQ(failure.what(), "docker: no container with label app=orders");
}

TEST_F(DockerOperationsTest, OnlyRunningContainersOfALabelAreStopped) {
  Run("pay-old");
  Run("pay-new");
  engine_->Api("POST", "/containers/pay-old/stop?t=2");
  EXPECT_THAT(PlanOf(To(Operation::kStop)).summary, HasSubstr("stop container pay-new ("));
  EXPECT_THAT(PlanOf(To(Operation::kStart)).summary, HasSubstr("start container pay-old ("));
}

TEST_F(DockerOperationsTest, ContainerRemovedAfterThePlanIsSaid) {
  Run("pay");
  const Config config = To(Operation::kPause);
  const sdk::Plan plan = PlanOf(config);
  engine_->Api("DELETE", "/containers/pay?force=true");
  try {
    action_->Execute(Request(), plan, config);
    FAIL();
  } catch (const sdk::Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_NOT_FOUND);
    EXPECT_STREQ(failure.what(), "docker: container pay is gone");
  }
  EXPECT_EQ(Observe(plan, config).state, EffectState::kFailed);
}

}  // namespace
}  // namespace heald::docker::testing
