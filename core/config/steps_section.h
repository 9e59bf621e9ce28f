// What a policy does and what becomes of it: `action:` or `steps:`, with undo and canary. From
// typed values to the spec. Used by the loader. Thread rule: as its context.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/config/coerce.h"
#include "core/pipeline/spec.h"

namespace heald {

// Reads the condition under `key` of a map at `path`; nothing when there is none or it is wrong.
using ReadWhen = std::function<std::optional<When>(
    const YamlNode& map, const Value& typed, const std::string& key, const std::string& path)>;

Mode ModeOf(std::string_view text);
// Of a policy whose own guard and verify are read already; false where it can't be told what it
// would do.
bool ReadSteps(const YamlNode& node, const Value& value, LoadContext* context,
               const ReadWhen& read_when, PolicySpec* policy);

}  // namespace heald
