// threshold as the agent runs it: holds every series against the same bounds and reports findings.
// Used by plugin.cc and by tests. Thread rule: as every detector, hooks come one at a time.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "heald/plugin.h"
#include "heald/series_book.h"
#include "plugins/detectors/threshold/threshold.h"

namespace heald::threshold {

class Detector : public sdk::Detector<Detector> {
 public:
  static constexpr sdk::Info kInfo{.name = "threshold",
                                   .doc = "Reports values beyond fixed bounds",
                                   .flags = HEALD_DETERMINISTIC};
  using Config = threshold::Config;

  Detector(sdk::Host host, const Config& config);
  static void Validate(const Config& config, sdk::Problems& problems);

  void Process(const sdk::Samples& samples, sdk::Sink& sink) { Hold(samples, sink, nullptr); }
  void Score(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores& scores) {
    Hold(samples, sink, &scores);
  }
  void Tick(int64_t now_ns, sdk::Sink& sink) { book_.Tick(now_ns, sink); }
  void Expired(std::span<const heald_series> gone, sdk::Sink& sink) { book_.Expired(gone, sink); }
  std::string Snapshot();
  void Restore(std::string_view state);

 private:
  // Against the bounds. scores: null where nobody asks for them.
  void Hold(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores* scores);

  Config config_;
  sdk::SeriesBook<Series> book_;
  sdk::Metric skipped_;
};

}  // namespace heald::threshold
