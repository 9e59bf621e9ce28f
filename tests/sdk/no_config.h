// For components of the tests that have nothing to configure.
// Thread rule: a plain value.
#pragma once

#include <tuple>

namespace heald::sdk {

struct NoConfig {
  static constexpr auto Fields() { return std::tuple(); }
};

}  // namespace heald::sdk
