// Series handles for sources that leave a series out where the node's max_series is reached.
// Used by every source of samples. Thread rule: any thread.
#pragma once

#include <string_view>

#include "heald/host.h"

namespace heald::support {

// HEALD_SERIES_NONE where there is no room; `refused` counts these.
inline heald_series InternIfRoom(const sdk::Host& host, std::string_view name,
                                 const sdk::LabelSet& labels, const sdk::Metric& refused) {
  try {
    return host.Intern(name, labels);
  } catch (const sdk::Failure& failed) {
    if (failed.code() != HEALD_FULL) throw;
    refused.Record(1);
    return HEALD_SERIES_NONE;
  }
}

}  // namespace heald::support
