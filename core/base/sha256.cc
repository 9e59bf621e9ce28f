#include "core/base/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <array>

#include "core/base/result.h"

namespace heald {

std::string HexOf(std::string_view bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::string Sha256Hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const int ok = EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  HEALD_CHECK(ok == 1 && size == 32, "libcrypto has no SHA-256");
  return HexOf({reinterpret_cast<const char*>(digest.data()), size});
}

std::string RandomHex(size_t bytes) {
  std::string out(bytes, '\0');
  // Up to 256 bytes come whole or not at all.
  HEALD_CHECK(getrandom(out.data(), bytes, 0) == static_cast<ssize_t>(bytes),
              "the kernel gives random bytes");
  return HexOf(out);
}

std::string HmacSha256Hex(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const unsigned char* made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  HEALD_CHECK(made != nullptr && size == 32, "libcrypto has no HMAC-SHA256");
  return HexOf({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace heald
