// SHA-256, for names that can't collide, secrets that are kept as hashes only and what is signed;
// and random secrets. Thread rule: any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace heald {

std::string Sha256Hex(std::string_view text);  // 64 lower-case hex digits
std::string HexOf(std::string_view bytes);     // two lower-case digits each
// Of so many bytes from the kernel, 256 at most.
std::string RandomHex(size_t bytes);
// HMAC-SHA256: only who has the key can make it. In hex.
std::string HmacSha256Hex(std::string_view key, std::string_view text);

}  // namespace heald
