#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/base/units.h"
#include "demo/support/http_client.h"
#include "demo/tests/demo_process.h"
#include "demo/tests/metrics_text.h"

namespace heald::demo {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string PortOf(const std::string& url) {
  return url.substr(url.rfind(':') + 1);
}

// Sends raw bytes and returns what comes back until the server closes.
std::string Exchange(const std::string& url, const std::string& bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(PortOf(url))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval limit{5, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string reply;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
    char buffer[4096];
    for (ssize_t n = 0; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;)
      reply.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return reply;
}

TEST(DemoServiceProcessTest, EveryServiceAnswersHealth) {
  HttpClient client;
  for (const char* name : {"orders", "users", "payments"}) {
    const DemoService service(name);
    ASSERT_NE(service.url(), "") << service.output();
    const auto reply = client.Send("GET", service.url() + "/health", "", kTimeout_ns);
    ASSERT_TRUE(reply.ok()) << reply.error().message;
    const json health = json::parse(reply->body);
    EXPECT_EQ(health["status"], "ok");
    EXPECT_EQ(health["service"], name);
    EXPECT_GE(health["uptime_s"], 0);
    EXPECT_NE(health["version"], "");
    const auto docs = client.Send("GET", service.url() + "/docs", "", kTimeout_ns);
    ASSERT_TRUE(docs.ok());
    EXPECT_EQ(docs->content_type, "text/html; charset=utf-8");
    const auto metrics = client.Send("GET", service.url() + "/metrics", "", kTimeout_ns);
    ASSERT_TRUE(metrics.ok());
    EXPECT_THAT(metrics->content_type, HasSubstr("version=0.0.4"));
    std::string error;
    MetricsText::Parse(metrics->body, &error);
    EXPECT_EQ(error, "");
  }
}

TEST(DemoServiceProcessTest, FinishesRequestsInFlightOnSigterm) {
  DemoService service("users");
  HttpClient client;
  ASSERT_TRUE(
      client.Send("PUT", service.url() + "/chaos", R"({"latency_ms":30000})", kTimeout_ns).ok());
  Result<HttpReply> reply = MakeError(Code::kInternal, "not asked");
  std::thread asking(
      [&] { reply = HttpClient().Send("GET", service.url() + "/users/u-1", "", kTimeout_ns); });
  const auto in_flight = [&] {
    const auto metrics = client.Send("GET", service.url() + "/metrics", "", kTimeout_ns);
    std::string error;
    return metrics && MetricsText::Parse(metrics->body, &error).Sum("http_requests_in_flight") > 0;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!in_flight() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  const auto start = std::chrono::steady_clock::now();
  service.Signal(SIGTERM);
  EXPECT_EQ(service.Wait(10 * kSecond), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  asking.join();
  ASSERT_TRUE(reply.ok()) << reply.error().message;
  EXPECT_EQ(reply->status, 200);
}

TEST(DemoServiceProcessTest, StopsOnSigtermWhileItHangs) {
  DemoService service("users");
  HttpClient client;
  ASSERT_TRUE(client.Send("PUT", service.url() + "/chaos", R"({"hang":true})", kTimeout_ns).ok());
  const auto blocked = client.Send("GET", service.url() + "/users", "", 200 * kMillisecond);
  ASSERT_FALSE(blocked.ok());
  EXPECT_EQ(blocked.error().code, Code::kDeadline);
  EXPECT_TRUE(client.Send("GET", service.url() + "/health", "", kTimeout_ns).ok());
  service.Signal(SIGTERM);
  EXPECT_EQ(service.Wait(2 * kSecond), 0);
}

TEST(DemoServiceProcessTest, StartsAgainOnTheSamePortAtOnce) {
  std::string port;
  {
    DemoService first("users");
    port = PortOf(first.url());
    ASSERT_TRUE(HttpClient().Send("GET", first.url() + "/users/u-1", "", kTimeout_ns).ok());
    first.Signal(SIGTERM);
    ASSERT_EQ(first.Wait(5 * kSecond), 0);
  }
  DemoProcess second("heald-demo-service", {"--service", "users", "--port", port});
  EXPECT_TRUE(second.WaitForOutput("listening on", kTimeout_ns)) << second.output();
}

TEST(DemoServiceProcessTest, SaysThatAPortIsTaken) {
  const DemoService first("users");
  DemoProcess second("heald-demo-service",
                     {"--service", "payments", "--port", PortOf(first.url())});
  EXPECT_EQ(second.Wait(kTimeout_ns), 1);
  EXPECT_THAT(second.output(), AllOf(HasSubstr("payments: cannot listen on 127.0.0.1:"),
                                     HasSubstr("in use"), HasSubstr("--port")));
}

TEST(DemoServiceProcessTest, RefusesBadUsage) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {}, {"--service", "carts"}, {"--service", "users", "--port", "70000"}, {"--what"}}) {
    DemoProcess process("heald-demo-service", arguments);
    EXPECT_EQ(process.Wait(kTimeout_ns), 2) << process.output();
    EXPECT_NE(process.output(), "");
  }
}

TEST(DemoServiceProcessTest, AnswersBytesThatAreNoRequest) {
  const DemoService service("users");
  EXPECT_THAT(Exchange(service.url(), "\x01\x02 nonsense\r\n\r\n"), HasSubstr(" 4"));
  EXPECT_THAT(Exchange(service.url(), "GET /users/%zz HTTP/1.1\r\nConnection: close\r\n\r\n"),
              HasSubstr("400 Bad Request"));
  EXPECT_THAT(
      Exchange(service.url(),
               "POST /users HTTP/1.1\r\nContent-Length: 70000\r\nConnection: close\r\n\r\n"),
      HasSubstr("413 Content Too Large"));
  EXPECT_TRUE(HttpClient().Send("GET", service.url() + "/health", "", kTimeout_ns).ok());
}

}  // namespace
}  // namespace heald::demo
