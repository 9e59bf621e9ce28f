// The demo's steady traffic, on a thread of its own, and a short measurement of one service that
// owes nothing to heald. Used by the session and the scenarios.
// Thread rule: one thread owns it; Report from that thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/result.h"
#include "demo/tools/load_engine.h"
#include "demo/tools/targets.h"

namespace heald::demo {

class Traffic {
 public:
  explicit Traffic(std::vector<Target> targets);
  ~Traffic();
  // No more requests; those under way are waited for by the destructor.
  void Stop() { stop_ = true; }
  LoadReport Report() const;

 private:
  void Run(const LoadPlan& plan);

  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  LoadReport report_;  // guarded by mutex_
  std::thread thread_;
};

// Empty when the service answers /health and its requests as a healthy one does; else what is
// wrong. Takes two seconds.
std::string Unwell(const Target& target);

}  // namespace heald::demo
