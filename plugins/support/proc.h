// What /proc says about processes: enough to tell one process from another that later got the same
// pid, and to find children that were started just before the agent died. Used where
// plugins run programs. Thread rule: free functions without state.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heald::support {

struct ProcessStat {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  char state = 0;            // 'Z': ended, waiting to be reaped
  uint64_t start_ticks = 0;  // since boot; with pid and boot id it names one process for ever
};

// False where no such process exists.
bool ReadStat(pid_t pid, ProcessStat* stat);
// Running (not a zombie) and started at start_ticks.
bool IsAlive(pid_t pid, uint64_t start_ticks);
// Seconds since the process started.
double AgeSeconds(uint64_t start_ticks);
// Changes with every boot of the machine.
std::string BootId();
// The value of one variable in the environment the process was started with; empty where it has
// none or where it may not be read.
std::string EnvironmentOf(pid_t pid, std::string_view variable);
// Every living process whose environment has variable=value.
std::vector<ProcessStat> FindByEnvironment(std::string_view variable, std::string_view value);
// Of those, the one that the others descend from; pid 0 where there is none.
ProcessStat FindLeader(std::string_view variable, std::string_view value);

}  // namespace heald::support
