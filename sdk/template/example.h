// example: reports a value that is more than `factor` times its own running mean.
// Thread rule: hooks come one at a time.
#pragma once

#include "heald/plugin.h"
#include "heald/series_book.h"

namespace sdk = heald::sdk;

class Example : public sdk::Detector<Example> {
 public:
  static constexpr sdk::Info kInfo{.name = "example", .doc = "Reports values far above their mean"};
  struct Config {
    double factor = 2;
    int64_t min_samples = 10;
    static constexpr auto Fields() {
      return std::tuple(sdk::Field("factor", &Config::factor, "How many times the mean is too much",
                                   {.min = 1, .exclusive_min = true}),
                        sdk::Field("min_samples", &Config::min_samples,
                                   "Samples to learn from before the first finding", {.min = 1}));
    }
  };

  Example(sdk::Host host, const Config& config)
      : config_(config), book_(host, {.name = "example"}) {}

  void Process(const sdk::Samples& samples, sdk::Sink& sink) {
    for (size_t i = 0; i < samples.size(); ++i) {
      const double value = samples.values()[i];
      auto& row = book_.Of(samples.series()[i], sink);
      auto& [ts_ns, mean, count] = row.state;
      if (std::isnan(value) || samples.ts_ns()[i] <= ts_ns) continue;
      ts_ns = samples.ts_ns()[i];
      sdk::Reading reading{.ts_ns = ts_ns, .value = value, .expected = mean};
      reading.expected_high = config_.factor * mean;
      reading.score = mean > 0 ? value / mean : 0;
      if (count >= config_.min_samples && value > reading.expected_high) {
        reading.severity = sdk::Severity::kWarning;
        book_.Report(row, samples.series()[i], reading, sink);
        continue;  // what is wrong isn't learnt as normal
      }
      book_.Clear(row, &reading, sdk::Cleared::kNormal, "", sink);
      mean += (value - mean) / static_cast<double>(std::min<int64_t>(++count, 60));
    }
  }
  void Expired(std::span<const heald_series> gone, sdk::Sink& sink) { book_.Expired(gone, sink); }

 private:
  struct State {
    int64_t ts_ns = 0;
    double mean = 0;
    int64_t count = 0;
    int64_t last_ns() const { return ts_ns; }
  };
  Config config_;
  sdk::SeriesBook<State> book_;
};
