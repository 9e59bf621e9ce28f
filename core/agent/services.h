// Log and metrics for plugins. Used by the composition root. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/plugin/host.h"
#include "core/telemetry/metrics.h"

namespace heald::agent {

class PluginServices final : public plugin::Services {
 public:
  explicit PluginServices(Metrics& metrics) : metrics_(metrics) {}
  void Log(std::string_view node, uint32_t level, std::string_view message,
           const std::vector<std::pair<std::string_view, std::string_view>>& fields) override;
  Result<uint64_t> Metric(std::string_view node, uint32_t kind, std::string_view name,
                          std::string_view help, const Labels& labels) override;
  void Record(uint64_t metric, double value) override;
  // The node has said that in its own words, so nobody need say it again.
  bool HasSaid(std::string_view node, std::string_view words, int64_t within_ns) const;
  // A node's plugin gauge, named without its prefix; 0 when it has none.
  double Gauge(std::string_view node, std::string_view name) const;

 private:
  Metrics& metrics_;
  mutable std::mutex mutex_;
  // Guarded by mutex_; a handle is an index and lives as long as the process:
  std::vector<heald::Metric> handles_;
  std::map<std::pair<std::string, Labels>, uint64_t> known_;
  struct Said {
    std::string line;
    int64_t at_ns = 0;  // monotonic
  };
  std::map<std::string, std::deque<Said>, std::less<>> said_;  // the latest of each node
};

}  // namespace heald::agent
