// The `agent:` section: the one that isn't about plugins. Used by the loader only.
// Thread rule: as its context.
#pragma once

#include "core/config/coerce.h"
#include "core/pipeline/spec.h"

namespace heald {

// `member` is null where the file has none. Returns the section as typed.
Value LoadAgent(const YamlMember* member, LoadContext* context, AgentSpec* agent);

}  // namespace heald
