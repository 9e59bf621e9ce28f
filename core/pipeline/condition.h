// The names in a policy's condition or a canary's check: is each a finding field, a query of some
// source, or a label? Part of the type check in graph.h, used by it only. Thread rule: pure
// functions.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/pipeline/graph.h"

namespace heald {

struct ConditionCheck {
  std::vector<GraphProblem> problems;
  std::set<std::string> read;  // sources whose samples the condition needs
};

// `path` is where the condition stands. `must_be_decided`: nothing goes on while it can't be, so a
// name that is only perhaps a label is worth a word.
ConditionCheck CheckCondition(const Catalog& catalog, const GraphDoubts& doubts,
                              const PipelineSpec& spec, const When& when, const std::string& path,
                              bool must_be_decided);

// Nothing when `source` gives edge.output.
std::optional<GraphProblem> CheckSourceOutput(const Catalog& catalog, const NodeSpec& source,
                                              const InputRef& edge);

}  // namespace heald
