// Spends something in chunks at a rate in bytes that may change at any time: the memory of a leak,
// the space of a disk. Used by Leak and HttpApp. Thread rule: starts and joins a thread of its
// own, which asks `rate` ten times a second.
#pragma once

#include <cstddef>
#include <functional>
#include <thread>

namespace heald::demo {

class Drip {
 public:
  static constexpr size_t kChunkBytes = 65'536;

  // rate: MiB per second wanted just now, 0: none. spend: takes one chunk, false when there is no
  // room for it. Both are called from the drip's thread.
  Drip(std::function<double()> rate, std::function<bool()> spend);
  Drip(const Drip&) = delete;
  Drip& operator=(const Drip&) = delete;

 private:
  void Run(const std::stop_token& stop);

  const std::function<double()> rate_;
  const std::function<bool()> spend_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace heald::demo
