// One series in equal steps of time: medians of a few samples each, the latest kCapacity of them.
// Part of trend; knows nothing of lines or thresholds. Medians keep single outliers out, equal
// steps make irregular or missing samples harmless. Thread rule: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "heald/snapshot.h"

namespace heald::trend {

class Buckets {
 public:
  static constexpr uint32_t kCapacity = 128;
  // Values beyond ±kLimit don't fit: sums of them could overflow.
  static constexpr double kLimit = 1e306;
  // More buckets in a row without a sample are a gap, not a hole to be bridged; and holes before so
  // many samples in a row mean that samples come more slowly now.
  static constexpr int64_t kMostMissing = 16;
  static constexpr uint32_t kMostHoles = 8;

  Buckets() = default;
  explicit Buckets(uint32_t samples_per_bucket) : samples_per_bucket_(samples_per_bucket) {}

  // Later than the sample before, |value| <= kLimit. The number of buckets that this completed; the
  // step is learnt from the first samples. Buckets without a sample lie on the line between their
  // neighbours; where there are too many everything starts anew (kStartedAnew).
  static constexpr int kStartedAnew = -1;
  int Add(int64_t ts_ns, double value);
  void Clear();

  uint32_t size() const { return size_; }
  // 0 is the newest.
  double operator[](uint32_t age) const {
    return values_[(next_ + kCapacity - 1 - age) % kCapacity];
  }
  int64_t step_ns() const { return step_ns_; }  // 0: not known yet
  // The middle of the newest bucket; needs size() > 0.
  int64_t newest_ns() const { return slot_ * step_ns_ - step_ns_ / 2; }

  void Save(sdk::SnapshotWriter& out) const;
  static Buckets Load(uint32_t samples_per_bucket, sdk::SnapshotReader& in);

 private:
  static constexpr uint32_t kMostSamples = 9;  // of one bucket; more are left out
  static constexpr uint32_t kLearnFrom = 4;    // samples

  double Median() const;
  void Push(double value);
  void LearnStep(int64_t ts_ns);

  std::unique_ptr<double[]> values_;         // a ring
  std::array<double, kMostSamples> open_{};  // samples of the bucket that isn't complete, in order
  std::array<int64_t, kLearnFrom> first_ns_{};
  int64_t step_ns_ = 0;
  int64_t slot_ = 0;  // number of the open bucket: it covers [slot, slot + 1) × step
  uint32_t samples_per_bucket_ = 1;
  uint32_t open_count_ = 0;
  uint32_t holes_ = 0;
  uint32_t learned_ = 0;
  uint32_t size_ = 0;
  uint32_t next_ = 0;  // where the next value goes
};

}  // namespace heald::trend
