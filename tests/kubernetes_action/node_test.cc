// cordon, uncordon and drain.
#include "plugins/actions/kubernetes/node.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "plugins/support/json_at.h"
#include "tests/kubernetes_action/fixture.h"

namespace heald::kubernetes::testing {
namespace {

using sdk::Effect;
using sdk::EffectState;
using support::At;
using support::Text;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class CordonTest : public ActionTest {
 protected:
  void CordonAsAPerson(bool cordon = true) {
    server_.Patch("Node", "", "node-1", {{"spec", {{"unschedulable", cordon}}}});
  }
  bool Cordoned() const { return IsCordoned(Get("Node", "node-1")); }
  const sdk::Request node_ = Request({{"node", "node-1"}});
};

TEST_F(CordonTest, CordonsInItsOwnNameAndTakesItBack) {
  const Config config = For(Operation::kCordon);
  const sdk::Plan plan = PlanOf(config, node_);
  EXPECT_THAT(plan.summary, HasSubstr("cordon Node node-1 (uid "));
  EXPECT_EQ(action(config).DryRun(node_, plan, config).state, EffectState::kDone);
  EXPECT_EQ(action(config).Observe(node_, plan, config).state, EffectState::kAbsent);
  EXPECT_EQ(Do(plan, config, node_).state, EffectState::kDone);
  EXPECT_TRUE(Cordoned());
  EXPECT_EQ(CordonedBy(Get("Node", "node-1")), node_.decision);
  EXPECT_THAT(EventsOn("node-1"), Contains("HealdCordoned"));
  EXPECT_EQ(Do(plan, config, node_).state, EffectState::kDone) << "again is the same";
  Restart();
  EXPECT_EQ(action(config).Observe(node_, plan, config).state, EffectState::kDone);
  EXPECT_EQ(action(config).Undo(node_, plan, config).state, EffectState::kDone);
  EXPECT_FALSE(Cordoned());
  EXPECT_TRUE(At(Get("Node", "node-1"), "/metadata/annotations/heald.io~1cordoned-by").is_null());
}

TEST_F(CordonTest, ARaceWithAnotherWriterIsFetchedAgain) {
  const Config config = For(Operation::kCordon);
  const sdk::Plan plan = PlanOf(config, node_);
  server_.RaceReads("Node", "", "node-1", 2);
  EXPECT_EQ(Do(plan, config, node_).state, EffectState::kDone);
}

TEST_F(CordonTest, WhatWasDoneThoughTheAnswerWasLostIsFoundOnTheNode) {
  const Config config = For(Operation::kCordon);
  const sdk::Plan plan = PlanOf(config, node_);
  server_.Fail({.match = "PATCH /api/v1/nodes", .lose_answer = true});
  EXPECT_TRUE(FailureOf([&] { action(config).Execute(node_, plan, config); }).retryable());
  EXPECT_EQ(action(config).Observe(node_, plan, config).state, EffectState::kDone);
  EXPECT_EQ(Do(plan, config, node_).state, EffectState::kDone) << "it is its own cordon";
}

TEST_F(CordonTest, WhatAPersonHasCordonedIsLeftToThem) {
  const Config cordon = For(Operation::kCordon);
  const sdk::Plan plan = PlanOf(cordon, node_);
  CordonAsAPerson();
  EXPECT_EQ(FailureOf([&] { action(cordon).Execute(node_, plan, cordon); }).code(), HEALD_CONFLICT);
  EXPECT_EQ(action(cordon).Observe(node_, plan, cordon).state, EffectState::kFailed);
  EXPECT_THAT(action(cordon).Undo(node_, plan, cordon).detail, HasSubstr("left alone"));
  EXPECT_TRUE(Cordoned());
  EXPECT_THAT(PlanFailure(cordon, node_).what(), HasSubstr("cordoned already, by somebody else"));

  Config uncordon = For(Operation::kUncordon);
  EXPECT_THAT(PlanFailure(uncordon, node_).what(), HasSubstr("set only_own: false"));
  uncordon.only_own = false;
  const sdk::Plan back = PlanOf(uncordon, node_);
  EXPECT_EQ(Do(back, uncordon, node_).state, EffectState::kDone);
  EXPECT_FALSE(Cordoned());
  EXPECT_EQ(action(uncordon).Undo(node_, back, uncordon).state, EffectState::kDone);
  EXPECT_TRUE(Cordoned());
}

TEST_F(CordonTest, WhoeverCordonsItAfterAnUncordonOwnsTheCordon) {
  const Config cordon = For(Operation::kCordon);
  const sdk::Plan plan = PlanOf(cordon, node_);
  ASSERT_EQ(Do(plan, cordon, node_).state, EffectState::kDone);
  server_.Patch("Node", "", "node-1", {{"spec", {{"unschedulable", nullptr}}}});
  CordonAsAPerson();
  EXPECT_EQ(action(cordon).Observe(node_, plan, cordon).state, EffectState::kFailed);
  EXPECT_THAT(action(cordon).Undo(node_, plan, cordon).detail, HasSubstr("left alone"));
  const Config uncordon = For(Operation::kUncordon);
  EXPECT_THAT(PlanFailure(uncordon, node_).what(), HasSubstr("cordoned by somebody else"));
  EXPECT_TRUE(Cordoned());
}

TEST_F(CordonTest, ANodeIsFoundThroughItsPod) {
  Deploy("web", 1);
  const Json pod = PodOf("web");
  EXPECT_THAT(
      PlanOf(For(Operation::kCordon), Request({{"namespace", "prod"}, {"pod", NameOf(pod)}}))
          .summary,
      HasSubstr("cordon Node " + Text(pod, "/spec/nodeName")));
}

class DrainTest : public CordonTest {
 protected:
  // A Deployment all of whose pods are on node-1: the others join later.
  void DeployOnNode1(const std::string& name, int replicas, const Json& spec = Json::object()) {
    for (const char* other : {"node-2", "node-3"})
      server_.Patch("Node", "", other, {{"spec", {{"unschedulable", true}}}});
    Deploy(name, replicas, spec);
    for (const char* other : {"node-2", "node-3"})
      server_.Patch("Node", "", other, {{"spec", {{"unschedulable", nullptr}}}});
  }
  size_t PodsOnNode1(const std::string& app) const {
    const auto pods = server_.List("Pod", "prod", "app=" + app);
    return static_cast<size_t>(std::count_if(pods.begin(), pods.end(), [](const Json& pod) {
      return Text(pod, "/spec/nodeName") == "node-1";
    }));
  }
  sdk::Request Hurried() const {
    sdk::Request request = node_;
    request.deadline_ns = host_.now_ns() + sdk::Seconds(2).ns;
    return request;
  }
  Config config_ = For(Operation::kDrain);
};

TEST_F(DrainTest, EvictsAllButWhatADaemonSetPutThere) {
  DeployOnNode1("web", 3);
  AddDaemonSet("agent");
  const sdk::Plan plan = PlanOf(config_, node_);
  EXPECT_THAT(plan.summary, AllOf(HasSubstr("drain Node node-1"), HasSubstr("evict 3 pods"),
                                  HasSubstr("leave 1 of DaemonSets")));
  EXPECT_EQ(action(config_).DryRun(node_, plan, config_).state, EffectState::kDone);
  EXPECT_EQ(action(config_).Observe(node_, plan, config_).state, EffectState::kAbsent);
  EXPECT_EQ(PodsOnNode1("web"), 3U);
  const Effect effect = Do(plan, config_, node_);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_THAT(effect.detail, AllOf(HasSubstr("3 pods evicted"),
                                   HasSubstr("stays cordoned until `kubectl uncordon node-1`")));
  EXPECT_EQ(PodsOnNode1("web"), 0U);
  EXPECT_EQ(PodsOnNode1("agent"), 1U);
  EXPECT_TRUE(Cordoned());
  EXPECT_EQ(action(config_).Observe(node_, plan, config_).state, EffectState::kDone);
  EXPECT_THAT(EventsOn("node-1"), Contains("HealdDrained"));
  EXPECT_EQ(action(config_).Undo(node_, plan, config_).state, EffectState::kDone);
  EXPECT_FALSE(Cordoned());
}

TEST_F(DrainTest, FiftyPodsGoAsFastAsTheirBudgetAllows) {
  DeployOnNode1("web", 50);
  AddBudget("web", {{"maxUnavailable", 5}});
  const sdk::Plan plan = PlanOf(config_, node_);
  // A replacement takes 200 ms, and five may be away: 2 s at the best. eviction_retry is no part
  // of that: room in the budget is seen.
  server_.SetReadyDelay(std::chrono::seconds(4));
  config_.eviction_retry = sdk::Seconds(15);
  size_t least = 50;
  std::atomic<bool> over = false;
  std::thread watch([&] {
    while (!over) {
      const Json web = Get("Deployment", "web");
      least = std::min<size_t>(least, web.value("/status/availableReplicas"_json_pointer, 0));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  const auto begun = std::chrono::steady_clock::now();
  const Effect effect = action(config_).Execute(node_, plan, config_);
  const auto took = std::chrono::steady_clock::now() - begun;
  over = true;
  watch.join();
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_EQ(PodsOnNode1("web"), 0U);
  EXPECT_GE(least, 45U);
  EXPECT_LT(took, std::chrono::seconds(45)) << "a busy machine; ten times 15 s otherwise";
  RecordProperty(
      "drain_ms",
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

TEST_F(DrainTest, AtTheDeadlineANodeThatItCordonedTakesPodsAgain) {
  DeployOnNode1("web", 2);
  AddBudget("web", {{"minAvailable", 2}});
  DeployOnNode1("api", 1);
  const sdk::Plan plan = PlanOf(config_, node_);
  EXPECT_THAT(action(config_).DryRun(node_, plan, config_).detail,
              HasSubstr("held by a disruption budget that never allows any"));
  const Effect effect = action(config_).Execute(Hurried(), plan, config_);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail,
              AllOf(HasSubstr("1 pod evicted"), HasSubstr("held by a disruption budget"),
                    HasSubstr("it takes pods again")));
  EXPECT_FALSE(Cordoned());
  EXPECT_EQ(PodsOnNode1("web"), 2U);
  EXPECT_EQ(server_.CountRequests("DELETE"), 0U);
  EXPECT_THAT(EventsOn("node-1"), Contains("HealdDrainFailed"));
}

TEST_F(DrainTest, ANodeThatAPersonCordonedStaysCordoned) {
  DeployOnNode1("web", 2);
  AddBudget("web", {{"minAvailable", 2}});
  CordonAsAPerson();
  const sdk::Plan plan = PlanOf(config_, node_);
  EXPECT_THAT(plan.summary, HasSubstr("it is cordoned already"));
  EXPECT_EQ(action(config_).Execute(Hurried(), plan, config_).state, EffectState::kFailed);
  EXPECT_TRUE(Cordoned());
  EXPECT_EQ(action(config_).Undo(node_, plan, config_).state, EffectState::kDone);
  EXPECT_TRUE(Cordoned());
}

TEST_F(DrainTest, NothingIsTouchedWhereAPodMustNotGo) {
  DeployOnNode1("web", 1);
  server_.Create(
      {{"apiVersion", "v1"},
       {"kind", "Pod"},
       {"metadata", {{"name", "lone"}, {"namespace", "prod"}, {"labels", {{"app", "lone"}}}}},
       {"spec",
        {{"nodeName", "node-1"},
         {"volumes", Json::array({{{"name", "tmp"}, {"emptyDir", Json::object()}}})},
         {"containers", Json::array({{{"name", "a"}, {"image", "b:1"}}})}}}});
  server_.Settle();
  const sdk::Failure failure = PlanFailure(config_, node_);
  EXPECT_EQ(failure.code(), HEALD_UNSUPPORTED);
  EXPECT_THAT(failure.what(), AllOf(HasSubstr("prod/lone has no controller (evict_ownerless)"),
                                    HasSubstr("emptyDir (delete_emptydir_data)")));
  EXPECT_FALSE(Cordoned());
  config_.evict_ownerless = true;
  config_.delete_emptydir_data = true;
  EXPECT_EQ(Do(PlanOf(config_, node_), config_, node_).state, EffectState::kDone);
}

TEST_F(DrainTest, WhenHealdStopsTheNodeTakesPodsAgainAndTheNextOneMayBegin) {
  DeployOnNode1("web", 3);
  AddBudget("web", {{"maxUnavailable", 1}});
  const sdk::Plan plan = PlanOf(config_, node_);
  server_.SetReadyDelay(std::chrono::seconds(1000));
  sdk::Failure stopped{HEALD_OK, ""};
  std::thread execution(
      [&] { stopped = FailureOf([&] { action(config_).Execute(node_, plan, config_); }); });
  ASSERT_TRUE(server_.WaitUntil([&] { return server_.CountRequests("/eviction") >= 3; }));
  EXPECT_EQ(action(config_).Observe(node_, plan, config_).state, EffectState::kPending);
  host_.Cancel();
  execution.join();
  host_.Cancel(false);
  EXPECT_EQ(stopped.code(), HEALD_CANCELLED);
  EXPECT_THAT(stopped.what(),
              AllOf(HasSubstr("cut off, as heald stops; "), HasSubstr("it takes pods again")));
  EXPECT_FALSE(Cordoned());
  Restart();
  EXPECT_EQ(action(config_).Observe(node_, plan, config_).state, EffectState::kAbsent)
      << "nothing is left of it that would have to be taken back";
}

TEST_F(DrainTest, APodThatTheServerCantEvictHoldsNoneOfTheOthersUp) {
  DeployOnNode1("web", 2);
  DeployOnNode1("api", 1);
  server_.Fail(
      {.match = "/pods/" + NameOf(PodOf("api")) + "/eviction", .times = 1000, .status = 500});
  const Effect effect = action(config_).Execute(Hurried(), PlanOf(config_, node_), config_);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, AllOf(HasSubstr("2 pods evicted"), HasSubstr("HTTP 500")));
  EXPECT_EQ(PodsOnNode1("api"), 1U);
}

TEST_F(DrainTest, APodWithTwoBudgetsEndsItAtOnce) {
  DeployOnNode1("web", 2);
  AddBudget("web", {{"maxUnavailable", 1}});
  Json second = Get("PodDisruptionBudget", "web");
  second["metadata"] = {{"name", "web-too"}, {"namespace", "prod"}};
  server_.Create(second);
  ASSERT_TRUE(server_.Settle());
  const Effect effect = action(config_).Execute(node_, PlanOf(config_, node_), config_);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, AllOf(HasSubstr("more than one PodDisruptionBudget"),
                                   HasSubstr("it takes pods again")));
  EXPECT_EQ(server_.CountRequests("/eviction"), 1U);
}

TEST_F(DrainTest, AServerThatIsAwayForAWhileIsWaitedFor) {
  DeployOnNode1("web", 6);
  AddBudget("web", {{"maxUnavailable", 1}});
  config_.timeout = sdk::Milliseconds(200);
  const sdk::Plan plan = PlanOf(config_, node_);
  std::thread outage([&] {
    server_.WaitUntil([&] { return server_.CountRequests("/eviction") >= 2; });
    server_.Stop();
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    server_.Start();
  });
  const Effect effect = action(config_).Execute(node_, plan, config_);
  outage.join();
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_EQ(PodsOnNode1("web"), 0U);
}

TEST_F(DrainTest, HasAQuarterOfAnHourWhereNothingElseIsSaid) {
  DeployOnNode1("web", 1);
  EXPECT_EQ(PlanOf(config_, node_).effect_within.ns, sdk::Minutes(15).ns);
}

TEST_F(DrainTest, WhatCantBeReachedAtItsBeginningHasFailed) {
  DeployOnNode1("web", 1);
  config_.timeout = sdk::Milliseconds(200);
  const sdk::Plan plan = PlanOf(config_, node_);
  server_.Stop();
  const Effect effect = action(config_).Execute(Hurried(), plan, config_);
  server_.Start();
  EXPECT_EQ(effect.state, EffectState::kFailed)
      << "and isn't waited for as long as a drain may take";
  EXPECT_THAT(effect.detail, HasSubstr("Node node-1 was not drained: "));
  EXPECT_FALSE(Cordoned());
}

TEST_F(DrainTest, AnUndoWaitsForAServerThatIsAway) {
  DeployOnNode1("web", 1);
  config_.timeout = sdk::Milliseconds(200);
  const sdk::Plan plan = PlanOf(config_, node_);
  ASSERT_EQ(Do(plan, config_, node_).state, EffectState::kDone);
  server_.Stop();
  Effect effect;
  std::thread undo([&] { effect = action(config_).Undo(node_, plan, config_); });
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  server_.Start();
  undo.join();
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_FALSE(Cordoned());
}

class NewBudgetTest : public ActionTest {
 protected:
  NewBudgetTest() : ActionTest({.manual = true}) {}
};

TEST_F(NewBudgetTest, WhatItsControllerHasYetToLookAtHoldsNoDrainForEver) {
  server_.Deploy("prod", "web", 2);
  ASSERT_TRUE(server_.Settle());
  server_.Create(
      {{"apiVersion", "policy/v1"},
       {"kind", "PodDisruptionBudget"},
       {"metadata", {{"name", "web"}, {"namespace", "prod"}}},
       {"spec", {{"maxUnavailable", 1}, {"selector", {{"matchLabels", {{"app", "web"}}}}}}}});
  const Config config = For(Operation::kDrain);
  const sdk::Request node = Request({{"node", Text(PodOf("web"), "/spec/nodeName")}});
  const Effect effect = action(config).DryRun(node, PlanOf(config, node), config);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
}

TEST_F(DrainTest, WhatRbacRefusesLeavesNothingCordoned) {
  DeployOnNode1("web", 1);
  const sdk::Plan plan = PlanOf(config_, node_);
  server_.Refuse("create", "pods/eviction");
  const Effect effect = action(config_).Execute(node_, plan, config_);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, AllOf(HasSubstr("pods/eviction"), HasSubstr("takes pods again")));
  EXPECT_FALSE(Cordoned());
}

}  // namespace
}  // namespace heald::kubernetes::testing
