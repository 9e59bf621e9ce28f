// Time as an interface, so that the engine and the runner work the same on a virtual clock.
// Thread rule: implementations are safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>

namespace heald {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t NowNs() const = 0;        // wall clock, ns since the Unix epoch
  virtual int64_t MonotonicNs() const = 0;  // never goes back
};

class SystemClock final : public Clock {
 public:
  int64_t NowNs() const override { return Read(CLOCK_REALTIME); }
  int64_t MonotonicNs() const override { return Read(CLOCK_MONOTONIC); }

 private:
  static int64_t Read(clockid_t id) {
    timespec t{};
    clock_gettime(id, &t);
    return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
  }
};

// Stands still until someone moves it.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(int64_t now_ns = 0) : now_ns_(now_ns) {}
  int64_t NowNs() const override { return now_ns_.load(std::memory_order_relaxed); }
  int64_t MonotonicNs() const override { return NowNs(); }
  void Advance(int64_t by_ns) { now_ns_.fetch_add(by_ns, std::memory_order_relaxed); }
  void Set(int64_t now_ns) { now_ns_.store(now_ns, std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> now_ns_;
};

}  // namespace heald
