#include "heald/abi/plugin.h"

#include <gmock/gmock.h>

#include <cstddef>
#include <vector>

#include "heald/abi/http.h"
#include "heald/abi/score.h"

extern "C" {
extern const size_t heald_test_c_sizes[];
extern const size_t heald_test_c_size_count;
extern const heald_plugin heald_test_c_plugin;
}

namespace {

TEST(SdkAbiTest, CAndCxxSeeTheSameSizes) {
  const std::vector<size_t> in_c(heald_test_c_sizes, heald_test_c_sizes + heald_test_c_size_count);
  EXPECT_THAT(
      in_c,
      testing::ElementsAre(
          sizeof(heald_str), sizeof(heald_value), sizeof(heald_member), sizeof(heald_error),
          sizeof(heald_samples), sizeof(heald_log_line), sizeof(heald_finding),
          sizeof(heald_incident), sizeof(heald_plan), sizeof(heald_decision), sizeof(heald_outcome),
          sizeof(heald_notification), sizeof(heald_host), sizeof(heald_batch), sizeof(heald_sink),
          sizeof(heald_http_request), sizeof(heald_http_response), sizeof(heald_http_extension),
          sizeof(heald_source_vtable), sizeof(heald_detector_vtable), sizeof(heald_action_vtable),
          sizeof(heald_notifier_vtable), sizeof(heald_action_request), sizeof(heald_call),
          sizeof(heald_effect), sizeof(heald_component), sizeof(heald_score),
          sizeof(heald_score_sink), sizeof(heald_score_extension), sizeof(heald_plugin)));
}

TEST(SdkAbiTest, APluginCanBeWrittenInC) {
  ASSERT_EQ(heald_test_c_plugin.component_count, 1u);
  const heald_component& component = *heald_test_c_plugin.components[0];
  void* self = nullptr;
  const heald_host host{};
  EXPECT_EQ(component.create(&host, nullptr, &self, nullptr), HEALD_OK);
  EXPECT_EQ(self, &host);
  component.destroy(self);
}

// The layout that a plugin of today relies on. A failure here means that plugins already built
// would read the wrong bytes: append at the end, or add an extension.
TEST(SdkAbiTest, OffsetsStayWhereTheyWere) {
  EXPECT_EQ(offsetof(heald_error, code), 4u);
  EXPECT_EQ(offsetof(heald_error, retryable), 8u);
  EXPECT_EQ(offsetof(heald_error, retry_after_ns), 16u);
  EXPECT_EQ(offsetof(heald_value, as), 8u);
  EXPECT_EQ(offsetof(heald_value, count), 16u);
  EXPECT_EQ(offsetof(heald_samples, series), 8u);
  EXPECT_EQ(offsetof(heald_samples, ts_ns), 16u);
  EXPECT_EQ(offsetof(heald_samples, value), 24u);
  EXPECT_EQ(offsetof(heald_samples, batch), 40u);
  EXPECT_EQ(offsetof(heald_finding, kind), 4u);
  EXPECT_EQ(offsetof(heald_finding, state), 8u);
  EXPECT_EQ(offsetof(heald_finding, severity), 12u);
  EXPECT_EQ(offsetof(heald_finding, series), 24u);
  EXPECT_EQ(offsetof(heald_finding, metric), 48u);
  EXPECT_EQ(offsetof(heald_finding, score), 120u);
  EXPECT_EQ(offsetof(heald_finding, confidence), 128u);
  EXPECT_EQ(offsetof(heald_finding, began_ns), 136u);
  EXPECT_EQ(offsetof(heald_component, name), 8u);
  EXPECT_EQ(offsetof(heald_component, config_schema), 40u);
  EXPECT_EQ(offsetof(heald_component, create), 88u);
  EXPECT_EQ(offsetof(heald_component, destroy), 96u);
  EXPECT_EQ(offsetof(heald_component, vtable), 104u);
  EXPECT_EQ(offsetof(heald_detector_vtable, samples), 8u);
  EXPECT_EQ(offsetof(heald_detector_vtable, expired), 32u);
  EXPECT_EQ(offsetof(heald_detector_vtable, restore), 48u);
  EXPECT_EQ(offsetof(heald_source_vtable, poll), 32u);
  EXPECT_EQ(offsetof(heald_action_vtable, execute), 24u);
  EXPECT_EQ(offsetof(heald_notifier_vtable, notify), 8u);
  EXPECT_EQ(offsetof(heald_plugin, components), 88u);
}

TEST(SdkAbiTest, HandlesHoldSlotAndGeneration) {
  const heald_series series = (5u << 22) | 77u;
  EXPECT_EQ(HEALD_SERIES_SLOT(series), 77u);
  EXPECT_EQ(HEALD_SERIES_GENERATION(series), 5u);
}

}  // namespace
