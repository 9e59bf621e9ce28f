// The judgement of zscore: one series' samples in, what happened out. No host, no labels, no
// findings; plugin.cc adds those. README.md explains the rules. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "heald/clock_step.h"
#include "heald/config.h"
#include "heald/snapshot.h"
#include "plugins/detectors/zscore/rolling_window.h"

namespace heald::zscore {

enum class Direction { kBoth, kAbove, kBelow };
inline constexpr std::string_view kDirections[] = {"both", "above", "below"};

struct Config {
  int64_t window = 20;
  double sensitivity = 3;
  std::optional<int64_t> min_samples{};
  Direction direction = Direction::kBoth;
  double min_deviation = 0;
  sdk::Ratio min_deviation_ratio{0.01};
  double warning_at = 1;
  double critical_at = 2;
  int64_t confirm = 1;
  int64_t clear_after = 3;
  sdk::Duration max_hold = sdk::Minutes(30);
  sdk::Duration max_gap = sdk::Minutes(60);
  sdk::Duration update_interval = sdk::Seconds(10);
  bool robust = false;
  std::string unit{};

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("window", &Config::window, "Samples that say what is normal, per series",
              {.min = 3, .max = 10'000, .keeps_state = true}),
        Field("sensitivity", &Config::sensitivity,
              "Deviations from the mean at which a sample is an anomaly",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("min_samples", &Config::min_samples,
              "Silent until the window holds this many; without it 10, or the window if smaller",
              {.min = 2}),
        Field("direction", &Config::direction, "Which side of the mean is a fault",
              {.one_of = kDirections, .keeps_state = true}),
        Field("min_deviation", &Config::min_deviation,
              "The deviation counts as at least this much, in the metric's unit",
              {.min = 0, .keeps_state = true}),
        Field("min_deviation_ratio", &Config::min_deviation_ratio,
              "The deviation counts as at least this share of the mean",
              {.min = 0, .keeps_state = true}),
        Field("warning_at", &Config::warning_at,
              "Multiple of sensitivity from which it is a warning, below it is info",
              {.min = 1, .keeps_state = true}),
        Field("critical_at", &Config::critical_at,
              "Multiple of sensitivity from which it is critical", {.min = 1, .keeps_state = true}),
        Field("confirm", &Config::confirm, "Anomalous samples in a row that open a finding",
              {.min = 1, .max = 1000, .keeps_state = true}),
        Field("clear_after", &Config::clear_after, "Normal samples in a row that clear it",
              {.min = 1, .max = 1000, .keeps_state = true}),
        Field("max_hold", &Config::max_hold,
              "Longest time for which an open finding keeps anomalous samples out of the window; "
              "then the window starts anew",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("max_gap", &Config::max_gap,
              "After a silence longer than this the window starts anew",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("update_interval", &Config::update_interval,
              "Shortest time between two updates of a finding that doesn't get worse",
              {.min = 0, .keeps_state = true}),
        Field("robust", &Config::robust,
              "Median and median absolute deviation in place of mean and deviation",
              {.keeps_state = true}),
        Field("unit", &Config::unit,
              "Unit of the values (s, By, 1, 1/s); without it guessed from the metric's name",
              {.keeps_state = true}));
  }
};

enum class Step : uint8_t {
  kSkipped,      // NaN, or not later than the sample before
  kLearning,     // the window is too small for a judgement
  kNormal,       // nothing is wrong, or not yet for `confirm` samples
  kOpened,       // a finding begins
  kOngoing,      // still anomalous
  kRecovering,   // normal again, not yet for `clear_after` samples
  kCleared,      // normal for clear_after samples
  kRebaselined,  // anomalous for max_hold: the window starts anew with this sample
  kGap           // the finding was open when max_gap passed: the window starts anew
};

struct Outcome {
  Step step = Step::kSkipped;
  Spread spread;     // of the window that the sample was held against, floors applied
  double score = 0;  // distance from the center in deviations; 0 where nothing is or was wrong
};

class Series {
 public:
  static constexpr double kScoreCap = 1e6;

  Series() = default;
  explicit Series(const Config& config);

  // `open`: a finding about this series is open.
  Outcome Next(const Config& config, int64_t ts_ns, double value, bool open);

  int64_t last_ns() const { return last_ns_; }
  void ClockWentBack() { last_ns_ = sdk::kLongAgoNs; }
  int64_t began_ns() const { return began_ns_; }  // the first anomalous sample of this streak
  const RollingWindow& window() const { return window_; }

  void Save(sdk::SnapshotWriter& out) const;
  // Into the window that `config` asks for: the latest values that fit.
  static Series Load(const Config& config, sdk::SnapshotReader& in);

 private:
  void StartAnew(double value);
  Outcome OnNormal(const Config& config, double value, bool open, Outcome outcome);
  Outcome OnAnomaly(const Config& config, double value, bool open, Outcome outcome);

  RollingWindow window_;
  int64_t last_ns_ = 0;
  int64_t began_ns_ = 0;
  uint32_t anomalous_ = 0;  // in a row
  uint32_t normal_ = 0;     // in a row, while a finding is open
  bool above_ = false;      // side of the latest anomalous sample
};

// Smallest window that is judged by.
int64_t MinSamples(const Config& config);
// How far out a sample is, in deviations, also where nothing is wrong; 0 while it can't be judged
// and on a side that doesn't count.
double ScoreOf(const Config& config, const Outcome& outcome, double value);
// 0..1: how sure it is that a sample `score` deviations away doesn't belong to a window of n.
double Confidence(uint32_t n, double score);

}  // namespace heald::zscore
