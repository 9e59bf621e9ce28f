// Points in time as people give them to verbs. Thread rule: a pure function.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"

namespace heald::cli {

// "now", "-24h", or a time: RFC 3339 or epoch seconds.
Result<int64_t> ParseMoment(const std::string& text, int64_t now_ns);

}  // namespace heald::cli
