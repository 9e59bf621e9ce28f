// A value as text that is the same exactly where the value is: for fingerprints of configs, not for
// people. Thread rule: any thread.
#pragma once

#include <string>

#include "core/model/value.h"

namespace heald {

void AppendCanonical(std::string& out, const Value& value);

}  // namespace heald
