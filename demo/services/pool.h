// The connections to a database that the requests of a service share. The database is imagined, the
// queue for a connection is not: who finds none waits, and gives up in the end. Used by HttpApp.
// Thread rule: all functions from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "demo/services/stop_signal.h"

namespace heald::demo {

class Pool {
 public:
  // `stop` outlives the pool.
  Pool(int size, const StopSignal* stop) : size_(size), stop_(*stop) {}

  // False when none became free in time, or the service stops.
  [[nodiscard]] bool Take(int64_t patience_ns);
  // Who took one and doesn't call this has lost it for good.
  void GiveBack();

  int size() const { return size_; }
  int in_use() const;
  int waiting() const;

 private:
  const int size_;
  const StopSignal& stop_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  int in_use_ = 0;   // guarded by mutex_
  int waiting_ = 0;  // guarded by mutex_
};

}  // namespace heald::demo
