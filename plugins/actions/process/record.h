// What must be known about a service after the agent was killed: one small JSON file per service,
// replaced in one step. Used by the process action's Service.
// Thread rule: free functions and plain values; one writer per file.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace heald::process {

// Written before and after each step, so that a kill between two steps leaves a trace of both.
struct Record {
  std::string instance;   // id of the child that runs or is about to be started
  std::string replacing;  // id of the child that a restart is to end; empty: none under way
  bool want_up = true;    // false: an action stopped it
  pid_t pid = 0;          // 0: about to be started
  uint64_t start_ticks = 0;
  std::string boot_id;
  std::string fingerprint;  // of the command that was started
};

// Nothing: no file, or not ours. *problem then says why when there is a file.
std::optional<Record> ReadRecord(const std::string& path, std::string* problem);
// Empty, or why it could not be written.
std::string WriteRecord(const std::string& path, const Record& record);

}  // namespace heald::process
