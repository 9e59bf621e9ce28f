// The table of all routes, and what a handler gets. The handlers are in read_routes.cc (what is
// shown), report_routes.cc (weeks in numbers), change_routes.cc (what is changed), agent_routes.cc
// (for machines, the contract, the stream), page_routes.cc (the dashboard), link_routes.cc (the
// page that an approval link leads to) and receive_routes.cc (what is pushed to sources). Used by
// the router; a test holds the table against openapi.yaml. Thread rule: constants and pure
// functions over a thread-safe backend.
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "core/api/access.h"
#include "core/api/backend.h"
#include "core/api/http.h"
#include "core/api/identity.h"

namespace heald::api {

struct Call {
  const Request& request;
  Backend& backend;
  Identity who;
  const Access& access;
  std::array<std::string_view, 2> params;  // what stood for the {…} of the path
};

struct Route {
  std::string_view method;
  std::string_view pattern;
  std::optional<Role> role;  // empty: needs no token
  Response (*run)(const Call&);
};

std::span<const Route> ReadRoutes();
std::span<const Route> ChangeRoutes();
std::span<const Route> AgentRoutes();
std::span<const Route> PageRoutes();
std::span<const Route> ReportRoutes();
std::span<const Route> LinkRoutes();
std::span<const Route> ReceiveRoutes();
inline std::array<std::span<const Route>, 7> AllRoutes() {
  return {ReadRoutes(), ReportRoutes(), ChangeRoutes(), AgentRoutes(),
          PageRoutes(), LinkRoutes(),   ReceiveRoutes()};
}

// 200 with that JSON.
Response Ok(const nlohmann::ordered_json& json);

}  // namespace heald::api
