// Breaks services at random for a while: one fault at a time, on a service drawn by seed. Every
// fault also has its own end in the service, so that nothing stays when this process dies.
// Used by the chaos verb.
// Thread rule: construct and Stop from one thread; it works on a thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "demo/support/http_client.h"
#include "demo/tools/targets.h"

namespace heald::demo {

struct RandomFault {
  size_t target = 0;
  std::string text;  // "+1.5 s on all requests"
  nlohmann::json body;
  int64_t hold_ns = 0;
  int64_t pause_ns = 0;
};

// The n-th call with equal seeds and kinds gives equal faults.
class FaultDice {
 public:
  FaultDice(uint64_t seed, std::vector<std::string> kinds, std::vector<Target> targets);
  RandomFault Roll();

 private:
  double Between(double low, double high);

  std::mt19937_64 random_;
  const std::vector<std::string> kinds_;
  const std::vector<Target> targets_;
};

class RandomFaults {
 public:
  // `tell` gets a line for every fault, from the other thread.
  RandomFaults(uint64_t seed, std::vector<std::string> kinds, std::vector<Target> targets,
               std::function<void(const std::string&)> tell);
  ~RandomFaults();
  // Ends the fault in force and clears all targets; returns how many faults there were.
  int Stop();

 private:
  void Run();
  // False when Stop came.
  bool Wait(int64_t duration_ns);

  const std::vector<Target> targets_;
  const std::function<void(const std::string&)> tell_;
  FaultDice dice_;
  HttpClient client_;
  std::atomic<int> count_{0};
  std::mutex mutex_;
  std::condition_variable stopping_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace heald::demo
