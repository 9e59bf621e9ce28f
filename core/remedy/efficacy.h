// How well policies and predictions have done, read from the journal; and which policies keep
// failing and therefore have to ask. Used by the engine, the API, the metrics and `heald report`.
// Thread rule: plain values; Failures belongs to the engine's strand.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/report.h"
#include "core/pipeline/guard_spec.h"
#include "core/store/store.h"

namespace heald::remedy {

inline constexpr int64_t kEfficacyNs = 30 * kDay;  // how far back

// By policy. `tells`: whether an action only tells people.
Result<std::map<std::string, PolicyEfficacy, std::less<>>> ReadEfficacy(
    HistoryReader* history, int64_t since_ns,
    const std::function<bool(std::string_view action)>& tells);

// By detector.
Result<std::vector<ForecastScore>> ReadForecastScores(HistoryReader* history, int64_t since_ns);

// The nearest-rank quantile; 0 where there is nothing. Reorders the values.
int64_t Quantile(std::vector<int64_t>* values, double q);
// What became of a decision that wasn't carried out: "cleared by itself after 40 s: …"; empty while
// the incident is open, and where something was done.
std::string Afterwards(const Decision& decision, const Incident& incident);

// The latest executions of each policy, and how many of them failed; a chain of steps counts as
// one, which ended as its last step did, and only once it has ended. Of the attempts in one
// incident that ends well none counts as failed.
class Failures {
 public:
  // The name of the journal's setting that holds since when failures count.
  static std::string Setting(std::string_view policy);

  bool Knows(std::string_view policy) const { return policies_.contains(policy); }
  // What the journal has, newest first.
  void Load(std::string_view policy, std::vector<EndedExecution> ended);
  // False: it was known already.
  bool Add(std::string_view policy, const EndedExecution& ended);
  // The chain in that incident doesn't go on: from now on its failure counts.
  void Conclude(std::string_view policy, uint64_t incident);
  // A person decided anew: what was before doesn't count any more.
  void Forget(std::string_view policy) { policies_[std::string(policy)].clear(); }
  uint64_t Failed(std::string_view policy, uint64_t of) const;
  uint64_t Known(std::string_view policy, uint64_t of) const;

 private:
  struct Counted {
    uint64_t known = 0;
    uint64_t failed = 0;
  };
  Counted Latest(std::string_view policy, uint64_t of) const;

  std::map<std::string, std::deque<EndedExecution>, std::less<>> policies_;  // oldest first
};

}  // namespace heald::remedy
