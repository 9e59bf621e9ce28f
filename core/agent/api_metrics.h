// What the API's listener says of itself, on the metrics page. Used by the composition root.
// Thread rule: on the thread that asks for the page.
#pragma once

#include "core/api/server.h"
#include "core/telemetry/metrics.h"

namespace heald::agent {

void CollectApi(Metrics& metrics, const api::Server::Stats& stats);

}  // namespace heald::agent
