// Whether a policy's steps make sense one after the other: bounded, no bolder than the policy,
// nothing after the end. Part of the type check in graph.h, used by it only.
// Thread rule: pure functions.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/pipeline/graph.h"

namespace heald {

// True of an action that only tells people.
using IsAlert = std::function<bool(const std::string& action)>;

std::vector<GraphProblem> CheckSteps(const PolicySpec& policy, const IsAlert& is_alert);

// "step 2 (scale_out) of policy 'slow'"
std::string StepName(const PolicySpec& policy, size_t index);

}  // namespace heald
