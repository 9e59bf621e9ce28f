#include <thread>

#include "heald/time_text.h"
#include "plugins/actions/kubernetes/pods.h"
#include "plugins/support/json_at.h"
#include "tests/kubernetes_action/fixture.h"

namespace heald::kubernetes::testing {
namespace {

using sdk::Effect;
using sdk::EffectState;
using support::Text;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RestartPodTest : public ActionTest {
 protected:
  sdk::Request Of(const Json& pod) const {
    return Request({{"namespace", "monitoring"},
                    {"pod", "kube-state-metrics-0"},
                    {"exported_namespace", "prod"},
                    {"exported_pod", NameOf(pod)}});
  }
};

TEST_F(RestartPodTest, EvictsThePodAndWaitsForTheOneInItsPlace) {
  Deploy("web", 3);
  const Config config = For(Operation::kRestartPod);
  const Json pod = PodOf("web");
  const sdk::Request request = Of(pod);
  const sdk::Plan plan = PlanOf(config, request);
  EXPECT_THAT(plan.summary, AllOf(HasSubstr("restart Pod prod/" + NameOf(pod)),
                                  HasSubstr("Deployment prod/web"), HasSubstr(UidOf(pod))));
  EXPECT_EQ(plan.target_uid, UidOf(pod) + "," + UidOf(Get("Deployment", "web")));
  EXPECT_FALSE(plan.reversible);
  EXPECT_EQ(action(config).DryRun(request, plan, config).state, EffectState::kDone);
  EXPECT_EQ(action(config).Observe(request, plan, config).state, EffectState::kAbsent);
  EXPECT_EQ(PlanOf(config, request).before, plan.before) << "the same plan while nothing changes";
  EXPECT_EQ(UidOf(Get("Pod", NameOf(pod))), UidOf(pod)) << "planning and dry run change nothing";

  const Effect effect = Do(plan, config, request);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_THAT(effect.detail, HasSubstr(NameOf(pod) + " was replaced: web-"));
  EXPECT_THAT(EventsOn(NameOf(pod)), Contains("HealdRestartedPod"));
  EXPECT_EQ(FailureOf([&] { action(config).Execute(request, plan, config); }).code(),
            HEALD_CONFLICT)
      << "one plan, two restarts";
  EXPECT_EQ(server_.CountRequests("/eviction"), 2U) << "the dry run and the restart";
}

TEST_F(RestartPodTest, WhatAKilledProcessDidIsFoundByTheUid) {
  Deploy("web", 2);
  const Config config = For(Operation::kRestartPod);
  const sdk::Request request = Of(PodOf("web"));
  const sdk::Plan plan = PlanOf(config, request);
  action(config).Execute(request, plan, config);
  Restart();
  EXPECT_EQ(Settled(plan, config, request).state, EffectState::kDone);
  EXPECT_EQ(server_.CountRequests("/eviction"), 1U);
}

TEST_F(RestartPodTest, AStatefulSetsPodComesBackUnderItsName) {
  AddStatefulSet("db", 2);
  const Config config = For(Operation::kRestartPod);
  const sdk::Request request = Of(Get("Pod", "db-0"));
  const Effect effect = Do(PlanOf(config, request), config, request);
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_THAT(effect.detail, HasSubstr("db-0 was replaced: db-0 is ready"));
}

TEST_F(RestartPodTest, APodThatMayTakeForeverToEndIsWaitedForAYear) {
  Deploy("web", 2);
  const Json pod = PodOf("web");
  server_.Patch("Pod", "prod", NameOf(pod),
                {{"spec", {{"terminationGracePeriodSeconds", INT64_MAX}}}});
  const int64_t within_ns = PlanOf(For(Operation::kRestartPod), Of(pod)).effect_within.ns;
  EXPECT_GE(within_ns, sdk::Minutes(365 * 24 * 60).ns);
  EXPECT_LT(within_ns, sdk::Minutes(366 * 24 * 60).ns);
}

TEST_F(RestartPodTest, PodsThatNothingReplacesAreRefused) {
  server_.Create(
      {{"apiVersion", "v1"},
       {"kind", "Pod"},
       {"metadata", {{"name", "lone"}, {"namespace", "prod"}, {"labels", {{"app", "lone"}}}}},
       {"spec", {{"containers", Json::array({{{"name", "a"}, {"image", "b:1"}}})}}}});
  const sdk::Failure failure =
      PlanFailure(For(Operation::kRestartPod), Of(*server_.Get("Pod", "prod", "lone")));
  EXPECT_EQ(failure.code(), HEALD_UNSUPPORTED);
  EXPECT_STREQ(failure.what(), "Pod prod/lone has no controller: nothing would replace it");
}

TEST_F(RestartPodTest, ABudgetIsWaitedForAndNeverGoneAround) {
  Deploy("web", 2);
  AddBudget("web", {{"minAvailable", 2}});
  const Config config = For(Operation::kRestartPod);
  const Json pod = PodOf("web");
  sdk::Request request = Of(pod);
  const sdk::Plan plan = PlanOf(config, request);
  const Effect dry = action(config).DryRun(request, plan, config);
  EXPECT_EQ(dry.state, EffectState::kFailed);
  EXPECT_THAT(dry.detail,
              HasSubstr("a disruption budget forbids it now: The disruption budget web needs 2"));
  // Time for one try.
  request.deadline_ns = host_.now_ns() + kDeadlineMarginNs;
  const Effect effect = action(config).Execute(request, plan, config);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, AllOf(HasSubstr("was not evicted"), HasSubstr("disruption budget")));
  EXPECT_EQ(UidOf(Get("Pod", NameOf(pod))), UidOf(pod));
  EXPECT_EQ(server_.CountRequests("DELETE"), 0U);

