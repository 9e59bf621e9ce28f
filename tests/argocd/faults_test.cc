// The agent is killed, Argo CD is away or refuses: nothing is done twice, and auto-sync is not
// forgotten.
#include <atomic>
#include <set>

#include "tests/argocd/fixture.h"

namespace heald::argocd::testing {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;

class ArgocdFaultsTest : public ArgocdTest {
 protected:
  // The next such request gets no answer.
  void LoseAnswer(const std::string& method, bool carried_out) {
    auto armed = std::make_shared<bool>(true);
    server_.SetFault(
        [method, armed](const FakeRequest& request) -> std::optional<FakeReply> {
          if (request.method != method || !std::exchange(*armed, false)) return std::nullopt;
          return FakeReply{.reset = true};
        },
        carried_out);
  }
};

TEST_F(ArgocdFaultsTest, KilledAfterTheCallItIsNotDoneAgain) {
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Plan plan = PlanOf();
  LoseAnswer("POST", true);
  EXPECT_EQ(FailureOf([&] { Execute(plan); }).code(), HEALD_UNAVAILABLE);
  Restart();
  EXPECT_NE(Observe(plan).state, EffectState::kAbsent);
  EXPECT_NE(Execute(plan).state, EffectState::kFailed);
  const Effect effect = Settled(plan);
  EXPECT_EQ(effect.state, EffectState::kDone);
  EXPECT_THAT(effect.detail, HasSubstr("auto-sync of checkout is off"));
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC, kB));
}

TEST_F(ArgocdFaultsTest, KilledBeforeTheCallItIsDoneOnce) {
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Plan plan = PlanOf();
  LoseAnswer("POST", false);
  EXPECT_THROW(Execute(plan), sdk::Failure);
  EXPECT_TRUE(server_.Automated("checkout").is_null()) << "cut off between the two calls";
  Restart();
  EXPECT_EQ(Observe(plan).state, EffectState::kAbsent);
  EXPECT_EQ(PlanOf().summary, plan.summary) << "what was agreed to still holds";
  EXPECT_EQ(Execute(plan).state, EffectState::kPending);
  EXPECT_EQ(Settled(plan).state, EffectState::kDone);
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC, kB));
  Undo(plan);
  EXPECT_EQ(Settled(plan, EffectState::kAbsent).state, EffectState::kAbsent);
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
}

TEST_F(ArgocdFaultsTest, KilledBeforeTheCallAndNotTakenUpAutoSyncIsGivenBack) {
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Plan plan = PlanOf();
  LoseAnswer("POST", false);
  EXPECT_THROW(Execute(plan), sdk::Failure);
  Restart();
  action_->LookAfterDebts();
  EXPECT_TRUE(server_.Automated("checkout").is_null()) << "the call may still be under way";
  host_.Advance(sdk::Minutes(2));
  action_->LookAfterDebts();
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
  EXPECT_THAT(Logged(), HasSubstr("switched on again: its rollback was never done"));
}

TEST_F(ArgocdFaultsTest, KilledInTheMiddleOfAnUndoItIsFinished) {
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Plan plan = PlanOf();
  Execute(plan);
  ASSERT_EQ(Settled(plan).state, EffectState::kDone);
  LoseAnswer("POST", true);
  EXPECT_THROW(Undo(plan), sdk::Failure);
  Restart();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (Observe(plan).detail.find("auto-sync isn't on again yet") == std::string::npos)
    ASSERT_LT(std::chrono::steady_clock::now(), until) << Observe(plan).detail;
  EXPECT_EQ(Observe(plan).state, EffectState::kPending);
  action_->LookAfterDebts();
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
  EXPECT_EQ(Observe(plan).state, EffectState::kAbsent);
  EXPECT_THAT(server_.History("checkout"), ElementsAre(kA, kB, kC, kB, kC));
}

TEST_F(ArgocdFaultsTest, ArgocdThatIsAwayForAWhileIsWaitedFor) {
  const sdk::Plan plan = PlanOf();
  server_.Stop();
  std::thread back([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    server_.Start();
  });
  const Effect effect = Execute(plan);
  back.join();
  EXPECT_EQ(effect.state, EffectState::kPending) << effect.detail;
  EXPECT_EQ(Settled(plan).state, EffectState::kDone);
  EXPECT_EQ(Rollbacks(), 1U);
}

TEST_F(ArgocdFaultsTest, ArgocdThatStaysAwayIsAFailureThatChangedNothing) {
  const sdk::Plan plan = PlanOf();
  server_.Stop();
  deadline_ = sdk::Seconds(1);
  const Effect effect = Execute(plan);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("not done: argocd: connection refused"));
  EXPECT_THAT(FailureOf([&] { Observe(plan); }).what(), HasSubstr("connection refused"));
  server_.Start();
  EXPECT_EQ(Observe(plan).state, EffectState::kAbsent);
}

