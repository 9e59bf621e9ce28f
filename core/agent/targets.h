// The targets that are watched, with the latest value of their signals and how they are: what the
// API shows as services. Used by the agent. Thread rule: pure functions over a thread-safe table.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/api/records.h"
#include "core/model/series.h"

namespace heald::agent {

// An incident's header, as far as a target's health depends on it.
struct TargetIncident {
  uint64_t id = 0;
  Labels target;
  IncidentState state = IncidentState::kOpen;
  Severity severity = Severity::kNormal;
  std::string summary;
};

struct TargetFacts {
  std::vector<std::string> group_by;
  std::map<uint32_t, std::string> sources;  // name by node index
  std::vector<TargetIncident> open;
  std::map<std::string, uint64_t> last_incidents;  // ended ones, by the target's text
  int64_t now_ns = 0;
};

// Sorted by name. Series without any label of group_by belong to their instance, where that isn't
// one of a target's, or to no target.
std::vector<api::ServiceHealth> ListTargets(const SeriesTable& series, const TargetFacts& facts);

}  // namespace heald::agent
