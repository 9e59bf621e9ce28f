// What a plugin's Validate finds in a configuration, as texts: "/url: …". For tests of plugins.
// Thread rule: one thread.
#pragma once

#include <string>
#include <vector>

#include "heald/plugin.h"

namespace heald::fakes {

// A heald_problem_fn; user is the vector that it fills.
inline void CollectProblem(void* user, heald_str pointer, heald_str message) {
  static_cast<std::vector<std::string>*>(user)->push_back(
      std::string(sdk::detail::View(pointer)) + ": " + std::string(sdk::detail::View(message)));
}

template <typename Cls>
std::vector<std::string> ProblemsIn(const typename Cls::Config& config) {
  std::vector<std::string> found;
  sdk::Problems problems(&CollectProblem, &found);
  Cls::Validate(config, problems);
  return found;
}

}  // namespace heald::fakes
