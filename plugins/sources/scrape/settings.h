// The configuration of a scrape node and what follows from it.
// Thread rule: plain values and pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "heald/config.h"
#include "plugins/sources/scrape/derive.h"
#include "plugins/support/http_config.h"

namespace heald::scrape {

struct RatioConfig {
  std::string of;
  std::string to;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("of", &RatioConfig::of, "Selector of the counters above the line",
              {.required = true}),
        Field("to", &RatioConfig::to, "Selector of the counters below it", {.required = true}));
  }
};

struct QuantileConfig {
  double q = 0.99;
  std::string of;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("q", &QuantileConfig::q, "Which quantile: 0.99 is p99",
              {.required = true, .min = 0, .max = 1, .exclusive_min = true}),
        Field("of", &QuantileConfig::of, "Selector of the histogram", {.required = true}));
  }
};

struct MetricConfig {
  std::string gauge;
  std::string rate;
  std::optional<RatioConfig> ratio;
  std::optional<QuantileConfig> quantile;
  std::string match;
  std::optional<std::vector<std::string>> by;
  std::optional<sdk::Duration> window;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("gauge", &MetricConfig::gauge, "Selector of gauges, taken as they are"),
        Field("rate", &MetricConfig::rate, "Selector of counters, as growth per second"),
        Field("ratio", &MetricConfig::ratio, "One rate divided by another"),
        Field("quantile", &MetricConfig::quantile, "Quantile of a histogram"),
        Field("match", &MetricConfig::match, "Matchers for all of them: {path!=\"/health\"}"),
        Field("by", &MetricConfig::by, "Labels to keep; the rest is summed up"),
        Field("window", &MetricConfig::window, "Time that rates and quantiles look back",
              {.min = 0, .exclusive_min = true}));
  }
};

struct ScrapeConfig : support::HttpConfig {
  using Labels = std::map<std::string, std::string>;
  std::vector<std::string> targets;
  std::map<std::string, Labels> target_labels;
  bool honor_labels = false;
  sdk::Duration interval = sdk::Seconds(1);
  int64_t max_concurrency = 32;
  std::map<std::string, MetricConfig> metrics;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        std::tuple(
            Field("targets", &ScrapeConfig::targets, "URLs of the pages",
                  {.required = true, .min_items = 1}),
            Field("target_labels", &ScrapeConfig::target_labels,
                  "Labels for all series of a target, by its URL, host:port or host"),
            Field("honor_labels", &ScrapeConfig::honor_labels,
                  "Labels on the page win over those of the target"),
            Field("interval", &ScrapeConfig::interval, "Time between two scrapes", {.min = 1e9}),
            Field("max_concurrency", &ScrapeConfig::max_concurrency, "Targets asked at once",
                  {.min = 1, .max = 1024}),
            Field("metrics", &ScrapeConfig::metrics,
                  "What to make of the pages; by default cpu, memory, request_rate, error_rate and "
                  "latency_p50, _p95, _p99")),
        support::HttpConfig::ConnectionFields());
  }
};

struct Target {
  std::string url;
  sdk::LabelSet labels;
};

// One thing wrong in the config: RFC 6901 pointer and what to do about it.
using Problem = support::HttpConfigProblem;

std::vector<Problem> CheckConfig(const ScrapeConfig& config);

// For configs without problems:
std::vector<Derivation> DerivationsOf(const ScrapeConfig& config);
std::vector<Target> TargetsOf(const ScrapeConfig& config);
// The metrics' names and `up`.
std::vector<std::string> OutputNames(const ScrapeConfig& config);

}  // namespace heald::scrape
