#include <gmock/gmock.h>

#include "heald/testing.h"
#include "plugins/actions/process/process_action.h"
#include "tests/fakes/problems.h"
#include "tests/process/fixture.h"

namespace heald::process::testing {
namespace {

using fakes::ProblemsIn;
using sdk::EffectState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ProcessActionTest : public ::testing::Test {
 protected:
  ProcessActionTest() {
    const int port = FreePort();
    config_.services["svc"].command = {kStub, "--port", std::to_string(port)};
    config_.services["svc"].ready.port = port;
    config_.service = "svc";
  }
  ~ProcessActionTest() override {
    if (action_) action_->Stop(true);
  }
  void Start() {
    action_ = std::make_unique<ProcessAction>(host_.host(), config_);
    action_->Start();
  }
  // Asks as the host does, until the state isn't pending any more.
  sdk::Effect Settled(const sdk::Plan& plan) {
    sdk::Effect effect;
    WaitFor([&] {
      effect = action_->Observe({}, plan, config_);
      return effect.state != EffectState::kPending;
    });
    return effect;
  }
  sdk::Plan ReadyPlan() {
    const sdk::Plan now = action_->MakePlan({}, config_);
    Config start = config_;
    start.operation = Operation::kStart;
    EXPECT_TRUE(
        WaitFor([&] { return action_->Observe({}, now, start).state == EffectState::kDone; }));
    return action_->MakePlan({}, config_);
  }

  sdk::testing::FakeHost host_;
  Config config_;
  std::unique_ptr<ProcessAction> action_;
};

TEST_F(ProcessActionTest, RestartIsPlannedDoneAndObserved) {
  Start();
  const sdk::Plan plan = ReadyPlan();
  EXPECT_THAT(plan.summary, HasSubstr("restart svc (pid "));
  EXPECT_FALSE(plan.reversible);
  EXPECT_EQ(plan.effect_within.ns, sdk::Seconds(25).ns);
  EXPECT_EQ(action_->DryRun({}, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(action_->Observe({}, plan, config_).state, EffectState::kAbsent);
  EXPECT_EQ(action_->Execute({}, plan, config_).state, EffectState::kPending);
  const sdk::Effect effect = Settled(plan);
  EXPECT_EQ(effect.state, EffectState::kDone);
  EXPECT_THAT(effect.detail, HasSubstr("ready after "));
  EXPECT_NE(action_->MakePlan({}, config_).target_uid, plan.target_uid);
}

TEST_F(ProcessActionTest, SecondExecutionOfOnePlanIsRefused) {
  Start();
  const sdk::Plan plan = ReadyPlan();
  action_->Execute({}, plan, config_);
  ASSERT_EQ(Settled(plan).state, EffectState::kDone);
  const std::string uid = action_->MakePlan({}, config_).target_uid;
  try {
    action_->Execute({}, plan, config_);
    FAIL() << "restarted twice";
  } catch (const sdk::Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_CONFLICT);
  }
  EXPECT_EQ(action_->MakePlan({}, config_).target_uid, uid);
}

TEST_F(ProcessActionTest, StopIsUndoneByStarting) {
  Start();
  config_.operation = Operation::kStop;
  const sdk::Plan plan = ReadyPlan();
  EXPECT_TRUE(plan.reversible);
  EXPECT_EQ(action_->Observe({}, plan, config_).state, EffectState::kAbsent);
  action_->Execute({}, plan, config_);
  EXPECT_EQ(Settled(plan).state, EffectState::kDone);
  action_->Undo({}, plan, config_);
  ReadyPlan();
}

TEST_F(ProcessActionTest, ServiceThatDiesBeforeItIsReadyFailsWithItsLastWords) {
  config_.services["svc"].command = {kStub, "--say", "no database", "--exit", "3"};
  config_.operation = Operation::kStart;
  Start();
  const sdk::Plan plan = action_->MakePlan({}, config_);
  const sdk::Effect effect = Settled(plan);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("svc: exit code 3 after 0."));
  EXPECT_THAT(effect.detail, HasSubstr("last lines: no database"));
}

TEST_F(ProcessActionTest, UnknownServiceNamesTheKnownOnes) {
  Start();
  config_.service = "payments";
  try {
    action_->MakePlan({}, config_);
    FAIL();
  } catch (const sdk::Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_NOT_FOUND);
    EXPECT_STREQ(failure.what(), "no service 'payments' under services; there is: svc");
  }
}

TEST_F(ProcessActionTest, WrongCommandStopsTheStartAndStartsNothing) {
  config_.services["broken"].command = {"/no/such/program"};
  action_ = std::make_unique<ProcessAction>(host_.host(), config_);
  try {
    action_->Start();
    FAIL();
  } catch (const sdk::Failure& failure) {
    EXPECT_STREQ(failure.what(), "broken: '/no/such/program': No such file or directory");
    EXPECT_EQ(failure.pointer(), "/services/broken/command");
  }
  EXPECT_TRUE(
      FindByEnvironment(kServiceVariable, std::string(host_.host().StateDir()) + "/svc").empty());
}

TEST_F(ProcessActionTest, ValidationNamesWhatIsWrong) {
  EXPECT_THAT(ProblemsIn<ProcessAction>(config_), ElementsAre());
  config_.services["svc"].ready.http = "ftp:/x";
  config_.services["a/b"].command = {"/bin/true"};
  config_.service = "svq";
  EXPECT_THAT(ProblemsIn<ProcessAction>(config_),
              ElementsAre(HasSubstr("/services/a/b: a service's name may have"),
                          HasSubstr("/services/svc/ready: give either http or port"),
                          HasSubstr("/services/svc/ready/http: "),
                          HasSubstr("/service: 'svq' is not under services")));
}

}  // namespace
}  // namespace heald::process::testing
