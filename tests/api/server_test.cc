#include "core/api/server.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/api/server_fixture.h"

namespace heald::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ApiServerTest : public ServerFixture {};

std::string BindError(const std::string& listen, const std::string& token = "") {
  ServerOptions options;
  options.listen = listen;
  options.token = token;
  options.allow_no_tls = true;
  const auto server = Server::Bind(options);
  return server.ok() ? "" : server.error().message;
}

TEST_F(ApiServerTest, TakesAFreePortAndTellsIt) {
  Start();
  EXPECT_NE(server_->port(), 0);
  EXPECT_EQ(server_->url(), "http://127.0.0.1:" + std::to_string(server_->port()));
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
}

TEST_F(ApiServerTest, BusyPortNamesItsHolder) {
  Start();
  const std::string address = "127.0.0.1:" + std::to_string(server_->port());
  EXPECT_THAT(BindError(address), AllOf(HasSubstr("cannot listen on " + address),
                                        HasSubstr("the port is in use by pid "),
                                        HasSubstr(std::to_string(getpid()) + " (api_server_test"),
                                        HasSubstr("set agent.listen to another address")));
}

TEST_F(ApiServerTest, BoundPortIsTakenBeforeServing) {
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  const auto server = Server::Bind(options);
  ASSERT_TRUE(server.ok());
  EXPECT_THAT(BindError("127.0.0.1:" + std::to_string((*server)->port())), HasSubstr("in use"));
}

TEST_F(ApiServerTest, PortIsFreeAgainAfterStop) {
  Start();
  ASSERT_EQ(Ask("GET", "/healthz").status, 200);
  const std::string address = "127.0.0.1:" + std::to_string(server_->port());
  server_->Stop();
  EXPECT_EQ(BindError(address), "");
}

TEST_F(ApiServerTest, RefusesAnOpenListenerWithoutToken) {
  for (const char* listen : {"0.0.0.0:0", "[::]:0"})
    EXPECT_THAT(BindError(listen), AllOf(HasSubstr("can be reached from other machines"),
                                         HasSubstr("set agent.token")));
  EXPECT_EQ(BindError("0.0.0.0:0", "0123456789abcdef"), "");
}

TEST_F(ApiServerTest, RefusesWhatIsNoAddress) {
  for (const char* listen : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
                             "127.0.0.1:65536", "127.0.0.1:80 ", "::1:8080", "[]:1"})
    EXPECT_THAT(BindError(listen), HasSubstr("write host:port")) << listen;
  EXPECT_THAT(BindError("192.0.2.1:8080", "0123456789abcdef"), HasSubstr("no interface"));
  EXPECT_THAT(BindError("no-such-host.invalid:8080"),
              AllOf(HasSubstr("cannot listen on no-such-host.invalid:8080"),
                    HasSubstr("Check agent.listen")));
}

TEST_F(ApiServerTest, TokenGuardsApiAndMetricsButNotHealth) {
  ServerOptions options;
  options.token = "0123456789abcdef";
  Start(options);
  const std::string good = "Authorization: Bearer 0123456789abcdef\r\n";
  const std::string bad = "Authorization: Bearer 0123456789abcdeg\r\n";
  for (const char* path : {"/api/v1/status", "/api/v1/incidents", "/api/v1/switch", "/metrics"}) {
    EXPECT_EQ(Ask("GET", path).status, 401) << path;
    EXPECT_EQ(Ask("GET", path, bad).status, 401) << path;
    EXPECT_EQ(Ask("GET", path, good).status, 200) << path;
  }
  EXPECT_EQ(Ask("GET", "/api/v1/none").status, 401);
  EXPECT_EQ(Ask("GET", "/api/v1/none", good).status, 404);
  EXPECT_THAT(Ask("GET", "/metrics").headers["WWW-Authenticate"], HasSubstr("Bearer"));
  EXPECT_EQ(Ask("PUT", "/api/v1/switch", bad, R"({"enabled":true})").status, 401);
  EXPECT_FALSE(backend_.remediation.enabled);
  for (const char* path : {"/healthz", "/readyz", "/", "/docs"})
    EXPECT_EQ(Ask("GET", path).status, 200) << path;
}

