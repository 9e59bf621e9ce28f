// How well policies and predictions have done, read from the journal; and which policies keep
// failing and therefore have to ask. Used by the engine, the API, the metrics and `heald report`.
// Thread rule: plain values; Failures belongs to the engine's strand.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/pipeline/guard_spec.h"
#include "core/store/store.h"

namespace heald::remedy {

inline constexpr int64_t kEfficacyNs = 30 * kDay;  // how far back

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

// By policy. `tells`: whether an action only tells people.
Result<std::map<std::string, PolicyEfficacy, std::less<>>> ReadEfficacy(
    HistoryReader* history, int64_t since_ns,
    const std::function<bool(std::string_view action)>& tells);

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

// By detector.
Result<std::vector<ForecastScore>> ReadForecastScores(HistoryReader* history, int64_t since_ns);

// The nearest-rank quantile; 0 where there is nothing. Reorders the values.
int64_t Quantile(std::vector<int64_t>* values, double q);
// What became of a decision that wasn't carried out: "cleared by itself after 40 s: …"; empty while
// the incident is open, and where something was done.
std::string Afterwards(const Decision& decision, const Incident& incident);

// The latest executions of each policy, and how many of them failed. Of a chain of attempts in one
// incident that ends well none counts as failed.
class Failures {
 public:
  // The name of the journal's setting that holds since when failures count.
  static std::string Setting(std::string_view policy);

  bool Knows(std::string_view policy) const { return policies_.contains(policy); }
  // What the journal has, newest first.
  void Load(std::string_view policy, std::vector<EndedExecution> ended);
  void Add(std::string_view policy, const EndedExecution& ended);
  // A person decided anew: what was before doesn't count any more.
  void Forget(std::string_view policy) { policies_[std::string(policy)].clear(); }
  uint64_t Failed(std::string_view policy, uint64_t of) const;
  uint64_t Known(std::string_view policy, uint64_t of) const;

 private:
  std::map<std::string, std::deque<EndedExecution>, std::less<>> policies_;  // oldest first
};

}  // namespace heald::remedy
