// What a target is called for short: the value of the first of these labels that it has. Used by
// the agent and by plugins that write for people. Thread rule: constants.
#pragma once

#include <string_view>

namespace heald::sdk {

inline constexpr std::string_view kNamingLabels[] = {
    "service", "pod", "container", "deployment", "node", "instance", "job"};

}  // namespace heald::sdk
