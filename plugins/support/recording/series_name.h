// A series in one text, as columns of CSV files and people name them: latency_p99 or
// latency_p99{service="payments", zone='a'}. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "plugins/support/recording/history_file.h"

namespace heald::recording {

// Null: done; otherwise what is wrong. Text without braces is the name, whatever it is.
const char* ParseSeriesName(std::string_view text, RecordedSeries* series);

// latency_p99{service="payments", zone="a"}
std::string SeriesName(const RecordedSeries& series);

}  // namespace heald::recording
