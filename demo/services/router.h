// The route table of one service. It dispatches requests and is the only source of /docs and
// /openapi.json. Used by HttpApp and DocsPage.
// Thread rule: filled before the server starts; then const from any thread.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "demo/services/field.h"
#include "demo/services/http_types.h"

namespace heald::demo {

struct Route {
  // Business routes take time, suffer chaos and are measured; internal ones do none of it.
  enum class Kind { kBusiness, kInternal };

  std::string method;
  std::string pattern;  // "/users/{id}"; a parameter is one path segment
  std::string summary;
  Kind kind = Kind::kBusiness;
  std::vector<Field> query;
  std::vector<Field> body;                           // empty: no body is read
  std::vector<std::pair<int, std::string>> answers;  // status and meaning; the good one first
  std::function<Response(const Request&)> handler;
};

struct Match {
  const Route* route = nullptr;
  std::string allowed;  // methods of the path, when only the method is wrong
};

class Router {
 public:
  void Add(std::vector<Route> routes);
  const std::vector<Route>& routes() const { return routes_; }
  // HEAD is served as GET. Fills request->params.
  Match Find(Request* request) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace heald::demo
