// The name under which the agent itself speaks in its log and notices.
// Thread rule: a constant.
#pragma once

#include <string_view>

namespace heald::agent {

inline constexpr std::string_view kSelf = "heald";

}  // namespace heald::agent
