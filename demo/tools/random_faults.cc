#include "demo/tools/random_faults.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "core/base/units.h"
#include "demo/services/profile.h"

namespace heald::demo {
namespace {

using nlohmann::json;

constexpr double kMinHoldS = 3;
constexpr double kMaxHoldS = 10;
constexpr double kMinPauseS = 1;
constexpr double kMaxPauseS = 4;

int64_t Nanoseconds(double seconds) {
  return static_cast<int64_t>(seconds * 1e9);
}

}  // namespace

FaultDice::FaultDice(uint64_t seed, std::vector<std::string> kinds, std::vector<Target> targets)
    : random_(seed), kinds_(std::move(kinds)), targets_(std::move(targets)) {}

double FaultDice::Between(double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(random_);
}

RandomFault FaultDice::Roll() {
  RandomFault fault;
  fault.target = random_() % targets_.size();
  const std::string& kind = kinds_[random_() % kinds_.size()];
  const ServiceProfile& profile = *FindProfile(targets_[fault.target].service);
  if (kind == "latency") {
    const double latency_ms = std::round(profile.fault_latency_ms * Between(0.7, 1.3));
    fault.body = {{"latency_ms", latency_ms}, {"latency_rate", profile.fault_share}};
    fault.text = "+" + FormatElapsed(Nanoseconds(latency_ms / 1000)) + " latency";
  } else if (kind == "errors") {
    const double rate = std::round(kErrorFaultShare * Between(0.6, 1.4) * 100) / 100;
    fault.body = {{"failure_rate", rate}};
    fault.text = std::to_string(std::lround(rate * 100)) + " % errors";
  } else {
    fault.body = {{kind, true}};
    fault.text = kind;
  }
  fault.hold_ns = Nanoseconds(Between(kMinHoldS, kMaxHoldS));
  fault.pause_ns = Nanoseconds(Between(kMinPauseS, kMaxPauseS));
  fault.body["duration_s"] = static_cast<double>(fault.hold_ns) / 1e9;
  return fault;
}

RandomFaults::RandomFaults(uint64_t seed, std::vector<std::string> kinds,
                           std::vector<Target> targets,
                           std::function<void(const std::string&)> tell)
    : targets_(targets),
      tell_(std::move(tell)),
      dice_(seed, std::move(kinds), std::move(targets)),
      thread_([this] { Run(); }) {}

RandomFaults::~RandomFaults() {
  Stop();
}

bool RandomFaults::Wait(int64_t duration_ns) {
  std::unique_lock lock(mutex_);
  return !stopping_.wait_for(lock, std::chrono::nanoseconds(duration_ns), [this] { return stop_; });
}

void RandomFaults::Run() {
  while (true) {
    const RandomFault fault = dice_.Roll();
    const Target& target = targets_[fault.target];
    const auto reply =
        client_.Send("PUT", target.url + "/chaos", fault.body.dump(), kCallTimeout_ns);
    if (reply) {
      ++count_;
      tell_(target.service + ": " + fault.text + " for " + FormatElapsed(fault.hold_ns));
    } else {
      tell_(target.service + ": no fault, " + reply.error().message);
    }
    if (!Wait(fault.hold_ns + fault.pause_ns)) return;
  }
}

int RandomFaults::Stop() {
  if (!thread_.joinable()) return count_;
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  thread_.join();
  for (const Target& target : targets_) {
    // One that is down has no fault left.
    const auto reply = client_.Send("DELETE", target.url + "/chaos", "", kCallTimeout_ns);
    if (!reply) tell_(target.service + ": not cleared, " + reply.error().message);
  }
  return count_;
}

}  // namespace heald::demo
