// What /proc says of this process, which build it is and how its last reload went, on the metrics
// page as long as the agent runs. Used by the composition root. Thread rule: AddProcessMetrics
// once, its collector runs on the thread that asks for the page; RecordReload any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/telemetry/metrics.h"

namespace heald {

// `metrics` keeps the collector as long as it lives.
void AddProcessMetrics(Metrics& metrics, std::string_view version);

// At the start too, which applies a file. `now_ns`: since 1970.
void RecordReload(Metrics& metrics, bool applied, int64_t now_ns);

}  // namespace heald
