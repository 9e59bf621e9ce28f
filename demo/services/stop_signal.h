// Says that the process is ending, and cuts waits short when it does. Shared by the HTTP server and
// everything that waits inside a request.
// Thread rule: all functions from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace heald::demo {

class StopSignal {
 public:
  void Stop();
  bool stopped() const;
  // False when the wait was cut short.
  bool SleepFor(int64_t duration_ns);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;  // guarded by mutex_
};

}  // namespace heald::demo
