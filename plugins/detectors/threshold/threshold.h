// The judgement of threshold: one series' samples in, what happened out. No host, no labels, no
// findings; plugin.cc adds those. README.md explains the rules. Thread rule: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "heald/clock_step.h"
#include "heald/config.h"
#include "heald/host.h"
#include "heald/snapshot.h"

namespace heald::threshold {

// One side. Beyond a level the value has that severity; it counts as normal again at `clear`.
struct Bounds {
  std::optional<double> info{};
  std::optional<double> warning{};
  std::optional<double> critical{};
  std::optional<double> clear{};

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("info", &Bounds::info, "Beyond this it is worth knowing"),
        Field("warning", &Bounds::warning, "Beyond this it is a warning"),
        Field("critical", &Bounds::critical, "Beyond this it is critical"),
        Field("clear", &Bounds::clear,
              "A finding clears when the value is back here; without it at the mildest level"));
  }
  // The level nearest to normal; without one this side is free.
  std::optional<double> Mildest() const { return info ? info : warning ? warning : critical; }
};

struct Config {
  Bounds above{};
  Bounds below{};
  sdk::Duration hold_for{0};
  sdk::Duration max_gap = sdk::Minutes(60);
  sdk::Duration update_interval = sdk::Seconds(10);
  std::string unit{};

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("above", &Config::above, "Upper bounds: values above them are a fault"),
        Field("below", &Config::below, "Lower bounds: values below them are a fault"),
        Field("for", &Config::hold_for,
              "How long samples must be out of bounds, by their own time, to open a finding",
              {.min = 0, .keeps_state = true}),
        Field("max_gap", &Config::max_gap, "After a silence longer than this `for` starts over",
              {.min = 0, .exclusive_min = true, .keeps_state = true}),
        Field("update_interval", &Config::update_interval,
              "Shortest time between two updates of a finding that doesn't get worse",
              {.min = 0, .keeps_state = true}),
        Field("unit", &Config::unit,
              "Unit of the values (s, By, 1, 1/s); without it guessed from the metric's name",
              {.keeps_state = true}));
  }
};

enum class Step : uint8_t {
  kSkipped,     // NaN, or not later than the sample before
  kNormal,      // within bounds, or out of them not yet for `for`
  kOpened,      // a finding begins
  kOngoing,     // still out of bounds
  kRecovering,  // within bounds but not back at `clear`
  kCleared      // back at `clear`
};

struct Outcome {
  Step step = Step::kSkipped;
  sdk::Severity severity = sdk::Severity::kNormal;
};

class Series {
 public:
  // `open`: a finding about this series is open.
  Outcome Next(const Config& config, int64_t ts_ns, double value, bool open);

  int64_t last_ns() const { return last_ns_; }
  void ClockWentBack() { last_ns_ = sdk::kLongAgoNs; }
  int64_t began_ns() const { return began_ns_; }  // since when it is out of bounds; 0: it isn't
  // The latest values, oldest first.
  std::vector<double> Recent() const;
  // The time between two of them; 0 where it varies, or isn't known yet after a restart.
  int64_t recent_step_ns() const { return steady_ + 1 >= recent_count_ ? step_ns_ : 0; }

  void Save(sdk::SnapshotWriter& out) const;
  static Series Load(sdk::SnapshotReader& in);

 private:
  static constexpr uint32_t kRecent = 20;
  void Remember(double value);
  void NoteStep(int64_t step_ns);

  int64_t last_ns_ = 0;
  int64_t began_ns_ = 0;
  int64_t step_ns_ = 0;
  std::array<double, kRecent> recent_{};  // a ring
  uint32_t recent_count_ = 0;
  uint32_t recent_next_ = 0;
  uint32_t steady_ = 0;  // steps in a row that are alike, up to kRecent
};

sdk::Severity Judge(const Config& config, double value);
// How far beyond the mildest bound, as a multiple of that bound; 0 within bounds.
double Score(const Config& config, double value);

}  // namespace heald::threshold
