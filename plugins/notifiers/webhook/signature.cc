#include "plugins/notifiers/webhook/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace heald::webhook {

std::string Signature(std::string_view secret, int64_t seconds, std::string_view body) {
  constexpr char kHex[] = "0123456789abcdef";
  const std::string text = std::to_string(seconds) + "." + std::string(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length);
  std::string out = "sha256=";
  for (unsigned i = 0; i < length; ++i) (out += kHex[digest[i] >> 4]) += kHex[digest[i] & 15];
  return out;
}

}  // namespace heald::webhook
