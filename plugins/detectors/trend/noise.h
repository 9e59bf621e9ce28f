// How a series of buckets behaves while nothing is wrong: level, spread, how alike neighbours are,
// how far a bucket is from what the one before it lets expect. Part of trend; ramp.cc judges by it.
// Thread rule: plain values.
#pragma once

#include <cstdint>

#include "heald/snapshot.h"

namespace heald::trend {

class Noise {
 public:
  // Squares of larger values would leave the range of a double: such series aren't judged by it.
  static constexpr double kLimit = 1e140;

  void Learn(double value, double before);
  uint32_t seen() const { return seen_; }
  double mean() const { return mean_; }
  double deviation() const;
  // Correlation with the bucket before, 0..0.98; high until enough has been seen.
  double likeness() const;
  // Typical distance from what the bucket before lets expect; a jump now and then doesn't count.
  double surprise() const;
  // Typical distance from the bucket before.
  double step() const;

  void Save(sdk::SnapshotWriter& out) const;
  void Load(sdk::SnapshotReader& in);

 private:
  double mean_ = 0;
  double spread_ = 0;         // mean distance from the mean
  double square_ = 0;         // mean of squared distances
  double product_ = 0;        // mean of neighbours' distances multiplied
  double surprise_root_ = 0;  // means of roots: large ones hardly count
  double step_root_ = 0;
  uint32_t seen_ = 0;
};

}  // namespace heald::trend
