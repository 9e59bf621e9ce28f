// Weeks of incidents in numbers: how many, how long, how many without a person, what people said of
// them. Read from the journal; shown by GET /api/v1/reports/weekly, `heald report`, the dashboard
// and the metrics. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/store/store.h"

namespace heald::remedy {

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
  std::vector<NamedFigures> targets;   // most incidents first, at most kTargets
};

inline constexpr size_t kReportTargets = 10;
inline constexpr int kMostWeeks = 53;

Result<WeeklyReport> ReadWeekly(HistoryReader* history, int weeks, int64_t now_ns);
// The incidents of the last so many ns, without weeks.
Result<Figures> ReadFigures(HistoryReader* history, int64_t since_ns);

}  // namespace heald::remedy
