// Times at which something was really wrong, as people labelled them: CSV `start,end[,name]`. Used
// by the backtest to tell recall, precision and lead. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace heald::backtest {

struct LabelWindow {
  int64_t start_ns = 0;
  int64_t end_ns = 0;
  std::string name;  // may be empty
};

// Sorted by start. Times as in metric_csv.h; a first line with names in it is skipped. Errors name
// file and line.
Result<std::vector<LabelWindow>> ReadLabelWindows(const std::string& path);

}  // namespace heald::backtest
