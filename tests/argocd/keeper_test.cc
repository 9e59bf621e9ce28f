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
  static std::string FileOf(const sdk::testing::FakeHost& host) {
    for (const auto& file : std::filesystem::directory_iterator(host.host().StateDir()))
      return file.path().string();
    return "";
  }
  static std::string LoggedBy(const sdk::testing::FakeHost& host) {
    std::string all;
    for (const auto& line : host.log()) all += line.message + "\n";
    return all;
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
  RollBack(With(Operation::kRollback));
  const std::string path = FileOf(host_);
  std::ofstream(path) << "auto-sync of checkout is off\n{\"name\": \"checkout\"";
  action_->LookAfterDebts();
  EXPECT_THAT(Logged(), HasSubstr(path + " is damaged: see in Argo CD whether auto-sync"));
  EXPECT_EQ(PlanFailure().code(), HEALD_CORRUPT);
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(ArgocdKeeperTest, WhatAnActionThatIsGoneHasLeftIsTakenOverAsItWasPromised) {
  Config config = With(Operation::kRollback);
  config.reenable_auto_sync = Reenable::kNewRevision;
  RollBack(config);
  const sdk::testing::FakeHost other("sync");
  ArgocdAction beside(other.host(), With(Operation::kSync));
  beside.LookAfterDebts();
  EXPECT_THAT(LoggedBy(other), Not(HasSubstr("checkout"))) << "the one that did it is there";
  action_.reset();
  beside.LookAfterDebts();
  EXPECT_THAT(LoggedBy(other), AllOf(HasSubstr("auto-sync of checkout is off since"),
                                     HasSubstr("this one looks after it now")));
  EXPECT_EQ(FileOf(host_), "");
  EXPECT_EQ(other.MetricTotal("auto_sync_debts"), 1);
  server_.Push("checkout", kD);
  beside.LookAfterDebts();
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
  EXPECT_EQ(FileOf(other), "");
}

TEST_F(ArgocdKeeperTest, AnActionForAnotherApplicationKeepsToWhatWasPromised) {
  RollBack(With(Operation::kRollback));
  action_.reset();
  Config cart = With(Operation::kRollback);
  cart.application = "cart";
  cart.reenable_auto_sync = Reenable::kAfter;
  cart.reenable_after = sdk::Minutes(1);
  sdk::testing::FakeHost other("cart");
  ArgocdAction beside(other.host(), cart);
  beside.LookAfterDebts();
  EXPECT_THAT(LoggedBy(other), HasSubstr("this one looks after it now"));
  other.Advance(sdk::Minutes(120));
  beside.LookAfterDebts();
  EXPECT_TRUE(server_.Automated("checkout").is_null()) << "by hand";
  EXPECT_THAT(LoggedBy(other), Not(HasSubstr("switched on again")));
}

TEST_F(ArgocdKeeperTest, ADebtGoesToTheActionThatItConcernsMost) {
  RollBack(With(Operation::kRollback));
  action_.reset();
  const auto naming = [this](const std::string& application) {
    Config config = With(Operation::kRollback);
    config.application = application;
    return config;
  };
  const sdk::testing::FakeHost of_cart("cart");
  const sdk::testing::FakeHost of_all("all");
  const sdk::testing::FakeHost of_checkout("checkout");
  ArgocdAction cart(of_cart.host(), naming("cart"));
  auto all = std::make_unique<ArgocdAction>(of_all.host(), naming("${target.app}"));
  cart.LookAfterDebts();
  EXPECT_EQ(FileOf(of_cart), "") << "one that may be for any goes before";
  all->LookAfterDebts();
  EXPECT_NE(FileOf(of_all), "");
  all.reset();
  cart.LookAfterDebts();
  EXPECT_NE(FileOf(of_cart), "") << "nobody else is left";
  ArgocdAction checkout(of_checkout.host(), naming("checkout"));
  checkout.LookAfterDebts();
  EXPECT_EQ(FileOf(of_cart), "") << "one appeared that names it";
  EXPECT_NE(FileOf(of_checkout), "");
  cart.LookAfterDebts();
  EXPECT_NE(FileOf(of_checkout), "") << "and there it stays";
  Restart(With(Operation::kRollback));
  action_->LookAfterDebts();
  EXPECT_NE(FileOf(host_), "") << "the one that made it is back";
}

TEST_F(ArgocdKeeperTest, ARenamedActionDoesAsItIsConfiguredNow) {
  RollBack(With(Operation::kRollback));
  action_.reset();
  Config renamed = With(Operation::kRollback);
  renamed.application = "checkout";
  renamed.reenable_auto_sync = Reenable::kNewRevision;
  const sdk::testing::FakeHost other("back_out");
  ArgocdAction beside(other.host(), renamed);
  server_.Push("checkout", kD);
  beside.LookAfterDebts();
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
}

TEST_F(ArgocdKeeperTest, AnUndoFindsWhatAnotherHasTakenOver) {
  const Config config = With(Operation::kRollback);
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Plan plan = PlanOf();
  Execute(plan);
  ASSERT_EQ(Settled(plan).state, EffectState::kDone);
  action_.reset();
  const sdk::testing::FakeHost other("back_out");
  ArgocdAction beside(other.host(), config);
  beside.LookAfterDebts();
  Restart(config);  // the file has it again
  Undo(plan);
  EXPECT_EQ(Settled(plan, EffectState::kAbsent).state, EffectState::kAbsent);
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
  EXPECT_EQ(FileOf(other), "");
}

TEST_F(ArgocdKeeperTest, ADebtAtAnotherArgoCdIsSaidAndKept) {
  RollBack(With(Operation::kRollback));
  action_.reset();
  Config moved = With(Operation::kRollback);
  moved.url = "http://127.0.0.1:9";
  const sdk::testing::FakeHost other("elsewhere");
  ArgocdAction beside(other.host(), moved);
  beside.LookAfterDebts();
  EXPECT_EQ(LoggedBy(other), "");
  std::string first;
  std::ifstream file(FileOf(host_));
  std::getline(file, first);
  EXPECT_THAT(first, AllOf(HasSubstr("auto-sync of checkout is off since"),
                           HasSubstr("`argocd app set checkout --sync-policy automated"),
                           HasSubstr("url: " + server_.url() + " looks after it")));
  std::getline(file, first);
  EXPECT_EQ(first, "with url: " + server_.url()) << "by which the agent knows, and tells";
  Restart(moved);  // its own node, but at another place now
  action_->LookAfterDebts();
  EXPECT_EQ(Logged(), "");
  EXPECT_NE(FileOf(host_), "");
}

TEST_F(ArgocdKeeperTest, DebtsOfTwoApplicationsAreWrittenAtOnce) {
  const DebtBook book(std::string(host_.host().StateDir()), With(Operation::kRollback));
  const auto write = [&book](const std::string& name) {
    Debt debt;
    debt.app.name = name;
    for (int i = 0; i < 200; ++i) {
      const DebtBook::Claim claim = book.Take(debt.app);
      EXPECT_NO_THROW(book.Write(debt));
      EXPECT_EQ(book.Find(debt.app)->app.name, name);
    }
  };
  std::thread other([&] { write("cart"); });
  write("checkout");
  other.join();
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
