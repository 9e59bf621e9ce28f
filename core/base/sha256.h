// SHA-256, for names that can't collide and secrets that are kept as hashes only.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace heald {

std::string Sha256Hex(std::string_view text);  // 64 lower-case hex digits
std::string HexOf(std::string_view bytes);     // two lower-case digits each

}  // namespace heald
