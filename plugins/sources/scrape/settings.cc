#include "plugins/sources/scrape/settings.h"

#include <algorithm>
#include <array>

#include "plugins/support/http.h"
#include "plugins/support/selector.h"

namespace heald::scrape {
namespace {

constexpr int kWindowIntervals = 5;
constexpr const char* kUp = "up";

// What people name their metrics by convention: the client libraries' process collector, the usual
// names for HTTP servers, and a machine as the node exporter has it.
std::map<std::string, MetricConfig> DefaultMetrics() {
  const std::vector<std::string> by = {"service"};
  const std::string errors =
      R"(http_requests_total{code=~"5.."} or http_requests_total{status=~"5.."} )"
      R"(or http_requests_total{status_code=~"5.."})";
  std::map<std::string, MetricConfig> metrics;
  metrics["cpu"].rate = "process_cpu_seconds_total";
  metrics["memory"].gauge = "process_resident_memory_bytes";
  metrics["request_rate"].rate = "http_requests_total";
  metrics["error_rate"].ratio = RatioConfig{errors, "http_requests_total"};
  for (const auto& [name, q] : {std::pair<const char*, double>{"latency_p50", 0.5},
                                {"latency_p95", 0.95},
                                {"latency_p99", 0.99}})
    metrics[name].quantile = QuantileConfig{q, "http_request_duration_seconds"};
  metrics["host_cpu_ratio"].ratio =
      RatioConfig{R"(node_cpu_seconds_total{mode!~"idle|iowait|steal"})", "node_cpu_seconds_total"};
  metrics["host_load1"].gauge = "node_load1";
  metrics["host_memory_available_bytes"].gauge = "node_memory_MemAvailable_bytes";
  metrics["host_disk_available_bytes"].gauge =
      R"(node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs|overlay|squashfs|fuse.*"})";
  metrics["host_disk_busy_ratio"].rate = "node_disk_io_time_seconds_total";
  for (auto& [name, metric] : metrics) metric.by = by;
  metrics["host_disk_available_bytes"].by->emplace_back("mountpoint");
  metrics["host_disk_busy_ratio"].by->emplace_back("device");
  return metrics;
}

const std::map<std::string, MetricConfig>& MetricsOf(const ScrapeConfig& config) {
  static const std::map<std::string, MetricConfig> defaults = DefaultMetrics();
  return config.metrics.empty() ? defaults : config.metrics;
}

std::string InstanceOf(const std::string& url) {
  const std::string shown = support::ShownUrl(url);
  const size_t host = shown.find("://") + 3;
  std::string instance = shown.substr(host, shown.find('/', host) - host);
  const size_t port = instance.rfind(':');
  if (port == std::string::npos || instance.ends_with(']'))
    instance += shown.starts_with("https") ? ":443" : ":80";
  return instance;
}

// Names under which target_labels may know a target, the most special last.
std::array<std::string, 3> KeysOf(const std::string& url) {
  const std::string instance = InstanceOf(url);
  return {instance.substr(0, instance.rfind(':')), instance, url};
}

class Compiler {
 public:
  Compiler(const ScrapeConfig& config, std::vector<Problem>* problems)
      : config_(config), problems_(problems) {}

  Derivation Compile(const std::string& name, const MetricConfig& metric) {
    at_ = "/metrics/" + support::PointerToken(name);
    Derivation out;
    out.name = name;
    out.by = metric.by;
    out.window_ns = metric.window ? metric.window->ns : config_.interval.ns * kWindowIntervals;
    if (!support::IsMetricName(name))
      Problem("", "a metric's name is of letters, digits, '_' and ':'");
    if (name == kUp) Problem("", "'up' is already the name of the targets' state: choose another");
    const int rules = (metric.gauge.empty() ? 0 : 1) + (metric.rate.empty() ? 0 : 1) +
                      (metric.ratio ? 1 : 0) + (metric.quantile ? 1 : 0);
    if (rules != 1) {
      Problem("", "needs exactly one of gauge, rate, ratio and quantile");
      return out;
    }
    if (!metric.gauge.empty()) {
      out.of = Selectors("/gauge", metric.gauge);
      if (metric.window) Problem("/window", "a gauge has no window: leave it out");
    } else if (!metric.rate.empty()) {
      out.rule = Rule::kRate;
      out.of = Selectors("/rate", metric.rate);
    } else if (metric.ratio) {
      out.rule = Rule::kRatio;
      out.of = Selectors("/ratio/of", metric.ratio->of);
      out.to = Selectors("/ratio/to", metric.ratio->to);
    } else {
      out.rule = Rule::kQuantile;
      out.q = metric.quantile->q;
      out.of = Selectors("/quantile/of", metric.quantile->of);
      for (Selector& selector : out.of)
        if (!selector.metric.ends_with("_bucket")) selector.metric += "_bucket";
    }
    if (out.window_ns < 2 * config_.interval.ns)
      Problem("/window", "must hold two scrapes at least: twice the interval");
    for (const std::string& label : metric.by.value_or(std::vector<std::string>{}))
      if (!support::IsLabelName(label)) Problem("/by", "'" + label + "' is not a label's name");
    AddMatchers(metric.match, &out);
    return out;
  }

