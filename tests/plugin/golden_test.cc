// Plugins that were built with a released ABI go on working: each file of tests/data/abi is loaded
// as it is, and all of its components run. A failure here means that plugins of users break.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/plugin/instances.h"
#include "core/plugin/loader.h"
#include "tests/pipeline/fakes.h"
#include "tests/plugin/harness.h"

namespace heald::plugin {
namespace {

using ::testing::ElementsAre;

class GoldenPluginTest : public ::testing::Test {
 protected:
  GoldenPluginTest() {
    std::string pattern = ::testing::TempDir() + "heald-golden-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    const heald::Status loaded =
        loader_.LoadFile(std::string(HEALD_SOURCE_DIR) + "/tests/data/abi/heald_golden_1_0.so");
    EXPECT_TRUE(loaded) << loaded.error().message;
    factory_ = std::make_unique<Factory>(loader_, Shared{&series_, &clock_, &recorder_, dir_});
  }
  ~GoldenPluginTest() override { std::filesystem::remove_all(dir_); }

  std::string dir_;
  SeriesTable series_;
  VirtualClock clock_{1000};
  Recorder recorder_;
  Loader loader_{std::string(HEALD_SOURCE_DIR) + "/tests/data/abi", {}, ""};
  std::unique_ptr<Factory> factory_;
};

TEST_F(GoldenPluginTest, ItsSourceAndDetectorSeeEachOther) {
  Context from(Kind::kSource, "golden");
  Result<std::unique_ptr<SourceInstance>> source = factory_->MakeSource(from);
  ASSERT_TRUE(source) << source.error().message;
  ASSERT_TRUE((*source)->Start(recorder_));
  ASSERT_TRUE((*source)->Poll(0));
  ASSERT_EQ(recorder_.batches.size(), 1u);
  ASSERT_EQ(recorder_.logs.size(), 1u);
  EXPECT_EQ(recorder_.logs[0].line, "polled");

  Context to(Kind::kDetector, "golden");
  Result<std::unique_ptr<DetectorInstance>> detector = factory_->MakeDetector(to);
  ASSERT_TRUE(detector) << detector.error().message;
  ASSERT_TRUE((*detector)->Restore("6"));
  ASSERT_TRUE((*detector)->Logs(recorder_.logs, recorder_));
  ASSERT_TRUE((*detector)->Samples(*recorder_.batches[0], recorder_));
  ASSERT_EQ(recorder_.findings.size(), 1u);
  EXPECT_EQ(recorder_.findings[0].id, "8");
  EXPECT_EQ(recorder_.findings[0].metric, "load");
  EXPECT_EQ(recorder_.findings[0].value, 2);
  EXPECT_EQ(recorder_.findings[0].target, (Labels{{"service", "payments"}}));
  EXPECT_EQ(*(*detector)->Snapshot(), "8");
}

TEST_F(GoldenPluginTest, ItsActionPlansActsAndUndoes) {
  const Component* component = loader_.Find(Kind::kAction, "golden");
  ASSERT_NE(component, nullptr);
  const Abilities able = component->abilities_of(Value(Value::Map{{"limit", Value(2.0)}}));
  EXPECT_TRUE(able.undo);
  EXPECT_TRUE(able.canary);
  EXPECT_FALSE(component->abilities_of(Value(Value::Map{{"limit", Value(1.0)}})).canary);

  Context node(Kind::kAction, "golden");
  Result<std::unique_ptr<ActionInstance>> action = factory_->MakeAction(node);
  ASSERT_TRUE(action) << action.error().message;
  ActionCall call;
  call.decision = "d1";
  call.params = Value(Value::Map{{"service", Value("payments")}});
  const Result<Plan> plan = (*action)->MakePlan(call);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->summary, "restart payments");
  EXPECT_EQ(plan->target_uid, "uid-1");
  EXPECT_TRUE(plan->reversible);
  EXPECT_TRUE(plan->can_canary);
  EXPECT_EQ((*action)->Execute(call, *plan).error().retry_after_ns, 7);
  const Finding finding;
  call.finding = &finding;
  call.part = Part::kCanary;
  const Result<Effect> effect = (*action)->Execute(call, *plan);
  ASSERT_TRUE(effect) << effect.error().message;
  EXPECT_EQ(effect->detail, "restart payments first");
  ASSERT_EQ(effect->calls.size(), 1u);
  EXPECT_EQ(effect->calls[0].call, "POST /restart");
  EXPECT_EQ((*action)->Observe(call, *plan)->state, EffectState::kDone);
  EXPECT_EQ((*action)->Undo(call, *plan)->detail, "undid uid-1");
}

TEST_F(GoldenPluginTest, ItsNotifierReadsAllRecords) {
  Context node(Kind::kNotifier, "golden");
  Result<std::unique_ptr<NotifierInstance>> notifier = factory_->MakeNotifier(node);
  ASSERT_TRUE(notifier) << notifier.error().message;
  Notification item;
  item.kind = Notification::Kind::kOutcome;
  item.text = "healed";
  Incident incident;
  for (const char* metric : {"load", "errors"}) {
    Finding finding;
    finding.node = "spikes";
    finding.metric = metric;
    incident.findings.push_back(finding);
  }
  item.incident = std::make_shared<const Incident>(incident);
  Decision decision;
  decision.plan.summary = "restart payments";
  decision.guards = {{"cooldown", true, "ok"}, {"breaker", true, "ok"}};
  item.decision = std::make_shared<const Decision>(decision);
  Outcome outcome;
  outcome.detail = "after 1 s";
  item.outcome = std::make_shared<const Outcome>(outcome);
  const std::vector<Notification> items{item};
  const std::vector<Value> params{Value(Value::Map{{"service", Value("payments")}})};
  EXPECT_TRUE((*notifier)->Notify(items, params)[0]);
  EXPECT_THAT(recorder_.lines,
              ElementsAre("node: healed spikes:load spikes:errors restart payments cooldown "
                          "breaker after 1 s for payments"));
}

}  // namespace
}  // namespace heald::plugin
