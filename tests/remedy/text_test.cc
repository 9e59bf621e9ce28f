#include "core/remedy/text.h"

#include <gtest/gtest.h>

namespace heald::remedy {
namespace {

std::string TellingOf(const Labels& series, const Labels& incident, std::string summary) {
  Decision decision;
  decision.action = "restart";
  decision.target = series;
  return TellingSummary(decision, incident, std::move(summary));
}

TEST(RemedyTextTest, APlanThatNamesItsTargetIsLeftAlone) {
  const Labels target = {{"service", "payments"}};
  EXPECT_EQ(TellingOf(target, target, "restart container payments-1"),
            "restart container payments-1");
}

TEST(RemedyTextTest, APlanThatDoesNotGetsActionAndTarget) {
  const Labels target = {{"service", "payments"}};
  EXPECT_EQ(TellingOf(target, target, "POST http://ops/act"),
            "restart on payments: POST http://ops/act");
}

TEST(RemedyTextTest, AnAddressNamesNoTarget) {
  const Labels shop = {{"namespace", "shop"}};
  EXPECT_EQ(TellingOf(shop, shop, "POST http://ops/shop/act"),
            "restart on {namespace=\"shop\"}: POST http://ops/shop/act");
  const Labels a = {{"instance", "ops:80"}, {"service", "a"}};
  EXPECT_EQ(TellingOf(a, a, "POST http://ops:80/act"), "restart on a: POST http://ops:80/act");
}

TEST(RemedyTextTest, WhoMeasuresIsNotWhomItIsAbout) {
  EXPECT_EQ(TellingOf({{"instance", "10.0.0.7:9100"}, {"namespace", "shop"}},
                      {{"namespace", "shop"}}, "POST http://ops/act"),
            "restart on {namespace=\"shop\"}: POST http://ops/act");
}

}  // namespace
}  // namespace heald::remedy
