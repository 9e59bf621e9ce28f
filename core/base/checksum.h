// Tells a whole piece of a file from a torn or damaged one (FNV-1a, 64 bits); no protection against
// someone who means it. Used by snapshots and spools. Thread rule: pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace heald {

inline uint64_t Checksum(std::string_view text, uint64_t hash = 0xcbf29ce484222325ull) {
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3ull;
  return hash;
}

}  // namespace heald
