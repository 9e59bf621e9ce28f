// How much a counter grew within a window, resets taken into account, in constant space.
// Thread rule: one thread. Times are of a clock that never goes back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace heald::scrape {

// The times at which the counters of one target and window were remembered; shared by all of them.
class WindowClock {
 public:
  static constexpr size_t kSlots = 64;

  explicit WindowClock(int64_t window_ns) : window_ns_(window_ns) {}

  // A page was read. Moves on to a new slot, but at most 50 times per window.
  void Advance(int64_t now_ns) {
    now_ns_ = now_ns;
    if (tick_ == 0 || now_ns - times_[tick_ % kSlots] >= window_ns_ / 50)
      times_[++tick_ % kSlots] = now_ns;
    if (base_ == 0) base_ = tick_;
    // A little more than the window is fine; a sample that comes a moment late must not halve it.
    while (base_ < tick_ && times_[base_ % kSlots] < now_ns - window_ns_ - window_ns_ / 10) ++base_;
  }
  uint64_t tick() const { return tick_; }
  uint64_t base() const { return base_; }
  int64_t window_ns() const { return window_ns_; }
  // Time from the oldest remembered page in the window to the latest page; 0: only one page yet.
  int64_t SpanNs() const { return tick_ == 0 ? 0 : now_ns_ - times_[base_ % kSlots]; }

 private:
  int64_t window_ns_;
  int64_t now_ns_ = 0;
  uint64_t tick_ = 0;
  uint64_t base_ = 0;
  std::array<int64_t, kSlots> times_{};
};

class CounterWindow {
 public:
  // After the clock's Advance. A value below the last one means that the counter began again at 0.
  void Add(double value, const WindowClock& clock) {
    const uint64_t tick = clock.tick();
    if (first_tick_ == 0) {
      first_tick_ = last_tick_ = tick;
    } else {
      // Slots that passed while the counter was away hold what it had before.
      for (uint64_t missed = last_tick_ + 1; missed < tick; ++missed) {
        if (tick - missed < WindowClock::kSlots) totals_[missed % WindowClock::kSlots] = total_;
      }
      total_ += value >= last_ ? value - last_ : value;
    }
    last_ = value;
    if (tick != last_tick_) totals_[tick % WindowClock::kSlots] = total_;
    last_tick_ = tick;
  }

  // Growth since the oldest page in the clock's window. What a counter had when it was first seen
  // isn't growth: it may be much older than the window.
  double Increase(const WindowClock& clock) const {
    const uint64_t base = clock.base();
    if (base <= first_tick_) return total_;
    if (base > last_tick_) return 0;
    return total_ - totals_[base % WindowClock::kSlots];
  }

 private:
  double last_ = 0;
  double total_ = 0;
  uint64_t first_tick_ = 0;
  uint64_t last_tick_ = 0;
  std::array<double, WindowClock::kSlots> totals_{};
};

}  // namespace heald::scrape
