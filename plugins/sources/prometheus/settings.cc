#include "plugins/sources/prometheus/settings.h"

#include <algorithm>

namespace heald::prometheus {
namespace {

// `job` is on every series that Prometheus scrapes, `service` where somebody put it.
std::map<std::string, std::string> DefaultQueries() {
  const auto latency = [](const char* q) {
    return std::string("histogram_quantile(") + q +
           ", sum by (job, service, le) (rate(http_request_duration_seconds_bucket[1m])))";
  };
  const std::string requests = "sum by (job, service) (rate(http_requests_total[1m]))";
  return {
      {"cpu", "sum by (job, service) (rate(process_cpu_seconds_total[1m]))"},
      {"memory", "sum by (job, service) (process_resident_memory_bytes)"},
      {"request_rate", requests},
      // 0, not nothing, where there is traffic without errors.
      {"error_rate", R"((sum by (job, service) (rate(http_requests_total{code=~"5.."}[1m]) or )"
                     R"(rate(http_requests_total{status=~"5.."}[1m])) or 0 * )" +
                         requests + ") / (" + requests + " > 0)"},
      {"latency_p50", latency("0.5")},
      {"latency_p95", latency("0.95")},
      {"latency_p99", latency("0.99")},
  };
}

bool IsName(const std::string& name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == ':';
         });
}

}  // namespace

std::vector<support::HttpConfigProblem> CheckConfig(const PrometheusConfig& config) {
  std::vector<support::HttpConfigProblem> problems = support::CheckHttpConfig(config);
  for (const auto& [name, query] : config.queries) {
    if (!IsName(name))
      problems.push_back(
          {"/queries", "'" + name + "' can't name a query: use letters, digits and '_'"});
    else if (query.find_first_not_of(" \t\r\n") == std::string::npos)
      problems.push_back({"/queries/" + name, "the query is empty: write PromQL"});
  }
  return problems;
}

const std::map<std::string, std::string>& QueriesOf(const PrometheusConfig& config) {
  static const std::map<std::string, std::string> defaults = DefaultQueries();
  return config.queries.empty() ? defaults : config.queries;
}

}  // namespace heald::prometheus
