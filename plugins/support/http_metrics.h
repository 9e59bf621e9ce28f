// What a node's outgoing requests came to, as metrics of the agent: requests by status class,
// retries, durations, open connections. Used by HttpClient. Thread rule: any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "heald/host.h"

namespace heald::support {

class HttpMetrics {
 public:
  // For all clients of one node. A host that takes no more metrics makes it count for nothing.
  static std::shared_ptr<HttpMetrics> Of(sdk::Host host);

  // status 0: no answer.
  void Ended(int status, double seconds);
  void Retried() { retries_.Record(1); }
  void Connections(int change);

 private:
  std::array<sdk::Metric, 6> requests_;  // by hundreds from [2] on; [0]: no answer
  sdk::Metric retries_;
  sdk::Metric seconds_;
  sdk::Metric connections_;
  std::atomic<int> open_ = 0;
};

}  // namespace heald::support
