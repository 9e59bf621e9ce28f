// The agent's traces: one of each incident, to where `agent.traces` says. Used by the agent.
// Thread rule: Wake and Collect from any thread; the destructor and Stop from one.
#pragma once

#include "core/agent/trace_feed.h"
#include "core/pipeline/spec.h"
#include "core/telemetry/metrics.h"

namespace heald::agent {

class Traces {
 public:
  Traces(const AgentSpec& agent, const Clock& clock);

  // Something has been written to the journal.
  void Wake() { exporter_.Wake(); }
  void Stop(int64_t patience_ns) { exporter_.Stop(patience_ns); }
  void Collect(Metrics* metrics);

 private:
  TraceFeed feed_;
  tracing::SpanExporter exporter_;
  std::mutex mutex_;
  tracing::ExportStats counted_;  // under mutex_
  uint64_t skipped_counted_ = 0;  // likewise
};

}  // namespace heald::agent
