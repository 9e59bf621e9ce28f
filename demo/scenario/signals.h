// Ctrl-C, SIGTERM and SIGHUP as something to wait for instead of something that interrupts: all
// threads block them, the main thread asks. Used by the demo's main loop and the scenarios.
// Thread rule: BlockSignals before the first thread; the rest from the main thread.
#pragma once

#include <cstdint>

namespace heald::demo {

void BlockSignals();
// Sleeps; true at once when someone wants an end, and from then on always.
[[nodiscard]] bool PauseOrStop(int64_t duration_ns);

}  // namespace heald::demo
