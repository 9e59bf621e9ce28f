// What a backtest's ledger comes to: the numbers that its report shows, for one pipeline, and what
// two of them saw differently. Used by `heald backtest`. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/backtest/backtest_run.h"
#include "core/backtest/label_windows.h"

namespace heald::backtest {

struct DetectorSummary {
  std::string name;
  std::string plugin;
  uint64_t findings = 0;
  std::map<Severity, uint64_t> by_severity;  // the highest that each had
  double per_day = 0;
  int64_t open_ns = 0;      // while at least one was open
  int64_t median_ns = 0;    // from told to cleared
  size_t worst = SIZE_MAX;  // index into the ledger's findings
  // Predictions:
  uint64_t predictions = 0;
  uint64_t came_true = 0;
  uint64_t false_alarms = 0;
  int64_t median_lead_ns = 0;  // told before it happened
};

// How history went on after an act.
enum class Afterwards : uint8_t { kCleared, kStillBad, kUnknown };

struct PolicySummary {
  std::string name;
  Mode mode = Mode::kShadow;
  bool enabled = true;
  uint64_t executed = 0;                      // in mode enforce
  uint64_t would_act = 0;                     // in mode shadow, or as a dry run
  uint64_t asked = 0;                         // in mode approve
  uint64_t told = 0;                          // alerts
  uint64_t incidents = 0;                     // with one of these
  std::map<std::string, HeldBack> held_back;  // by guard
  // Of those that change something:
  uint64_t cleared = 0;  // within `by_itself` after it: it wasn't needed, or history healed it
  uint64_t still_bad = 0;
  uint64_t unknown = 0;         // history ends before
  int64_t median_wait_ns = 0;   // from the finding's begin to the act
  int64_t median_clear_ns = 0;  // from the act to all well, of those that cleared at all
};

struct EntitySummary {
  std::string target;
  uint64_t incidents = 0;
  uint64_t findings = 0;
  uint64_t acts = 0;
  int64_t open_ns = 0;
  Severity worst = Severity::kNormal;
};

struct LabelSummary {
  struct Of {
    LabelWindow window;
    bool found = false;
    uint64_t incident = 0;
    int64_t delay_ns = 0;  // from its start; negative: before
  };
  std::vector<Of> windows;
  uint64_t found = 0;
  uint64_t incidents_in = 0;  // incidents that overlap one
  uint64_t incidents = 0;
  int64_t median_delay_ns = 0;
};

struct Summary {
  double days = 0;
  uint64_t incidents = 0;  // that people would be told of
  uint64_t quiet = 0;      // that were muted by another
  double alerts_per_day = 0;
  std::vector<std::pair<int64_t, uint64_t>> by_day;  // UTC midnight, incidents
  uint64_t by_itself = 0;  // cleared within by_itself_ns after they were told
  uint64_t judged = 0;     // of these many
  uint64_t open_at_end = 0;
  int64_t median_open_ns = 0;
  std::vector<DetectorSummary> detectors;
  std::vector<PolicySummary> policies;
  std::vector<EntitySummary> entities;  // most incidents first
  std::optional<LabelSummary> labels;
};

// When that incident, or the act's finding, was over; 0: it was not.
int64_t ClearedAt(const Ledger& ledger, const Act& act);
Afterwards AfterAct(const Backtest& run, const Act& act, int64_t by_itself_ns);

Summary Summarize(const Backtest& run, const std::vector<LabelWindow>& labels,
                  int64_t by_itself_ns);

// Incidents of `of`, by index, that `other` has nothing of at that time for that target.
std::vector<size_t> OnlyIn(const Backtest& of, const Backtest& other);

}  // namespace heald::backtest
