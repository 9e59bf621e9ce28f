// What /proc says of this process, and which build it is, on the metrics page. Used by the
// composition root. Thread rule: call once; the collector it adds runs on the thread that asks for
// the page.
#pragma once

#include <string_view>

#include "core/telemetry/metrics.h"

namespace heald {

// `metrics` keeps the collector as long as it lives.
void AddProcessMetrics(Metrics& metrics, std::string_view version);

}  // namespace heald