TEST_F(ArgocdFaultsTest, RefusalSaysWhichPolicyLineIsMissing) {
  config_.project = fakes::ArgocdServer::kProject;
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Plan plan = PlanOf();
  server_.Forbid("sync");
  const sdk::Failure no_sync = FailureOf([&] { Execute(plan); });
  EXPECT_EQ(no_sync.code(), HEALD_DENIED);
  EXPECT_THAT(no_sync.what(),
              AllOf(HasSubstr("`p, role:heald, applications, sync, shop/checkout, allow`"),
                    HasSubstr("auto-sync is on again")));
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
  server_.Forbid("update");
  EXPECT_THAT(FailureOf([&] { Execute(plan); }).what(),
              HasSubstr("applications, update, shop/checkout, allow"));
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
  server_.Forbid("get");
  EXPECT_THAT(PlanFailure().what(), HasSubstr("applications, get, shop/checkout, allow"));
}

TEST_F(ArgocdFaultsTest, UnknownApplicationIsToldFromAForbiddenOneByItsProject) {
  target_ = {{"name", "chekout"}};
  const sdk::Failure either = PlanFailure();
  EXPECT_EQ(either.code(), HEALD_DENIED);
  EXPECT_THAT(either.what(), HasSubstr("the same for an application that doesn't exist"));
  config_.project = fakes::ArgocdServer::kProject;
  const sdk::Failure unknown = PlanFailure();
  EXPECT_EQ(unknown.code(), HEALD_NOT_FOUND);
  EXPECT_THAT(unknown.what(), HasSubstr("\"chekout\" not found (HTTP 404): `argocd app list`"));
}

TEST_F(ArgocdFaultsTest, AnotherOperationThatWasFasterWins) {
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Plan plan = PlanOf();
  server_.SetTimes(std::chrono::milliseconds(0), std::chrono::seconds(20));
  // Between the look at it and the call.
  auto armed = std::make_shared<std::atomic<bool>>(true);
  server_.SetFault([armed](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.method != "POST" || !armed->exchange(false)) return std::nullopt;
    const std::string said =
        "error setting app operation: rpc error: code = FailedPrecondition desc = another "
        "operation is already in progress";
    return FakeReply{.status = 412,
                     .body = json{{"error", said}, {"code", 9}, {"message", said}}.dump()};
  });
  const sdk::Failure failure = FailureOf([&] { Execute(plan); });
  EXPECT_EQ(failure.code(), HEALD_CONFLICT);
  EXPECT_THAT(failure.what(), AllOf(HasSubstr("another operation is already in progress"),
                                    HasSubstr("auto-sync is on again")));
  server_.BeginSync("checkout", kD, "alice");
  const sdk::Failure busy = PlanFailure();
  EXPECT_TRUE(busy.retryable());
  EXPECT_THAT(busy.what(), HasSubstr("already in progress: sync to ddddddd by alice"));
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
}

TEST_F(ArgocdFaultsTest, AutoSyncThatCannotBeGivenBackAtOnceIsGivenBackLater) {
  server_.SetAutomated("checkout", kAutomated);
  const sdk::Plan plan = PlanOf();
  server_.Forbid("sync");
  auto patches = std::make_shared<std::atomic<int>>(0);
  server_.SetFault([patches](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.method != "PATCH" || ++*patches != 2) return std::nullopt;
    return FakeReply{.status = 500, .body = R"({"code": 13, "message": "etcd is read-only"})"};
  });
  EXPECT_THAT(FailureOf([&] { Execute(plan); }).what(),
              AllOf(HasSubstr("auto-sync is off and will be switched on again"),
                    HasSubstr("etcd is read-only")));
  EXPECT_TRUE(server_.Automated("checkout").is_null());
  Restart();
  action_->LookAfterDebts();
  EXPECT_EQ(server_.Automated("checkout"), kAutomated);
}

TEST_F(ArgocdFaultsTest, WhatIsNoArgocdIsSaid) {
  server_.SetFault([](const FakeRequest&) { return FakeReply{.body = "<html>Argo CD</html>"}; });
  EXPECT_THAT(PlanFailure().what(), HasSubstr("doesn't answer like Argo CD: check url"));
  server_.SetFault(
      [](const FakeRequest&) { return FakeReply{.status = 502, .body = "bad gateway"}; });
  const sdk::Failure proxy = PlanFailure();
  EXPECT_TRUE(proxy.retryable());
  EXPECT_THAT(proxy.what(), HasSubstr("status 502 (bad gateway)"));
}

TEST_F(ArgocdFaultsTest, WhatOnlyLooksSharesOneConnection) {
  const sdk::Plan plan = PlanOf();
  Execute(plan);
  Settled(plan);
  std::set<uint64_t> connections;
  for (const auto& [request, reply] : server_.exchanges()) connections.insert(request.connection);
  EXPECT_LE(connections.size(), 2U) << "and the order to roll back has a fresh one";
}

}  // namespace
}  // namespace heald::argocd::testing
