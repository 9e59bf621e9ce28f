// Measures that several parts of remediation go by.
// Thread rule: constants.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/units.h"

namespace heald::remedy {

inline constexpr size_t kShortId = 8;                    // of a decision, as people write it
inline constexpr int64_t kJournalRetryNs = 5 * kSecond;  // where the journal couldn't be written

}  // namespace heald::remedy
