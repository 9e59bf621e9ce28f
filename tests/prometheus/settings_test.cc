#include "plugins/sources/prometheus/settings.h"

#include <gtest/gtest.h>

namespace heald::prometheus {
namespace {

TEST(PrometheusSettingsTest, ShipsQueriesForTheUsualMetrics) {
  std::vector<std::string> names;
  for (const auto& [name, promql] : QueriesOf({})) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"cpu", "error_rate", "latency_p50", "latency_p95",
                                             "latency_p99", "memory", "request_rate"}));
  PrometheusConfig own;
  own.queries = {{"x", "up"}};
  EXPECT_EQ(QueriesOf(own).size(), 1u);
}

TEST(PrometheusSettingsTest, SaysWhatIsWrongAndWhere) {
  PrometheusConfig config;
  config.url = "http://localhost:9090";
  config.queries = {{"p99 latency", "up"}, {"empty", "  "}, {"fine", "up"}};
  std::vector<std::string> seen;
  for (const auto& problem : CheckConfig(config))
    seen.push_back(problem.pointer + ": " + problem.message);
  EXPECT_EQ(seen, (std::vector<std::string>{
                      "/queries/empty: the query is empty: write PromQL",
                      "/queries: 'p99 latency' can't name a query: use letters, digits and '_'"}));
}

}  // namespace
}  // namespace heald::prometheus
