#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/loader.h"
#include "tests/config/fakes.h"

namespace heald {
namespace {

constexpr const char* kChain = R"yaml(version: 1
agent: {state_dir: state}
sources:
  prom:
    plugin: prometheus
    config: {url: "http://localhost:9090", queries: {latency_p99: up, error_rate: up}}
detectors:
  spikes: {plugin: zscore, inputs: [prom.latency_p99]}
policies:
  slow:
    inputs: [spikes]
    mode: enforce
    guard: {for: 30s, cooldown: 10m, max_per_hour: 6, excluded: [postgres], breaker: {failures: 5}}
    verify: {within: 3m}
    steps:
      - action: restart
        verify: {within: 1m}
        canary: {check: error_rate < 0.05, for: 20s}
      - action: scale_out
        guard: {for: 1m, max_per_hour: 1, excluded: [cart], windows: [{days: [mon-fri]}]}
        on_refused: next
        undo: {on_failure: false, after: 30m}
      - action: restart
        mode: approve
      - action: alert
actions:
  restart: {plugin: docker, config: {operation: restart}}
  scale_out: {plugin: docker, config: {operation: start}}
)yaml";

LoadResult Load(const std::string& text) {
  static const FakeCatalog kCatalog;
  static const FakeEnvironment kEnvironment;
  return LoadPipelineText(text, "pipeline.yaml", "/etc/heald", kCatalog, kEnvironment);
}

TEST(ConfigStepsTest, ReadsAChainInWhichEachStepAddsToItsPolicy) {
  const LoadResult result = Load(kChain);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  const PolicySpec& slow = result.spec->policies[0];
  ASSERT_EQ(slow.step_count(), 4u);
  EXPECT_EQ(slow.action, "restart");
  const PolicySpec first = slow.AtStep(1);
  EXPECT_EQ(first.mode, Mode::kEnforce);
  EXPECT_EQ(first.verify_within_ns, kMinute);
  EXPECT_TRUE(first.canary.set);
  EXPECT_EQ(first.canary.check.text(), "error_rate < 0.05");
  EXPECT_EQ(first.canary.for_ns, 20 * kSecond);
  EXPECT_EQ(first.canary.within_ns, 10 * kMinute);
  EXPECT_TRUE(first.undo.on_failure) << "unless told otherwise";
  const PolicySpec second = slow.AtStep(2);
  EXPECT_EQ(second.step, 2u);
  EXPECT_EQ(second.action, "scale_out");
  EXPECT_EQ(second.verify_within_ns, 3 * kMinute) << "the policy's";
  EXPECT_EQ(second.guard.for_ns, kMinute) << "in place of the policy's";
  EXPECT_EQ(second.guard.max_per_hour, 6u) << "the policy's holds beside its own";
  EXPECT_EQ(second.own.max_per_hour, 1u);
  EXPECT_EQ(second.own.windows.size(), 1u);
  EXPECT_EQ(second.guard.breaker.failures, 5u) << "not said by the step";
  EXPECT_THAT(second.guard.excluded, ::testing::ElementsAre("postgres", "cart"));
  EXPECT_TRUE(second.skip_refused);
  EXPECT_FALSE(second.undo.on_failure);
  EXPECT_EQ(second.undo.after_ns, 30 * kMinute);
  EXPECT_EQ(slow.AtStep(3).mode, Mode::kApprove);
  EXPECT_EQ(slow.AtStep(4).action, "alert");
}

TEST(ConfigStepsTest, NoStepIsBolderThanAPolicyThatAPersonHasLowered) {
  LoadResult result = Load(kChain);
  ASSERT_TRUE(result.spec);
  PolicySpec& slow = result.spec->policies[0];
  slow.mode = Mode::kShadow;
  for (uint32_t step = 1; step <= slow.step_count(); ++step)
    EXPECT_EQ(slow.AtStep(step).mode, Mode::kShadow);
}

TEST(ConfigStepsTest, TheEffectiveConfigurationLoadsAgain) {
  const LoadResult first = Load(kChain);
  ASSERT_TRUE(first.spec);
  const LoadResult second = Load(FormatYaml(EffectiveConfig(first)));
  ASSERT_TRUE(second.spec) << FormatText(second.diagnostics);
  EXPECT_EQ(FormatYaml(EffectiveConfig(first)), FormatYaml(EffectiveConfig(second)));
}

TEST(ConfigStepsTest, AnActionAloneIsAChainOfOne) {
  const LoadResult result = Load(R"yaml(version: 1
agent: {state_dir: state}
sources:
  prom: {plugin: prometheus, config: {url: "http://localhost:9090", queries: {latency: up}}}
detectors:
  spikes: {plugin: zscore, inputs: [prom.latency]}
policies:
  slow: {inputs: [spikes], action: alert, verify: {within: 10m}}
)yaml");
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  const PolicySpec& slow = result.spec->policies[0];
  EXPECT_EQ(slow.step_count(), 1u);
  EXPECT_EQ(slow.AtStep(1).verify_within_ns, 10 * kMinute);
}

}  // namespace
}  // namespace heald
