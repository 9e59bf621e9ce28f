// Whether a policy asks of its actions what these can do at all: undo, and a part of their target
// first. Part of the type check in graph.h, used by it only. Thread rule: pure functions.
#pragma once

#include <vector>

#include "core/pipeline/graph.h"

namespace heald {

// What an action can't tell before it has made a plan is left to the plan.
std::vector<GraphProblem> CheckAbilities(const Catalog& catalog, const GraphDoubts& doubts,
                                         const PipelineSpec& spec, const PolicySpec& policy);

}  // namespace heald
