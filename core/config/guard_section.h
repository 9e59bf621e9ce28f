// Guards of policies and of the agent, and `inhibit:`: from typed values to the spec, with a
// message at the very place of what makes no sense. Used by the loader. Thread rule: as its
// context.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/coerce.h"
#include "core/pipeline/spec.h"

namespace heald {

// `value` is the typed `guard:` of a policy, at `path`.
void ReadGuard(const Value& value, const std::string& path, LoadContext* context, GuardSpec* guard);
// `value` is the typed `agent:` section.
void ReadAgentGuards(const Value& value, LoadContext* context, AgentSpec* agent);

// Of one rule, for the schema of whole files.
std::string_view InhibitSchemaText();
// Returns the section as typed. Rules name detectors, which `spec` must have already.
Value ReadInhibit(const YamlNode& section, const PipelineSpec& spec, LoadContext* context,
                  std::vector<InhibitRule>* rules);

}  // namespace heald
