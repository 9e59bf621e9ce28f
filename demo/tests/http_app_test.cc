#include "demo/services/http_app.h"

#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "demo/services/payments.h"
#include "demo/services/users.h"
#include "demo/tests/metrics_text.h"

namespace heald::demo {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

// A service that takes next to no time by itself.
constexpr ServiceProfile kFast{"users", 0, 0.01, 0.02, 100, 1500, 1, 30};

struct App {
  explicit App(std::vector<Route> routes)
      : app(AppOptions{&kFast, "1.2.3", Faults(), 7}, std::move(routes), &stop) {}

  Response Call(const std::string& method, const std::string& path, const json& body = nullptr) {
    Request request;
    request.method = method;
    request.path = path;
    if (!body.is_null()) {
      request.content_type = "application/json";
      request.body = body.dump();
    }
    return app.Handle(std::move(request));
  }
  json Get(const std::string& path) { return json::parse(Call("GET", path).body); }
  MetricsText Metrics() {
    std::string error;
    auto metrics = MetricsText::Parse(Call("GET", "/metrics").body, &error);
    EXPECT_EQ(error, "") << "not a line of Prometheus text";
    return metrics;
  }

  StopSignal stop;
  HttpApp app;
};

struct DemoHttpAppTest : ::testing::Test {
  Users users;
  App app{users.Routes()};
};

TEST_F(DemoHttpAppTest, RefusesRequestsWhenAllConnectionsOfThePoolAreLost) {
  EXPECT_EQ(app.Metrics().Sum("db_pool_connections"), kPoolConnections);
  app.Call("PUT", "/chaos", {{"pool_loss_rate", 1}});
  for (int i = 0; i < kPoolConnections; ++i) ASSERT_EQ(app.Call("GET", "/users").status, 200);
  EXPECT_EQ(app.Metrics().Sum("db_pool_in_use"), kPoolConnections);
  app.Call("DELETE", "/chaos");
  std::thread waiting([this] {
    const Response refused = app.Call("GET", "/users");
    EXPECT_EQ(refused.status, 503) << "the end of the fault gives nothing back";
    EXPECT_THAT(refused.body, HasSubstr("no connection to the database"));
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (app.Metrics().Sum("db_pool_waiting") < 1 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(app.Metrics().Sum("db_pool_waiting"), 1);
  waiting.join();
  EXPECT_EQ(app.Metrics().Sum("db_pool_waiting"), 0);
}

TEST_F(DemoHttpAppTest, RefusesFaultsOfADataFolderThatItDoesNotHave) {
  for (const json& body : {json{{"drift", true}}, json{{"crash_loop", true}},
                           json{{"certificate_days", 0}}, json{{"disk_mib_s", 1}}}) {
    const Response refused = app.Call("PUT", "/chaos", body);
    EXPECT_EQ(refused.status, 422) << body;
    EXPECT_THAT(refused.body, HasSubstr("--data")) << body;
  }
  EXPECT_EQ(app.Call("GET", "/settings").status, 404);
}

TEST_F(DemoHttpAppTest, GivesItsConnectionBack) {
  for (int i = 0; i < 2 * kPoolConnections; ++i) ASSERT_EQ(app.Call("GET", "/users").status, 200);
  EXPECT_EQ(app.Metrics().Sum("db_pool_in_use"), 0);
}

TEST_F(DemoHttpAppTest, CreatesFindsAndListsUsers) {
  const Response created =
      app.Call("POST", "/users", {{"name", "Ada"}, {"email", "ada@example.com"}});
  EXPECT_EQ(created.status, 201);
  const auto id = json::parse(created.body)["id"].get<std::string>();
  EXPECT_EQ(app.Get("/users/" + id)["email"], "ada@example.com");
  EXPECT_EQ(app.Get("/users")["users"][0]["id"], id) << "the newest comes first";
  EXPECT_EQ(app.Get("/users")["users"].size(), 20U);
}

TEST_F(DemoHttpAppTest, KnowsTheSeededUsers) {
  EXPECT_EQ(app.Call("GET", "/users/u-1").status, 200);
  EXPECT_EQ(app.Call("GET", "/users/u-100").status, 200);
  EXPECT_EQ(app.Call("GET", "/users/u-101").status, 404);
}

TEST_F(DemoHttpAppTest, AnswersBadInputWithAProblemPerField) {
  const Response response = app.Call("POST", "/users", {{"email", "nobody"}, {"age", 3}});
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const json problem = json::parse(response.body);
  EXPECT_EQ(problem["status"], 422);
  EXPECT_EQ(problem["title"], "Unprocessable Content");
  EXPECT_EQ(problem["errors"].size(), 3U);
}

TEST_F(DemoHttpAppTest, TellsWhyABodyCannotBeRead) {
  Request broken;
  broken.method = "POST";
  broken.path = "/users";
  broken.content_type = "application/json; charset=utf-8";
  broken.body = "{\"name\": ";
  const Response response = app.app.Handle(broken);
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("not JSON: at byte"));
  broken.content_type = "text/plain";
  EXPECT_EQ(app.app.Handle(broken).status, 415);
  EXPECT_EQ(app.Call("POST", "/users", json::array()).status, 422);
}

TEST_F(DemoHttpAppTest, ChecksQueryParameters) {
  Request request;
  request.method = "GET";
  request.path = "/users";
  request.query["limit"] = "5";
  EXPECT_EQ(json::parse(app.app.Handle(request).body)["users"].size(), 5U);
  request.query["limit"] = "101";
  EXPECT_EQ(app.app.Handle(request).status, 422);
}

TEST_F(DemoHttpAppTest, TellsUnknownPathsFromWrongMethods) {
  EXPECT_EQ(app.Call("GET", "/nothing").status, 404);
  const Response response = app.Call("DELETE", "/users");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.at(0), std::make_pair(std::string("Allow"), std::string("POST, GET")));
}

TEST_F(DemoHttpAppTest, CountsBusinessRequestsByRouteAndCode) {
  app.Call("GET", "/users/u-1");
  app.Call("GET", "/users/u-2");
  app.Call("GET", "/users/none");
  app.Call("POST", "/users", {{"name", 1}});
  app.Call("BREW", "/coffee");
  const MetricsText metrics = app.Metrics();
  const auto requests = [&](const Labels& labels) {
    return metrics.Sum("http_requests_total", labels);
  };
  EXPECT_EQ(requests({{"service", "users"}}), 5);
  EXPECT_EQ(requests({{"method", "GET"}, {"route", "/users/{id}"}, {"code", "200"}}), 2);
  EXPECT_EQ(requests({{"method", "GET"}, {"route", "/users/{id}"}, {"code", "404"}}), 1);
  EXPECT_EQ(requests({{"method", "POST"}, {"route", "/users"}, {"code", "422"}}), 1);
  EXPECT_EQ(requests({{"method", "OTHER"}, {"route", "unmatched"}, {"code", "404"}}), 1);
  EXPECT_EQ(metrics.Sum("http_request_duration_seconds_count"), 4)
      << "what no route took has no duration";
  EXPECT_EQ(metrics.Sum("http_requests_in_flight", {{"service", "users"}}), 0);
}

TEST_F(DemoHttpAppTest, LeavesItsOwnPagesOutOfTheMetrics) {
  for (const char* path : {"/health", "/metrics", "/docs", "/openapi.json", "/chaos"})
    EXPECT_EQ(app.Call("GET", path).status, 200) << path;
  const MetricsText metrics = app.Metrics();
  EXPECT_EQ(metrics.Sum("http_requests_total"), 0);
  EXPECT_TRUE(metrics.Has("http_requests_total", {{"route", "/users"}, {"code", "500"}}))
      << "the first error is a step of a series that exists";
}

TEST_F(DemoHttpAppTest, ReportsItsProcess) {
  const MetricsText metrics = app.Metrics();
  EXPECT_TRUE(metrics.Has("process_cpu_seconds_total"));
  EXPECT_GT(metrics.Sum("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(metrics.Sum("process_open_fds"), 2);
  EXPECT_GT(metrics.Sum("process_max_fds"), metrics.Sum("process_open_fds"));
  const double now = static_cast<double>(std::time(nullptr));
  EXPECT_NEAR(metrics.Sum("process_start_time_seconds"), now, 300);
}

TEST_F(DemoHttpAppTest, DocumentsEveryRoute) {
  const std::string page = app.Call("GET", "/docs").body;
  const json openapi = app.Get("/openapi.json");
  for (const char* path : {"/users", "/users/{id}", "/health", "/metrics", "/docs", "/chaos"}) {
    EXPECT_THAT(page, HasSubstr("<code>" + std::string(path) + "</code>"));
    EXPECT_TRUE(openapi["paths"].contains(path)) << path;
  }
  EXPECT_THAT(page, HasSubstr("integer, 1 to "));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
  const json& create = openapi["paths"]["/users"]["post"];
  const json& schema = create["requestBody"]["content"]["application/json"]["schema"];
  EXPECT_EQ(schema["required"], json({"name", "email"}));
  EXPECT_TRUE(create["responses"].contains("422"));
  EXPECT_EQ(openapi["paths"]["/users/{id}"]["get"]["parameters"][0]["in"], "path");
}

TEST_F(DemoHttpAppTest, TakesFaultsAtRunTime) {
  EXPECT_EQ(app.Get("/chaos")["active"], false);
  EXPECT_EQ(app.Call("PUT", "/chaos", {{"failure_rate", 1}}).status, 200);
  const Response failed = app.Call("GET", "/users");
  EXPECT_EQ(failed.status, 500);
  EXPECT_THAT(failed.body, HasSubstr("chaos"));
  EXPECT_EQ(app.Call("GET", "/health").status, 200);
  EXPECT_EQ(app.Call("DELETE", "/chaos").status, 200);
  EXPECT_EQ(app.Call("GET", "/users").status, 200);
  EXPECT_EQ(app.Metrics().Sum("http_requests_total", {{"code", "500"}}), 1);
}

TEST_F(DemoHttpAppTest, AddsLatencyThatTheHistogramShows) {
  app.Call("PUT", "/chaos", {{"latency_ms", 60}});
  app.Call("GET", "/users");
  EXPECT_GE(app.Metrics().Sum("http_request_duration_seconds_sum"), 0.06);
}

TEST_F(DemoHttpAppTest, RefusesFaultsItDoesNotKnow) {
  for (const json& body : {json{{"latency", 5}}, json{{"latency_ms", -1}}, json{{"hang", 1}},
                           json{{"failure_rate", 1.5}}, json{{"latency_rate", 0.5}}}) {
    EXPECT_EQ(app.Call("PUT", "/chaos", body).status, 422) << body;
    EXPECT_EQ(app.Get("/chaos")["active"], false);
  }
}

TEST_F(DemoHttpAppTest, HangsUntilTheFaultEnds) {
  app.Call("PUT", "/chaos", {{"hang", true}});
  Response blocked;
  std::thread client([&] { blocked = app.Call("GET", "/users"); });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (app.Metrics().Sum("http_requests_in_flight") < 1 &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(app.Metrics().Sum("http_requests_in_flight"), 1);
  EXPECT_EQ(app.Call("GET", "/health").status, 200);
  app.Call("DELETE", "/chaos");
  client.join();
  EXPECT_EQ(blocked.status, 200);
}

TEST_F(DemoHttpAppTest, LetsGoOfAClientThatHungUp) {
  app.Call("PUT", "/chaos", {{"hang", true}});
  Request request;
  request.method = "GET";
  request.path = "/users";
  request.client_gone = [] { return true; };
  EXPECT_EQ(app.app.Handle(request).status, 499);
}

TEST_F(DemoHttpAppTest, StopsWaitingWhenItIsToStop) {
  app.Call("PUT", "/chaos", {{"latency_ms", 60000}});
  const auto start = std::chrono::steady_clock::now();
  std::thread client([&] { EXPECT_EQ(app.Call("GET", "/users").status, 200); });
  app.stop.Stop();
  client.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(DemoPaymentsTest, CapturesAndDeclines) {
  Payments payments;
  App app(payments.Routes());
  const json order = {{"order_id", "o-1"}, {"user_id", "u-1"}, {"amount_cents", 500'000}};
  const json captured = json::parse(app.Call("POST", "/payments", order).body);
  EXPECT_EQ(captured["status"], "captured");
  EXPECT_EQ(captured["currency"], "EUR");
  EXPECT_EQ(app.Get("/payments/" + captured["id"].get<std::string>()), captured);
  json large = order;
  large["amount_cents"] = 500'001;
  EXPECT_EQ(json::parse(app.Call("POST", "/payments", large).body)["status"], "declined");
  large["amount_cents"] = 1'000'001;
  EXPECT_EQ(app.Call("POST", "/payments", large).status, 422);
  EXPECT_EQ(app.Call("GET", "/payments").status, 405);
}

TEST(DemoRecordStoreTest, ForgetsTheOldestWhenFull) {
  RecordStore store("things", "x-");
  for (size_t i = 0; i <= RecordStore::kMaxRecords; ++i) store.Put({{"id", store.NextId()}});
  EXPECT_FALSE(store.Find("x-1"));
  EXPECT_TRUE(store.Find("x-2"));
  EXPECT_EQ(store.Newest(1)[0]["id"], "x-" + std::to_string(RecordStore::kMaxRecords + 1));
}

}  // namespace
}  // namespace heald::demo
