#include "core/api/router.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/api/json.h"
#include "core/api/page.h"
#include "core/api/problem.h"

namespace heald::api {
namespace {

struct Call {
  const Request& request;
  std::string_view id;  // what stood for {id} in the path
  Backend& backend;
  const Identity& who;
};

Response Ok(const Json& json) {
  Response response;
  response.body = Dump(json);
  return response;
}

template <typename Number>
bool ParseWhole(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// "user:anna", from the token or, where there are none, from the body.
Result<std::string> ActorOf(const Call& call, const Json& body) {
  const auto at = body.find("actor");
  if (at == body.end()) return ActorFor(call.who, std::nullopt);
  return ActorFor(call.who, at->is_string() ? at->get<std::string>() : "");
}

// The body as an object of known members.
Result<Json> ParseBody(const std::string& text, std::initializer_list<std::string_view> known) {
  Json body = text.empty() ? Json::object() : Json::parse(text, nullptr, false);
  if (body.is_discarded() || !body.is_object())
    return MakeError(Code::kInvalid, "the body must be a JSON object");
  for (const auto& member : body.items())
    if (std::find(known.begin(), known.end(), member.key()) == known.end())
      return MakeError(Code::kInvalid, "unknown member '" + member.key() + "' in the body");
  return body;
}

Result<IncidentQuery> ParseIncidentQuery(const Request& request) {
  IncidentQuery query;
  for (const auto& [name, value] : request.query) {
    if (name == "limit") {
      if (!ParseWhole(value, query.limit) || query.limit < 1 || query.limit > 200)
        return MakeError(Code::kInvalid, "limit '" + value + "' must be a number from 1 to 200");
    } else if (name == "cursor") {
      if (!ParseWhole(value, query.before_id) || query.before_id == 0)
        return MakeError(Code::kInvalid, "cursor '" + value +
                                             "' is not one of ours: pass next_cursor of the "
                                             "answer before");
    } else if (name == "state") {
      for (const IncidentState state :
           {IncidentState::kOpen, IncidentState::kActing, IncidentState::kVerifying,
            IncidentState::kResolved, IncidentState::kEscalated})
        if (value == ToString(state)) query.state = state;
      if (!query.state)
        return MakeError(
            Code::kInvalid,
            "state '" + value + "' is unknown: use open, acting, verifying, resolved or escalated");
    } else {
      return MakeError(Code::kInvalid,
                       "unknown parameter '" + name + "': known are limit, cursor and state");
    }
  }
  return query;
}

Response GetStatus(const Call& call) {
  return Ok(ToJson(call.backend.Status()));
}

Response GetIncidents(const Call& call) {
  const Result<IncidentQuery> query = ParseIncidentQuery(call.request);
  if (!query) return Problem(query.error());
  const Result<IncidentPage> page = call.backend.Incidents(*query);
  if (!page) return Problem(page.error());
  const bool more = page->more && !page->incidents.empty();
  return Ok({{"incidents", ToJsonArray(page->incidents)},
             {"next_cursor", more ? Json(std::to_string(page->incidents.back().id)) : Json()}});
}

Response GetIncident(const Call& call) {
  uint64_t id = 0;
  if (!ParseWhole(call.id, id))
    return Problem(404, "incident '" + std::string(call.id) + "': ids are whole numbers");
  const Result<IncidentChain> chain = call.backend.FindIncident(id);
  return chain ? Ok(ToJson(*chain)) : Problem(chain.error());
}

Response GetSwitch(const Call& call) {
  return Ok(ToJson(call.backend.Switch()));
}

Response PutSwitch(const Call& call) {
  const Result<Json> body = ParseBody(call.request.body, {"enabled", "actor"});
  if (!body) return Problem(body.error());
  const auto enabled = body->find("enabled");
  if (enabled == body->end() || !enabled->is_boolean())
    return Problem(400, "the body must say {\"enabled\": true} or {\"enabled\": false}");
  const Result<std::string> actor = ActorOf(call, *body);
  if (!actor) return Problem(actor.error());
  const Result<SwitchState> state = call.backend.SetSwitch(enabled->get<bool>(), *actor);
  return state ? Ok(ToJson(*state)) : Problem(state.error());
}

Response GetApprovals(const Call& call) {
  return Ok({{"approvals", ToJsonArray(call.backend.Approvals())}});
}

Response PutApproval(const Call& call) {
  const Result<Json> body = ParseBody(call.request.body, {"approve", "actor"});
  if (!body) return Problem(body.error());
  const auto approve = body->find("approve");
  if (approve == body->end() || !approve->is_boolean())
    return Problem(400, "the body must say {\"approve\": true} or {\"approve\": false}");
  const Result<std::string> actor = ActorOf(call, *body);
  if (!actor) return Problem(actor.error());
  const std::string decision(call.id);
  const Result<void> taken = call.backend.Approve(decision, approve->get<bool>(), *actor);
  if (!taken) return Problem(taken.error());
  return Ok({{"decision", decision}, {"approved", approve->get<bool>()}, {"actor", *actor}});
}

Response PostReload(const Call& call) {
  const Result<Json> body = ParseBody(call.request.body, {"actor"});
  if (!body) return Problem(body.error());
  const Result<std::string> actor = ActorOf(call, *body);
  if (!actor) return Problem(actor.error());
  const Result<ReloadReport> report = call.backend.Reload(*actor);
  if (!report) return Problem(report.error());
  const Json diagnostics = ToJsonArray(report->diagnostics);
  if (report->applied)
    return Ok({{"applied", true}, {"summary", report->summary}, {"diagnostics", diagnostics}});
  Response response = Problem(422, report->summary);
  Json problem = Json::parse(response.body);
  problem["applied"] = false;
  problem["diagnostics"] = diagnostics;
  response.body = Dump(problem);
  return response;
}

Response ChecksResponse(const std::vector<Check>& checks) {
  const bool ok =
      std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.ok; });
  Response response = Ok({{"status", ok ? "ok" : "failing"}, {"checks", ToJsonArray(checks)}});
  response.status = ok ? 200 : 503;
  return response;
}

Response GetHealth(const Call& call) {
  return ChecksResponse(call.backend.Health());
}
Response GetReady(const Call& call) {
  return ChecksResponse(call.backend.Ready());
}

Response GetMetrics(const Call& call) {
  return {200, "text/plain; version=0.0.4; charset=utf-8", call.backend.MetricsPage(), {}};
}

Response GetEvents(const Call&) {
  Response response;
  response.content_type = "text/event-stream";
  response.live = true;
  return response;
}

Response PageFile(std::string_view type, std::string_view text) {
  return {200,
          std::string(type) + "; charset=utf-8",
          std::string(text),
          {{"Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
           {"Cache-Control", "no-cache"}}};
}

Response GetPage(const Call&) {
  return PageFile("text/html", page_index_html);
}
Response GetStyle(const Call&) {
  return PageFile("text/css", page_app_css);
}
Response GetScript(const Call&) {
  return PageFile("text/javascript", page_app_js);
}

struct Route {
  std::string_view method;
  std::string_view pattern;
  bool open;  // needs no token
  Response (*run)(const Call&);
};

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/status", false, GetStatus},
    {"GET", "/api/v1/incidents", false, GetIncidents},
    {"GET", "/api/v1/incidents/{id}", false, GetIncident},
    {"GET", "/api/v1/switch", false, GetSwitch},
    {"PUT", "/api/v1/switch", false, PutSwitch},
    {"GET", "/api/v1/approvals", false, GetApprovals},
    {"PUT", "/api/v1/approvals/{id}", false, PutApproval},
    {"POST", "/api/v1/reload", false, PostReload},
    {"GET", "/api/v1/events", false, GetEvents},
    {"GET", "/metrics", false, GetMetrics},
    {"GET", "/healthz", true, GetHealth},
    {"GET", "/readyz", true, GetReady},
    {"GET", "/", true, GetPage},
    {"GET", "/app.css", true, GetStyle},
    {"GET", "/app.js", true, GetScript},
};

bool Matches(std::string_view pattern, std::string_view path, std::string_view* id) {
  const size_t brace = pattern.find('{');
  if (brace == std::string_view::npos) return pattern == path;
  if (!path.starts_with(pattern.substr(0, brace))) return false;
  *id = path.substr(brace);
  return !id->empty() && id->find('/') == std::string_view::npos;
}

// A client may send any word as a method; metrics must not grow by it.
std::string_view KnownMethod(std::string_view method) {
  for (const std::string_view known : {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"})
    if (method == known) return known;
  return "other";
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
  std::string_view method = request.method;
  if (method == "HEAD") method = "GET";
  bool open = !request.path.starts_with("/api/");
  std::string allow;
  const Route* found = nullptr;
  std::string_view id;
  for (const Route& route : kRoutes) {
    if (!Matches(route.pattern, request.path, &id)) continue;
    *route_name = route.pattern;
    open = route.open;
    if (!allow.empty()) allow += ", ";
    allow += route.method == "GET" ? "GET, HEAD" : route.method;
    if (route.method == method) found = &route;
  }
  std::variant<Identity, Response> who;
  if (!open) who = access_.Authenticate(request);
  if (Response* refusal = std::get_if<Response>(&who)) return std::move(*refusal);
  if (found != nullptr) return found->run({request, id, backend_, std::get<Identity>(who)});
  if (allow.empty()) return Problem(404, "nothing is at " + request.path);
  Response response = Problem(405, request.path + " takes " + allow);
  response.headers.emplace_back("Allow", allow);
  return response;
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
