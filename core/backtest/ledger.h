// What a pipeline found and would have done, noted while it runs over recorded history: plain
// records, small, in order of appearance. Filled by backtest_run.cc, summed up by summary.h.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/model/forecast.h"
#include "core/model/incident.h"
#include "core/pipeline/spec.h"
#include "core/remedy/events.h"

namespace heald::backtest {

// Its texts are the ledger's own and live as long as that.
struct FoundFinding {
  std::string_view detector;
  std::string_view metric;
  std::string_view target;  // TargetName
  std::string_view unit;
  FindingKind kind = FindingKind::kAnomaly;
  Severity severity = Severity::kNormal;  // the highest it had; value, expected, score are of then
  double value = kUnknown;
  double expected_low = kUnknown;
  double expected_high = kUnknown;
  double score = 0;
  int64_t began_ns = 0;    // by the samples
  int64_t told_ns = 0;     // when the detector said so
  int64_t cleared_ns = 0;  // 0: still open at the end
  bool recovered = false;  // it cleared because all was well again
  uint64_t incident = 0;   // 0: of none
  // Of a prediction:
  double probability = kUnknown;
  int64_t eta_ns = 0;
  ForecastOutcome outcome = ForecastOutcome::kPending;
  int64_t happened_ns = 0;
};

// A decision that no guard refused.
struct Act {
  std::string policy;
  std::string action;
  std::string plan;
  std::string why;
  Mode mode = Mode::kShadow;
  DecisionVerdict verdict = DecisionVerdict::kWouldAct;
  bool dry_run = false;
  bool tells_only = false;  // an alert
  uint32_t step = 1;
  uint32_t attempt = 1;
  uint64_t incident = 0;
  size_t finding = SIZE_MAX;  // index into findings
  int64_t ts_ns = 0;
  int64_t began_ns = 0;   // of its finding
  int64_t verify_ns = 0;  // how long the policy waits for the effect
  bool verified = false;  // by the engine: in the history it cleared within that time
};

struct SeenIncident {
  uint64_t id = 0;
  std::string target;  // TargetName
  std::string target_key;
  std::string summary;
  Severity severity = Severity::kNormal;
  int64_t began_ns = 0;
  int64_t opened_ns = 0;
  int64_t closed_ns = 0;  // 0: still open at the end
  bool quiet = false;     // muted by another one
  std::vector<size_t> findings;
  std::vector<size_t> acts;
  std::vector<double> recent;  // values before and around its beginning
  double expected_low = kUnknown;
  double expected_high = kUnknown;
  std::string unit;
};

// What a guard held back, of one policy.
struct HeldBack {
  uint64_t times = 0;
  std::string example;  // the latest reason
};

class Ledger final : public remedy::EventSink {
 public:
  // Policies' verify times, and which actions only tell.
  explicit Ledger(const PipelineSpec& spec);

  void OnFinding(const Finding& finding, int64_t now_ns);
  // remedy::EventSink
  void OnNotice(const remedy::Notice& notice) override;
  void OnProblem(const Error& error) override;
  void OnJudged(const Forecast& forecast) override;

  std::vector<FoundFinding> findings;
  std::vector<Act> acts;
  std::vector<SeenIncident> incidents;
  std::map<std::string, std::map<std::string, HeldBack>> held_back;  // policy -> guard
  std::vector<std::string> problems;

 private:
  static constexpr size_t kMaxRecent = 2000;  // incidents with the values around their beginning

  std::string_view Keep(const std::string& text) { return *texts_.insert(text).first; }
  void OnIncident(const remedy::Notice& notice);
  void OnDecision(const remedy::Notice& notice);
  SeenIncident& IncidentOf(const Incident& incident);

  const PipelineSpec& spec_;
  std::unordered_set<std::string> texts_;
  std::unordered_map<std::string, size_t> open_findings_;  // by id
  std::unordered_map<std::string, size_t> predictions_;    // by id, also cleared ones
  std::unordered_map<uint64_t, size_t> incident_of_;       // by id
  std::unordered_map<std::string, size_t> act_of_;         // by decision, until it has ended
};

}  // namespace heald::backtest
