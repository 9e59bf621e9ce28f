// What a series usually is at this time of day: one mean per hour, forgotten over some days.
// Used by Series. Thread rule: plain values.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace heald::baseline {

// A time of day, once for all series that have a sample at it.
struct TimeOfDay {
  static constexpr int kSlots = 24;

  explicit TimeOfDay(int64_t ts_ns) {
    constexpr int64_t kDayNs = 86'400'000'000'000;
    const int64_t rest = ts_ns % kDayNs;
    const auto at =
        static_cast<float>(rest < 0 ? rest + kDayNs : rest) * (kSlots / static_cast<float>(kDayNs));
    slot = std::min(static_cast<int>(at), kSlots - 1);
    const float off = at - static_cast<float>(slot) - 0.5F;
    neighbour = (slot + (off > 0 ? 1 : kSlots - 1)) % kSlots;
    share = std::fabs(off);
  }

  int slot;
  int neighbour;  // the hour whose middle is next to it
  float share;    // of the neighbour in what is usual now
};

class Season {
 public:
  Season() { slots_.fill(Packed(kNone)); }

  // What is usual then, NaN until this time of day has been seen on a day before.
  float Expected(const TimeOfDay& time) const {
    const float here = Unpacked(slots_[time.slot]);
    // Between two hours' middles the line through both.
    const float other = Unpacked(slots_[time.neighbour]);
    return std::isnan(other) ? here : here + time.share * (other - here);
  }

  void Learn(const TimeOfDay& time, float value) {
    if (time.slot != slot_) {
      Fold();
      slot_ = static_cast<int8_t>(time.slot);
    }
    if (count_ == std::numeric_limits<uint16_t>::max()) return;
    sum_ += value;
    ++count_;
  }

  // The series' numbers are told in another frame from now on: x becomes x·factor + offset.
  void Reframe(float factor, float offset) {
    for (uint16_t& slot : slots_) slot = Packed(Unpacked(slot) * factor + offset);
    sum_ = sum_ * factor + static_cast<float>(count_) * offset;
  }

  template <typename Visit>
  void Persist(Visit&& visit) {
    for (uint16_t& slot : slots_) visit(slot);
    visit(sum_);
    visit(count_);
    visit(slot_);
  }

 private:
  static constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  static constexpr float kForget = 0.2F;  // share of the newest day

  // The upper half of a float: 8 binary digits, which are less than Series' smallest deviation.
  static uint16_t Packed(float value) {
    if (std::isnan(value)) return 0x7fc0;
    return static_cast<uint16_t>((std::bit_cast<uint32_t>(value) + 0x8000U) >> 16U);
  }
  static float Unpacked(uint16_t packed) {
    return std::bit_cast<float>(static_cast<uint32_t>(packed) << 16U);
  }
  void Fold() {
    if (count_ == 0) return;
    const float mean = sum_ / static_cast<float>(count_);
    const float old = Unpacked(slots_[slot_]);
    slots_[slot_] = Packed(std::isnan(old) ? mean : old + kForget * (mean - old));
    sum_ = 0;
    count_ = 0;
  }

  std::array<uint16_t, TimeOfDay::kSlots> slots_;
  float sum_ = 0;
  uint16_t count_ = 0;
  int8_t slot_ = -1;
};

}  // namespace heald::baseline
