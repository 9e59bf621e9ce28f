// trend as the agent runs it: judges every series by itself, reports predictions, and says which
// other series of the same target moved first. Used by plugin.cc and by tests.
// Thread rule: as every detector, hooks come one at a time.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "heald/plugin.h"
#include "heald/series_book.h"
#include "plugins/detectors/trend/trend.h"

namespace heald::trend {

class Detector : public sdk::Detector<Detector> {
 public:
  static constexpr sdk::Info kInfo{
      .name = "trend",
      .doc = "Predicts that a growing or shrinking series will reach a threshold, and when",
      .flags = HEALD_DETERMINISTIC};
  using Config = trend::Config;

  Detector(sdk::Host host, const Config& config);
  static void Validate(const Config& config, sdk::Problems& problems);

  void Process(const sdk::Samples& samples, sdk::Sink& sink) { Follow(samples, sink, nullptr); }
  void Score(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores& scores) {
    Follow(samples, sink, &scores);
  }
  void Tick(int64_t now_ns, sdk::Sink& sink);
  void Expired(std::span<const heald_series> gone, sdk::Sink& sink) { book_.Expired(gone, sink); }
  std::string Snapshot();
  void Restore(std::string_view state);

 private:
  // What the book keeps: the judgement, and whether the threshold is about this series.
  struct Watched {
    Series series{};
    enum class Role : uint8_t { kUnknown, kPredicted, kWatched } role = Role::kUnknown;
    int64_t last_ns() const { return series.last_ns(); }
    void ClockWentBack() { series.ClockWentBack(); }
  };
  using Book = sdk::SeriesBook<Watched>;
  // Another series of the target that left its usual range before this one did.
  struct Mover {
    std::string metric;
    double before = 0;  // middle of its usual range
    double now = 0;
    int64_t onset_ns = 0;
    double likeness = 0;
  };

  // scores: null where nobody asks for them.
  void Follow(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores* scores);
  void React(Book::Row& row, heald_series series, double value, Step step, const sdk::Sink& sink);
  void Predict(sdk::Finding& finding, const Series& series) const;
  void AddMovers(sdk::Finding& finding, const Series& series);
  std::vector<Mover> MoversOf(const sdk::Finding& finding, const Series& series);

  sdk::Host host_;
  Config config_;
  Book book_;
  sdk::Metric skipped_;
  sdk::Metric learning_;
};

}  // namespace heald::trend
