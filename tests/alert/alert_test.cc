#include "plugins/actions/alert/alert_action.h"

#include <gtest/gtest.h>

#include "heald/testing.h"

namespace heald::alert {
namespace {

TEST(AlertTest, IsDoneAtOnceReversibleAndSaysThatNothingChanges) {
  sdk::testing::FakeHost host;
  AlertAction action(host.host(), {});
  const sdk::Plan plan = action.MakePlan({}, {});
  EXPECT_TRUE(plan.reversible);
  EXPECT_EQ(plan.summary, "tell people; nothing is changed");
  for (const sdk::Effect& effect : {action.DryRun({}, plan, {}), action.Execute({}, plan, {}),
                                    action.Observe({}, plan, {}), action.Undo({}, plan, {})})
    EXPECT_EQ(effect.state, sdk::EffectState::kDone);
}

TEST(AlertTest, CrossesTheBoundaryWithAnEmptyConfig) {
  sdk::testing::FakeHost host;
  const heald_component* component = AlertAction::Component();
  heald_value config{};
  config.kind = HEALD_VALUE_MAP;
  heald_error error = sdk::detail::NewError();
  void* self = nullptr;
  ASSERT_EQ(component->create(host.table(), &config, &self, &error), HEALD_OK) << error.message;
  const auto* table = static_cast<const heald_action_vtable*>(component->vtable);
  heald_action_request request{};
  request.size = sizeof request;
  request.params = &config;
  heald_plan plan{};
  plan.size = sizeof plan;
  ASSERT_EQ(table->plan(self, &request, &plan, &error), HEALD_OK) << error.message;
  heald_effect effect{};
  effect.size = sizeof effect;
  EXPECT_EQ(table->execute(self, &request, &plan, &effect, &error), HEALD_OK) << error.message;
  EXPECT_EQ(effect.state, static_cast<uint32_t>(HEALD_EFFECT_DONE));
  EXPECT_EQ(table->start, nullptr);
  component->destroy(self);
}

}  // namespace
}  // namespace heald::alert
