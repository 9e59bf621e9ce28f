// Will a series cross a threshold soon? The statistics of trend: lines through the latest buckets
// at five lengths, how far such lines usually are off in this very series, and from both the
// probability of crossing and the time until then. README.md explains the method.
// Thread rule: plain values and pure functions.
#pragma once

#include <array>
#include <cstdint>

#include "plugins/detectors/trend/buckets.h"

namespace heald::trend {

// Lines are put through the latest 8, 16, 32, 64 and 128 buckets.
inline constexpr uint32_t kLengths = 5;
constexpr uint32_t LengthAt(uint32_t i) {
  return 8u << i;
}

struct Line {
  double level = 0;  // at the newest bucket
  double slope = 0;  // per bucket
  double error = 0;  // of the slope, if the residuals were independent
};

// Lines of every length that the `most` newest of `buckets` fill; `count` of them.
struct Lines {
  std::array<Line, kLengths> of{};
  uint32_t count = 0;
};
Lines LinesOf(const Buckets& buckets, uint32_t most = Buckets::kCapacity);

// How steep lines are while nothing is wrong, by length: noise, drift, saw teeth and daily rise all
// show here. Also what levels the series has had.
class Habits {
 public:
  // At each new bucket while nothing is wrong.
  void LearnSlopes(const Lines& lines);
  void LearnLevel(double level, int64_t ts_ns, int64_t memory_ns);
  // By how much slopes of this length are further from 0 than their errors say.
  double Inflation(uint32_t length) const;
  // NaN: not known yet.
  double highest() const;
  double lowest() const;

  void Save(sdk::SnapshotWriter& out) const;
  void Load(sdk::SnapshotReader& in);

 private:
  struct Extremes {
    double low;
    double high;
    int64_t since_ns;  // 0: nothing yet
  };
  std::array<double, kLengths> apart_{};  // mean |slope| in its errors
  std::array<uint32_t, kLengths> seen_{};
  std::array<Extremes, 2> levels_{};  // the present stretch of time and the one before
};

struct Forecast {
  double probability = 0;  // of crossing within the horizon
  bool ahead = false;      // a ramp leads to the threshold, sooner or later
  bool held = false;       // there is still enough of that ramp
  // The rest holds where a line towards the threshold was found (buckets > 0). Times are counted in
  // buckets from the newest one.
  uint32_t buckets = 0;  // length of the line
  double level = 0;
  double slope = 0;
  double significance = 0;  // the slope in its own errors
  double confidence = 0;    // that there is a trend at all, 0..1
  double noise = 0;         // deviation of the values from the line
  double in = 0;            // until the threshold
  double in_low = 0;
  double in_high = 0;
};

// sign 1: the threshold lies above, -1: below. `open`: the prediction has been made already, so it
// isn't asked again whether the level is unusual.
Forecast ForecastOf(const Buckets& buckets, const Lines& lines, const Habits& habits,
                    double threshold, double sign, double horizon_buckets, bool open);

}  // namespace heald::trend