TEST_F(ApiServerTest, ForeignHostOrOriginIs403) {
  Start();
  EXPECT_EQ(AskRaw("GET /api/v1/status HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 403);
  EXPECT_EQ(AskRaw("GET /healthz HTTP/1.0\r\n\r\n").status, 403);
  const Answer answer = Ask("POST", "/api/v1/reload", "Origin: http://evil.example\r\n");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.headers.at("Content-Type"), "application/problem+json");
  EXPECT_EQ(backend_.reload_actor, "");
  EXPECT_EQ(Ask("GET", "/api/v1/status", "Origin: http://localhost\r\n").status, 200);
}

TEST_F(ApiServerTest, KeepsAConnectionForManyRequests) {
  Start();
  RawClient client(server_->port());
  for (int i = 0; i < 20; ++i) {
    client.Send(RequestText("PUT", "/api/v1/switch", "", R"({"enabled":true})"));
    ASSERT_EQ(client.Read().status, 200);
  }
  client.Send(RequestText("HEAD", "/api/v1/status") + RequestText("GET", "/healthz"));
  const Answer head = client.Read(false);
  EXPECT_EQ(head.status, 200);
  EXPECT_GT(std::stoi(head.headers.at("Content-Length")), 10);
  EXPECT_THAT(client.Read().body, HasSubstr("\"status\":\"ok\""));  // pipelined
  client.Send(RequestText("GET", "/healthz", "Connection: close\r\n"));
  EXPECT_EQ(client.Read().headers.at("Connection"), "Close");
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(ApiServerTest, AsksForTheBodyThatWaitsToBeAskedFor) {
  Start();
  RawClient client(server_->port());
  client.Send(
      "PUT /api/v1/switch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Read(false).status, 100);
  client.Send(R"({"enabled":true})");
  EXPECT_EQ(client.Read().status, 200);
}

TEST_F(ApiServerTest, PacksLongTextForClientsThatTakeIt) {
  backend_.status.version = std::string(10'000, 'x');
  Start();
  const Answer packed = Ask("GET", "/api/v1/status", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(packed.headers.at("Content-Encoding"), "gzip");
  EXPECT_LT(packed.body.size(), 1000u);
  EXPECT_GT(Ask("GET", "/api/v1/status").body.size(), 10'000u);
}

TEST_F(ApiServerTest, AnswersTwoHundredRequestsASecond) {
  Start();
  constexpr int kClients = 20, kEach = 50;
  std::atomic<int> good{0};
  const auto start = steady_clock::now();
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < kClients; ++c)
      clients.emplace_back([&] {
        for (int i = 0; i < kEach; ++i)
          if (Ask("GET", "/api/v1/status", "Connection: close\r\n").status == 200) ++good;
      });
  }
  const auto took = std::chrono::duration<double>(steady_clock::now() - start).count();
  EXPECT_EQ(good, kClients * kEach);
  EXPECT_GT(kClients * kEach / took, 200);
  RecordProperty("requests_per_second", static_cast<int>(kClients * kEach / took));
  const auto stop = steady_clock::now();
  server_->Stop();  // all threads have just been busy, and idle now
  EXPECT_LT(steady_clock::now() - stop, milliseconds(500));
}

TEST_F(ApiServerTest, IdleConnectionsDoNotKeepOthersOut) {
  ServerOptions options;
  options.limits.threads = 4;
  Start(options);
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 12; ++i) {
    idle.push_back(std::make_unique<RawClient>(server_->port()));
    idle.back()->Send(RequestText("GET", "/healthz"));
    ASSERT_EQ(idle.back()->Read().status, 200) << i;
  }
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
}

TEST_F(ApiServerTest, StopsWithinTwoSecondsWithOpenConnections) {
  ServerOptions options;
  options.limits.threads = 4;
  Start(options);
  RawClient idle(server_->port()), halfway(server_->port()), silent(server_->port());
  idle.Send(RequestText("GET", "/healthz"));
  ASSERT_EQ(idle.Read().status, 200);
  halfway.Send("GET /healthz HT");
  std::vector<std::unique_ptr<RawClient>> waiting;
  for (int i = 0; i < 8; ++i) waiting.push_back(std::make_unique<RawClient>(server_->port()));
  WaitForConnections(11, 10);
  const auto start = steady_clock::now();
  server_->Stop();
  EXPECT_LT(steady_clock::now() - start, milliseconds(2000));
  EXPECT_TRUE(idle.AtEnd());
  EXPECT_TRUE(silent.AtEnd());
  EXPECT_EQ(halfway.Read().status, 408);
  EXPECT_FALSE(RawClient(server_->port()).connected());
}

TEST_F(ApiServerTest, StopWaitsForTheBackendCallUnderWay) {
  Start();
  backend_.hold_reload = true;
  backend_.reload.applied = true;
  RawClient idle(server_->port()), client(server_->port());
  idle.Send(RequestText("GET", "/healthz"));
  ASSERT_EQ(idle.Read().status, 200);
  client.Send(RequestText("POST", "/api/v1/reload"));
  {
    std::unique_lock lock(backend_.mutex);
    ASSERT_TRUE(
        backend_.changed.wait_for(lock, milliseconds(5000), [&] { return backend_.entered; }));
  }
  std::atomic<bool> stopped{false};
  std::jthread stopper([&] {
    server_->Stop();
    stopped = true;
  });
  EXPECT_TRUE(idle.AtEnd());  // Stop is at work
  {
    const std::lock_guard lock(backend_.mutex);
    EXPECT_FALSE(stopped);
    backend_.hold_reload = false;
    backend_.changed.notify_all();
  }
  EXPECT_EQ(client.Read().status, 200);
  stopper.join();
  EXPECT_TRUE(stopped);
}

TEST_F(ApiServerTest, SocketsAreNotInherited) {
  Start();
  RawClient client(server_->port());
  client.Send(RequestText("GET", "/healthz"));
  ASSERT_EQ(client.Read().status, 200);
  int sockets = 0;
  for (int fd = 3; fd < 256; ++fd) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) continue;
    if (address.sin_family != AF_INET || ntohs(address.sin_port) != server_->port()) continue;
    ++sockets;
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0) << fd;
  }
  EXPECT_EQ(sockets, 2);  // the listener and the accepted one
}

}  // namespace
}  // namespace heald::api
