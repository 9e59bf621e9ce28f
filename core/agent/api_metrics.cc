#include "core/agent/api_metrics.h"

#include <algorithm>

#include "core/telemetry/names.h"

namespace heald::agent {
namespace {

// The listener counts for itself; what was added since the last page goes into the registry.
void CatchUp(Metric counter, uint64_t total) {
  counter.Add(std::max(0.0, static_cast<double>(total) - counter.value()));
}

}  // namespace

void CollectApi(Metrics& metrics, const api::Server::Stats& stats) {
  metrics.Get(names::kApiConnections).Record(static_cast<double>(stats.connections));
  metrics.Get(names::kLiveClients).Record(static_cast<double>(stats.live.clients));
  CatchUp(metrics.Get(names::kApiRefused), stats.refused_total);
  CatchUp(metrics.Get(names::kApiTlsFailures), stats.tls_failures_total);
  CatchUp(metrics.Get(names::kLiveEvents), stats.live.events_total);
  const auto ended = [&](const char* reason, uint64_t total) {
    CatchUp(metrics.Get(names::kLiveEnded, {{"reason", reason}}), total);
  };
  ended("slow", stats.live.dropped_total);
  ended("revoked", stats.live.revoked_total);
  ended("full", stats.live.refused_total);
}

}  // namespace heald::agent
