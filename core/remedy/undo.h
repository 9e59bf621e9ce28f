// Taking back what an execution did: of a step that failed, or some time after one that healed,
// when its incident may be closed. Internal to the engine. Thread rule: the engine's strand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/remedy/incidents.h"
#include "core/store/store.h"

namespace heald::remedy {

struct UndoTask {
  enum class Phase : uint8_t { kWaiting, kCalling, kObserving };

  uint64_t id = 0;     // numbered with the runs, so that either may hold a lease
  OpenIncident about;  // its incident without findings, which the book may have no more
  Decision decision;
  Execution execution;  // execution.progress.undo is what this is about
  uint64_t run = 0;     // whose chain waits for it; 0: none
  Phase phase = Phase::kWaiting;
  int64_t due_ns = INT64_MAX;  // of its timer
  uint64_t call = 0;           // serial of the call in flight; 0: none
  bool recovered = false;      // nobody saw what became of its undo(): a restart, or an outage
  int64_t recovered_ns = 0;
  int64_t refused_ns = 0;  // since when its credentials are refused; 0: they aren't
  bool unreached = false;  // the latest undo() didn't reach the target, or its answer got lost
  bool looked = false;     // it is due again, and the target shows that it is still to be undone
  int64_t observe_step_ns = 0;
  std::vector<Call> calls;  // that undo() made
  std::string reply;        // what it said
  std::string last_effect;  // what the latest observe() said

  Undo& undo() { return execution.progress.undo; }
  const Undo& undo() const { return execution.progress.undo; }
};

}  // namespace heald::remedy
