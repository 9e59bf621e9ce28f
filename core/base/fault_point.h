// Places where a test may kill the agent, to prove that nothing is lost or done twice. With
// HEALD_FAULT_POINT=<name> in the environment the process kills itself with SIGKILL there.
// Thread rule: any thread.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace heald {

inline void FaultPoint(std::string_view name) {
  static const char* const chosen = std::getenv("HEALD_FAULT_POINT");
  if (chosen != nullptr && name == chosen) kill(getpid(), SIGKILL);
}

}  // namespace heald
