// A Loki that is away or misbehaves: a clear state, nothing lost or doubled, and recovery with the
// first good answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/loki/harness.h"

namespace heald::loki {
namespace {

using fakes::LokiReply;
using fakes::LokiRequest;
using ::testing::HasSubstr;

class LokiFaultTest : public ::testing::TestWithParam<bool> {
 protected:
  void Start() {
    source_ = std::make_unique<Harness>(server_.url(),
                                        nlohmann::json{{"logs", {{"lines", "{app=\"shop\"}"}}},
                                                       {"tail", GetParam()},
                                                       {"timeout", 400 * kMs},
                                                       {"overlap", kSecond}});
    EXPECT_EQ(source_->Poll(), "");
  }
  void Write(int count) {
    for (int i = 0; i < count; ++i) server_.Push(kShop, RealNs(), Numbered(written_++));
  }
  // Readings fail like this, with lines written before, meanwhile and after.
  void Suffer(const LokiReply& reply, const std::string& health) {
    Start();
    Write(10);
    EXPECT_EQ(source_->Poll(), "");
    server_.CutTails(true);
    EXPECT_TRUE(Eventually([&] { return server_.tails() == 0; }));
    server_.SetFault([reply](const LokiRequest& request) {
      return request.path == "/loki/api/v1/query_range" ? std::make_unique<LokiReply>(reply)
                                                        : nullptr;
    });
    std::string said;
    EXPECT_TRUE(Eventually([&] {
      said = source_->Poll(std::chrono::milliseconds(600));
      return !said.empty();
    }));
    EXPECT_THAT(said, HasSubstr(health));
    Write(10);
    EXPECT_NE(source_->Poll(std::chrono::milliseconds(600)), "");
    server_.SetFault({});
    server_.CutTails(false);
    EXPECT_EQ(source_->Poll(), "") << "the first good answer ends it";
    Write(10);
    EXPECT_EQ(source_->Poll(), "");
    EXPECT_TRUE(Eventually([&] { return source_->Lines().size() >= 30; }));
    EXPECT_EQ(source_->Lines(), NumberedUpTo(30));
  }

  fakes::LokiServer server_;
  std::unique_ptr<Harness> source_;
  int written_ = 0;
};

TEST_P(LokiFaultTest, ItIsAwayForAWhile) {
  Start();
  Write(10);
  EXPECT_EQ(source_->Poll(), "");
  server_.Stop();
  Write(10);
  EXPECT_TRUE(Eventually([&] {
    return source_->Poll(std::chrono::milliseconds(300)) ==
           "connection refused by " + server_.url();
  }));
  // HEALD_TEST_OUTAGE_SECONDS=30 makes it the outage of a machine that is restarted.
  const char* const text =
      std::getenv("HEALD_TEST_OUTAGE_SECONDS");  // NOLINT(concurrency-mt-unsafe)
  const auto until = std::chrono::steady_clock::now() +
                     std::chrono::seconds(text != nullptr ? std::atoi(text) : 0);
  do {
    EXPECT_EQ(source_->Poll(std::chrono::milliseconds(300)),
              "connection refused by " + server_.url());
    if (text != nullptr) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  } while (std::chrono::steady_clock::now() < until);
  server_.Start();
  Write(10);
  EXPECT_EQ(source_->Poll(), "") << "the first poll after its return";
  EXPECT_TRUE(Eventually([&] { return source_->Lines().size() >= 30; }));
  EXPECT_EQ(source_->Lines(), NumberedUpTo(30));
  Texts about_the_server = source_->log();
  std::erase_if(about_the_server,
                [](const std::string& line) { return line.find("the tail") != line.npos; });
  ASSERT_EQ(about_the_server.size(), 2u);
  EXPECT_THAT(about_the_server[0],
              HasSubstr("connection refused by " + server_.url() + ", retrying in"));
  EXPECT_THAT(about_the_server[1], HasSubstr("answers again after"));
}

TEST_P(LokiFaultTest, Garbage) {
  Suffer({200, "<html>hello</html>", "text/html"}, "not what Loki writes");
}
TEST_P(LokiFaultTest, AnAnswerOfSomethingElse) {
  Suffer({200, R"({"status":"success","data":{"resultType":"vector","result":[]}})"},
         "gives a vector where lines are needed");
}
TEST_P(LokiFaultTest, HalfAnAnswer) {
  LokiReply half{200, R"({"status":"success","data":{"resultType":"streams","result":[]}})"};
  half.cut_after_bytes = 30;
  Suffer(half, "127.0.0.1");
}
TEST_P(LokiFaultTest, ACompleteAnswerWithHalfOfItsText) {
  Suffer({200, R"({"status":"success","data":{"resultType":"streams","result":[{"str)"},
         "not what Loki writes");
}
TEST_P(LokiFaultTest, InternalError) {
  Suffer({500, "ingester is on fire\n", "text/plain"}, "ingester is on fire");
}
TEST_P(LokiFaultTest, SlowBytes) {
  LokiReply slow{200, std::string(4000, ' ')};
  slow.slow_ms = 20;
  Suffer(slow, "127.0.0.1");
}

TEST_P(LokiFaultTest, TooManyRequestsAreNotRepeatedBeforeTheServerWishes) {
  Start();
  Write(5);
  server_.CutTails(true);
  EXPECT_TRUE(Eventually([&] { return server_.tails() == 0; }));
  server_.SetFault([](const LokiRequest& request) {
    return request.path == "/loki/api/v1/query_range"
               ? std::make_unique<LokiReply>(LokiReply{
                     429, "too many outstanding requests\n", "text/plain", {{"Retry-After", "1"}}})
               : nullptr;
  });
  EXPECT_TRUE(Eventually([&] { return source_->Poll() != ""; }));
  const auto readings = [&] {
    const auto requests = server_.requests();
    return std::count_if(requests.begin(), requests.end(), [](const LokiRequest& request) {
      return request.path == "/loki/api/v1/query_range";
    });
  };
  const auto before = readings();
  server_.SetFault({});
  EXPECT_THAT(source_->Poll(), HasSubstr("too many outstanding requests"));
  EXPECT_EQ(readings(), before) << "it waits, and says why";
  EXPECT_TRUE(Eventually([&] { return source_->Poll().empty(); }));
  EXPECT_EQ(source_->Lines(), NumberedUpTo(5));
}

INSTANTIATE_TEST_SUITE_P(Ways, LokiFaultTest, ::testing::Bool(),
                         [](const auto& tail) { return tail.param ? "Tailed" : "Polled"; });

}  // namespace
}  // namespace heald::loki
