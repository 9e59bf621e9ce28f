// Reads the definition of the command line back out of CLI11. Used by main.cc, of whose target it
// is a part: no other one uses CLI11. Thread rule: any thread.
#pragma once

#include "core/cli/command.h"

namespace CLI {
class App;
}

namespace heald::cli {

// Without verbs that are hidden.
Command Describe(const CLI::App& app);

}  // namespace heald::cli
