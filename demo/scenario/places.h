// Where a run of the demo happens: ports, state folder, programs. The interactive run uses the
// known ports, a scenario any free ones. Used by the session.
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "demo/tools/targets.h"

namespace heald::demo {

struct Places {
  std::map<std::string, uint16_t> ports;  // by service
  std::string listen;                     // of heald, host:port
  std::string state_dir;                  // absolute
  std::string bin_dir;                    // absolute; of this program
  std::string pipeline;
  bool clean_start = false;  // chaos from the shell's environment is kept away
  std::string own_disk;  // where payments' disk is to be a file system of its own; empty: nowhere

  std::string heald_log() const { return state_dir + "/heald.log"; }
  std::string dashboard() const;  // http://host:port
  std::vector<Target> targets() const;
  // What configs/demo.yaml is filled in with.
  std::map<std::string, std::string> environment() const;
};

// From the environment and its defaults; errors name the variable.
Result<Places> InteractivePlaces(const std::string& pipeline);
// Free ports and a new folder for temporary files.
Result<Places> PrivatePlaces(const std::string& pipeline);

// HEALD_DEMO_PAYMENTS_PORT
std::string PortVariable(const std::string& service);
// One line per port that is taken, with who holds it and what changes it; empty when all are free.
// `excused` services may hold theirs.
std::string BusyPorts(const Places& places, const std::vector<std::string>& excused);

// An empty state folder, or what is left in it by an earlier demo when `keep`. Refuses a folder
// that isn't the demo's.
Status PrepareState(const Places& places, bool keep);

}  // namespace heald::demo
