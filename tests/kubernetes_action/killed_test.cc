// Every operation, killed before its call, after it and in the middle: what was done is found in
// the cluster, nothing is done twice, and no node stays cordoned.
#include <algorithm>

#include "plugins/actions/kubernetes/node.h"
#include "plugins/support/json_at.h"
#include "tests/kubernetes_action/fixture.h"

namespace heald::kubernetes::testing {
namespace {

using sdk::Effect;
using sdk::EffectState;
using support::Text;
using ::testing::HasSubstr;

class KilledTest : public ActionTest {
 protected:
  // What was written, but for the Events that tell of it.
  size_t Writes() const {
    size_t count = 0;
    for (const char* verb : {"PATCH /", "POST /", "PUT /", "DELETE /"})
      count += server_.CountRequests(verb);
    return count - server_.CountRequests("/events");
  }
  void ExecuteAgain(const Config& config, const sdk::Request& request, const sdk::Plan& plan) {
    try {
      action(config).Execute(request, plan, config);
    } catch (const sdk::Failure& refused) {
      EXPECT_EQ(refused.code(), HEALD_CONFLICT) << refused.what();
    }
  }
  void ExpectDoneOnce(const Config& config, const sdk::Request& request) {
    const std::string operation(kOperationWords[static_cast<size_t>(config.operation)]);
    SCOPED_TRACE(operation);
    const sdk::Plan plan = PlanOf(config, request);
    Restart();
    EXPECT_EQ(action(config).Observe(request, plan, config).state, EffectState::kAbsent)
        << "killed before the call";
    action(config).Execute(request, plan, config);
    const size_t writes = Writes();
    EXPECT_GT(writes, 0U);
    Restart();
    const Effect effect = Settled(plan, config, request);
    EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
    ExecuteAgain(config, request, plan);
    EXPECT_EQ(Writes(), writes);
  }
  bool Cordoned(const std::string& node) const { return IsCordoned(Get("Node", node)); }
};

TEST_F(KilledTest, ARestartOfAPodIsDoneOnce) {
  Deploy("web", 2);
  ExpectDoneOnce(For(Operation::kRestartPod),
                 Request({{"namespace", "prod"}, {"pod", NameOf(PodOf("web"))}}));
}

TEST_F(KilledTest, ARestartOfAPodThatKeepsItsNameIsDoneOnce) {
  AddStatefulSet("db", 2);
  ExpectDoneOnce(For(Operation::kRestartPod), Request({{"namespace", "prod"}, {"pod", "db-0"}}));
}

TEST_F(KilledTest, APodThatSomebodyElseHasReplacedMeanwhileIsLeftAlone) {
  AddStatefulSet("db", 2);
  const Config config = For(Operation::kRestartPod);
  const sdk::Request request = Request({{"namespace", "prod"}, {"pod", "db-0"}});
  const std::string uid = UidOf(Get("Pod", "db-0"));
  const sdk::Plan plan = PlanOf(config, request);
  EXPECT_EQ(plan.target_uid, uid + "," + UidOf(Get("StatefulSet", "db")));
  server_.Delete("Pod", "prod", "db-0");
  Restart();
  const Effect effect = Settled(plan, config, request);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  const std::string next = UidOf(Get("Pod", "db-0"));
  EXPECT_NE(next, uid);
  ExecuteAgain(config, request, plan);
  EXPECT_EQ(server_.CountRequests("/eviction"), 0U);
  EXPECT_EQ(UidOf(Get("Pod", "db-0")), next);
  // Whoever plans anew is told apart by the pod, and counted with the former by its owner.
  EXPECT_EQ(PlanOf(config, request).target_uid, next + "," + UidOf(Get("StatefulSet", "db")));
}

TEST_F(KilledTest, ARollingRestartIsDoneOnce) {
  Deploy("web", 2);
  ExpectDoneOnce(For(Operation::kRollingRestart),
                 Request({{"namespace", "prod"}, {"deployment", "web"}}));
}

TEST_F(KilledTest, ARollbackIsDoneOnce) {
  Deploy("web", 2);
  Rollout("web", "nginx:1.26");
  ExpectDoneOnce(For(Operation::kRollback),
                 Request({{"namespace", "prod"}, {"deployment", "web"}}));
}

TEST_F(KilledTest, AScaleOutIsDoneOnce) {
  Deploy("web", 2);
  ExpectDoneOnce(For(Operation::kScaleOut),
                 Request({{"namespace", "prod"}, {"deployment", "web"}}));
  EXPECT_EQ(Get("Deployment", "web")["spec"]["replicas"], 3);
}

TEST_F(KilledTest, ACordonAndItsEndAreDoneOnce) {
  const sdk::Request node = Request({{"node", "node-1"}});
  ExpectDoneOnce(For(Operation::kCordon), node);
  EXPECT_TRUE(Cordoned("node-1"));
  Restart();
  ExpectDoneOnce(For(Operation::kUncordon), node);
  EXPECT_FALSE(Cordoned("node-1"));
}

TEST_F(KilledTest, AJobIsDeletedOnce) {
  server_.Create({{"apiVersion", "batch/v1"},
                  {"kind", "Job"},
                  {"metadata", {{"name", "report"}, {"namespace", "prod"}}},
                  {"spec",
                   {{"template",
                     {{"spec",
                       {{"restartPolicy", "Never"},
                        {"containers", Json::array({{{"name", "a"}, {"image", "b:1"}}})}}}}}}}});
  server_.Settle();
  Config config = For(Operation::kDeleteJob);
  config.only_failed = false;
  ExpectDoneOnce(config, Request({{"namespace", "prod"}, {"job_name", "report"}}));
}

TEST_F(KilledTest, APatchIsDoneOnce) {
  server_.Create({{"apiVersion", "v1"},
                  {"kind", "ConfigMap"},
                  {"metadata", {{"name", "features"}, {"namespace", "prod"}}},
                  {"data", {{"search", "on"}}}});
  Config config = For(Operation::kPatch);
  config.resource = "v1/configmaps";
  config.namespace_name = "prod";
  config.name = "features";
  config.patch_type = PatchType::kMerge;
  config.patch = R"({"data": {"search": "off"}})";
  ExpectDoneOnce(config, Request({}));
}

TEST_F(KilledTest, ADrainThatWasFinishedIsDoneOnce) {
  Deploy("web", 4);
  const sdk::Request node = Request({{"node", "node-1"}});
  ExpectDoneOnce(For(Operation::kDrain), node);
  EXPECT_EQ(CordonedBy(Get("Node", "node-1")), node.decision);
}

// Half of it: told so, taken back, and the next attempt finishes it.
TEST_F(KilledTest, ADrainThatWasCutOffIsTakenBackAndTheNextOneFinishesIt) {
  for (const char* other : {"node-2", "node-3"})
    server_.Patch("Node", "", other, {{"spec", {{"unschedulable", true}}}});
  Deploy("web", 4);
  for (const char* other : {"node-2", "node-3"})
    server_.Patch("Node", "", other, {{"spec", {{"unschedulable", nullptr}}}});
  AddBudget("web", {{"maxUnavailable", 1}});
  const Config config = For(Operation::kDrain);
  const sdk::Request node = Request({{"node", "node-1"}});
  const sdk::Plan plan = PlanOf(config, node);
  // As far as it came: the node is cordoned in its name, and one pod has gone.
  server_.Patch("Node", "", "node-1",
                {{"metadata", {{"annotations", {{kCordonedBy, node.decision}}}}},
                 {"spec", {{"unschedulable", true}}}});
  server_.Delete("Pod", "prod", NameOf(PodOf("web")));
  Restart();
  EXPECT_TRUE(server_.WaitUntil([&] {
    const auto pods = server_.List("Pod", "prod", "app=web");
    return std::count_if(pods.begin(), pods.end(), [](const Json& pod) {
             return Text(pod, "/spec/nodeName") == "node-1";
           }) == 3;
  }));
  const Effect cut = action(config).Observe(node, plan, config);
  EXPECT_EQ(cut.state, EffectState::kFailed);
  EXPECT_THAT(cut.detail, HasSubstr("the drain was cut off: 3 pods are left on Node node-1"));
  // Killed in the undo too: again is the same.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(action(config).Undo(node, plan, config).state, EffectState::kDone);
    EXPECT_FALSE(Cordoned("node-1"));
    Restart();
  }
  EXPECT_EQ(action(config).Observe(node, plan, config).state, EffectState::kAbsent)
      << "what was taken back is not half done";

  server_.Delete("PodDisruptionBudget", "prod", "web");
  sdk::Request next = node;
  next.decision = "77a0e1b2";
  const Effect effect = Do(PlanOf(config, next), config, next);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_EQ(CordonedBy(Get("Node", "node-1")), next.decision);
  for (const Json& pod : server_.List("Pod", "prod", "app=web"))
    EXPECT_NE(Text(pod, "/spec/nodeName"), "node-1") << NameOf(pod);
  EXPECT_EQ(action(config).Undo(next, PlanOf(config, next), config).state, EffectState::kDone);
  EXPECT_FALSE(Cordoned("node-1"));
}

}  // namespace
}  // namespace heald::kubernetes::testing
