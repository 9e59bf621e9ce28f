// The lines that a recording is nearly all made of: {"t":1763800000.25,"v":[[0,0.5],[3,"NaN"]]}.
// Read and written by hand, since a day of a thousand series has six million of these pairs.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "plugins/support/recording/history_file.h"

namespace heald::recording {

bool IsSampleLine(std::string_view line);
// Null: done; otherwise what is wrong. `series_count`: so many are declared.
const char* ParseSampleLine(std::string_view line, size_t series_count, Moment* moment);
// Appends the line with its newline.
void AppendSampleLine(int64_t ts_ns, const RecordedSample* samples, size_t count,
                      std::string* text);

}  // namespace heald::recording
