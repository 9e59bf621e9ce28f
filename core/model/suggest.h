// "Did you mean": the nearest known name to a mistyped one. Used by config, graph, conditions and
// the CLI. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace heald {

// Insertions, deletions, changes and swaps of neighbours.
size_t EditDistance(std::string_view a, std::string_view b);

// The candidate nearest to `name`; empty when none is near enough to be meant.
std::string Closest(std::string_view name, const std::vector<std::string>& candidates);

// "did you mean 'zscore'?", or empty.
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates);

// "a, b, c"; at most `limit` names, then "…".
std::string JoinNames(const std::vector<std::string>& names, size_t limit = 12);

}  // namespace heald
