#include "demo/services/router.h"

#include <optional>
#include <string_view>

namespace heald::demo {
namespace {

using Params = std::map<std::string, std::string>;

std::string_view TakeSegment(std::string_view* path) {
  const size_t slash = path->find('/', 1);
  const std::string_view segment = path->substr(0, slash);
  path->remove_prefix(segment.size());
  return segment;
}

std::optional<Params> MatchPath(std::string_view pattern, std::string_view path) {
  Params params;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view expected = TakeSegment(&pattern);
    const std::string_view actual = TakeSegment(&path);
    if (expected.starts_with("/{")) {
      if (actual.size() < 2) return std::nullopt;
      params[std::string(expected.substr(2, expected.size() - 3))] = actual.substr(1);
    } else if (expected != actual) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return params;
}

}  // namespace

void Router::Add(std::vector<Route> routes) {
  for (Route& route : routes) routes_.push_back(std::move(route));
}

Match Router::Find(Request* request) const {
  Match match;
  const std::string method = request->method == "HEAD" ? "GET" : request->method;
  for (const Route& route : routes_) {
    auto params = MatchPath(route.pattern, request->path);
    if (!params) continue;
    if (route.method == method) {
      request->params = std::move(*params);
      match.route = &route;
      return match;
    }
    match.allowed += (match.allowed.empty() ? "" : ", ") + route.method;
  }
  return match;
}

}  // namespace heald::demo
