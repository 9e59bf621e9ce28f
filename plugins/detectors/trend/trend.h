// The judgement of trend: one series' samples in, what happened out. No host, no labels, no
// findings; plugin.cc adds those. README.md explains the rules. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "heald/clock_step.h"
#include "heald/config.h"
#include "heald/snapshot.h"
#include "plugins/detectors/trend/buckets.h"
#include "plugins/detectors/trend/forecast.h"
#include "plugins/detectors/trend/noise.h"

namespace heald::trend {

struct Config {
  std::optional<double> above{};
  std::optional<double> below{};
  sdk::Duration horizon = sdk::Minutes(15);
  int64_t window = 60;
  sdk::Ratio probability{0.9};
  int64_t confirm = 1;
  int64_t clear_after = 3;
  std::vector<std::string> metrics{};
  std::string component{};
  std::string recommended_action{};
  sdk::Duration memory = sdk::Minutes(int64_t{7} * 24 * 60);
  sdk::Duration max_gap = sdk::Minutes(60);
  sdk::Duration update_interval = sdk::Seconds(30);
  std::string unit{};

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("above", &Config::above, "Reaching this value from below is a failure"),
        Field("below", &Config::below, "Reaching this value from above is a failure"),
        Field("horizon", &Config::horizon, "How far ahead to look",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("window", &Config::window,
              "Samples of the line to start with; half to eight times as many are used, as far as "
              "the series goes straight",
              {.min = 16, .max = 100'000}),
        Field("probability", &Config::probability,
              "Probability of crossing within the horizon at which it is predicted",
              {.min = 0.05, .max = 0.99, .keeps_state = true}),
        Field("confirm", &Config::confirm, "Samples in a row that open a finding",
              {.min = 1, .max = 1000, .keeps_state = true}),
        Field("clear_after", &Config::clear_after,
              "Samples in a row without the trend that clear it",
              {.min = 1, .max = 1000, .keeps_state = true}),
        Field("metrics", &Config::metrics,
              "Which of the inputs have the threshold; the others only say what moved first. "
              "Without it all have it"),
        Field("component", &Config::component,
              "What is likely to fail; without it the target's name and the metric",
              {.keeps_state = true}),
        Field("recommended_action", &Config::recommended_action,
              "What would help; a policy may map it to an action", {.keeps_state = true}),
        Field("memory", &Config::memory,
              "How long a level the series once had counts as usual, at least",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("max_gap", &Config::max_gap, "After a silence longer than this it starts anew",
              {.min = 0, .max = 2.6e15, .exclusive_min = true, .keeps_state = true}),
        Field("update_interval", &Config::update_interval,
              "Shortest time between two updates of a finding that doesn't get worse",
              {.min = 0, .keeps_state = true}),
        Field("unit", &Config::unit,
              "Unit of the values (s, By, 1, 1/s); without it guessed from the metric's name",
              {.keeps_state = true}));
  }
};

enum class Step : uint8_t {
  kSkipped,   // NaN, infinite, or not later than the sample before
  kLearning,  // too few samples for a line
  kNormal,    // nothing is predicted, or not yet for `confirm` samples
  kOpened,    // a prediction begins
  kOngoing,   // it still holds
  kCleared,   // it doesn't hold any more
  kGap        // the finding was open when max_gap passed
};

class Series {
 public:
  Series() = default;
  explicit Series(const Config& config);

  // `predict`: the threshold applies; else only slopes are followed. `open`: a finding is open.
  Step Next(const Config& config, int64_t ts_ns, double value, bool predict, bool open);

  int64_t last_ns() const { return last_ns_; }
  void ClockWentBack() { last_ns_ = sdk::kLongAgoNs; }
  const Buckets& buckets() const { return buckets_; }
  // As of the newest bucket; buckets == 0: no line leads to a threshold.
  const Forecast& forecast() const { return forecast_; }
  double sign() const { return sign_; }    // 1: towards `above`, -1: towards `below`
  bool beyond() const { return beyond_; }  // the latest value has crossed the threshold
  // … and so has the newest bucket: no spike.
  bool Failed(const Config& config) const;
  // It has once had enough samples for a line.
  bool ready() const { return ready_; }
  // When the line began, and when it is to cross the threshold.
  int64_t OnsetNs() const;
  int64_t TimeNs(double in_buckets) const;

  void Save(sdk::SnapshotWriter& out) const;
  static Series Load(const Config& config, sdk::SnapshotReader& in);

 private:
  bool FellBack(const Config& config) const;
  void LearnLevel(const Config& config, double level);
  void LearnNoise(const Config& config, int completed);
  Forecast Judge(const Config& config, const Lines& lines, double sign, bool open) const;
  void Restart();
  void OnBuckets(const Config& config, int completed, bool predict, bool open);

  Buckets buckets_;
  Habits habits_;
  Noise noise_;  // of buckets that aren't kept any more
  Forecast forecast_;
  int64_t last_ns_ = 0;
  double sign_ = 1;
  double half_ = 0;        // where half of the rise is gone, while a finding is open
  uint32_t likely_ = 0;    // samples in a row
  uint32_t unlikely_ = 0;  // samples in a row while a finding is open
  // Newest buckets without a jump among them: lines are put through these only.
  uint32_t straight_ = Buckets::kCapacity;
  uint32_t falls_ = 0;  // predictions that ended with a fall before they came true
  bool beyond_ = false;
  bool ready_ = false;
  bool fresh_ = false;  // the forecast was made since the start
};

}  // namespace heald::trend
