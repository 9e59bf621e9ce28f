#include "demo/services/leak.h"

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>

namespace heald::demo {

Leak::Leak(std::function<double()> rate, size_t most_bytes)
    : rate_(std::move(rate)),
      most_bytes_(most_bytes),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

void Leak::Run(const std::stop_token& stop) {
  constexpr auto kTick = std::chrono::milliseconds(100);
  constexpr size_t kChunk = 65'536;
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  double owed = 0;  // bytes
  auto before = std::chrono::steady_clock::now();
  while (!woken.wait_for(lock, stop, kTick, [] { return false; }) && !stop.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    owed += rate_() * 1024 * 1024 * std::chrono::duration<double>(now - before).count();
    before = now;
    for (; owed >= kChunk && (chunks_.size() + 1) * kChunk <= most_bytes_; owed -= kChunk) {
      chunks_.push_back(std::make_unique_for_overwrite<char[]>(kChunk));
      std::memset(chunks_.back().get(), 1, kChunk);  // untouched memory isn't resident
    }
    if (owed >= kChunk) owed = 0;  // full
  }
}

}  // namespace heald::demo
