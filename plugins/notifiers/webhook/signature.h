// The signature of a request: HMAC-SHA256 over time and body, as README.md tells receivers to check
// it. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace heald::webhook {

// "sha256=<hex>" of "<seconds>.<body>".
std::string Signature(std::string_view secret, int64_t seconds, std::string_view body);

}  // namespace heald::webhook
