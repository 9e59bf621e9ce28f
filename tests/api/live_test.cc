#include "core/api/live.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "core/base/clock.h"
#include "tests/api/tls_fixture.h"

namespace heald::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Event {
  std::string name;  // empty: the stream ended
  std::string id;
  std::string data;
  std::string comment;
  int retry_ms = 0;
};

class Listener {
 public:
  Listener(const Server& server, SSL_CTX* tls, const std::string& headers = "",
           const std::string& query = "", int receive_bytes = 0)
      : client_(server.port(), tls, receive_bytes) {
    client_.Send("GET /api/v1/events" + query + " HTTP/1.1\r\nHost: localhost\r\n" + headers +
                 "\r\n");
    head_ = client_.Read(false);
  }
  const Answer& head() const { return head_; }
  RawClient& client() { return client_; }
  Event Next() {
    Event event;
    std::string text = client_.ReadUntil("\n\n") + "\n";
    for (size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
      const std::string line = text.substr(at, end - at);
      const auto value = [&](const std::string& field) { return line.substr(field.size()); };
      if (line.starts_with("event: ")) event.name = value("event: ");
      if (line.starts_with("id: ")) event.id = value("id: ");
      if (line.starts_with("data: ")) event.data += value("data: ");
      if (line.starts_with("retry: ")) event.retry_ms = std::stoi(value("retry: "));
      if (line.starts_with(":")) event.comment = line;
    }
    return event;
  }

 private:
  RawClient client_;
  Answer head_;
};

// Each over plain HTTP and TLS.
class ApiLiveTest : public TlsFixture, public ::testing::WithParamInterface<const char*> {
 protected:
  void StartEither(ServerOptions options = {}) {
    if (std::string(GetParam()) == "tls")
      StartTls(std::move(options));
    else
      Start(std::move(options));
  }
  std::unique_ptr<Listener> Listen(const std::string& headers = "", const std::string& query = "",
                                   int receive_bytes = 0) {
    return std::make_unique<Listener>(*server_, tls_, headers, query, receive_bytes);
  }
  // Past the hello.
  std::unique_ptr<Listener> ListenOn(const std::string& last_id = "") {
    auto listener = Listen(last_id.empty() ? "" : "Last-Event-ID: " + last_id + "\r\n");
    EXPECT_EQ(listener->Next().name, "hello");
    return listener;
  }
  LiveStats Stats() { return server_->stats().live; }
  template <typename Condition>
  bool Eventually(Condition condition) {
    const auto give_up = steady_clock::now() + std::chrono::seconds(10);
    while (!condition() && steady_clock::now() < give_up)
      std::this_thread::sleep_for(milliseconds(2));
    return condition();
  }
};

INSTANTIATE_TEST_SUITE_P(Wire, ApiLiveTest, ::testing::Values("plain", "tls"),
                         [](const auto& wire) { return std::string(wire.param); });

TEST_P(ApiLiveTest, SaysHelloThenWhatIsPublished) {
  ServerOptions options;
  options.version = "1.2.3";
  StartEither(options);
  const auto listener = Listen();
  EXPECT_EQ(listener->head().status, 200);
  EXPECT_EQ(listener->head().headers.at("Content-Type"), "text/event-stream");
  EXPECT_EQ(listener->head().headers.at("Cache-Control"), "no-store");
  EXPECT_EQ(listener->head().headers.count("Content-Length"), 0u);
  const Event hello = listener->Next();
  EXPECT_EQ(hello.name, "hello");
  EXPECT_GE(hello.retry_ms, 2000);
  EXPECT_LE(hello.retry_ms, 4000);
  EXPECT_THAT(hello.data, HasSubstr("\"version\":\"1.2.3\""));
  EXPECT_THAT(hello.data, HasSubstr("\"now\":\"20"));
  server_->Publish("finding", R"({"a":1})", Keep::kEvery);
  server_->Publish("pipeline", R"({"b":2})", Keep::kLatest);
  const Event kept = listener->Next();
  EXPECT_EQ(kept.name, "finding");
  EXPECT_EQ(kept.data, R"({"a":1})");
  EXPECT_EQ(kept.id, hello.id.substr(0, hello.id.rfind('-')) + "-1");
  const Event passing = listener->Next();
  EXPECT_EQ(passing.name, "pipeline");
  EXPECT_EQ(passing.id, "");
  EXPECT_EQ(Stats().clients, 1u);
  EXPECT_EQ(Stats().events_total, 2u);
}

