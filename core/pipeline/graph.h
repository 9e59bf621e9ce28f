// Type-checks a pipeline: is every edge between nodes that exist, of the right record type, without
// cycles, with nothing left unconnected and nothing enforced unguarded? Sees the spec only, never
// YAML: whoever called turns paths into lines. Used by config and by `heald graph`.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/model/component.h"
#include "core/pipeline/spec.h"

namespace heald {

struct GraphProblem {
  std::string path;  // RFC 6901 into the file
  std::string message;
  std::string hint;
  bool warning = false;
  // Part of the text at `path` that is meant; 0 characters: all of it.
  size_t offset = 0;
  size_t length = 0;
};

// What the caller knows to be wrong already, so that one mistake gives one message.
struct GraphDoubts {
  std::set<std::string> untyped;  // nodes whose plugin or config is at fault: outputs unknown
  std::set<std::string> unread;   // nodes and policies of which part couldn't be read
  bool missing_nodes = false;     // a whole section couldn't be read
};

// Drops the edges to disabled nodes, with a warning each.
std::vector<GraphProblem> CheckGraph(const Catalog& catalog, const GraphDoubts& doubts,
                                     PipelineSpec* spec);

// The records a node emits and takes; 0 where the catalog doesn't know the plugin.
uint32_t OutputsOf(const Catalog& catalog, const NodeSpec& node);
uint32_t InputsOf(const Catalog& catalog, const NodeSpec& node);
// What a policy takes, and emits under its own name.
inline constexpr uint32_t kPolicyInputs = kFindings;
inline constexpr uint32_t kPolicyOutputs = kDecisions | kOutcomes | kIncidents;

}  // namespace heald
