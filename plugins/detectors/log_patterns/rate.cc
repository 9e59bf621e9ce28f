#include "plugins/detectors/log_patterns/rate.h"

#include <algorithm>
#include <cmath>

namespace heald::log_patterns {

double Rate::deviation() const {
  // Counts vary at least as a Poisson process does.
  return std::sqrt(std::max(square_ - mean_ * mean_, mean_) + 1);
}

void Rate::SetLimit(const RateSettings& settings) {
  const double least =
      std::max({static_cast<double>(settings.min_count), std::floor(mean_ * settings.min_ratio) + 1,
                std::floor(mean_ + settings.sensitivity * deviation()) + 1});
  limit_ = least < 4e9 ? static_cast<uint32_t>(least) : UINT32_MAX;
}

void Rate::AdvanceTo(const RateSettings& settings, int64_t interval) {
  if (interval <= latest_) return;
  int64_t steps = interval - latest_;
  for (int i = 0; i < 2 && steps > 0; ++i, --steps) {
    Close(settings, count_before_, latest_ - 1);
    count_before_ = count_;
    count_ = 0;
    ++latest_;
  }
  // What is left had nothing in it.
  Decay(settings, steps);
  if (steps > 0) held_ = 0;
  latest_ = interval;
  SetLimit(settings);
}

void Rate::Decay(const RateSettings& settings, int64_t intervals) {
  if (intervals <= 0) return;
  double kept = 1;
  const int64_t growing = std::clamp<int64_t>(settings.memory - learnt_, 0, intervals);
  if (growing > 0) kept *= static_cast<double>(learnt_) / static_cast<double>(learnt_ + growing);
  kept *= std::pow(1 - 1 / static_cast<double>(settings.memory),
                   static_cast<double>(intervals - growing));
  mean_ *= kept;
  square_ *= kept;
  learnt_ = std::min(learnt_ + intervals, settings.memory);
}

void Rate::Close(const RateSettings& settings, uint32_t count, int64_t interval) {
  if (interval < born_) return;
  if (interval - born_ >= settings.learn && count >= limit_) {
    if (++held_ < settings.max_hold) return;
    mean_ = count;
    square_ = mean_ * mean_;
    rebaselined_ = interval;
    held_ = 0;
    return;
  }
  held_ = 0;
  learnt_ = std::min(learnt_ + 1, settings.memory);
  const double share = 1 / static_cast<double>(learnt_);
  const double x = count;
  mean_ += share * (x - mean_);
  square_ += share * (x * x - square_);
  SetLimit(settings);
}

void Rate::Save(sdk::SnapshotWriter& out) const {
  for (const int64_t number : {born_, latest_, rebaselined_, learnt_}) out.I64(number);
  out.F64(mean_);
  out.F64(square_);
  for (const uint32_t number : {held_, count_, count_before_, limit_}) out.U32(number);
}

Rate Rate::Load(sdk::SnapshotReader& in) {
  Rate rate;
  for (int64_t* number : {&rate.born_, &rate.latest_, &rate.rebaselined_, &rate.learnt_})
    *number = in.I64();
  for (double* number : {&rate.mean_, &rate.square_}) {
    *number = in.F64();
    if (!(*number >= 0 && *number < 1e20)) sdk::SnapshotReader::Refuse("a rate out of range");
  }
  for (uint32_t* number : {&rate.held_, &rate.count_, &rate.count_before_, &rate.limit_})
    *number = in.U32();
  if (rate.latest_ < rate.born_ || rate.learnt_ < 0)
    sdk::SnapshotReader::Refuse("a rate's time out of range");
  return rate;
}

}  // namespace heald::log_patterns
