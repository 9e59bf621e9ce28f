// What a runner tells of the health of a notifier's node, kept; all else it tells is dropped. Used
// by the delivery tests, which drive a real runner. Thread rule: any thread.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "core/backtest/quiet_services.h"
#include "core/pipeline/runner.h"

namespace heald::testing {

class NodeHealth final : public NodeEvents, public backtest::QuietServices {
 public:
  bool WantsSamples(const NodeSpec&) override { return false; }
  void OnSamples(const NodeSpec&, const SampleBatch&) override {}
  void OnFinding(Finding) override {}
  void OnHealth(const NodeSpec&, const Error* error) override {
    const std::lock_guard lock(mutex_);
    told_.push_back(error == nullptr ? "" : error->message);
  }
  void OnCall(const NodeSpec&, int64_t) override {}
  void OnGone(const NodeSpec&) override {}

  // All that was told; empty: it is well again.
  std::vector<std::string> told() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  // Empty: it is well.
  std::string problem() const {
    const std::lock_guard lock(mutex_);
    return told_.empty() ? "" : told_.back();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> told_;
};

}  // namespace heald::testing
