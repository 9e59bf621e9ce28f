// What of the manual pages the program itself knows best, as roff. docs/man has the rest of them,
// and how the two are joined. Thread rule: the main thread.
#pragma once

#include <string>

#include "core/cli/command.h"

namespace heald::cli {

// `commands` for heald(1): every verb with its options; `keys` for heald-pipeline(5): every key of
// a pipeline file that isn't a plugin's.
int Manual(const std::string& section, const Command& program);

}  // namespace heald::cli
