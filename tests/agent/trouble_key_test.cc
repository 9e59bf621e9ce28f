#include "core/agent/trouble_key.h"

#include <gtest/gtest.h>

namespace heald::agent {
namespace {

TEST(TroubleKeyTest, NumbersAndIdsMakeNoOtherTroubleOfIt) {
  EXPECT_EQ(TroubleKey("got 17 bytes of 4096"), TroubleKey("got 3 bytes of 12"));
  EXPECT_EQ(TroubleKey("status 500 (request id b0c9ab44-bcc0-40cf-bb7f-141627ebcd49 failed)"),
            TroubleKey("status 500 (request id 0b616ffe-abcd-4ffe-9a01-5dbbe98db8f0 failed)"));
  EXPECT_EQ(TroubleKey("trace=8cc5b4c3 failed"), TroubleKey("trace=340DD473E9AC48CD failed"));
}

TEST(TroubleKeyTest, AnotherTroubleIsOne) {
  EXPECT_NE(TroubleKey("answered with status 502"), TroubleKey("answered with status 503"));
  EXPECT_NE(TroubleKey("no container payments-1"), TroubleKey("no container orders-1"));
  EXPECT_NE(TroubleKey("deadbeef isn't there"), TroubleKey("effaced- isn't there"));
  EXPECT_EQ(TroubleKey(""), "");
}

}  // namespace
}  // namespace heald::agent
