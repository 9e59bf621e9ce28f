#include "plugins/sources/loki/settings.h"

#include <algorithm>

namespace heald::loki {
namespace {

bool IsName(const std::string& name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == ':';
         });
}

}  // namespace

std::vector<support::HttpConfigProblem> CheckConfig(const LokiConfig& config) {
  std::vector<support::HttpConfigProblem> problems = support::CheckHttpConfig(config);
  const auto check = [&](const std::string& section, const std::string& name,
                         const std::string& query) {
    const std::string pointer = "/" + section + "/" + name;
    const size_t first = query.find_first_not_of(" \t\r\n");
    if (!IsName(name))
      problems.push_back(
          {"/" + section, "'" + name + "' can't name a query: use letters, digits and '_'"});
    else if (first == std::string::npos)
      problems.push_back({pointer, "the query is empty: write LogQL"});
    else if (section == "logs" && query[first] != '{')
      problems.push_back({pointer,
                          "a query for lines begins with a selector such as "
                          "{app=\"shop\"}: one that gives values belongs under metrics"});
    else if (section == "metrics" && query[first] == '{')
      problems.push_back({pointer,
                          "this gives lines: put it under logs, or a function such as "
                          "rate(…[1m]) around it"});
  };
  for (const auto& [name, query] : config.logs) check("logs", name, query);
  for (const auto& [name, query] : config.metrics) {
    check("metrics", name, query);
    if (config.logs.contains(name))
      problems.push_back({"/metrics/" + name, "'" + name + "' is a query under logs already"});
  }
  if (config.logs.empty() && config.metrics.empty())
    problems.push_back({"", "there is nothing to ask: write queries under logs or metrics"});
  if (config.tail && !config.logs.empty() && config.url.starts_with("unix://"))
    problems.push_back({"/tail", "lines can't be tailed through a unix socket: write tail: false"});
  if (config.tail && !config.logs.empty() && !config.tls.server_name.empty())
    problems.push_back(
        {"/tls/server_name", "a tail asks for the URL's own name only: write tail: false"});
  if (config.tenant.find_first_of("\r\n") != std::string::npos)
    problems.push_back({"/tenant", "a tenant is one line"});
  for (const auto& [name, value] : config.headers) {
    std::string lower;
    for (const char c : name) lower += c >= 'A' && c <= 'Z' ? char(c + 32) : c;
    if (lower == "x-scope-orgid" && !config.tenant.empty())
      problems.push_back({"/headers", "the tenant is set twice: keep tenant"});
  }
  return problems;
}

support::HttpConfig HttpOf(const LokiConfig& config) {
  support::HttpConfig http = config;
  if (!config.tenant.empty()) http.headers["X-Scope-OrgID"] = config.tenant;
  return http;
}

}  // namespace heald::loki
