// Lines by websocket: at once, and none lost or doubled where it breaks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tests/fakes/connect_proxy.h"
#include "tests/loki/harness.h"

namespace heald::loki {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LokiTailTest : public ::testing::Test {
 protected:
  std::unique_ptr<Harness> Start(nlohmann::json more = nlohmann::json::object()) {
    more["logs"] = {{"lines", "{app=\"shop\"}"}};
    more["tail"] = true;
    if (!more.contains("overlap")) more["overlap"] = 300 * kMs;
    auto source = std::make_unique<Harness>(server_.url(), more);
    EXPECT_EQ(source->Poll(), "");
    return source;
  }
  // Until the tail alone brings the lines.
  void Settle(Harness& source) {
    EXPECT_TRUE(Eventually([&] {
      const size_t before = Readings();
      EXPECT_EQ(source.Poll(), "");
      return server_.tails() == 1 && Readings() == before;
    }));
  }
  size_t Asked(const std::string& path) const {
    size_t count = 0;
    for (const auto& request : server_.requests()) count += request.path == path ? 1 : 0;
    return count;
  }
  size_t Readings() const { return Asked("/loki/api/v1/query_range"); }
  size_t TailsEver() const { return Asked("/loki/api/v1/tail"); }
  fakes::LokiServer server_;
};

TEST_F(LokiTailTest, BringsLinesWithoutAPollAndThenNothingIsRead) {
  const auto source = Start();
  Settle(*source);
  server_.Push(kShop, RealNs(), "now");
  EXPECT_TRUE(Eventually([&] { return source->Lines() == Texts{"now"}; }));
  const size_t before = Readings();
  EXPECT_EQ(source->Poll(), "");
  EXPECT_EQ(Readings(), before);
  EXPECT_EQ(source->Lines(), Texts{"now"});
}

TEST_F(LokiTailTest, WhatCameWhileItWasCutIsReadAndNothingTwice) {
  const auto source = Start();
  Settle(*source);
  server_.Push(kShop, RealNs(), Numbered(0));
  EXPECT_TRUE(Eventually([&] { return source->Lines().size() == 1; }));
  server_.CutTails(true);
  EXPECT_TRUE(Eventually([&] { return server_.tails() == 0; }));
  server_.Push(kShop, RealNs(), Numbered(1));
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source->Poll(), "") << "readings take over";
    return source->Lines().size() == 2;
  }));
  EXPECT_TRUE(Eventually([&] { return source->log().size() == 2; })) << "a new one was refused";
  server_.CutTails(false);
  Settle(*source);
  server_.Push(kShop, RealNs(), Numbered(2));
  EXPECT_TRUE(Eventually([&] { return source->Lines().size() == 3; }));
  EXPECT_EQ(source->Lines(), NumberedUpTo(3));
  EXPECT_TRUE(Eventually([&] { return source->log().size() >= 3; }));
  EXPECT_THAT(source->log(),
              ElementsAre(HasSubstr("the tail of query 'lines' is down: closed"),
                          HasSubstr("the tail of query 'lines' is down: it answered"),
                          HasSubstr("the tail of query 'lines' is back")));
}

TEST_F(LokiTailTest, NoLineIsLostOrDoubledHoweverOftenItIsCut) {
  const auto source = Start({{"overlap", kSecond}});
  constexpr int kLines = 1000;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < kLines; ++i) {
      server_.Push({{"app", "shop"}, {"pod", std::to_string(i % 3)}}, RealNs(), Numbered(i));
      if (i % 250 == 100) server_.CutTails();
      std::this_thread::sleep_for(std::chrono::microseconds(700));
    }
    done = true;
  });
  while (!done) {
    EXPECT_EQ(source->Poll(), "");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  writer.join();
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source->Poll(), "");
    return source->Lines().size() >= kLines;
  }));
  EXPECT_EQ(source->Lines(), NumberedUpTo(kLines));
}

TEST_F(LokiTailTest, WhatLokiDroppedOfATailIsRead) {
  const auto source = Start();
  Settle(*source);
  server_.DropNextTailed();
  server_.Push(kShop, RealNs(), "dropped");
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source->Poll(), "");
    return source->Lines() == Texts{"dropped"};
  }));
}

TEST_F(LokiTailTest, WhatLokiDroppedWhileNobodyListenedIsReadHoweverLongThatWas) {
  const auto source = Start();
  Settle(*source);
  server_.MuteTails(true);
  server_.Push(kShop, RealNs(), "dropped");
  // A pipeline that was full, or a machine that stood still; longer than the overlap by far.
  source->host().Advance(sdk::Seconds(10));
  server_.MuteTails(false);
  for (const char* line : {"then", "then more"}) {  // by the second the first is done with
    server_.Push(kShop, RealNs(), line);
    EXPECT_TRUE(
        Eventually([&] { return !source->Lines().empty() && source->Lines().back() == line; }));
  }
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source->Poll(), "");
    return source->Lines() == Texts{"dropped", "then", "then more"};
  }));
}