 private:
  void Problem(const std::string& below, std::string message) {
    problems_->push_back({at_ + below, std::move(message)});
  }
  std::vector<Selector> Selectors(const std::string& below, const std::string& text) {
    std::vector<Selector> out;
    if (std::string error = support::ParseSelectors(text, &out); !error.empty())
      Problem(below, "'" + text + "' is not a selector: " + error);
    return out;
  }
  void AddMatchers(const std::string& match, Derivation* out) {
    if (match.empty()) return;
    std::vector<Matcher> matchers;
    if (std::string error = support::ParseMatchers(match, &matchers); !error.empty())
      Problem("/match", "'" + match + "' is not a list of matchers: " + error);
    for (auto* side : {&out->of, &out->to})
      for (Selector& selector : *side)
        selector.matchers.insert(selector.matchers.end(), matchers.begin(), matchers.end());
  }

  const ScrapeConfig& config_;
  std::vector<scrape::Problem>* problems_;
  std::string at_;
};

}  // namespace

std::vector<Problem> CheckConfig(const ScrapeConfig& config) {
  std::vector<Problem> problems = support::CheckHttpConfig(config, false);
  Compiler compiler(config, &problems);
  for (const auto& [name, metric] : config.metrics) compiler.Compile(name, metric);
  for (size_t i = 0; i < config.targets.size(); ++i) {
    const std::string& url = config.targets[i];
    const std::string at = "/targets/" + std::to_string(i);
    std::string problem = support::CheckUrl(url);
    if (problem.empty() && url.starts_with("unix://"))
      problem = "a page is fetched by http:// or https://";
    if (problem.empty() && std::find(config.targets.begin(), config.targets.begin() + i, url) !=
                               config.targets.begin() + i)
      problem = "this target is listed twice";
    if (!problem.empty()) problems.push_back({at, problem});
  }
  for (const auto& [target, labels] : config.target_labels) {
    const std::string at = "/target_labels/" + support::PointerToken(target);
    if (std::none_of(config.targets.begin(), config.targets.end(), [&](const std::string& url) {
          const auto keys = KeysOf(url);
          return std::find(keys.begin(), keys.end(), target) != keys.end();
        }))
      problems.push_back({at, "'" + target + "' is not one of the targets"});
    for (const auto& [name, value] : labels)
      if (!support::IsLabelName(name) || name.starts_with("__"))
        problems.push_back(
            {at + "/" + support::PointerToken(name), "'" + name + "' can't be a label's name"});
  }
  return problems;
}

std::vector<Derivation> DerivationsOf(const ScrapeConfig& config) {
  std::vector<Problem> problems;
  Compiler compiler(config, &problems);
  std::vector<Derivation> out;
  for (const auto& [name, metric] : MetricsOf(config))
    out.push_back(compiler.Compile(name, metric));
  return out;
}

std::vector<Target> TargetsOf(const ScrapeConfig& config) {
  std::vector<Target> out;
  for (const std::string& url : config.targets) {
    Target target{url, {{"instance", InstanceOf(url)}}};
    for (const std::string& key : KeysOf(url))
      if (const auto at = config.target_labels.find(key); at != config.target_labels.end())
        for (const auto& [name, value] : at->second)
          if (!value.empty()) target.labels.Set(name, value);
    out.push_back(std::move(target));
  }
  return out;
}

std::vector<std::string> OutputNames(const ScrapeConfig& config) {
  std::vector<std::string> names;
  for (const auto& [name, metric] : MetricsOf(config)) names.push_back(name);
  names.emplace_back(kUp);
  return names;
}

}  // namespace heald::scrape
