// What may have caused an incident: which signal deviated first, what a detector names as its
// share, what was changed shortly before. Collected by the engine as audit rows of the incident;
// read back by the API and `heald explain`. Thread rule: plain values and pure functions.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "core/model/incident.h"
#include "core/store/store.h"

namespace heald::remedy {

struct Hint {
  int64_t ts_ns = 0;
  std::string text;
};

inline constexpr std::string_view kHintEvent = "incident.hint";
// Of an incident's audit rows, in the order of what they tell of.
std::vector<Hint> HintsOf(const std::vector<AuditEvent>& events);

// Where a finding stands among those that were there before it.
std::optional<Hint> OrderHint(const std::vector<Finding>& before, const Finding& finding);
// "latency_p99 of payments: cpu 62 %, queue 30 %"
std::optional<Hint> ContributorsHint(const Finding& finding);

// What was changed lately, by people, by heald and, told by detectors as events, by others.
class Changes {
 public:
  // A row of the audit trail, if it tells of a change.
  void Add(const AuditEvent& event, const Labels& target);
  // A detector's event, such as a restart that it saw.
  void Add(const Finding& event, const Labels& target);
  // Those before `began_ns` that may concern the target, latest first.
  std::vector<Hint> Before(int64_t began_ns, int64_t now_ns, const Labels& target) const;

 private:
  struct Change {
    int64_t ts_ns;
    std::string text;
    Labels target;  // empty: concerns all
  };
  void Keep(Change change);
  std::deque<Change> changes_;  // oldest first
};

}  // namespace heald::remedy
