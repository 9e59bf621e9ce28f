// Numbers as Prometheus writes them, in text pages and in JSON: 17, 1e-3, +Inf, NaN.
// Thread rule: pure.
#pragma once

#include <string_view>

namespace heald::support {

// False: it isn't one, or is too large for a double.
bool ParseNumber(std::string_view text, double* value);

}  // namespace heald::support
