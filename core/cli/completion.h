// Completion for bash, zsh and fish, made from the command line's definition.
// Thread rule: any thread.
#pragma once

#include <string>

#include "core/cli/command.h"

namespace heald::cli {

std::string BashCompletion(const Command& program);
std::string ZshCompletion(const Command& program);
std::string FishCompletion(const Command& program);

// `heald completion SHELL`
int Completion(const std::string& shell, const Command& program);

}  // namespace heald::cli
