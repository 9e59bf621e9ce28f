#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/base/units.h"
#include "demo/services/profile.h"
#include "demo/support/http_client.h"
#include "demo/tests/demo_process.h"

namespace heald::demo {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

struct DemoOrdersTest : ::testing::Test {
  void SetUp() override {
    ASSERT_NE(users.url(), "");
    ASSERT_NE(payments.url(), "");
    orders = std::make_unique<DemoService>(
        "orders",
        std::vector<std::string>{"--users-url", users.url(), "--payments-url", payments.url()});
    ASSERT_NE(orders->url(), "") << orders->output();
  }

  HttpReply Order(const json& change = json::object()) {
    json order = {{"user_id", "u-1"}, {"item", "tea"}, {"quantity", 1}, {"amount_cents", 500}};
    order.update(change);
    const auto start = std::chrono::steady_clock::now();
    const auto reply = client.Send("POST", orders->url() + "/orders", order.dump(), kTimeout_ns);
    took_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    EXPECT_TRUE(reply.ok()) << reply.error().message;
    return reply ? *reply : HttpReply();
  }
  void Break(const DemoService& service, const char* faults) {
    const auto reply = client.Send("PUT", service.url() + "/chaos", faults, kTimeout_ns);
    ASSERT_TRUE(reply.ok() && reply->status == 200);
  }
  // An order that is taken, unpaid, and in time.
  void ExpectPending() {
    Order();  // connections are made
    const HttpReply reply = Order();
    EXPECT_EQ(reply.status, 202);
    EXPECT_EQ(json::parse(reply.body)["status"], "payment_pending");
    EXPECT_LT(took_ms, kOrdersDegradedP99Ms);
  }

  DemoService users{"users"};
  DemoService payments{"payments"};
  std::unique_ptr<DemoService> orders;
  HttpClient client;
  double took_ms = 0;
};

TEST_F(DemoOrdersTest, PaysAnOrder) {
  const HttpReply reply = Order();
  EXPECT_EQ(reply.status, 201);
  const json order = json::parse(reply.body);
  EXPECT_EQ(order["status"], "paid");
  EXPECT_EQ(order["user_checked"], true);
  const auto payment =
      client.Send("GET", payments.url() + "/payments/" + order["payment_id"].get<std::string>(), "",
                  kTimeout_ns);
  ASSERT_TRUE(payment.ok());
  EXPECT_EQ(json::parse(payment->body)["order_id"], order["id"]);
  const auto found = client.Send("GET", orders->url() + "/orders/" + order["id"].get<std::string>(),
                                 "", kTimeout_ns);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(json::parse(found->body), order);
}

TEST_F(DemoOrdersTest, RefusesUnknownUsersAndDeclinedPayments) {
  const HttpReply unknown = Order({{"user_id", "nobody"}});
  EXPECT_EQ(unknown.status, 422);
  EXPECT_THAT(unknown.body, HasSubstr("there is no user 'nobody'"));
  EXPECT_EQ(Order({{"amount_cents", 900'000}}).status, 402);
  EXPECT_EQ(Order({{"quantity", 0}}).status, 422);
}

TEST_F(DemoOrdersTest, TakesOrdersWhilePaymentsIsSlow) {
  Break(payments, R"({"latency_ms":1500})");
  ExpectPending();
}

TEST_F(DemoOrdersTest, TakesOrdersWhileUsersIsSlow) {
  Break(users, R"({"latency_ms":1500})");
  ExpectPending();
}

TEST_F(DemoOrdersTest, TakesOrdersWhileBothHang) {
  Break(users, R"({"hang":true})");
  Break(payments, R"({"hang":true})");
  ExpectPending();
}

TEST_F(DemoOrdersTest, TakesOrdersWhilePaymentsIsDownAndPaysWhenItIsBack) {
  payments.Signal(SIGKILL);
  payments.Wait(kTimeout_ns);
  ExpectPending();
  DemoProcess again("heald-demo-service", {"--service", "payments", "--port",
                                           payments.url().substr(payments.url().rfind(':') + 1)});
  ASSERT_TRUE(again.WaitForOutput("listening", kTimeout_ns)) << again.output();
  EXPECT_EQ(Order().status, 201);
}

TEST_F(DemoOrdersTest, PaysWhileUsersIsDown) {
  users.Signal(SIGKILL);
  users.Wait(kTimeout_ns);
  const json order = json::parse(Order().body);
  EXPECT_EQ(order["status"], "paid");
  EXPECT_EQ(order["user_checked"], false);
}

TEST_F(DemoOrdersTest, TakesOrdersWhilePaymentsFails) {
  Break(payments, R"({"failure_rate":1})");
  ExpectPending();
}

}  // namespace
}  // namespace heald::demo
