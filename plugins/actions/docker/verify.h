// Whether what was asked of a container has come true. Used by the docker action.
// Thread rule: pure functions.
#pragma once

#include <cstdint>

#include "heald/plugin.h"
#include "plugins/support/docker/container.h"

namespace heald::docker {

// Is a container that should run up and well by its own account? now_s: the Engine's clock.
// stable_for_ns: the uptime that counts as well where there is no health check.
sdk::Effect JudgeUp(const Container& container, int64_t now_s, int64_t stable_for_ns);

// How long JudgeUp may take to say done, from the start of the container on.
int64_t UpWithinNs(const Container& container, int64_t stable_for_ns);

}  // namespace heald::docker