// The agent's end of a client's connection: of all sockets the one whose peer the client is.
int OtherEndOf(int client) {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  getsockname(client, reinterpret_cast<sockaddr*>(&own), &size);
  for (int fd = 3; fd < 1024; ++fd) {
    sockaddr_in peer{};
    size = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
        peer.sin_family == AF_INET && peer.sin_port == own.sin_port)
      return fd;
  }
  return -1;
}

// As a command does that is being started while the client leaves: between fork and exec.
TEST_P(ApiLiveTest, SomebodyElseMayHoldTheSocketOfAClientThatLeft) {
  StartEither();
  std::vector<int> copies;
  for (int i = 0; i < 8; ++i) {
    const auto leaving = ListenOn();
    // Not dup, which the thread sanitizer takes for a use that races with the agent's close.
    copies.push_back(fcntl(OtherEndOf(leaving->client().fd()), F_DUPFD_CLOEXEC, 0));
    ASSERT_GE(copies.back(), 0);
  }
  EXPECT_TRUE(Eventually([&] { return Stats().clients == 0; }));
  const auto staying = ListenOn();
  for (int i = 0; i < 100; ++i) {
    server_->Publish("finding", "{}", Keep::kEvery);
    EXPECT_EQ(staying->Next().name, "finding");
  }
  for (const int fd : copies) close(fd);
}

TEST_P(ApiLiveTest, PublishingBeforeServeAndAfterStopHarmsNobody) {
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  auto early = Server::Bind(options);
  ASSERT_TRUE(early.ok());
  (*early)->Publish("x", "1", Keep::kEvery);
  StartEither();
  server_->Stop();
  server_->Publish("x", "2", Keep::kEvery);
  EXPECT_EQ(Stats().events_total, 0u);
}

TEST_P(ApiLiveTest, LiveClientsHoldNoThread) {
  ServerOptions options;
  options.limits.threads = 1;
  options.limits.connections = 4;
  StartEither(options);
  std::vector<std::unique_ptr<Listener>> listeners;
  for (int i = 0; i < 30; ++i) listeners.push_back(ListenOn());
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
  EXPECT_EQ(Stats().clients, 30u);
}

TEST_P(ApiLiveTest, TellsWhoMissedTooMuchToStartAnew) {
  ServerOptions options;
  options.limits.live.kept_events = 5;
  StartEither(options);
  const std::string epoch = [&] {
    const std::string id = Listen()->Next().id;
    return id.substr(0, id.rfind('-') + 1);
  }();
  for (int i = 1; i <= 10; ++i) server_->Publish("x", std::to_string(i), Keep::kEvery);
  for (const std::string& id : {epoch + "4", std::string("other-7"), std::string("rubbish")}) {
    const auto listener = ListenOn(id);
    const Event reset = listener->Next();
    EXPECT_EQ(reset.name, "reset") << id;
    EXPECT_EQ(reset.id, epoch + "10");  // from which the next reconnection goes on
  }
  const auto listener = ListenOn(epoch + "5");
  for (int i = 6; i <= 10; ++i) EXPECT_EQ(listener->Next().data, std::to_string(i));
  const auto by_query = Listen("", "?last_event_id=" + epoch + "9");
  EXPECT_EQ(by_query->Next().name, "hello");
  EXPECT_EQ(by_query->Next().data, "10");
}

