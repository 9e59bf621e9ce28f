#include "plugins/sources/loki/settings.h"

#include <gtest/gtest.h>

#include "plugins/sources/loki/requests.h"

namespace heald::loki {
namespace {

std::string FirstProblem(const LokiConfig& config) {
  const auto problems = CheckConfig(config);
  return problems.empty() ? "" : problems[0].pointer + ": " + problems[0].message;
}

TEST(LokiSettingsTest, SaysWhereAQueryIsOutOfPlace) {
  LokiConfig config;
  config.url = "http://localhost:3100";
  EXPECT_EQ(FirstProblem(config), ": there is nothing to ask: write queries under logs or metrics");
  config.logs["errors"] = " {app=\"shop\"} |= \"error\"";
  EXPECT_EQ(FirstProblem(config), "");
  config.logs["rate"] = "rate({app=\"shop\"}[1m])";
  EXPECT_EQ(FirstProblem(config).substr(0, 11), "/logs/rate:");
  config.logs.erase("rate");
  config.metrics["rate"] = "{app=\"shop\"}";
  EXPECT_EQ(FirstProblem(config).substr(0, 14), "/metrics/rate:");
  config.metrics = {{"errors", "rate({app=\"shop\"}[1m])"}};
  EXPECT_EQ(FirstProblem(config), "/metrics/errors: 'errors' is a query under logs already");
  config.metrics = {{"9x", "rate({app=\"shop\"}[1m])"}};
  EXPECT_EQ(FirstProblem(config).substr(0, 9), "/metrics:");
}

TEST(LokiSettingsTest, ASelectorEndsAtItsOwnBrace) {
  EXPECT_EQ(SelectorOf(R"({a="}\"}", b=~`}`} |= "}")"), R"({a="}\"}", b=~`}`})");
  EXPECT_EQ(SelectorOf("{a=\"b\"}"), "{a=\"b\"}");
}

TEST(LokiSettingsTest, RefusesWhatATailCantDo) {
  LokiConfig config;
  config.url = "unix:///run/loki.sock";
  config.logs["errors"] = "{app=\"shop\"}";
  EXPECT_EQ(FirstProblem(config).substr(0, 6), "/tail:");
  config.tail = false;
  EXPECT_EQ(FirstProblem(config), "");
  config.url = "https://loki.example.org";
  config.tls.server_name = "other";
  EXPECT_EQ(FirstProblem(config), "");
  config.tail = true;
  EXPECT_EQ(FirstProblem(config).substr(0, 17), "/tls/server_name:");
}

TEST(LokiSettingsTest, TheTenantIsAHeader) {
  LokiConfig config;
  config.url = "http://localhost:3100";
  config.logs["errors"] = "{app=\"shop\"}";
  config.tenant = "team-a";
  EXPECT_EQ(HttpOf(config).headers.at("X-Scope-OrgID"), "team-a");
  config.headers["x-scope-orgid"] = "other";
  EXPECT_EQ(FirstProblem(config), "/headers: the tenant is set twice: keep tenant");
}

}  // namespace
}  // namespace heald::loki
