#include "core/remedy/text.h"

#include <gtest/gtest.h>

namespace heald::remedy {
namespace {

TEST(RemedyTextTest, APlanThatNamesItsTargetIsLeftAlone) {
  EXPECT_EQ(TellingSummary("restart", {{"service", "payments"}}, "restart container payments-1"),
            "restart container payments-1");
}

TEST(RemedyTextTest, APlanThatDoesNotGetsActionAndTarget) {
  EXPECT_EQ(TellingSummary("restart", {{"service", "payments"}}, "POST http://ops/act"),
            "restart on payments: POST http://ops/act");
}

TEST(RemedyTextTest, AnAddressNamesNoTarget) {
  EXPECT_EQ(TellingSummary("restart", {{"namespace", "shop"}}, "POST http://ops/shop/act"),
            "restart on {namespace=\"shop\"}: POST http://ops/shop/act");
  EXPECT_EQ(
      TellingSummary("scale", {{"instance", "ops:80"}, {"service", "a"}}, "POST http://ops:80/act"),
      "scale on a: POST http://ops:80/act");
}

}  // namespace
}  // namespace heald::remedy
