#include "plugins/detectors/trend/noise.h"

#include <algorithm>
#include <cmath>

namespace heald::trend {

namespace {

// The mean of roots, squared, is this share of a normal distribution's deviation.
constexpr double kRootToDeviation = 0.676;

double FromRoot(double root) {
  return root * root / kRootToDeviation;
}

}  // namespace

void Noise::Learn(double value, double before) {
  constexpr uint32_t kForget = 1024;  // buckets
  constexpr uint32_t kFirst = 16;     // from here on a single one can't count for much
  constexpr double kFar = 6;          // spreads
  if (!(std::fabs(value) <= kLimit) || !(std::fabs(before) <= kLimit)) return;
  if (seen_ == 0) mean_ = value;
  const double most = seen_ >= kFirst ? kFar * spread_ : kLimit;
  seen_ = std::min(seen_ + 1, kForget);
  const double share = 1.0 / seen_;
  const double away = std::clamp(value - mean_, -most, most);
  mean_ += share * away;
  spread_ += share * (std::fabs(away) - spread_);
  const double x = std::clamp(value - mean_, -most, most);
  const double x_before = std::clamp(before - mean_, -most, most);
  square_ += share * ((x * x + x_before * x_before) / 2 - square_);
  product_ += share * (x * x_before - product_);
  const double surprise = value - mean_ - likeness() * (before - mean_);
  surprise_root_ += share * (std::sqrt(std::fabs(surprise)) - surprise_root_);
  step_root_ += share * (std::sqrt(std::fabs(value - before)) - step_root_);
}

double Noise::deviation() const {
  constexpr double kPerSpread = 1.2533;  // of a normal distribution
  return kPerSpread * spread_;
}

double Noise::likeness() const {
  constexpr double kFirst = 0.8;  // assumed before anything is known
  constexpr double kTrust = 4;    // buckets' worth
  constexpr double kMost = 0.98;
  const double found = square_ > 0 ? product_ / square_ : kFirst;
  return std::clamp((seen_ * found + kTrust * kFirst) / (seen_ + kTrust), 0.0, kMost);
}

double Noise::surprise() const {
  return FromRoot(surprise_root_);
}

double Noise::step() const {
  return FromRoot(step_root_);
}

void Noise::Save(sdk::SnapshotWriter& out) const {
  for (const double value : {mean_, spread_, square_, product_, surprise_root_, step_root_})
    out.F64(value);
  out.U32(seen_);
}

void Noise::Load(sdk::SnapshotReader& in) {
  for (double* const value :
       {&mean_, &spread_, &square_, &product_, &surprise_root_, &step_root_}) {
    *value = in.F64();
    if (!std::isfinite(*value)) sdk::SnapshotReader::Refuse("a deviation in it is out of range");
  }
  seen_ = in.U32();
}

}  // namespace heald::trend
