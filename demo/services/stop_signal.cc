#include "demo/services/stop_signal.h"

#include <chrono>

namespace heald::demo {

void StopSignal::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

bool StopSignal::stopped() const {
  std::lock_guard lock(mutex_);
  return stopped_;
}

bool StopSignal::SleepFor(int64_t duration_ns) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(duration_ns);
  std::unique_lock lock(mutex_);
  return !changed_.wait_until(lock, until, [this] { return stopped_; });
}

}  // namespace heald::demo
