#include <chrono>

#include "tests/docker/fixture.h"

namespace heald::docker::testing {
namespace {

using nlohmann::json;
using sdk::Effect;
using sdk::EffectState;
using sdk::Part;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class DockerRollingTest : public EngineTest {
 protected:
  // stable_for: 0 counts a container that runs as well.
  static Config Rolling(int64_t stable_for_ns = 0) {
    Config config;
    config.operation = Operation::kRollingRestart;
    config.compose_project = "shop";
    config.compose_service = "web";
    config.stop_timeout = sdk::Seconds(2);
    config.stable_for = {stable_for_ns};
    return config;
  }
  static std::string Name(int number) { return "shop-web-" + std::to_string(number); }
  void RunService(const std::vector<int>& numbers) {
    for (const int number : numbers)
      ASSERT_NE(engine_->RunContainer(Name(number), Replica("shop", "web", number)), "");
  }
  // A replica that lives the first time and ends with 3 the second.
  void RunOneThatDoesNotComeBack(int number) {
    json body = Replica("shop", "web", number);
    body["Cmd"] = {"/bin/sh", "-c",
                   "trap 'exit 0' TERM; test -e /tmp/again && exit 3; touch /tmp/again; "
                   "while :; do sleep 0.1; done"};
    ASSERT_NE(engine_->RunContainer(Name(number), body), "");
    for (int i = 0; i < 200; ++i) {
      int status = 0;
      engine_->Api("GET", "/containers/" + Name(number) + "/archive?path=/tmp/again", nullptr,
                   &status);
      if (status == 200) return;
    }
    FAIL() << Name(number) << " never started";
  }
  sdk::Request For(Part part) const {
    sdk::Request request = Request();
    request.part = part;
    return request;
  }
  Effect Execute(Part part, const sdk::Plan& plan, int64_t stable_for_ns = 0) {
    return action_->Execute(For(part), plan, With(Rolling(stable_for_ns)));
  }
  Effect ObservePart(Part part, const sdk::Plan& plan) {
    return action_->Observe(For(part), plan, With(Rolling()));
  }
  std::vector<std::string> Started(int count) {
    std::vector<std::string> times;
    for (int number = 1; number <= count; ++number) times.push_back(StartedAt(Name(number)));
    return times;
  }
};

TEST_F(DockerRollingTest, TakesThemInTheirOrderAndNamesThemInThePlan) {
  RunService({10, 2, 1});
  const sdk::Plan plan = PlanOf(Rolling());
  EXPECT_THAT(plan.summary,
              AllOf(HasSubstr("rolling restart of 3 containers, one after the other: shop-web-1 ("),
                    ::testing::ContainsRegex("shop-web-1 .*shop-web-2 .*shop-web-10 ")));
  EXPECT_TRUE(plan.can_canary);
  EXPECT_FALSE(plan.reversible);
  const Effect effect = Do(plan, Rolling());
  EXPECT_EQ(effect.state, EffectState::kDone) << effect.detail;
  EXPECT_LT(StartedAt(Name(1)), StartedAt(Name(2)));
  EXPECT_LT(StartedAt(Name(2)), StartedAt(Name(10)));
}

TEST_F(DockerRollingTest, RestartsTheCanaryAloneAndThenTheRest) {
  RunService({1, 2, 3});
  const std::vector<std::string> before = Started(3);
  const sdk::Plan plan = PlanOf(Rolling());
  EXPECT_EQ(ObservePart(Part::kCanary, plan).state, EffectState::kAbsent);

  EXPECT_THAT(Execute(Part::kCanary, plan).detail, HasSubstr("restarted shop-web-1 as the canary"));
  EXPECT_EQ(ObservePart(Part::kCanary, plan).state, EffectState::kDone);
  const std::vector<std::string> meanwhile = Started(3);
  EXPECT_NE(meanwhile[0], before[0]);
  EXPECT_EQ(meanwhile[1], before[1]);
  EXPECT_EQ(meanwhile[2], before[2]);
  EXPECT_EQ(ObservePart(Part::kRest, plan).state, EffectState::kAbsent);

  Execute(Part::kRest, plan);
  const Effect rest = ObservePart(Part::kRest, plan);
  EXPECT_EQ(rest.state, EffectState::kDone);
  EXPECT_THAT(rest.detail, AllOf(HasSubstr(Name(2)), HasSubstr(Name(3)), Not(HasSubstr(Name(1)))));
  const std::vector<std::string> after = Started(3);
  EXPECT_EQ(after[0], meanwhile[0]) << "the canary is restarted once";
  EXPECT_NE(after[1], before[1]);
  EXPECT_NE(after[2], before[2]);
}

TEST_F(DockerRollingTest, StopsAtTheFirstThatDoesNotComeBack) {
  RunService({1, 3});
  RunOneThatDoesNotComeBack(2);
  const std::vector<std::string> before = Started(3);
  // Longer than it takes to end again.
  constexpr int64_t kStableForNs = 500'000'000;
  const Effect effect = Execute(Part::kAll, PlanOf(Rolling(kStableForNs)), kStableForNs);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail,
              AllOf(HasSubstr("shop-web-2 is exited, exit code 3"), HasSubstr("3 left alone")));
  const std::vector<std::string> after = Started(3);
  EXPECT_NE(after[0], before[0]);
  EXPECT_EQ(after[2], before[2]);
}

TEST_F(DockerRollingTest, ASickCanaryKeepsTheRestFromBeingRestarted) {
  RunService({2});
  RunOneThatDoesNotComeBack(1);
  const sdk::Plan plan = PlanOf(Rolling());
  Execute(Part::kCanary, plan);
  ASSERT_TRUE([&] {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (ObservePart(Part::kCanary, plan).state != EffectState::kFailed)
      if (std::chrono::steady_clock::now() > until) return false;
    return true;
  }());
  const std::string before = StartedAt(Name(2));
  const Effect rest = Execute(Part::kRest, plan);
  EXPECT_EQ(rest.state, EffectState::kFailed);
  EXPECT_THAT(rest.detail, AllOf(HasSubstr("the canary isn't well: shop-web-1 is exited"),
                                 HasSubstr("shop-web-2 left alone")));
  EXPECT_EQ(StartedAt(Name(2)), before);
}

TEST_F(DockerRollingTest, AfterACrashWhatIsDoneIsNotRestartedAgain) {
  RunService({1, 2, 3});
  const sdk::Plan plan = PlanOf(Rolling());
  // As by a process that was killed after the first.
  engine_->Api("POST", "/containers/" + Name(1) + "/restart?t=2");
  const std::vector<std::string> before = Started(3);
  const Effect effect = action_->Observe(For(Part::kAll), plan, With(Rolling()));
  EXPECT_EQ(effect.state, EffectState::kPending) << "absent would plan all of them anew";
  EXPECT_THAT(effect.detail,
              AllOf(HasSubstr("1 of 3 restarted"), HasSubstr("shop-web-2 was not restarted")));
  Execute(Part::kAll, plan);
  EXPECT_EQ(ObservePart(Part::kAll, plan).state, EffectState::kDone);
  const std::vector<std::string> after = Started(3);
  EXPECT_EQ(after[0], before[0]);
  EXPECT_NE(after[1], before[1]);
  EXPECT_NE(after[2], before[2]);
  EXPECT_THROW(Execute(Part::kAll, plan), sdk::Failure) << "one plan, two restarts";
  EXPECT_THROW(Execute(Part::kCanary, plan), sdk::Failure);
}

TEST_F(DockerRollingTest, ReportsEachCall) {
  RunService({1, 2});
  const sdk::Plan plan = PlanOf(Rolling());
  sdk::detail::CallLog log;
  log.Begin();
  Execute(Part::kCanary, plan);
  std::vector<std::string> restarts;
  for (const heald_call& call : log.End()) {
    const std::string text(sdk::detail::View(call.call));
    EXPECT_TRUE(text.starts_with("POST /v1.41/containers/") || text.starts_with("GET /"));
    if (text.starts_with("POST"))
      restarts.push_back(text.substr(text.rfind('/')) + " -> " +
                         std::string(sdk::detail::View(call.answer)));
  }
  EXPECT_THAT(restarts, ::testing::ElementsAre("/restart?t=2 -> 204"));
}

TEST_F(DockerRollingTest, OneContainerIsNoCanary) {
  RunService({1});
  const sdk::Plan plan = PlanOf(Rolling());
  EXPECT_FALSE(plan.can_canary);
  const std::string before = StartedAt(Name(1));
  try {
    Execute(Part::kCanary, plan);
    FAIL() << "restarted the only one";
  } catch (const sdk::Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_UNSUPPORTED);
    EXPECT_STREQ(failure.what(),
                 "a canary needs at least two containers, and the plan is for shop-web-1 alone");
  }
  EXPECT_EQ(StartedAt(Name(1)), before);
}

TEST_F(DockerRollingTest, RefusesWhatCanNotBeDoneInTime) {
  RunService({1, 2, 3});
  Config config = Rolling();
  config.stable_for = sdk::Seconds(15);
  EXPECT_STREQ(PlanFailure(config).what(),
               "restarting 3 containers one after the other takes at least 30 s (stable_for 15 s "
               "each), and this action's deadline is 30 s: raise deadline: of the action, or lower "
               "stable_for");
}

}  // namespace
}  // namespace heald::docker::testing