TEST_P(ApiLiveTest, ResumesExactlyWhileEventsArePublished) {
  StartEither();
  constexpr int kEvents = 900;  // all are kept
  auto listener = ListenOn();
  std::jthread publisher([&] {
    std::mt19937 random(3);
    for (int i = 1; i <= kEvents; ++i) {
      server_->Publish("x", std::to_string(i) + std::string(random() % 500, ' '), Keep::kEvery);
      if (random() % 4 == 0) server_->Publish("state", "now", Keep::kLatest);
      if (random() % 16 == 0) std::this_thread::sleep_for(milliseconds(1));
    }
  });
  std::mt19937 random(5);
  int expected = 1, reconnections = 0;
  std::string last_id;
  while (expected <= kEvents) {
    const Event event = listener->Next();
    ASSERT_NE(event.name, "") << "the stream ended at " << expected;
    if (event.name == "state") continue;
    ASSERT_EQ(event.name, "x");
    ASSERT_EQ(std::stoi(event.data), expected);
    last_id = event.id;
    ++expected;
    if (random() % 20 != 0) continue;
    listener = ListenOn(last_id);
    ++reconnections;
  }
  EXPECT_GT(reconnections, 20);
  EXPECT_EQ(Stats().dropped_total, 0u);
}

TEST_P(ApiLiveTest, SlowClientIsDroppedAndDelaysNobody) {
  ServerOptions options;
  options.limits.live.stall_ns = 300 * kMillisecond;
  StartEither(options);
  constexpr int kSmall = 4096;
  const auto slow = Listen("", "", kSmall);
  auto quick = ListenOn();
  constexpr int kEvents = 300;
  int64_t longest_ns = 0;
  for (int i = 0; i < kEvents; ++i) {
    const int64_t before_ns = SystemClock().MonotonicNs();
    server_->Publish("x", std::to_string(i) + std::string(4096, ' '), Keep::kEvery);
    longest_ns = std::max(longest_ns, SystemClock().MonotonicNs() - before_ns);
    const Event event = quick->Next();
    ASSERT_EQ(std::stoi(event.data), i);
  }
  EXPECT_LT(longest_ns, 200 * kMillisecond);  // a machine under load may pause us
  EXPECT_TRUE(Eventually([&] { return Stats().dropped_total == 1; }));
  EXPECT_EQ(Stats().clients, 1u);
  EXPECT_TRUE(slow->client().DrainToEnd());
  server_->Publish("x", "after", Keep::kEvery);
  EXPECT_EQ(quick->Next().data, "after");
}

// Few events: what it doesn't take still fits what the kernel holds for it.
TEST_P(ApiLiveTest, ClientThatAcknowledgesNothingCountsAsSlow) {
  ServerOptions options;
  options.limits.live.acknowledge_ns = 200 * kMillisecond;
  StartEither(options);
  constexpr int kSmall = 1024;
  const auto slow = Listen("", "", kSmall);
  for (int i = 0; i < 8; ++i) server_->Publish("x", std::string(4096, ' '), Keep::kEvery);
  EXPECT_TRUE(Eventually([&] { return Stats().dropped_total == 1; }));
  EXPECT_EQ(Stats().clients, 0u);
}

