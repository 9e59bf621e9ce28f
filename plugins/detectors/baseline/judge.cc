#include "plugins/detectors/baseline/judge.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "plugins/detectors/baseline/learn.h"

namespace heald::baseline {

namespace {

// Shares of the newest sample in the two smoothed amounts, and of the slow one in their mix.
constexpr float kFast = 0.3F;
constexpr float kSlow = 0.06F;
constexpr float kSlowPart = 0.35F;
constexpr float kSlowPartAlone = 1;
// Quiet entities have hardly any deviation; this one counts at least.
constexpr float kLeastVariance = 0.02F;
constexpr float kYoung = 4;
// Share of what is young that is learnt of an entity while something is wrong with it.
constexpr float kHeldYoung = 1.0F / 16;
// A finding is over below this share of the threshold.
constexpr double kOver = 0.5;
// After an early end it must rise above this many times the least that it was since.
constexpr float kRearm = 2;

}  // namespace

Step Judge::Next(const Rules& rules, int64_t ts_ns, float amount, bool alone, Return values) {
  const float root = std::sqrt(amount);
  const float least = 1.0F / static_cast<float>(count_ + 1);
  Move(fast_, root, std::max(kFast, least));
  Move(slow_, root, std::max(kSlow, least));
  const float part = alone ? kSlowPartAlone : kSlowPart;
  const float level = fast_ + part * (slow_ - fast_);
  const float off = level - mean_;
  const bool learning = Learning(rules);
  // What is young hardly knows its own deviation.
  const float least_variance = kLeastVariance + kYoung * least;
  const float deviation = std::sqrt(variance_ + least_variance);
  score_ = learning ? 0 : std::max(off, 0.0F) / deviation;
  // What is wrong teaches little, so that incidents that recur don't become usual; and so does what
  // is left of it afterwards, while the entity is young. One series by itself is smoothed too long
  // for that.
  const bool wrong = open_ || (rearm_ > 0 && !alone);
  const float young = (!wrong ? 1 : alone ? kHeld : kHeldYoung) * least;
  const float share = std::max((open_ ? kHeld : 1) * rules.forget, young);
  Learn(mean_, variance_, off, share, rules.forget,
        learning ? std::numeric_limits<float>::infinity() : least_variance);
  if (count_ != std::numeric_limits<uint32_t>::max()) ++count_;
  if (learning) return Step::kLearning;
  return open_ ? WhileOpen(rules, ts_ns, values) : WhileNot(rules, ts_ns);
}

Step Judge::WhileNot(const Rules& rules, int64_t ts_ns) {
  if (score_ < kOver * rules.threshold) {
    began_ns_ = 0;
    rearm_ = 0;
  } else if (began_ns_ == 0) {
    began_ns_ = ts_ns;
  }
  rearm_ = std::min(rearm_, kRearm * score_);
  if (score_ < rules.threshold || score_ < rearm_) return Step::kNormal;
  open_ = true;
  opened_ns_ = ts_ns;
  if (rearm_ > 0) began_ns_ = ts_ns;
  normal_ = 0;
  return Step::kOpened;
}

Step Judge::WhileOpen(const Rules& rules, int64_t ts_ns, Return values) {
  const bool over = score_ < kOver * rules.threshold;
  Step step = Step::kOngoing;
  if (values == Return::kBack || (over && values != Return::kOut)) {
    step = ++normal_ < rules.clear_after ? Step::kRecovering : Step::kCleared;
  } else {
    normal_ = 0;
    if (ts_ns - opened_ns_ >= rules.max_hold_ns) step = Step::kRebaselined;
  }
  if (step < Step::kCleared) return step;
  open_ = false;
  // The smoothed amount takes a while to fall: what is left of it opens no second finding.
  rearm_ = over ? 0 : kRearm * score_;
  return step;
}

}  // namespace heald::baseline
