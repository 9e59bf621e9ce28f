// The schemas of heald's own sections of a pipeline file, in the same subset as a plugin's config.
// Used by the loader and printed by `heald schema`. Thread rule: immutable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/schema.h"
#include "core/model/component.h"

namespace heald {

// Section names in the order in which data flows.
const std::vector<std::string>& SectionNames();
// "sources"; each holds nodes of one kind.
std::string_view SectionOf(Kind kind);

std::string_view AgentSchemaText();
std::string_view PolicySchemaText();
std::string NodeSchemaText(Kind kind);

const Schema& AgentSchema();
const Schema& PolicySchema();
const Schema& NodeSchema(Kind kind);

}  // namespace heald