TEST_P(ApiLiveTest, ClientThatIsOvertakenByTheLogIsDropped) {
  ServerOptions options;
  options.limits.live.kept_bytes = 1024 * 1024;
  StartEither(options);
  constexpr int kSmall = 4096;
  const auto slow = Listen("", "", kSmall);
  for (int i = 0; i < 600 && Stats().dropped_total == 0; ++i) {
    server_->Publish("x", std::string(16 * 1024, ' '), Keep::kEvery);
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_TRUE(Eventually([&] { return Stats().dropped_total == 1; }));
}

TEST_P(ApiLiveTest, SilenceIsBrokenByAHeartbeat) {
  ServerOptions options;
  options.limits.live.heartbeat_ns = 60 * kMillisecond;
  StartEither(options);
  const auto listener = ListenOn();
  const Event first = listener->Next(), second = listener->Next();
  EXPECT_EQ(first.comment, ":");
  EXPECT_EQ(second.comment, ":");
  EXPECT_EQ(first.name, "");
}

TEST_P(ApiLiveTest, OneClientTooManyGets503UntilASeatIsFree) {
  ServerOptions options;
  options.limits.live.clients = 2;
  StartEither(options);
  auto one = ListenOn();
  const auto other = ListenOn();
  const auto refused = Listen();
  EXPECT_EQ(refused->head().status, 503);
  EXPECT_EQ(refused->head().headers.at("Content-Type"), "application/problem+json");
  EXPECT_EQ(refused->head().headers.at("Retry-After"), "10");
  EXPECT_EQ(Stats().refused_total, 1u);
  one.reset();
  EXPECT_TRUE(Eventually([&] { return Stats().clients == 1; }));
  EXPECT_EQ(Listen()->head().status, 200);
}

TEST_P(ApiLiveTest, TwoHundredClientsComeAndGo) {
  StartEither();
  std::atomic<bool> done{false};
  std::jthread publisher([&] {
    for (int i = 0; !done; ++i) {
      server_->Publish("x", std::to_string(i), Keep::kEvery);
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  std::mt19937 random(11);
  std::vector<std::unique_ptr<Listener>> open;
  for (int i = 0; i < 200; ++i) {
    open.push_back(ListenOn());
    ASSERT_EQ(open.back()->Next().name, "x");
    if (random() % 3 == 0) open.erase(open.begin() + static_cast<long>(random() % open.size()));
  }
  for (const auto& listener : open) EXPECT_EQ(listener->Next().name, "x");
  EXPECT_TRUE(Eventually([&] { return Stats().clients == open.size(); }));
  open.clear();
  EXPECT_TRUE(Eventually([&] { return Stats().clients == 0; }));
  done = true;
  EXPECT_EQ(Stats().dropped_total, 0u);
  EXPECT_EQ(server_->stats().connections, 0u);
}

TEST_P(ApiLiveTest, EndsWhenTheTokenHoldsNoMore) {
  ServerOptions options;
  options.token = "0123456789abcdef";
  options.limits.live.recheck_ns = 50 * kMillisecond;
  StartEither(options);
  EXPECT_EQ(Listen()->head().status, 401);
  const auto listener = Listen("Authorization: Bearer 0123456789abcdef\r\n");
  EXPECT_EQ(listener->Next().name, "hello");
  server_->UpdateAccess("another token, after a reload", false);
  EXPECT_TRUE(listener->client().DrainToEnd());
  EXPECT_TRUE(Eventually([&] { return Stats().revoked_total == 1; }));
  EXPECT_EQ(Stats().dropped_total, 0u);
}

TEST_P(ApiLiveTest, ClientThatTalksOnIsClosed) {
  StartEither();
  const auto listener = ListenOn();
  listener->client().Send(std::string(64 * 1024, 'x'));
  EXPECT_TRUE(listener->client().DrainToEnd());
}

TEST_P(ApiLiveTest, HeadAsksForTheHeadOnly) {
  StartEither();
  RawClient client(server_->port(), tls_);
  client.Send(RequestText("HEAD", "/api/v1/events"));
  EXPECT_EQ(client.Read(false).headers.at("Content-Type"), "text/event-stream");
  client.Send(RequestText("GET", "/healthz"));
  EXPECT_EQ(client.Read().status, 200);
}

TEST_P(ApiLiveTest, StopEndsAllWithinASecond) {
  StartEither();
  std::vector<std::unique_ptr<Listener>> open;
  for (int i = 0; i < 20; ++i) open.push_back(ListenOn());
  std::atomic<bool> done{false};
  std::jthread publisher([&] {
    while (!done) server_->Publish("x", std::string(1000, 'x'), Keep::kEvery);
  });
  const auto start = steady_clock::now();
  server_->Stop();
  EXPECT_LT(steady_clock::now() - start, milliseconds(1000));
  done = true;
  for (const auto& listener : open) EXPECT_TRUE(listener->client().DrainToEnd());
  EXPECT_EQ(Stats().clients, 0u);
}

}  // namespace
}  // namespace heald::api
