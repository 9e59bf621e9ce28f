// Auto-sync that is off is looked after.
#include <filesystem>
#include <fstream>

#include "tests/argocd/fixture.h"

namespace heald::argocd::testing {
namespace {

class ArgocdKeeperTest : public ArgocdTest {
 protected:
  void RollBack(Config config) {
    config.remind_every = sdk::Minutes(10);
    server_.SetAutomated("checkout", kAutomated);
    Restart(config);
    const sdk::Plan plan = PlanOf();
    Execute(plan);
    ASSERT_EQ(Settled(plan).state, EffectState::kDone);
    Restart(config);  // the next agent knows of it, too
  }
  size_t Reminders() const {
    size_t count = 0;
    for (const auto& line : host_.log())
      if (line.message.starts_with("auto-sync of checkout is off since")) ++count;
    return count;
  }
};

TEST_F(ArgocdKeeperTest, RemindsAsOftenAsItWasTold) {
  RollBack(With(Operation::kRollback));
  action_->LookAfterDebts();
  EXPECT_EQ(Reminders(), 0U) << "the outcome has just said it";
  EXPECT_EQ(host_.MetricTotal("auto_sync_debts"), 1);
  for (int minutes = 5; minutes <= 30; minutes += 5) {
    host_.Advance(sdk::Minutes(5));
    action_->LookAfterDebts();
    EXPECT_EQ(Reminders(), static_cast<size_t>(minutes / 10)) << minutes;
  }
  EXPECT_TRUE(server_.Automated("checkout").is_null()) << "by hand";
}

TEST_F(ArgocdKeeperTest, LearnsThatAPersonSwitchedItOn) {
  RollBack(With(Operation::kRollback));
  server_.SetAutomated("checkout", json::object());
  action_->LookAfterDebts();
  EXPECT_THAT(Logged(), HasSubstr("somebody has switched it on again"));
  EXPECT_EQ(server_.Automated("checkout"), json::object()) << "as that person wants it";
  host_.Advance(sdk::Minutes(60));
  action_->LookAfterDebts();
  EXPECT_EQ(Reminders(), 0U);
}

TEST_F(ArgocdKeeperTest, SwitchesItOnWhenGitHasANewRevision) {
  Config config = With(Operation::kRollback);
  config.reenable_auto_sync = Reenable::kNewRevision;
  RollBack(config);
  host_.Advance(sdk::Minutes(2));
  action_->LookAfterDebts();
  EXPECT_TRUE(server_.Automated("checkout").is_null());
  server_.Push("checkout", kD);
  action_->LookAfterDebts();
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
  EXPECT_THAT(Logged(), HasSubstr("switched on again: Git has a new revision, ddddddd"));
}

TEST_F(ArgocdKeeperTest, SwitchesItOnWhenItsTimeIsOver) {
  Config config = With(Operation::kRollback);
  config.reenable_auto_sync = Reenable::kAfter;
  config.reenable_after = sdk::Minutes(30);
  RollBack(config);
  host_.Advance(sdk::Minutes(29));
  action_->LookAfterDebts();
  EXPECT_TRUE(server_.Automated("checkout").is_null());
  host_.Advance(sdk::Minutes(1));
  action_->LookAfterDebts();
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
}

TEST_F(ArgocdKeeperTest, SaysOnceThatItCannotAsk) {
  RollBack(With(Operation::kRollback));
  server_.Stop();
  action_->LookAfterDebts();
  action_->LookAfterDebts();
  const std::string log = Logged();
  const size_t first = log.find("can't look after auto-sync of checkout: argocd: ");
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("can't look after", first + 1), std::string::npos) << log;
}

TEST_F(ArgocdKeeperTest, DamagedFileIsSaidAndLeftThere) {
  const std::string path = std::string(host_.host().StateDir()) + "/auto-sync-_checkout.json";
  std::ofstream(path) << "{\"name\": \"checkout\"";
  action_->LookAfterDebts();
  EXPECT_THAT(Logged(), HasSubstr(path + " is damaged: see in Argo CD whether auto-sync"));
  EXPECT_EQ(PlanFailure().code(), HEALD_CORRUPT);
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(ArgocdKeeperTest, LooksByItselfBetweenStartAndStop) {
  Config config = With(Operation::kRollback);
  RollBack(config);
  server_.SetAutomated("checkout", kAutomated);
  action_->Start();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (Logged().find("somebody has switched it on again") == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), until);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  action_->Stop(true);
}

}  // namespace
}  // namespace heald::argocd::testing
