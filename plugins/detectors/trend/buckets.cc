#include "plugins/detectors/trend/buckets.h"

#include <algorithm>
#include <cmath>

namespace heald::trend {

void Buckets::Clear() {
  size_ = open_count_ = learned_ = holes_ = 0;
  step_ns_ = 0;
}

double Buckets::Median() const {
  const uint32_t middle = open_count_ / 2;
  return open_count_ % 2 != 0 ? open_[middle] : open_[middle - 1] / 2 + open_[middle] / 2;
}

void Buckets::Push(double value) {
  if (values_ == nullptr) values_ = std::make_unique<double[]>(kCapacity);
  values_[next_] = value;
  next_ = (next_ + 1) % kCapacity;
  size_ = std::min(size_ + 1, kCapacity);
}

// The median of the first steps: a hole or a hurried sample at the start must not decide it.
void Buckets::LearnStep(int64_t ts_ns) {
  first_ns_[learned_++] = ts_ns;
  if (learned_ < kLearnFrom) return;
  std::array<int64_t, kLearnFrom - 1> steps{};
  for (uint32_t i = 0; i + 1 < kLearnFrom; ++i) steps[i] = first_ns_[i + 1] - first_ns_[i];
  std::sort(steps.begin(), steps.end());
  step_ns_ = std::max<int64_t>(steps[steps.size() / 2], 1) * samples_per_bucket_;
  slot_ = ts_ns / step_ns_;
}

int Buckets::Add(int64_t ts_ns, double value) {
  int completed = 0;
  if (step_ns_ == 0) {
    LearnStep(ts_ns);
  } else if (const int64_t slot = ts_ns / step_ns_; slot > slot_) {
    const int64_t missing = slot - slot_ - 1;
    holes_ = missing > 0 ? holes_ + 1 : 0;
    if (missing > kMostMissing || holes_ > kMostHoles) {
      Clear();
      LearnStep(ts_ns);
      completed = kStartedAnew;
    } else {
      const double from = Median();
      Push(from);
      for (int64_t i = 1; i <= missing; ++i) {
        const double way = static_cast<double>(i) / static_cast<double>(missing + 1);
        Push(from * (1 - way) + value * way);
      }
      completed = static_cast<int>(missing) + 1;
      slot_ = slot;
      open_count_ = 0;
    }
  }
  if (open_count_ < kMostSamples) {
    double* const end = open_.data() + open_count_++;
    double* const at = std::upper_bound(open_.data(), end, value);
    std::move_backward(at, end, end + 1);
    *at = value;
  }
  return completed;
}

void Buckets::Save(sdk::SnapshotWriter& out) const {
  out.U32(samples_per_bucket_);
  out.I64(step_ns_);
  out.I64(slot_);
  out.U32(learned_);
  for (uint32_t i = 0; i < learned_; ++i) out.I64(first_ns_[i]);
  out.U32(open_count_);
  for (uint32_t i = 0; i < open_count_; ++i) out.F64(open_[i]);
  out.U32(size_);
  for (uint32_t age = size_; age > 0; --age) out.F64((*this)[age - 1]);
}

Buckets Buckets::Load(uint32_t samples_per_bucket, sdk::SnapshotReader& in) {
  Buckets buckets(samples_per_bucket);
  const auto value = [&] {
    const double read = in.F64();
    if (!(std::fabs(read) <= kLimit)) sdk::SnapshotReader::Refuse("a value in it is out of range");
    return read;
  };
  const auto count = [&](uint32_t most) {
    const uint32_t read = in.U32();
    if (read > most) sdk::SnapshotReader::Refuse("a count in it is out of range");
    return read;
  };
  const bool fits = in.U32() == samples_per_bucket;
  buckets.step_ns_ = in.I64();
  buckets.slot_ = in.I64();
  buckets.learned_ = count(kLearnFrom);
  for (uint32_t i = 0; i < buckets.learned_; ++i) buckets.first_ns_[i] = in.I64();
  buckets.open_count_ = count(kMostSamples);
  for (uint32_t i = 0; i < buckets.open_count_; ++i) buckets.open_[i] = value();
  for (uint32_t left = count(kCapacity); left > 0; --left) buckets.Push(value());
  if (!fits) buckets.Clear();  // the window was changed meanwhile
  return buckets;
}

}  // namespace heald::trend
