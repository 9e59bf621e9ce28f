// A policy as the API tells it. Used by the agent. Thread rule: pure functions; with an engine, its
// lane.
#pragma once

#include "core/api/records.h"
#include "core/pipeline/spec.h"
#include "core/remedy/engine.h"

namespace heald::agent {

// As the file has it: before the journal says what people changed.
api::PolicyStatus PolicyStatusOf(const PolicySpec& policy, const AgentSpec& agent);
// As it is in force.
api::PolicyStatus PolicyStatusOf(const PolicySpec& policy, const remedy::Engine& engine);

}  // namespace heald::agent
