// Every operation against what any of them can meet: a right that is missing, another writer, a
// server that is away. What was not done is told so, and can be done afterwards.
#include <string>

#include "plugins/actions/kubernetes/node.h"
#include "plugins/support/json_at.h"
#include "tests/kubernetes_action/fixture.h"

namespace heald::kubernetes::testing {
namespace {

using sdk::Effect;
using sdk::EffectState;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Case {
  Operation operation;
  const char* verb;      // of its write
  const char* resource;  // what RBAC calls what it writes
  const char* kind;      // of what it is about
  const char* name;
};

std::string_view Word(const Case& each) {
  return kOperationWords[static_cast<size_t>(each.operation)];
}
void PrintTo(const Case& each, std::ostream* out) {
  *out << Word(each);
}

class EveryOperationTest : public ActionTest, public ::testing::WithParamInterface<Case> {
 protected:
  EveryOperationTest() {
    const Operation operation = GetParam().operation;
    Deploy("web", 3);
    if (operation == Operation::kRollback) Rollout("web", "nginx:1.26");
    if (operation == Operation::kUncordon) {
      const Config cordon = For(Operation::kCordon);
      Do(PlanOf(cordon, node_), cordon, node_);
      Restart();
    }
    if (operation == Operation::kDeleteJob) AddJob();
    config_ = For(operation);
    config_.timeout = sdk::Milliseconds(500);
    if (operation == Operation::kPatch) {
      config_.resource = "apps/v1/deployments";
      config_.namespace_name = "prod";
      config_.name = "web";
      config_.patch = R"({"spec": {"minReadySeconds": 1}})";
    }
    if (operation == Operation::kRestartPod) pod_ = NameOf(PodOf("web"));
    request_ = OnNode() ? node_
               : operation == Operation::kRestartPod
                   ? Request({{"namespace", "prod"}, {"pod", pod_}})
               : operation == Operation::kDeleteJob
                   ? Request({{"namespace", "prod"}, {"job_name", "report"}})
                   : Request({{"namespace", "prod"}, {"deployment", "web"}});
  }
  bool OnNode() const { return std::string_view(GetParam().kind) == "Node"; }
  void AddJob() {
    server_.Create({{"apiVersion", "batch/v1"},
                    {"kind", "Job"},
                    {"metadata", {{"name", "report"}, {"namespace", "prod"}}},
                    {"spec",
                     {{"template",
                       {{"spec",
                         {{"restartPolicy", "Never"},
                          {"nodeSelector", {{"no", "node"}}},
                          {"containers", Json::array({{{"name", "a"}, {"image", "b:1"}}})}}}}}}}});
    server_.Patch(
        "Job", "prod", "report",
        {{"status", {{"conditions", Json::array({{{"type", "Failed"}, {"status", "True"}}})}}}});
  }
  std::string Name() const { return pod_.empty() ? GetParam().name : pod_; }
  // What the call came to, told by a failure or by its effect.
  std::string Refusal(const sdk::Plan& plan) {
    try {
      const Effect effect = action(config_).Execute(request_, plan, config_);
      EXPECT_EQ(effect.state, EffectState::kFailed) << effect.detail;
      return effect.detail;
    } catch (const sdk::Failure& failure) {
      return failure.what();
    }
  }

  Config config_;
  sdk::Request node_ = Request({{"node", "node-1"}});
  sdk::Request request_;
  std::string pod_;
};

TEST_P(EveryOperationTest, ARightThatIsMissingIsNamedAndNothingIsDone) {
  const sdk::Plan plan = PlanOf(config_, request_);
  server_.Refuse(GetParam().verb, GetParam().resource);
  EXPECT_THAT(Refusal(plan), AllOf(HasSubstr("forbidden"), HasSubstr(GetParam().verb),
                                   HasSubstr(GetParam().resource)));
  EXPECT_EQ(action(config_).Observe(request_, plan, config_).state, EffectState::kAbsent);
  server_.AllowAgain();
  const Effect effect = Do(plan, config_, request_);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
}

TEST_P(EveryOperationTest, AnotherWriterBetweenItsReadAndItsWriteIsNoHindrance) {
  const sdk::Plan plan = PlanOf(config_, request_);
  server_.RaceReads(GetParam().kind, OnNode() ? "" : "prod", Name(), 2);
  const Effect effect = Do(plan, config_, request_);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
}

TEST_P(EveryOperationTest, WhatAServerThatIsAwayHeardNothingOfCanBeDoneLater) {
  const sdk::Plan plan = PlanOf(config_, request_);
  server_.Stop();
  EXPECT_THAT(Refusal(plan), HasSubstr("connection refused"));
  server_.Start();
  EXPECT_EQ(action(config_).Observe(request_, plan, config_).state, EffectState::kAbsent);
  const Effect effect = Do(plan, config_, request_);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
}

INSTANTIATE_TEST_SUITE_P(
    , EveryOperationTest,
    ::testing::Values(Case{Operation::kRestartPod, "create", "pods/eviction", "Pod", ""},
                      Case{Operation::kRollingRestart, "patch", "deployments", "Deployment", "web"},
                      Case{Operation::kRollback, "patch", "deployments", "Deployment", "web"},
                      Case{Operation::kScaleOut, "patch", "deployments/scale", "Deployment", "web"},
                      Case{Operation::kCordon, "patch", "nodes", "Node", "node-1"},
                      Case{Operation::kUncordon, "patch", "nodes", "Node", "node-1"},
                      Case{Operation::kDrain, "create", "pods/eviction", "Node", "node-1"},
                      Case{Operation::kDeleteJob, "delete", "jobs", "Job", "report"},
                      Case{Operation::kPatch, "patch", "deployments", "Deployment", "web"}),
    [](const auto& each) { return std::string(Word(each.param)); });

}  // namespace
}  // namespace heald::kubernetes::testing
