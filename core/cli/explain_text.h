// An incident's chain as text for whoever is on call: what was seen, why it was decided so, what
// was called and what came of it. Used by `heald explain`. Thread rule: pure function.
#pragma once

#include <string>

#include "core/store/store.h"

namespace heald::cli {

// Times of day are in UTC; "+2.1 s" is since the incident's first finding began.
std::string ExplainText(const Chain& chain);

}  // namespace heald::cli
