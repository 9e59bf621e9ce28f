// The configuration of a loki node. Thread rule: plain values and pure functions.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "heald/config.h"
#include "plugins/support/http_config.h"

namespace heald::loki {

struct LokiConfig : support::HttpConfig {
  sdk::Duration interval = sdk::Seconds(10);
  std::map<std::string, std::string> logs;
  std::map<std::string, std::string> metrics;
  std::string tenant;
  bool tail = true;
  sdk::Duration overlap = sdk::Seconds(30);
  sdk::Duration lag = sdk::Seconds(5);
  sdk::Duration max_catch_up = sdk::Minutes(60);
  sdk::Duration log_history = sdk::Minutes(15);
  int64_t limit = 5000;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        support::HttpConfig::Fields(),
        std::tuple(
            Field("interval", &LokiConfig::interval,
                  "Time between two rounds of queries, and between two values of a metric query",
                  {.min = 1e9}),
            Field("logs", &LokiConfig::logs,
                  "LogQL that gives lines, by the name its streams get: {app=\"shop\"} |= \"x\""),
            Field("metrics", &LokiConfig::metrics,
                  "LogQL that gives values, by the name its series get: sum(rate({…}[1m]))"),
            Field("tenant", &LokiConfig::tenant, "Sent as X-Scope-OrgID"),
            Field("tail", &LokiConfig::tail,
                  "Lines come by websocket as they are written; else once an interval"),
            Field("overlap", &LokiConfig::overlap,
                  "Each reading goes so far back again, for lines that Loki got late", {.min = 0}),
            Field("lag", &LokiConfig::lag,
                  "Metric queries are asked for so long ago: lines need time to arrive",
                  {.min = 0}),
            Field("max_catch_up", &LokiConfig::max_catch_up,
                  "After an outage at most this much of the past is read", {.min = 1e9}),
            Field("log_history", &LokiConfig::log_history,
                  "Of the agent's backfill so much is read as lines", {.min = 0}),
            Field("limit", &LokiConfig::limit, "Lines of one answer; less where Loki allows less",
                  {.min = 10, .max = 50'000})));
  }
};

std::vector<support::HttpConfigProblem> CheckConfig(const LokiConfig& config);

// With the tenant among the headers.
support::HttpConfig HttpOf(const LokiConfig& config);

}  // namespace heald::loki