  // It gives way while the eviction is being tried.
  request.deadline_ns = host_.now_ns() + sdk::Seconds(60).ns;
  std::thread relief([&] {
    server_.WaitUntil([&] { return server_.CountRequests("/eviction") > 2; });
    server_.Patch("PodDisruptionBudget", "prod", "web", {{"spec", {{"minAvailable", 1}}}});
  });
  const Effect later = Do(plan, config, request);
  relief.join();
  EXPECT_EQ(later.state, EffectState::kDone) << later.detail;
}

// A pod that isn't well counts for no budget, so it may go while the budget allows no other.
TEST_F(RestartPodTest, ItsDryRunSaysWhatTheServerWouldSay) {
  for (const char* policy : {"IfHealthyBudget", "AlwaysAllow"}) {
    const std::string app = policy[0] == 'I' ? "web" : "api";
    Deploy(app, 3);
    const Json sick = PodOf(app);
    server_.SetFateOfPod(NameOf(sick), fakes::kubernetes::PodFate::kUnready);
    ASSERT_TRUE(server_.WaitUntil([&] { return !IsReady(Get("Pod", NameOf(sick))); }));
    AddBudget(app,
              {{"minAvailable", app == "web" ? 2 : 3}, {"unhealthyPodEvictionPolicy", policy}});
    const Config config = For(Operation::kRestartPod);
    const sdk::Request request = Of(sick);
    const sdk::Plan plan = PlanOf(config, request);
    const Effect dry = action(config).DryRun(request, plan, config);
    EXPECT_EQ(dry.state, EffectState::kDone) << policy << ": " << dry.detail;
    EXPECT_EQ(Do(plan, config, request).state, EffectState::kDone) << policy;
  }
}

TEST_F(RestartPodTest, AReplacementThatCrashesIsAFailureWithItsReason) {
  Deploy("web", 2);
  const Config config = For(Operation::kRestartPod);
  const sdk::Request request = Of(PodOf("web"));
  const sdk::Plan plan = PlanOf(config, request);
  server_.SetFateOfImage("nginx:1.25", fakes::kubernetes::PodFate::kCrashLoop);
  const Effect effect = Do(plan, config, request);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("container main: CrashLoopBackOff"));
}

TEST_F(RestartPodTest, ARolloutOfOthersIsLeftAlone) {
  Deploy("web", 2);
  server_.SetFateOfImage("nginx:2", fakes::kubernetes::PodFate::kUnready);
  Rollout("web", "nginx:2");
  const sdk::Failure failure = PlanFailure(For(Operation::kRestartPod), Of(PodOf("web")));
  EXPECT_EQ(failure.code(), HEALD_CONFLICT);
  EXPECT_TRUE(failure.retryable());
  EXPECT_THAT(failure.what(), HasSubstr("a rollout of Deployment prod/web is under way"));
}

