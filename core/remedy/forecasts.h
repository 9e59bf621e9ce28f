// Holds predictions to their word: keeps what was said when each was made, watches whether it
// happens, and judges it. The truth is the threshold that the detector names: the value crossed it
// before the time it was foreseen for, or it didn't. Without a threshold it is an anomaly on the
// same series (decision 0014). Pure bookkeeping; the engine journals what this returns.
// Thread rule: the engine's strand.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/forecast.h"
#include "core/model/incident.h"

namespace heald::remedy {

class LatestSamples;

class ForecastBook {
 public:
  // What an earlier process left, which looked until `watched_ns`; 0: nobody knows.
  void Restore(std::vector<Forecast> pending, int64_t watched_ns, int64_t now_ns);
  // A finding as it goes into the journal. Returns what has to be written with it: a forecast that
  // begins, and the one that it supersedes.
  std::vector<Forecast> OnFinding(const Finding& finding, const Incident& incident,
                                  const std::string& target_key, int64_t now_ns);
  // heald did something about the target, and it worked.
  void OnVerified(const std::string& target_key, std::string_view what, int64_t now_ns);

  // Looks at the values; returns those that are judged now, with their reasons.
  std::vector<Forecast> Judge(const LatestSamples& latest, int64_t now_ns);
  int64_t next_due_ns() const { return next_due_ns_; }
  size_t pending() const { return pending_.size(); }
  // Whose samples it needs.
  const std::set<std::string>& metrics() const { return metrics_; }

 private:
  struct Pending {
    Forecast forecast;
    int64_t looked_ns = 0;    // until then it is known what happened
    int64_t blind_ns = 0;     // of that, without any value
    int64_t reported_ns = 0;  // the latest report of the detector
    int64_t crossed_ns = 0;
    double crossed_value = kUnknown;
    std::string averted_by;
    int64_t averted_ns = 0;
    bool open = true;        // its finding is
    std::string changed_by;  // somebody else did something to the target
  };

  void See(Pending* pending, double value, int64_t ts_ns);
  bool Decide(Pending* pending, int64_t now_ns) const;
  void Keep(Forecast forecast, int64_t now_ns);

  std::map<std::string, Pending, std::less<>> pending_;  // by finding
  std::set<std::string, std::less<>> over_;  // judged, but their findings are still reported
  std::set<std::string> metrics_;
  int64_t next_due_ns_ = INT64_MAX;
};

}  // namespace heald::remedy
