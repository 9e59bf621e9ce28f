// Policies that several tests of this folder begin with.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <utility>

#include "tests/remedy/world.h"

namespace heald::remedy {

inline PolicySpec Shadow() {
  PolicySpec policy = MakePolicy();
  policy.mode = Mode::kShadow;
  return policy;
}

inline void AddAction(const std::string& name, PipelineSpec* spec) {
  NodeSpec more = *spec->FindNode("restart");
  more.name = name;
  spec->nodes.push_back(std::move(more));
}

// A restart, then `last`; each has the policy's guards.
inline PipelineSpec TwoSteps(PolicySpec policy, int64_t verify_within_ns,
                             const std::string& last = "scale_out") {
  for (const std::string& action : {std::string("restart"), last}) {
    StepSpec step;
    step.action = action;
    step.verify_within_ns = verify_within_ns;
    step.guard = policy.guard;
    policy.steps.push_back(std::move(step));
  }
  PipelineSpec spec = MakeSpec({policy});
  if (last != "alert") AddAction(last, &spec);
  return spec;
}

// Lines that say so.
inline size_t Count(const std::vector<std::string>& lines, const std::string& part) {
  return static_cast<size_t>(
      std::count_if(lines.begin(), lines.end(),
                    [&](const std::string& line) { return line.find(part) != std::string::npos; }));
}

inline Mode ModeNow(World& world) {
  return world.engine->policies().front().mode;
}

}  // namespace heald::remedy
