#include "plugins/sources/scrape/settings.h"

#include <gtest/gtest.h>

namespace heald::scrape {
namespace {

ScrapeConfig ConfigFor(std::vector<std::string> targets) {
  ScrapeConfig config;
  config.targets = std::move(targets);
  return config;
}

std::string OnlyProblem(const ScrapeConfig& config) {
  const std::vector<Problem> problems = CheckConfig(config);
  return problems.size() == 1 ? problems[0].pointer + ": " + problems[0].message
                              : std::to_string(problems.size()) + " problems";
}

TEST(ScrapeSettingsTest, ATargetAloneIsEnough) {
  const ScrapeConfig config = ConfigFor({"http://127.0.0.1:8001/metrics"});
  EXPECT_TRUE(CheckConfig(config).empty());
  EXPECT_EQ(OutputNames(config),
            (std::vector<std::string>{
                "cpu", "error_rate", "host_cpu_ratio", "host_disk_available_bytes",
                "host_disk_busy_ratio", "host_load1", "host_memory_available_bytes", "latency_p50",
                "latency_p95", "latency_p99", "memory", "request_rate", "up"}));
  for (const Derivation& derivation : DerivationsOf(config))
    EXPECT_EQ(derivation.window_ns, 5'000'000'000) << derivation.name;
}

TEST(ScrapeSettingsTest, NamesInstancesByHostAndPort) {
  ScrapeConfig config =
      ConfigFor({"http://a:8001/metrics", "https://b/m?x=1", "http://[::1]:9/m", "http://c"});
  config.target_labels = {{"a", {{"service", "host"}, {"zone", "y"}, {"rack", "1"}}},
                          {"a:8001", {{"service", "orders"}, {"zone", "x"}}},
                          {"http://a:8001/metrics", {{"service", "users"}}}};
  ASSERT_TRUE(CheckConfig(config).empty());
  const std::vector<Target> targets = TargetsOf(config);
  EXPECT_EQ(
      targets[0].labels,
      (sdk::LabelSet{{"instance", "a:8001"}, {"rack", "1"}, {"service", "users"}, {"zone", "x"}}));
  EXPECT_EQ(targets[1].labels, (sdk::LabelSet{{"instance", "b:443"}}));
  EXPECT_EQ(targets[2].labels, (sdk::LabelSet{{"instance", "[::1]:9"}}));
  EXPECT_EQ(targets[3].labels, (sdk::LabelSet{{"instance", "c:80"}}));
}

TEST(ScrapeSettingsTest, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(OnlyProblem(ConfigFor({"localhost:8001/metrics"})),
            "/targets/0: 'localhost:8001/metrics' is not a scheme this plugin speaks: write "
            "http://, https:// or unix://");
  EXPECT_EQ(OnlyProblem(ConfigFor({"http://a", "http://a"})),
            "/targets/1: this target is listed twice");

  ScrapeConfig config = ConfigFor({"http://a:1/m"});
  config.target_labels = {{"b:1", {{"x", "y"}}}};
  EXPECT_EQ(OnlyProblem(config), "/target_labels/b:1: 'b:1' is not one of the targets");
  config.target_labels = {{"a:1", {{"__name__", "y"}}}};
  EXPECT_EQ(OnlyProblem(config), "/target_labels/a:1/__name__: '__name__' can't be a label's name");
  config.target_labels.clear();

  config.metrics["m"].gauge = "x{a=1}";
  EXPECT_EQ(OnlyProblem(config),
            "/metrics/m/gauge: 'x{a=1}' is not a selector: column 5: expected a quoted text, found "
            "'1}'");
  config.metrics["m"].gauge = "x";
  config.metrics["m"].rate = "y";
  EXPECT_EQ(OnlyProblem(config),
            "/metrics/m: needs exactly one of gauge, rate, ratio and quantile");
  config.metrics["m"].gauge.clear();
  config.metrics["m"].window = sdk::Seconds(1);
  EXPECT_EQ(OnlyProblem(config),
            "/metrics/m/window: must hold two scrapes at least: twice the interval");
  config.metrics["m"].window = sdk::Seconds(2);
  config.metrics["m"].match = "path=\"/\"";
  EXPECT_EQ(OnlyProblem(config),
            "/metrics/m/match: 'path=\"/\"' is not a list of matchers: column 1: expected '{', "
            "found 'path=\"/\"'");
  config.metrics = {{"up", config.metrics["m"]}};
  config.metrics["up"].match.clear();
  EXPECT_EQ(OnlyProblem(config),
            "/metrics/up: 'up' is already the name of the targets' state: choose another");
  config.metrics = {{"a/b~c", config.metrics["up"]}};
  EXPECT_EQ(OnlyProblem(config),
            "/metrics/a~1b~0c: a metric's name is of letters, digits, '_' and ':'");
}

TEST(ScrapeSettingsTest, AHistogramMayBeNamedWithOrWithoutItsSuffix) {
  ScrapeConfig config = ConfigFor({"http://a"});
  config.metrics["a"].quantile = QuantileConfig{0.5, "d_seconds{x=\"y\"}"};
  config.metrics["b"].quantile = QuantileConfig{0.5, "d_seconds_bucket"};
  for (const Derivation& derivation : DerivationsOf(config))
    EXPECT_EQ(derivation.of[0].metric, "d_seconds_bucket");
}

}  // namespace
}  // namespace heald::scrape
