// What another pipeline changes in what people rely on: dry run, which policies there are, how far
// each may go and what holds it. For the log, the audit trail and whoever asked for the reload.
// Thread rule: pure function.
#pragma once

#include <string>
#include <vector>

#include "core/pipeline/spec.h"

namespace heald::remedy {

// A sentence each: "policy p: shadow -> enforce, cooldown 10m -> 1m". Both as they are in force.
std::vector<std::string> PolicyChanges(const PipelineSpec& before, const PipelineSpec& after);
// The first of them in one line; "" for none.
std::string ChangesText(const std::vector<std::string>& changes);

}  // namespace heald::remedy
