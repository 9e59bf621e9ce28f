#include "core/agent/services.h"

#include <algorithm>

#include "core/base/clock.h"
#include "core/telemetry/log.h"

namespace heald::agent {
namespace {

constexpr size_t kLinesKept = 8;  // of a node

}  // namespace

void PluginServices::Log(std::string_view node, uint32_t level, std::string_view message,
                         const std::vector<std::pair<std::string_view, std::string_view>>& fields) {
  std::vector<LogField> out;
  out.reserve(fields.size());
  for (const auto& [key, value] : fields) out.emplace_back(key, value);
  heald::Log(static_cast<LogLevel>(level), node, message, std::span<const LogField>(out));
  const std::lock_guard lock(mutex_);
  auto at = said_.find(node);
  if (at == said_.end()) at = said_.emplace(node, std::deque<Said>()).first;
  at->second.push_back({std::string(message), SystemClock().MonotonicNs()});
  if (at->second.size() > kLinesKept) at->second.pop_front();
}

bool PluginServices::HasSaid(std::string_view node, std::string_view words,
                             int64_t within_ns) const {
  const std::lock_guard lock(mutex_);
  const auto at = said_.find(node);
  if (at == said_.end()) return false;
  const int64_t now_ns = SystemClock().MonotonicNs();
  return std::any_of(at->second.begin(), at->second.end(), [&](const Said& said) {
    return now_ns - said.at_ns <= within_ns && said.line.find(words) != std::string::npos;
  });
}

Result<uint64_t> PluginServices::Metric(std::string_view node, uint32_t kind, std::string_view name,
                                        std::string_view help, const Labels& labels) {
  if (kind > HEALD_METRIC_HISTOGRAM)
    return MakeError(Code::kInvalid, "unknown metric kind " + std::to_string(kind));
  const std::string full = "heald_plugin_" + std::string(name);
  Labels all = labels;
  all.Set("node", node);
  const std::lock_guard lock(mutex_);
  const auto [at, added] = known_.try_emplace({full, all}, handles_.size());
  if (!added) return at->second;
  Result<heald::Metric> metric =
      metrics_.Get(static_cast<MetricKind>(kind), full, help, all, Lifetime::kTouched);
  if (!metric) {
    known_.erase(at);
    return metric.error();
  }
  handles_.push_back(std::move(*metric));
  return at->second;
}

void PluginServices::Record(uint64_t metric, double value) {
  heald::Metric handle;
  {
    const std::lock_guard lock(mutex_);
    if (metric >= handles_.size()) return;
    handle = handles_[metric];
  }
  handle.Record(value);
}

double PluginServices::Gauge(std::string_view node, std::string_view name) const {
  const std::string full = "heald_plugin_" + std::string(name);
  const std::lock_guard lock(mutex_);
  double sum = 0;
  for (auto at = known_.lower_bound({full, Labels()});
       at != known_.end() && at->first.first == full; ++at)
    if (at->first.second.Get("node") == node) sum += handles_[at->second].value();
  return sum;
}

}  // namespace heald::agent
