// Is a file text at all? Asked before YAML is, for a clearer answer. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace heald {

// Empty when `text` is UTF-8 without control characters; else what it is instead.
std::string WhyNotText(std::string_view text);

}  // namespace heald
