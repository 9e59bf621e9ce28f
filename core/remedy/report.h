// Weeks of incidents in numbers: how many, how long, how many without a person, what people said of
// them. Read from the journal; shown by GET /api/v1/reports/weekly, `heald report`, the dashboard
// and the metrics. Thread rule: plain values.
#pragma once

#include <cstdint>
#include "core/base/result.h"
#include "core/model/report.h"
#include "core/store/store.h"

namespace heald::remedy {

inline constexpr size_t kReportTargets = 10;
inline constexpr int kMostWeeks = 53;

Result<WeeklyReport> ReadWeekly(HistoryReader* history, int weeks, int64_t now_ns);
// The incidents of the last so many ns, without weeks.
Result<Figures> ReadFigures(HistoryReader* history, int64_t since_ns);

}  // namespace heald::remedy
