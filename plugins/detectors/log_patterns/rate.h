// How many events come in an interval, what is usual, and whether an interval has far too many.
// The latest two intervals are open, as lines come late; older ones have been learnt: mean and mean
// square, forgotten exponentially. Intervals with too many aren't learnt, or a fault would soon be
// normal. Part of log_patterns. Thread rule: plain values.
#pragma once

#include <cstdint>

#include "heald/snapshot.h"

namespace heald::log_patterns {

struct RateSettings {
  double sensitivity = 6;   // deviations above the mean
  double min_ratio = 3;     // … and times the mean
  uint32_t min_count = 20;  // … and at least so many
  int64_t learn = 20;       // intervals before it is judged
  int64_t memory = 120;     // intervals that the mean reaches back
  int64_t max_hold = 60;    // intervals with too many, then they are the new normal
};

class Rate {
 public:
  Rate() = default;
  // It exists since interval `born`: intervals from then on without an event count as 0.
  explicit Rate(int64_t born) : born_(born), latest_(born) {}

  // False: the interval is over.
  bool Add(const RateSettings& settings, int64_t interval) {
    if (interval > latest_) AdvanceTo(settings, interval);
    if (interval == latest_)
      ++count_;
    else if (interval == latest_ - 1)
      ++count_before_;
    else
      return false;
    return true;
  }
  void AdvanceTo(const RateSettings& settings, int64_t interval);
  uint32_t CountIn(int64_t interval) const {
    return interval == latest_ ? count_ : interval == latest_ - 1 ? count_before_ : 0;
  }
  bool TooMany(const RateSettings& settings, int64_t interval) const {
    return CountIn(interval) >= limit_ && interval - born_ >= settings.learn;
  }

  double mean() const { return mean_; }
  double deviation() const;
  // The smallest count that is too many.
  uint32_t limit() const { return limit_; }
  // The interval in which a level that stayed was taken as normal; INT64_MIN: none.
  int64_t rebaselined() const { return rebaselined_; }

  void Save(sdk::SnapshotWriter& out) const;
  static Rate Load(sdk::SnapshotReader& in);

 private:
  void Close(const RateSettings& settings, uint32_t count, int64_t interval);
  void Decay(const RateSettings& settings, int64_t intervals);
  void SetLimit(const RateSettings& settings);

  int64_t born_ = 0;
  int64_t latest_ = 0;
  int64_t rebaselined_ = INT64_MIN;
  double mean_ = 0;
  double square_ = 0;  // mean of the squares
  int64_t learnt_ = 0;
  uint32_t held_ = 0;  // intervals with too many, in a row
  uint32_t count_ = 0;
  uint32_t count_before_ = 0;
  uint32_t limit_ = UINT32_MAX;
};

}  // namespace heald::log_patterns
