#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "tests/api/server_fixture.h"

namespace heald::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::AnyOf;
using ::testing::Eq;
using ::testing::HasSubstr;

// Small limits, so that every test of a time-out takes milliseconds.
class ApiLimitsTest : public ServerFixture {
 protected:
  void SetUp() override {
    ServerOptions options;
    options.limits.head_bytes = 4096;
    options.limits.head_ns = 200 * kMillisecond;
    options.limits.body_ns = 200 * kMillisecond;
    options.limits.send_ns = 300 * kMillisecond;
    options.limits.keep_alive_ns = 150 * kMillisecond;
    options.limits.requests_per_connection = 5;
    options.limits.linger_ns = 100 * kMillisecond;
    options.limits.threads = 4;
    Start(options);
  }
  void ExpectStillServing() { EXPECT_EQ(Ask("GET", "/healthz").status, 200); }
};

TEST_F(ApiLimitsTest, SlowHeadIsCutOff) {
  RawClient client(server_->port());
  const auto start = steady_clock::now();
  const auto give_up = start + std::chrono::seconds(5);
  // A byte now and then would renew a time-out per read for ever.
  while (client.Send("G") && steady_clock::now() < give_up)
    std::this_thread::sleep_for(milliseconds(20));
  EXPECT_LT(steady_clock::now(), give_up);
  ExpectStillServing();
}

TEST_F(ApiLimitsTest, HalfAHeadGets408) {
  EXPECT_EQ(AskRaw("GET /healthz HTTP/1.1\r\nHost: lo").status, 408);
}

TEST_F(ApiLimitsTest, SlowBodyGets408) {
  EXPECT_EQ(AskRaw("PUT /api/v1/switch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16\r\n\r\n{")
                .status,
            408);
}

TEST_F(ApiLimitsTest, LongHeadGets431) {
  EXPECT_EQ(Ask("GET", "/healthz", "X: " + std::string(5000, 'x') + "\r\n").status, 431);
  EXPECT_EQ(AskRaw(std::string(100'000, 'x')).status, 431);
}

TEST_F(ApiLimitsTest, LongBodyGets413EvenWhileItIsSent) {
  RawClient client(server_->port());
  const std::string body(1024 * 1024 + 1, 'x');
  client.Send(RequestText("PUT", "/api/v1/switch", "", body));
  const Answer answer = client.Read();
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("1048576 bytes"));
  EXPECT_EQ(answer.headers.at("Connection"), "Close");
  EXPECT_EQ(answer.headers.at("X-Content-Type-Options"), "nosniff");
}

TEST_F(ApiLimitsTest, LargestBodyIsRead) {
  EXPECT_EQ(Ask("PUT", "/api/v1/switch", "", std::string(1024 * 1024, ' ')).status, 400);
}

TEST_F(ApiLimitsTest, IdleConnectionIsClosed) {
  RawClient client(server_->port());
  client.Send(RequestText("GET", "/healthz"));
  ASSERT_EQ(client.Read().status, 200);
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(ApiLimitsTest, RequestsPerConnectionAreBounded) {
  RawClient client(server_->port());
  for (int i = 0; i < 5; ++i) {
    client.Send(RequestText("GET", "/healthz"));
    EXPECT_EQ(client.Read().headers["Connection"], i < 4 ? "Keep-Alive" : "Close");
  }
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(ApiLimitsTest, ClientThatDoesNotReadIsLetGo) {
  backend_.status.version = std::string(32 * 1024 * 1024, 'x');  // more than socket buffers hold
  RawClient client(server_->port());
  client.Send(RequestText("GET", "/api/v1/status"));
  WaitForConnections(1, 0);
  WaitForConnections(0, 0);
  client.Close();
  ExpectStillServing();
}

TEST_F(ApiLimitsTest, ClientGoneBeforeTheAnswerHarmsNobody) {
  for (int i = 0; i < 20; ++i) RawClient(server_->port()).Send(RequestText("GET", "/"));
  ExpectStillServing();
}

TEST_F(ApiLimitsTest, HalfOpenConnectionsKeepNobodyOut) {
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(std::make_unique<RawClient>(server_->port()));
    if (i % 2 == 0) slow.back()->Send("GET / HTTP/1.1\r\n");
  }
  const auto start = steady_clock::now();
  ExpectStillServing();
  EXPECT_LT(steady_clock::now() - start, milliseconds(100));
}

TEST_F(ApiLimitsTest, ConnectionNearestToItsEndMakesRoom) {
  ServerOptions options;
  options.limits.connections = 8;
  Start(options);
  std::vector<std::unique_ptr<RawClient>> open;
  for (int i = 0; i < 8; ++i) {
    open.push_back(std::make_unique<RawClient>(server_->port()));
    open.back()->Send("GET / HTTP/1.1\r\n");
  }
  WaitForConnections(8, 0);
  open.push_back(std::make_unique<RawClient>(server_->port()));
  open.back()->Send(RequestText("GET", "/healthz"));
  EXPECT_EQ(open.back()->Read().status, 200);
  WaitForConnections(8, 1);
  const auto ended = std::count_if(open.begin(), open.end(), [](const auto& client) {
    pollfd now{client->fd(), POLLIN, 0};
    return poll(&now, 1, 0) == 1;
  });
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(server_->stats().refused_total, 1u);
  // One that has been answered and asks for nothing goes before one that is half-way.
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
  EXPECT_TRUE(open.back()->AtEnd());
  EXPECT_EQ(server_->stats().refused_total, 1u);
}

TEST_F(ApiLimitsTest, BodiesTogetherAreBounded) {
  ServerOptions options;
  options.limits.bodies_bytes = 1000;
  Start(options);
  RawClient first(server_->port()), second(server_->port());
  const std::string head =
      "PUT /api/v1/switch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 600\r\n";
  first.Send(head + "Expect: 100-continue\r\n\r\n");
  ASSERT_EQ(first.Read(false).status, 100);
  second.Send(head + "\r\n");
  const Answer refused = second.Read();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("Retry-After"), "1");
  first.Send(std::string(600, ' '));
  EXPECT_EQ(first.Read().status, 400);
  EXPECT_EQ(AskRaw(head + "\r\n" + std::string(600, ' ')).status, 400);  // there is room again
}

TEST_F(ApiLimitsTest, GarbageGetsAProblemOrAClosedDoor) {
  std::mt19937 random(7);
  const std::string seed = RequestText("PUT", "/api/v1/switch?x=%41",
                                       "Origin: http://localhost\r\n", R"({"enabled":true})");
  for (int i = 0; i < 300; ++i) {
    std::string text = seed;
    for (int change = 0; change < 3; ++change)
      text[random() % text.size()] = static_cast<char>(random() % 256);
    RawClient client(server_->port());
    client.Send(text);
    shutdown(client.fd(), SHUT_WR);
    const Answer answer = client.Read();
    EXPECT_THAT(answer.status, AnyOf(Eq(0), Eq(200), Eq(400), Eq(403), Eq(404), Eq(405), Eq(411),
                                     Eq(413), Eq(417), Eq(505)));
  }
  ExpectStillServing();
}

}  // namespace
}  // namespace heald::api
