// What people changed about policies beside the pipeline file: enabled and mode, kept in the
// journal so that they survive a restart. The file wins as soon as it says something else than it
// did when the change was made. Used by the engine. Thread rule: plain values and pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/pipeline/spec.h"

namespace heald::remedy {

struct PolicyOverride {
  bool enabled = true;
  Mode mode = Mode::kShadow;
  // What the file said then.
  bool file_enabled = true;
  Mode file_mode = Mode::kShadow;
  std::string actor;
  int64_t changed_ns = 0;
  std::string reason = {};  // heald's own; people give none

  bool HoldsFor(const PolicySpec& in_file) const {
    return file_enabled == in_file.enabled && file_mode == in_file.mode;
  }
};

// By policy.
using PolicyOverrides = std::map<std::string, PolicyOverride, std::less<>>;

// The name of the journal's setting.
std::string OverrideSetting(std::string_view policy);
// Empty text stands for no override.
std::string ToText(const std::optional<PolicyOverride>& change);
Result<std::optional<PolicyOverride>> OverrideFromText(std::string_view policy,
                                                       std::string_view text);

}  // namespace heald::remedy
