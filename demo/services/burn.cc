#include "demo/services/burn.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace heald::demo {

Burn::Burn(std::function<double()> cores, int most) : cores_(std::move(cores)) {
  for (int i = 0; i < most; ++i)
    threads_.emplace_back([this, i](const std::stop_token& stop) { Run(stop, i); });
}

// Of each slice the thread's part is computed through, the rest slept.
void Burn::Run(const std::stop_token& stop, int index) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kSlice = std::chrono::milliseconds(100);
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    const auto begin = Clock::now();
    const double part = std::clamp(cores_() - index, 0.0, 1.0);
    while (!stop.stop_requested() && Clock::now() < begin + part * kSlice) {
    }
    woken.wait_until(lock, stop, begin + kSlice, [] { return false; });
  }
}

}  // namespace heald::demo
