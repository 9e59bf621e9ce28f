// How many calls of one action may overlap. Used by the node, which has the threads, and by the
// remediation engine, which doesn't issue what would only wait. Thread rule: any thread.
#pragma once

#include "core/pipeline/spec.h"

namespace heald {

inline unsigned ActionThreads(const NodeSpec& action) {
  return action.reentrant ? 4 : 1;
}

// Calls that change something; beside them there is always a thread to look at targets with.
inline unsigned ActionRoom(const NodeSpec& action) {
  return action.reentrant ? 3 : 1;
}

}  // namespace heald
