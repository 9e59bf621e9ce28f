// One plugin's `config:` mapping in a file of its own, for running a plugin without a pipeline.
// Used by `heald score` and the detection benchmark. Thread rule: pure, apart from reading files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config/diagnostic.h"
#include "core/config/environment.h"
#include "core/model/component.h"
#include "core/model/value.h"

namespace heald {

struct PluginConfig {
  std::optional<Value> value;  // typed, defaults filled in; none when there is an error
  std::vector<Diagnostic> diagnostics;
};

// An empty path: a mapping without keys.
PluginConfig LoadPluginConfig(const std::string& path, const Component& component,
                              const Environment& environment);

// What a plugin's own check found, with the key that it is about where the words leave it out:
// "is too short to be safe" at /signing_secret becomes "'signing_secret' is too short to be safe".
std::string WithSubject(const Problem& problem);

}  // namespace heald
