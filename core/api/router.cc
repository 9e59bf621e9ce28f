#include "core/api/router.h"

#include <algorithm>
#include <chrono>

#include "core/api/problem.h"
#include "core/api/routes.h"
#include "core/base/clock.h"

namespace heald::api {
namespace {

constexpr int kNoToken = 401;
constexpr int kWrongRole = 403;
constexpr int kTooLarge = 413;
constexpr size_t kNodeShown = 64;  // characters of a name that a stranger chose

// True when the path fits; what stands for each {…} goes into `params`.
bool Matches(std::string_view pattern, std::string_view path,
             std::array<std::string_view, 2>* params) {
  size_t param = 0;
  for (;;) {
    const size_t brace = pattern.find('{');
    if (brace == std::string_view::npos) return pattern == path;
    if (path.substr(0, brace) != pattern.substr(0, brace)) return false;
    path.remove_prefix(brace);
    pattern.remove_prefix(pattern.find('}', brace) + 1);
    const std::string_view value = path.substr(0, path.find('/'));
    if (value.empty()) return false;
    (*params)[param++] = value;
    path.remove_prefix(value.size());
  }
}

// A client may send any word as a method; metrics must not grow by it.
std::string_view KnownMethod(std::string_view method) {
  for (const std::string_view known : {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"})
    if (method == known) return known;
  return "other";
}

// Of a push: "prom" of /receive/prom/word.
std::string_view NodeOf(const Request& request) {
  const std::string_view rest = std::string_view(request.path).substr(kPushPath.size());
  return rest.substr(0, rest.find('/'));
}

}  // namespace

void AddSecurityHeaders(Response& response) {
  const auto add = [&](std::string_view name, std::string_view value) {
    const bool there = std::any_of(response.headers.begin(), response.headers.end(),
                                   [&](const NameValue& header) { return header.first == name; });
    if (!there) response.headers.emplace_back(name, value);
  };
  add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  add("Cache-Control", "no-store");
  add("X-Content-Type-Options", "nosniff");
  add("X-Frame-Options", "DENY");
  add("Referrer-Policy", "no-referrer");
  add("Cross-Origin-Resource-Policy", "same-origin");
}

Response Router::Dispatch(const Request& request, std::string_view* route_name) const {
  if (std::optional<Response> refusal = access_.CheckOrigin(request)) return *std::move(refusal);
  const std::string_view asked = request.method;
  const std::string_view method = asked == "HEAD" ? "GET" : asked;
  // Without a token nobody learns which routes there are.
  std::optional<Role> needed =
      request.path.starts_with("/api/") ? std::optional(Role::kViewer) : std::nullopt;
  std::string allow;
  const Route* found = nullptr;
  Call call{request, backend_, {}, access_, {}};
  for (const std::span<const Route> routes : AllRoutes())
    for (const Route& route : routes) {
      if (!Matches(route.pattern, request.path, &call.params)) continue;
      *route_name = route.pattern;
      if (!allow.empty()) allow += ", ";
      allow += route.method == "GET" ? "GET, HEAD" : route.method;
      if (found == nullptr) needed = route.role;
      if (route.method == method) found = &route;
    }
  if (found != nullptr) needed = found->role;
  std::variant<Identity, Response> who;
  if (needed) who = access_.Authenticate(request);
  if (Response* refusal = std::get_if<Response>(&who)) return std::move(*refusal);
  call.who = std::get<Identity>(std::move(who));
  if (found != nullptr) {
    if (needed)
      if (std::optional<Response> refusal = Authorize(call.who, *needed))
        return *std::move(refusal);
    return found->run(call);
  }
  if (allow.empty()) return Problem(404, "nothing is at " + request.path);
  Response response = Problem(405, request.path + " takes " + allow);
  response.headers.emplace_back("Allow", allow);
  return response;
}

void Router::NoteRefused(const Request& request, int status, const std::string& advice) const {
  const std::string_view node = NodeOf(request);
  backend_.OnRequest({"/receive/{node}", "POST", status, 0, node});
  if (advice.empty()) return;
  refused_pushes_->Log(SystemClock().MonotonicNs(), request.peer_address, LogLevel::kWarning, "api",
                       "a push to /receive/" + std::string(node.substr(0, kNodeShown)) + " from " +
                           request.peer_address + " is refused (" + std::to_string(status) +
                           "), and what it brings is lost: " + advice);
}

void Router::NoteTooLarge(const Request& request, uint64_t limit_bytes) const {
  NoteRefused(request, kTooLarge,
              "it is longer than " + std::to_string(limit_bytes) +
                  " bytes: raise max_body of that node, or let the sender send less at a time");
}

std::variant<uint64_t, Response> Router::Admit(const Request& request) const {
  const auto refuse = [&](Response response) {
    const bool mendable = response.status == kNoToken || response.status == kWrongRole;
    NoteRefused(request, response.status,
                mendable ? "give that sender a token of the role sender (`heald token create`), as "
                           "'Authorization: Bearer TOKEN'"
                         : "");
    AddSecurityHeaders(response);
    return response;
  };
  if (std::optional<Response> refusal = access_.CheckOrigin(request))
    return refuse(*std::move(refusal));
  std::variant<Identity, Response> who = access_.Authenticate(request);
  if (Response* refusal = std::get_if<Response>(&who)) return refuse(std::move(*refusal));
  if (std::optional<Response> refusal = Authorize(std::get<Identity>(who), Role::kSender))
    return refuse(*std::move(refusal));
  const std::string_view node = NodeOf(request);
  const std::string below = request.path.substr(kPushPath.size() + node.size());
  const Result<uint64_t> limit = backend_.ReceiveLimit(node, below);
  if (!limit) return refuse(Problem(limit.error()));
  return *limit;
}

Response Router::Handle(const Request& request) const {
  const auto start = std::chrono::steady_clock::now();
  std::string_view route = "other";
  Response response;
  try {
    response = Dispatch(request, &route);
  } catch (const std::exception& error) {
    response = Problem(500, std::string("the agent failed to answer: ") + error.what());
  }
  AddSecurityHeaders(response);
  const auto took = std::chrono::steady_clock::now() - start;
  backend_.OnRequest({route, KnownMethod(request.method), response.status,
                      std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()});
  return response;
}

}  // namespace heald::api
