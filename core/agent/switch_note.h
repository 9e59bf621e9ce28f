// The switch went off while the journal couldn't be read: a file in agent.state_dir says so, until
// the journal does. Used by the agent. Thread rule: one thread at a time.
#pragma once

#include <optional>
#include <string>

#include "core/base/result.h"

namespace heald::agent {

// On disk when it returns.
[[nodiscard]] Status WriteSwitchNote(const std::string& state_dir, const std::string& actor);
// Who switched it off; none: nobody did. A note that can't be read counts as off.
std::optional<std::string> ReadSwitchNote(const std::string& state_dir);
// Once the journal says it.
[[nodiscard]] Status RemoveSwitchNote(const std::string& state_dir);

}  // namespace heald::agent
