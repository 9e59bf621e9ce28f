// Which pods of a node a drain evicts, leaves or refuses. Used by drain.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "plugins/actions/kubernetes/config.h"

namespace heald::kubernetes {

struct DrainPods {
  std::vector<Json> evicted;         // to go; some may be ending already
  std::vector<std::string> left;     // of DaemonSets, and static ones
  std::vector<std::string> refused;  // why the drain must not begin
};

DrainPods Classify(const std::vector<Json>& pods, const Config& params);

}  // namespace heald::kubernetes