TEST_F(LokiTailTest, AClockAheadOfLokisDoesNotKeepItDown) {
  fakes::LokiServer behind([] { return RealNs() - 5 * kSecond; });
  Harness source(
      behind.url(),
      {{"logs", {{"lines", "{app=\"shop\"}"}}}, {"tail", true}, {"overlap", 10 * kSecond}});
  EXPECT_EQ(source.Poll(), "");
  EXPECT_TRUE(Eventually([&] { return behind.tails() == 1; }));
  behind.Push(kShop, RealNs(), "now");
  EXPECT_TRUE(Eventually([&] { return source.Lines() == Texts{"now"}; }));
  EXPECT_EQ(source.log(), Texts{});
}

TEST_F(LokiTailTest, TheHourAfterWhichLokiEndsItIsNoTrouble) {
  const auto source = Start();
  Settle(*source);
  server_.CutTails(false, "reached tail max duration limit");
  Settle(*source);
  EXPECT_EQ(source->log(), Texts{});
  server_.CutTails(false, "all ingesters closed the connection");
  EXPECT_TRUE(Eventually([&] { return !source->log().empty(); }));
  EXPECT_THAT(source->log()[0], HasSubstr("closed by the server: all ingesters closed"));
}

TEST_F(LokiTailTest, AServerThatTakesNoTailIsReadByRange) {
  server_.CutTails(true);
  const auto source = Start();
  server_.Push(kShop, RealNs(), "one");
  EXPECT_EQ(source->Poll(), "");
  EXPECT_EQ(source->Lines(), Texts{"one"});
  EXPECT_TRUE(Eventually([&] { return !source->log().empty(); }));
  EXPECT_THAT(source->log()[0], HasSubstr("is down: it answered 400"));
  EXPECT_EQ(source->log().size(), 1u);
}

TEST_F(LokiTailTest, ANewTroubleIsToldHoweverManyCameBefore) {
  std::atomic<int> status = 500;
  server_.SetFault([&](const fakes::LokiRequest& request) -> std::unique_ptr<fakes::LokiReply> {
    if (request.path != "/loki/api/v1/tail") return nullptr;
    return std::make_unique<fakes::LokiReply>(fakes::LokiReply{.status = status, .body = ""});
  });
  const auto source = Start({{"interval", 100 * kMs}});
  for (const int next : {500, 502, 503, 504, 429, 401}) {
    status = next;
    EXPECT_TRUE(Eventually([&] {
      const Texts log = source->log();
      return !log.empty() &&
             log.back().find("it answered " + std::to_string(next)) != std::string::npos;
    })) << next;
  }
  EXPECT_EQ(source->log().size(), 6u);
}

TEST_F(LokiTailTest, ATailThatBreaksAtOnceAgainAndAgainIsToldOnce) {
  const auto source = Start();
  Settle(*source);
  for (int i = 0; i < 5; ++i) {
    const size_t before = TailsEver();
    server_.CutTails();
    EXPECT_TRUE(Eventually([&] { return TailsEver() > before && server_.tails() == 1; }));
  }
  EXPECT_TRUE(
      Eventually([&] { return source->log().back().find("is back") != std::string::npos; }));
  EXPECT_THAT(source->log(), ElementsAre(HasSubstr("is down"), HasSubstr("is back")));
}

TEST_F(LokiTailTest, GoesThroughAProxyThatWantsALogin) {
  const fakes::ConnectProxy proxy("user:p@ss");
  const std::string url = "http://user:p%40ss@127.0.0.1:" + std::to_string(proxy.port());
  const Harness source(
      server_.url(), {{"logs", {{"lines", "{app=\"shop\"}"}}}, {"tail", true}, {"proxy_url", url}});
  EXPECT_TRUE(Eventually([&] { return server_.tails() == 1; }))
      << ::testing::PrintToString(source.log());
  EXPECT_THAT(proxy.requests(), ElementsAre(HasSubstr("CONNECT ")));
  EXPECT_FALSE(server_.requests().back().headers.contains("proxy-authorization"));
}

TEST_F(LokiTailTest, SendsTheTenantAndTheToken) {
  const auto source = Start({{"tenant", "team-a"}, {"bearer_token", "secret"}});
  EXPECT_TRUE(Eventually([&] { return server_.tails() == 1; }));
  for (const auto& request : server_.requests()) {
    if (request.path != "/loki/api/v1/tail") continue;
    EXPECT_EQ(request.headers.at("x-scope-orgid"), "team-a");
    EXPECT_EQ(request.headers.at("authorization"), "Bearer secret");
  }
}

}  // namespace
}  // namespace heald::loki
