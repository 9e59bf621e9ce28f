// The configuration of a prometheus node.
// Thread rule: plain values and pure functions.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "heald/config.h"
#include "plugins/support/http_config.h"

namespace heald::prometheus {

struct PrometheusConfig : support::HttpConfig {
  sdk::Duration interval = sdk::Seconds(10);
  int64_t max_concurrency = 4;
  std::map<std::string, std::string> queries;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        support::HttpConfig::Fields(),
        std::tuple(Field("interval", &PrometheusConfig::interval,
                         "Time between two rounds of queries", {.min = 1e9}),
                   Field("max_concurrency", &PrometheusConfig::max_concurrency,
                         "Queries asked at once", {.min = 1, .max = 64}),
                   Field("queries", &PrometheusConfig::queries,
                         "PromQL by the name its series get; by default cpu, memory, request_rate, "
                         "error_rate and latency_p50, _p95, _p99 by job and service")));
  }
};

std::vector<support::HttpConfigProblem> CheckConfig(const PrometheusConfig& config);

// Those of the config, or the ones that are shipped.
const std::map<std::string, std::string>& QueriesOf(const PrometheusConfig& config);

}  // namespace heald::prometheus
