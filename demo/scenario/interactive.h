// The demo as a person sees it: what is started, what heald finds and does, until Ctrl-C. Used by
// main.
// Thread rule: the main thread.
#pragma once

#include <string>

#include "core/base/result.h"
#include "demo/scenario/agent_api.h"

namespace heald::demo {

// Returns the exit code: 0 after Ctrl-C, 1 when something could not start or heald ended.
int RunInteractive(const std::string& pipeline);

// The line for an event, without the time; empty for what would only repeat another line.
// `fault_ns` is when the fault began, 0 when nobody knows.
std::string LineFor(const AgentEvent& event, int64_t fault_ns);

}  // namespace heald::demo