TEST_F(RestartPodTest, WhatRbacRefusesNamesTheRule) {
  Deploy("web", 2);
  const Config config = For(Operation::kRestartPod);
  const sdk::Request request = Of(PodOf("web"));
  const sdk::Plan plan = PlanOf(config, request);
  server_.Refuse("create", "pods/eviction");
  const sdk::Failure failure = FailureOf([&] { action(config).Execute(request, plan, config); });
  EXPECT_EQ(failure.code(), HEALD_DENIED);
  EXPECT_THAT(failure.what(), AllOf(HasSubstr("pods/eviction"), HasSubstr("create")));
}

TEST_F(RestartPodTest, AServerThatIsAwayIsTriedAgainLater) {
  Deploy("web", 2);
  Config config = For(Operation::kRestartPod);
  config.timeout = sdk::Milliseconds(300);
  const sdk::Request request = Of(PodOf("web"));
  const sdk::Plan plan = PlanOf(config, request);
  server_.Stop();
  Restart();
  EXPECT_TRUE(FailureOf([&] { action(config).Execute(request, plan, config); }).retryable());
  EXPECT_TRUE(FailureOf([&] { action(config).Observe(request, plan, config); }).retryable());
  server_.Start();
  EXPECT_EQ(action(config).Observe(request, plan, config).state, EffectState::kAbsent);
  EXPECT_EQ(Do(plan, config, request).state, EffectState::kDone);
}

TEST_F(RestartPodTest, AnEvictionWhoseAnswerIsLostIsDoneOnce) {
  Deploy("web", 2);
  const Config config = For(Operation::kRestartPod);
  const sdk::Request request = Of(PodOf("web"));
  const sdk::Plan plan = PlanOf(config, request);
  server_.Fail({.match = "/eviction", .lose_answer = true});
  EXPECT_EQ(Do(plan, config, request).state, EffectState::kDone);
  EXPECT_EQ(server_.List("Pod", "prod").size(), 2U);
}

TEST_F(RestartPodTest, TheReplacementMustStayWellForAWhile) {
  Deploy("web", 2);
  Config config = For(Operation::kRestartPod);
  config.stable_for = sdk::Seconds(30);
  const sdk::Request request = Of(PodOf("web"));
  const sdk::Plan plan = PlanOf(config, request);
  action(config).Execute(request, plan, config);
  Effect effect;
  ASSERT_TRUE(server_.WaitUntil([&] {
    effect = action(config).Observe(request, plan, config);
    return effect.detail.find("is ready for 0 s of 30 s") != std::string::npos;
  })) << effect.detail;
  int64_t ready_ns = 0;
  for (const Json& pod : server_.List("Pod", "prod"))
    for (const Json& condition : pod["status"]["conditions"]) {
      int64_t ns = 0;
      sdk::ParseTimeText(Text(condition, "/lastTransitionTime"), &ns);
      ready_ns = std::max(ready_ns, ns);
    }
  host_.SetNow(ready_ns + sdk::Seconds(31).ns);
  EXPECT_EQ(action(config).Observe(request, plan, config).state, EffectState::kDone);
}

TEST_F(RestartPodTest, AReplacementWhoseInitContainerCrashesHasFailed) {
  const Json pod = {
      {"metadata", {{"name", "web-1"}}},
      {"status",
       {{"phase", "Pending"},
        {"initContainerStatuses",
         Json::array({{{"name", "migrate"},
                       {"restartCount", 4},
                       {"state", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}},
                       {"lastState", {{"terminated", {{"exitCode", 3}, {"reason", "Error"}}}}}}})},
        {"containerStatuses",
         Json::array({{{"name", "main"},
                       {"restartCount", 0},
                       {"state", {{"waiting", {{"reason", "PodInitializing"}}}}}}})}}}};
  const Effect effect = JudgePod(pod, host_.now_ns(), 0);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("container migrate: CrashLoopBackOff, 4 restarts, the last "
                                       "one after exit code 3"));
}

TEST_F(RestartPodTest, WithoutANameOrANamespaceNothingIsDone) {
  const Config config = For(Operation::kRestartPod);
  EXPECT_THAT(PlanFailure(config, Request({{"namespace", "prod"}})).what(),
              AllOf(HasSubstr("which pod?"), HasSubstr("exported_pod, pod")));
  EXPECT_THAT(PlanFailure(config, Request({{"pod", "web"}})).what(),
              HasSubstr("in which namespace?"));
  EXPECT_EQ(PlanFailure(config, Request({{"namespace", "prod"}, {"pod", "web"}})).code(),
            HEALD_NOT_FOUND);
}

}  // namespace
}  // namespace heald::kubernetes::testing
