#include "plugins/notifiers/webhook/signature.h"

#include <gtest/gtest.h>

namespace heald::webhook {
namespace {

TEST(WebhookSignatureTest, IsHmacSha256OfTimeAndBody) {
  // printf '1795294950.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
  EXPECT_EQ(Signature("0123456789abcdef", 1795294950, "{\"a\":1}"),
            "sha256=e5aa1eae6d8683627e5d14a3cfd629c794d3e94eaa062a33d779e7edc210864b");
}

}  // namespace
}  // namespace heald::webhook
