#include "demo/services/drip.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace heald::demo {

Drip::Drip(std::function<double()> rate, std::function<bool()> spend)
    : rate_(std::move(rate)),
      spend_(std::move(spend)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

void Drip::Run(const std::stop_token& stop) {
  constexpr auto kTick = std::chrono::milliseconds(100);
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  double owed = 0;  // bytes
  auto before = std::chrono::steady_clock::now();
  while (!woken.wait_for(lock, stop, kTick, [] { return false; }) && !stop.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    owed += rate_() * 1024 * 1024 * std::chrono::duration<double>(now - before).count();
    before = now;
    for (; owed >= kChunkBytes && spend_(); owed -= kChunkBytes) {
    }
    if (owed >= kChunkBytes) owed = 0;  // full
  }
}

}  // namespace heald::demo
