// What this process knows of itself, so that heald never acts on itself: its process id, its host's
// name, the container that it runs in. Used by the agent. Thread rule: any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/remedy/self.h"

namespace heald::agent {

remedy::ProcessIdentity ThisProcess();

// The container's id in the text of /proc/self/cgroup, or of /proc/self/mountinfo where the kernel
// hides it from the first; empty: in none.
std::string ContainerIn(std::string_view cgroup, std::string_view mountinfo);

}  // namespace heald::agent
