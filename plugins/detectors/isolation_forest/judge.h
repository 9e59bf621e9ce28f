// When scores are enough for a finding, and when it is over: one per entity. Used by Detector.
// Thread rule: plain values.
#pragma once

#include <cstdint>

namespace heald::isolation_forest {

struct Limits {
  double warning = 0.6;
  double critical = 0.8;
  double clear = 0.55;  // below it a moment is normal again
  int64_t clear_after = 3;
  int64_t max_hold_ns = 3'600'000'000'000;
};

enum class Step : uint8_t {
  kNormal,       // nothing is wrong
  kOpened,       // a finding begins
  kOngoing,      // still unusual
  kRecovering,   // normal again, not yet for clear_after moments
  kCleared,      // normal for clear_after moments
  kRebaselined,  // open for max_hold: what it shows is usual from now on
};

class Judge {
 public:
  Step Next(const Limits& limits, int64_t ts_ns, double score);
  // The finding has ended otherwise.
  void Close() { open_ = false; }
  // It was silent for long: what it showed before says nothing of the next moment.
  void Resume() {
    smoothed_ = rearm_ = 0;
    began_ns_ = 0;
  }

  double score() const { return smoothed_; }  // of the last few moments
  bool open() const { return open_; }
  // Part of an incident or of its beginning, so not to be learnt. What was re-baselined is.
  bool Odd() const { return open_ || (began_ns_ != 0 && rearm_ == 0); }
  int64_t began_ns() const { return began_ns_; }  // the first moment of this rise

  template <typename Visit>
  void Persist(Visit&& visit) {
    for (double* number : {&smoothed_, &rearm_}) visit(*number);
    for (int64_t* number : {&began_ns_, &opened_ns_, &normal_}) visit(*number);
    visit(open_);
  }

 private:
  static constexpr double kShare = 1.0 / 3;  // of the newest score

  double smoothed_ = 0;
  double rearm_ = 0;  // no finding opens below this
  int64_t began_ns_ = 0;
  int64_t opened_ns_ = 0;
  int64_t normal_ = 0;  // in a row while open
  bool open_ = false;
};

}  // namespace heald::isolation_forest
