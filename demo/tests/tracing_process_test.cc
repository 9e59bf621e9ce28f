// The services' traces as a receiver gets them, and their logs beside them.
#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/base/units.h"
#include "demo/support/http_client.h"
#include "demo/tests/demo_process.h"
#include "demo/tests/metrics_text.h"
#include "tests/fakes/otlp_receiver.h"

namespace heald::demo {
namespace {

using fakes::ReceivedSpan;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

constexpr const char* kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr const char* kCaller = "00f067aa0ba902b7";
constexpr int kServer = 2;
constexpr int kClient = 3;
constexpr int kError = 2;

struct DemoTracingTest : ::testing::Test {
  std::map<std::string, std::string> Environment() const {
    return {{"OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url()}};
  }
  HttpReply Send(const std::string& method, const std::string& url, const std::string& body = "",
                 const std::vector<std::string>& headers = {}) {
    const auto reply = client.Send(method, url, body, kTimeout_ns, "application/json", headers);
    EXPECT_TRUE(reply.ok()) << reply.error().message;
    return reply ? *reply : HttpReply();
  }
  ReceivedSpan Only(const std::string& name, const std::string& service) {
    const auto found = receiver.Named(name, service);
    EXPECT_THAT(found, SizeIs(1)) << name << " of " << service;
    return found.empty() ? ReceivedSpan() : found.front();
  }

  fakes::OtlpReceiver receiver;
  HttpClient client;
};

TEST_F(DemoTracingTest, AnOrderIsOneTraceThroughAllThreeServices) {
  DemoService users("users", {}, Environment());
  DemoService payments("payments", {}, Environment());
  DemoService orders("orders", {"--users-url", users.url(), "--payments-url", payments.url()},
                     Environment());
  const HttpReply reply =
      Send("POST", orders.url() + "/orders",
           R"({"user_id": "u-1", "item": "tea", "quantity": 1, "amount_cents": 500})",
           {std::string("traceparent: 00-") + kTrace + "-" + kCaller + "-01", "tracestate: a=1"});
  ASSERT_EQ(reply.status, 201) << reply.body;
  // Three requests, two calls, what each store did.
  ASSERT_TRUE(receiver.WaitForSpans(8, 10s)) << receiver.spans().size();
  EXPECT_THAT(receiver.problems(), IsEmpty());
  for (const ReceivedSpan& span : receiver.spans()) EXPECT_EQ(span.trace_id, kTrace) << span.name;

  const ReceivedSpan order = Only("POST /orders", "orders");
  EXPECT_EQ(order.parent_id, kCaller);
  EXPECT_EQ(order.kind, kServer);
  EXPECT_EQ(order.status, 0);
  EXPECT_EQ(order.attributes.at("http.request.method"), "POST");
  EXPECT_EQ(order.attributes.at("http.route"), "/orders");
  EXPECT_EQ(order.attributes.at("url.path"), "/orders");
  EXPECT_EQ(order.attributes.at("url.scheme"), "http");
  EXPECT_EQ(order.attributes.at("http.response.status_code"), 201);
  EXPECT_EQ(order.attributes.at("server.address"), "127.0.0.1");
  EXPECT_THAT(orders.url(), ::testing::EndsWith(order.attributes.at("server.port").dump()));

  const ReceivedSpan lookup = Only("GET", "orders");
  const ReceivedSpan charge = Only("POST", "orders");
  EXPECT_EQ(lookup.parent_id, order.span_id);
  EXPECT_EQ(lookup.kind, kClient);
  EXPECT_EQ(lookup.attributes.at("url.full"), users.url() + "/users/u-1");
  EXPECT_EQ(charge.parent_id, order.span_id);
  EXPECT_EQ(charge.attributes.at("http.response.status_code"), 201);
  EXPECT_EQ(Only("GET /users/{id}", "users").parent_id, lookup.span_id);
  const ReceivedSpan payment = Only("POST /payments", "payments");
  EXPECT_EQ(payment.parent_id, charge.span_id);
  EXPECT_EQ(Only("insert payments", "payments").parent_id, payment.span_id);
  EXPECT_EQ(Only("insert orders", "orders").parent_id, order.span_id);
  EXPECT_EQ(Only("find users", "users").attributes.at("db.collection.name"), "users");
  EXPECT_LE(order.start_ns, payment.start_ns);
  EXPECT_GE(order.end_ns, payment.end_ns);

  // The same ids stand in the log, one JSON object a line.
  ASSERT_TRUE(orders.WaitForOutput("POST /orders 201", kTimeout_ns)) << orders.output();
  std::istringstream lines(orders.output());
  for (std::string line; std::getline(lines, line);) {
    const json entry = json::parse(line);
    if (entry["msg"] != "POST /orders 201") continue;
    EXPECT_EQ(entry["trace_id"], kTrace);
    EXPECT_EQ(entry["span_id"], order.span_id);
    EXPECT_EQ(entry["route"], "/orders");
    EXPECT_EQ(entry["status"], 201);
    EXPECT_GT(entry["duration_ms"], 0);
  }
}

TEST_F(DemoTracingTest, ErrorsOfAServiceAreErrorsOfItsSpans) {
  DemoService users("users", {}, Environment());
  Send("GET", users.url() + "/users/none");
  Send("PUT", users.url() + "/chaos", R"({"failure_rate":1})");
  Send("GET", users.url() + "/users");
  Send("GET", users.url() + "/health");
  ASSERT_TRUE(receiver.WaitForSpans(3, 10s));
  const ReceivedSpan missing = Only("GET /users/{id}", "users");
  EXPECT_EQ(missing.status, 0) << "the client asked for what there isn't";
  EXPECT_EQ(missing.parent_id, "") << "nobody called: it begins its trace";
  const ReceivedSpan failed = Only("GET /users", "users");
  EXPECT_EQ(failed.status, kError);
  EXPECT_EQ(failed.attributes.at("error.type"), "500");
  EXPECT_NE(failed.trace_id, missing.trace_id);
  EXPECT_THAT(receiver.Named("GET /health"), IsEmpty());
  EXPECT_THAT(receiver.problems(), IsEmpty());
}

TEST_F(DemoTracingTest, ACallThatTimesOutSaysSo) {
  DemoService users("users");
  DemoService payments("payments");
  DemoService orders("orders", {"--users-url", users.url(), "--payments-url", payments.url()},
                     Environment());
  Send("PUT", users.url() + "/chaos", R"({"hang":true})");
  EXPECT_EQ(Send("POST", orders.url() + "/orders",
                 R"({"user_id": "u-1", "item": "tea", "quantity": 1, "amount_cents": 500})")
                .status,
            202);
  ASSERT_TRUE(receiver.WaitForSpans(3, 10s));
  const ReceivedSpan lookup = Only("GET", "orders");
  EXPECT_EQ(lookup.status, kError);
  EXPECT_EQ(lookup.attributes.at("error.type"), "timeout");
  EXPECT_EQ(Only("POST /orders", "orders").status, 0) << "the order was taken all the same";
}

TEST_F(DemoTracingTest, WhatTheCallerDoesNotRecordIsNotSent) {
  DemoService users("users", {}, Environment());
  Send("GET", users.url() + "/users/u-1", "",
       {std::string("traceparent: 00-") + kTrace + "-" + kCaller + "-00"});
  Send("GET", users.url() + "/users/u-2");
  ASSERT_TRUE(receiver.WaitForSpans(2, 10s));
  for (const ReceivedSpan& span : receiver.spans()) EXPECT_NE(span.trace_id, kTrace);
}

TEST_F(DemoTracingTest, WaitsForAReceiverThatIsAwayAndSendsWhatIsLeftAtTheStop) {
  receiver.Refuse(1, {.status = 503});
  DemoService users("users", {}, Environment());
  Send("GET", users.url() + "/users/u-1");
  ASSERT_TRUE(receiver.WaitForSpans(2, 10s));
  EXPECT_TRUE(users.WaitForOutput("traces can't be sent, and wait: HTTP status 503", kTimeout_ns));
  EXPECT_TRUE(users.WaitForOutput("traces are taken again", kTimeout_ns));
  Send("GET", users.url() + "/users/u-2");
  users.Signal(SIGTERM);
  ASSERT_EQ(users.Wait(10 * kSecond), 0);
  EXPECT_THAT(receiver.spans(), SizeIs(4));
  EXPECT_THAT(users.output(), HasSubstr("stopped: sent 4, lost 0 spans"));
}

TEST_F(DemoTracingTest, AReceiverThatHangsHoldsUpNoRequestAndNoStop) {
  receiver.Refuse(1000, {.delay = 60s});
  DemoService users("users", {}, Environment());
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) Send("GET", users.url() + "/users/u-1");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  users.Signal(SIGTERM);
  EXPECT_EQ(users.Wait(3 * kSecond), 0) << "a new one is to be ready within two seconds";
}

TEST_F(DemoTracingTest, ABadEndpointIsRefusedByName) {
  DemoProcess users("heald-demo-service", {"--service", "users", "--port", "0"},
                    {{"OTEL_EXPORTER_OTLP_ENDPOINT", "jaeger:4318"}});
  EXPECT_EQ(users.Wait(kTimeout_ns), 1);
  EXPECT_THAT(users.output(), HasSubstr("OTEL_EXPORTER_OTLP_ENDPOINT is no http:// URL"));
}

}  // namespace
}  // namespace heald::demo
