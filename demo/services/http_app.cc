#include "demo/services/http_app.h"

#include <cmath>
#include <cstdlib>
#include <optional>

#include "demo/services/docs_page.h"
#include "demo/services/http_spans.h"

namespace heald::demo {
namespace {

using nlohmann::json;

constexpr int64_t kHangCheck_ns = 50'000'000;

class Counted {
 public:
  explicit Counted(std::atomic<int>* counter) : counter_(counter), value_(++*counter) {}
  ~Counted() { --*counter_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  int value() const { return value_; }

 private:
  std::atomic<int>* counter_;
  const int value_;
};

// Any word may arrive as a method; only known ones become label values.
std::string MethodLabel(const std::string& method) {
  return IsKnownMethod(method) ? method : "OTHER";
}

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Fills request->json from query or body; a response when they are bad.
std::optional<Response> CheckInput(const Route& route, Request* request) {
  if (route.body.empty()) {
    const json issues = CheckQuery(request->query, route.query, &request->json);
    if (!issues.empty()) return Problem(422, "query parameters are invalid", issues);
    return std::nullopt;
  }
  if (!request->content_type.starts_with("application/json"))
    return Problem(415, "send the body as Content-Type: application/json");
  try {
    request->json = json::parse(request->body);
  } catch (const json::parse_error& error) {
    return Problem(400, "the body is not JSON: at byte " + std::to_string(error.byte));
  }
  if (!request->json.is_object()) return Problem(422, "the body must be a JSON object");
  const json issues = CheckBody(request->json, route.body);
  if (!issues.empty()) return Problem(422, "the body is invalid", issues);
  return std::nullopt;
}

// A handler that throws is a bug of the service; its client gets an answer all the same.
Response Invoke(const Route& route, const Request& request) {
  try {
    return route.handler(request);
  } catch (const std::exception& error) {
    return Problem(500, error.what());
  }
}

Response Page(std::string content_type, std::string body) {
  Response response;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  return response;
}

}  // namespace

HttpApp::HttpApp(const AppOptions& options, std::vector<Route> business, StopSignal* stop)
    : profile_(*options.profile),
      version_(options.version),
      stop_(*stop),
      chaos_(options.faults, options.seed),
      tracer_(options.tracer),
      log_(options.log),
      data_(options.data),
      latency_(profile_, options.seed + 1),
      metrics_(std::string(profile_.name)) {
  for (const Route& route : business)
    metrics_.Declare(route.method, route.pattern, route.answers.front().first);
  metrics_.Watch("db_pool_connections", "Connections to the database, of which requests take one",
                 [this] { return pool_.size(); });
  metrics_.Watch("db_pool_in_use", "Connections that requests have",
                 [this] { return pool_.in_use(); });
  metrics_.Watch("db_pool_waiting", "Requests that wait for a connection",
                 [this] { return pool_.waiting(); });
  router_.Add(std::move(business));
  if (data_ != nullptr) WatchData();
  router_.Add(InternalRoutes());
  const std::string title = std::string(profile_.name) + " service";
  docs_ = DocsPage(title, version_, router_.routes());
  openapi_ = OpenApi(title, version_, router_.routes());
}

void HttpApp::WatchData() {
  fill_.emplace([this] { return chaos_.Current().disk_mib_s; },
                [this] { return data_->disk().Spill(Drip::kChunkBytes); });
  metrics_.Watch("disk_used_ratio", "How full its disk is",
                 [this] { return data_->disk().UsedRatio(); });
  metrics_.Watch("certificate_days_left", "Days until its certificate ends",
                 [this] { return data_->CertificateDaysLeft(); });
  metrics_.Watch("settings_drifted", "1 when other settings are in force than those of the file",
                 [this] { return data_->settings().Drifted() ? 1 : 0; });
  router_.Add(data_->settings().Routes());
}

Response HttpApp::Handle(Request request) {
  const Match match = router_.Find(&request);
  if (match.route == nullptr || match.route->kind == Route::Kind::kBusiness)
    return Serve(match, &request);
  if (auto bad = CheckInput(*match.route, &request)) return *bad;
  return Invoke(*match.route, request);
}

Response HttpApp::Serve(const Match& match, Request* request) {
  const auto start = std::chrono::steady_clock::now();
  const std::string route = match.route == nullptr ? "" : match.route->pattern;
  ServerSpan span(tracer_, *request, route);
  const Response response =
      match.route == nullptr ? NotServed(match, *request) : Business(*match.route, request);
  span.Answered(response.status);
  if (log_ != nullptr)
    log_->Write(response.status >= 500   ? Level::kError
                : response.status >= 400 ? Level::kWarning
                                         : Level::kInfo,
                request->method + " " + request->path + " " + std::to_string(response.status),
                {{"method", request->method},
                 {"route", route},
                 {"status", response.status},
                 {"duration_ms", std::round(SecondsSince(start) * 1e6) / 1e3}});
  return response;
}

Response HttpApp::NotServed(const Match& match, const Request& request) {
  Response response;
  if (match.allowed.empty()) {
    response = Problem(404, "nothing is served at " + request.path + "; see /docs");
  } else {
    response = Problem(405, request.path + " takes " + match.allowed);
    response.headers.emplace_back("Allow", match.allowed);
  }
  metrics_.Unmatched(MethodLabel(request.method), response.status);
  return response;
}

Response HttpApp::Business(const Route& route, Request* request) {
  const auto start = std::chrono::steady_clock::now();
  const Counted counted(&in_flight_);
  metrics_.Begin();
  Response response;
  if (counted.value() > kMaxInFlight) {
    response = Problem(503, "too many requests at once; try again in a second");
    response.headers.emplace_back("Retry-After", "1");
  } else if (auto fault = Suffer(*request)) {
    response = std::move(*fault);
  } else if (auto bad = CheckInput(route, request)) {
    response = std::move(*bad);
  } else {
    response = Invoke(route, *request);
  }
  metrics_.End(MethodLabel(request->method), route.pattern, response.status, SecondsSince(start));
  return response;
}

std::optional<Response> HttpApp::Suffer(const Request& request) {
  while (chaos_.Current().hang) {
    if (!stop_.SleepFor(kHangCheck_ns)) return Problem(503, "the service is stopping");
    if (request.client_gone && request.client_gone())
      return Problem(499, "the client hung up while the service hung");
  }
  // A stop cuts the wait short; the request is then served at once.
  stop_.SleepFor(chaos_.DrawLatency());
  // The rest of the time is the database's.
  if (!pool_.Take(static_cast<int64_t>(kPoolPatienceS * 1e9)))
    return Problem(503, "no connection to the database became free in time");
  stop_.SleepFor(latency_.Draw());
  if (!chaos_.DrawLostConnection()) pool_.GiveBack();
  if (chaos_.DrawFailure()) return Problem(500, "failure injected by chaos");
  return std::nullopt;
}

Response HttpApp::Health() const {
  return JsonResponse(200, {{"status", "ok"},
                            {"service", profile_.name},
                            {"version", version_},
                            {"uptime_s", std::round(SecondsSince(start_) * 1000) / 1000}});
}

Response HttpApp::PutChaos(const Request& request) {
  if (request.json.contains("latency_rate") && !request.json.contains("latency_ms"))
    return Problem(422, "the body is invalid",
                   {{{"field", "latency_rate"}, {"message", "needs latency_ms beside it"}}});
  const Faults faults = ChaosState::Asked(request.json);
  if (data_ == nullptr && faults.NeedData())
    return Problem(422, "this fault is one of the data folder: start the service with --data");
  chaos_.Set(request.json);
  if (data_ != nullptr)
    if (const Status done = data_->Act(faults); !done) return Problem(500, done.error().message);
  const bool ends = faults.crash || faults.crash_loop;
  Response response = JsonResponse(ends ? 202 : 200, chaos_.Describe());
  // No destructors, no draining: as a crash would.
  if (ends) response.after_send = [] { std::_Exit(1); };
  return response;
}

std::vector<Route> HttpApp::InternalRoutes() {
  constexpr auto kInternal = Route::Kind::kInternal;
  std::vector<Route> routes;
  routes.push_back({"GET",
                    "/health",
                    "Is the process up; chaos does not touch it",
                    kInternal,
                    {},
                    {},
                    {{200, "it is"}},
                    [this](const Request&) { return Health(); }});
  routes.push_back(
      {"GET",
       "/metrics",
       "Metrics in Prometheus' text format",
       kInternal,
       {},
       {},
       {{200, "the metrics"}},
       [this](const Request&) { return Page(Metrics::ContentType(), metrics_.Render()); }});
  routes.push_back(
      {"GET", "/docs", "This page", kInternal, {}, {}, {{200, "the page"}}, [this](const Request&) {
         return Page("text/html; charset=utf-8", docs_);
       }});
  routes.push_back({"GET",
                    "/openapi.json",
                    "This page for programs",
                    kInternal,
                    {},
                    {},
                    {{200, "an OpenAPI 3 document"}},
                    [this](const Request&) { return Page("application/json", openapi_); }});
  routes.push_back({"GET",
                    "/chaos",
                    "The faults in force",
                    kInternal,
                    {},
                    {},
                    {{200, "the faults, where they come from, and how long they last"}},
                    [this](const Request&) { return JsonResponse(200, chaos_.Describe()); }});
  routes.push_back({"PUT",
                    "/chaos",
                    "Replace all faults; in memory only, a restart cures them",
                    kInternal,
                    {},
                    ChaosState::Fields(),
                    {{200, "the faults now in force"},
                     {202, "the process ends right after this answer (crash)"},
                     {422, "a value is out of range or a key is unknown"}},
                    [this](const Request& request) { return PutChaos(request); }});
  routes.push_back({"DELETE",
                    "/chaos",
                    "End all faults, also those of the environment",
                    kInternal,
                    {},
                    {},
                    {{200, "no faults are left"}},
                    [this](const Request&) {
                      chaos_.Clear();
                      return JsonResponse(200, chaos_.Describe());
                    }});
  return routes;
}

}  // namespace heald::demo
