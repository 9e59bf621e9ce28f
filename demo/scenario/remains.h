// Services that an agent left running when it was killed: heald marks its children in their
// environment. Used before a start, to tell them from strangers on a port, and after an end, to
// leave nothing behind.
// Thread rule: reads /proc; one thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace heald::demo {

struct Remain {
  pid_t pid = 0;
  std::string service;
  pid_t agent = 0;  // the heald that still runs it; 0: it was killed
};

// Of an agent with this state folder.
std::vector<Remain> FindRemains(const std::string& state_dir);
// SIGTERM, SIGKILL after three seconds; returns when none is left.
void EndRemains(const std::string& state_dir);

}  // namespace heald::demo
