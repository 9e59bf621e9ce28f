#include "demo/services/pool.h"

#include <algorithm>
#include <chrono>

namespace heald::demo {

bool Pool::Take(int64_t patience_ns) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kLookForStop = std::chrono::milliseconds(50);
  const auto deadline = Clock::now() + std::chrono::nanoseconds(patience_ns);
  std::unique_lock lock(mutex_);
  ++waiting_;
  while (in_use_ == size_ && Clock::now() < deadline && !stop_.stopped())
    freed_.wait_until(lock, std::min(deadline, Clock::now() + kLookForStop));
  --waiting_;
  if (in_use_ == size_) return false;
  ++in_use_;
  return true;
}

void Pool::GiveBack() {
  {
    const std::lock_guard lock(mutex_);
    --in_use_;
  }
  freed_.notify_one();
}

int Pool::in_use() const {
  const std::lock_guard lock(mutex_);
  return in_use_;
}

int Pool::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

}  // namespace heald::demo
