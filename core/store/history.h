// What the journal tells about weeks: incidents, executions, decisions and predictions, row by row
// and without their records, for efficacy and reports (remedy/efficacy.h, remedy/report.h).
// Part of StoreReader. Thread rule: as in store.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/forecast.h"
#include "core/model/incident.h"
#include "core/store/progress.h"

namespace heald {

enum class ExecutionState : uint8_t;

// Texts live until the call that gets them returns.
struct IncidentRow {
  uint64_t id = 0;
  IncidentState state = IncidentState::kOpen;
  Resolution resolution = Resolution::kNone;
  bool needed_person = false;
  int64_t opened_ns = 0;
  int64_t began_ns = 0;
  int64_t closed_ns = 0;
  std::string_view healed_by;  // policy
  std::string_view label;
  std::string_view target;  // JSON
};

struct ExecutionRow {
  std::string_view policy;
  std::string_view action;
  ExecutionState state{};
  int64_t issued_ns = 0;
  int64_t ended_ns = 0;
  int64_t began_ns = 0;  // what it was done about
  Proof proof = Proof::kPlain;
};

struct DecisionCount {
  std::string policy;
  DecisionVerdict verdict = DecisionVerdict::kRefused;
  uint64_t count = 0;
};

// An incident that a policy would have acted on, and that cleared by itself.
struct ClearedRow {
  std::string_view policy;
  int64_t after_ns = 0;  // since the decision
  bool shadow = false;   // it was only told what would be done
};

struct ForecastRow {
  std::string_view detector;
  ForecastOutcome outcome = ForecastOutcome::kPending;
  double probability = 0;
  int64_t made_ns = 0;
  int64_t happened_ns = 0;
};

// An execution that really was issued and has ended.
struct EndedExecution {
  uint64_t incident = 0;
  int64_t ended_ns = 0;
  bool failed = false;
  uint32_t step = 1;          // of the policy's chain
  bool goes_on = false;       // to its next step: not the end of the chain yet
  std::string action = {};    // where it was read from the journal
  bool did_not_last = false;  // it helped, and what was wrong began again soon: failed as well
};

class HistoryReader {
 public:
  virtual ~HistoryReader() = default;
  template <typename Row>
  using Take = std::function<void(const Row&)>;

  // Opened since then, oldest first.
  virtual Status EachIncident(int64_t since_ns, const Take<IncidentRow>& take);
  // Planned since then.
  virtual Status EachExecution(int64_t since_ns, const Take<ExecutionRow>& take);
  virtual Result<std::vector<DecisionCount>> DecisionCounts(int64_t since_ns);
  virtual Status EachCleared(int64_t since_ns, const Take<ClearedRow>& take);
  // Judged since then.
  virtual Status EachForecast(int64_t since_ns, const Take<ForecastRow>& take);
  // The latest of a policy that ended after `since_ns`, newest first.
  virtual Result<std::vector<EndedExecution>> EndedOf(std::string_view policy, int64_t since_ns,
                                                      size_t limit);
  virtual Result<std::vector<Forecast>> PendingForecasts();
};

}  // namespace heald
