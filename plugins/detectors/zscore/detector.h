// zscore as the agent runs it: judges every series by itself and reports findings. Used by
// plugin.cc and by tests. Thread rule: as every detector, hooks come one at a time.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "heald/plugin.h"
#include "heald/series_book.h"
#include "plugins/detectors/zscore/zscore.h"

namespace heald::zscore {

class Detector : public sdk::Detector<Detector> {
 public:
  static constexpr sdk::Info kInfo{
      .name = "zscore",
      .doc = "Reports values that are many deviations away from their own recent mean",
      .flags = HEALD_DETERMINISTIC};
  using Config = zscore::Config;

  Detector(sdk::Host host, const Config& config);
  static void Validate(const Config& config, sdk::Problems& problems);

  void Process(const sdk::Samples& samples, sdk::Sink& sink) { Judge(samples, sink, nullptr); }
  void Score(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores& scores) {
    Judge(samples, sink, &scores);
  }
  void Tick(int64_t now_ns, sdk::Sink& sink);
  void Expired(std::span<const heald_series> gone, sdk::Sink& sink) { book_.Expired(gone, sink); }
  std::string Snapshot();
  void Restore(std::string_view state);

 private:
  using Book = sdk::SeriesBook<Series>;
  // scores: null where nobody asks for them.
  void Judge(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores* scores);
  void React(Book::Row& row, heald_series series, double value, const Outcome& outcome,
             const sdk::Sink& sink);

  Config config_;
  Book book_;
  sdk::Metric skipped_;
  sdk::Metric rebaselined_;
  sdk::Metric learning_;
};

}  // namespace heald::zscore
