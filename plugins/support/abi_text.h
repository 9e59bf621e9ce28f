// What the host says through the boundary, as text.
// Thread rule: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "heald/abi/types.h"

namespace heald::support {

inline std::string Text(heald_str text) {
  return text.len == 0 ? std::string() : std::string(text.ptr, text.len);
}

// A word that a later host may have and this plugin not.
template <size_t kCount>
std::string Word(const std::array<std::string_view, kCount>& words, uint32_t value) {
  return value < kCount ? std::string(words[value]) : "unknown_" + std::to_string(value);
}

}  // namespace heald::support
