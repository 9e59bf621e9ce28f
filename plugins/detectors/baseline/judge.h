// When what its series show is enough for a finding, and when it is over: one per entity (the
// series that are judged together). Used by plugin.cc. Thread rule: plain values.
#pragma once

#include <cstdint>

namespace heald::baseline {

struct Rules {
  float forget = 7e-5F;  // share of the newest sample, once it is no longer young
  int64_t min_samples = 30;
  double threshold = 4;
  int64_t clear_after = 3;
  int64_t max_hold_ns = 3'600'000'000'000;
};

enum class Step : uint8_t {
  kLearning,     // too few samples for a judgement
  kNormal,       // nothing is wrong
  kOpened,       // a finding begins
  kOngoing,      // still anomalous
  kRecovering,   // normal again, not yet for clear_after samples
  kCleared,      // normal for clear_after samples
  kRebaselined,  // open for max_hold: what it shows is usual from now on
};

// Where the values that opened the finding are.
enum class Return : uint8_t {
  kUnknown,  // the score says whether it is over
  kBack,     // within their usual range
  kOut       // out of the range that the finding tells: it isn't over, whatever was learnt since
};

class Judge {
 public:
  // amount: what the entity's series showed at ts_ns, in squared deviations. alone: it is one
  // series, whose noise is not averaged out, so it is smoothed more.
  Step Next(const Rules& rules, int64_t ts_ns, float amount, bool alone, Return values);

  // The finding has ended otherwise.
  void Close() { open_ = false; }
  // It was silent for long: what it showed before says nothing of the next sample.
  void Resume() {
    fast_ = slow_ = mean_;
    began_ns_ = 0;
    rearm_ = 0;
  }

  // How far from its own usual the entity is, in deviations; 0 while learning.
  double score() const { return score_; }
  bool open() const { return open_; }
  bool Learning(const Rules& rules) const {
    return static_cast<int64_t>(count_) < rules.min_samples + kSettle;
  }
  int64_t began_ns() const { return began_ns_; }  // the first sample of this rise
  uint32_t count() const { return count_; }

  template <typename Visit>
  void Persist(Visit&& visit) {
    for (float* number : {&fast_, &slow_, &mean_, &variance_, &score_, &rearm_}) visit(*number);
    visit(began_ns_);
    visit(opened_ns_);
    visit(count_);
    visit(normal_);
    visit(open_);
  }

 private:
  static constexpr int64_t kSettle = 10;  // samples until the smoothed amount means something

  Step WhileNot(const Rules& rules, int64_t ts_ns);
  Step WhileOpen(const Rules& rules, int64_t ts_ns, Return values);

  float fast_ = 0;  // smoothed root of the amount
  float slow_ = 0;
  float mean_ = 0;  // … what it usually is
  float variance_ = 0;
  float score_ = 0;
  float rearm_ = 0;  // no finding opens below this score
  int64_t began_ns_ = 0;
  int64_t opened_ns_ = 0;
  uint32_t count_ = 0;
  uint16_t normal_ = 0;  // in a row while open
  bool open_ = false;
};

}  // namespace heald::baseline
