// How well heald does, in numbers: policies, predictions, weeks of incidents. Made by
// remedy/efficacy.h and remedy/report.h from the journal; shown by the API, `heald report`, the
// dashboard and the metrics. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "core/model/finding.h"

namespace heald {

struct PolicyEfficacy {
  std::string policy;
  // Executions that were really issued. Telling people is none.
  uint64_t attempts = 0;
  uint64_t verified = 0;
  uint64_t failed = 0;
  uint64_t undone = 0;
  // Decisions.
  uint64_t refused = 0;
  uint64_t would_act = 0;
  double success_ratio = kUnknown;  // of those that ended
  // From the incident's beginning to the verification; 0: none yet.
  int64_t recover_median_ns = 0;
  int64_t recover_p90_ns = 0;
  // Incidents that it would have acted on and that cleared although nothing was done.
  uint64_t cleared_by_itself = 0;
  uint64_t cleared_in_shadow = 0;  // of those, after it had said what it would do
  int64_t cleared_median_ns = 0;   // after its first decision
};

struct ForecastScore {
  std::string detector;
  uint64_t came_true = 0;
  uint64_t averted = 0;
  uint64_t false_alarms = 0;
  uint64_t undecidable = 0;
  double precision_ratio = kUnknown;  // came true, of those and the false alarms
  double brier_score = kUnknown;      // of the same; 0 is perfect, 0.25 a coin
  int64_t lead_median_ns = 0;         // from the saying to the event
};

struct EfficacyReport {
  int64_t since_ns = 0;
  std::vector<PolicyEfficacy> policies;
  std::vector<ForecastScore> predictions;
};

// Of the incidents that began to be recorded in some time. Storms count as one each.
struct Figures {
  uint64_t incidents = 0;
  uint64_t open = 0;
  uint64_t healed = 0;         // an action of heald's was verified
  uint64_t by_itself = 0;      // nothing was done
  uint64_t after_failure = 0;  // heald's actions had failed
  uint64_t needed_person = 0;  // somebody was asked or told to come
  uint64_t avoided_pages = 0;  // healed, and nobody was needed
  uint64_t false_positives = 0;
  uint64_t labelled = 0;
  double healed_ratio = kUnknown;  // of those that ended
  // From the first finding's beginning to the incident's end. False positives and noise don't
  // count. 0: none.
  int64_t mttr_mean_ns = 0;
  int64_t mttr_median_ns = 0;
};

struct Week {
  int64_t from_ns = 0;  // Monday, 00:00 UTC
  int64_t to_ns = 0;    // the next one, or now
  Figures figures;
};

struct NamedFigures {
  std::string name;
  Figures figures;
};

struct WeeklyReport {
  int64_t now_ns = 0;
  std::vector<Week> weeks;  // newest first, also empty ones
  Figures total;
  std::vector<NamedFigures> policies;  // that healed, most incidents first
  std::vector<NamedFigures> targets;   // most incidents first, the first ten
};

}  // namespace heald
