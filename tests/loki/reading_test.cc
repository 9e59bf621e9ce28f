// Lines read by range: each exactly once, whatever the seams.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/loki/harness.h"

namespace heald::loki {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const nlohmann::json kLogs{{"lines", "{app=\"shop\"}"}};

class LokiReadingTest : public ::testing::Test {
 protected:
  std::unique_ptr<Harness> Start(nlohmann::json more = nlohmann::json::object()) {
    more["logs"] = kLogs;
    return std::make_unique<Harness>(server_.url(), more);
  }
  fakes::LokiServer server_;
};

TEST_F(LokiReadingTest, HandsOnEachLineOnceThoughReadingsOverlap) {
  const auto source = Start();
  EXPECT_EQ(source->Poll(), "");
  for (int i = 0; i < 50; ++i) {
    server_.Push(kShop, RealNs(), Numbered(i));
    server_.Push({{"app", "other"}}, RealNs(), "not asked for");
    if (i % 7 == 0) {
      EXPECT_EQ(source->Poll(), "");
    }
  }
  EXPECT_EQ(source->Poll(), "");
  EXPECT_EQ(source->Lines(), NumberedUpTo(50));
  EXPECT_GT(source->host().MetricTotal("lines_doubled_total"), 0) << "readings do overlap";
}

TEST_F(LokiReadingTest, LinesFromBeforeItBeganAreNotHandedOn) {
  server_.Push(kShop, RealNs() - kSecond, "old");
  const auto source = Start();
  EXPECT_EQ(source->Poll(), "");
  EXPECT_EQ(source->Poll(), "");
  EXPECT_THAT(source->Lines(), IsEmpty());
}

TEST_F(LokiReadingTest, ASelectorThatMatchesNoStreamIsToldWithTheLabelsThatThereAre) {
  server_.Push({{"job", "shop"}, {"host", "a"}}, RealNs() - kSecond, "one");
  Harness source(server_.url(), {{"logs",
                                  {{"lines", "{service_name=\"shop\"} |= \"}\""},
                                   {"quiet", "{job=\"shop\"} |= \"never\""}}}});
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source.Poll(), "") << "nothing is broken";
    return !source.log().empty();
  }));
  EXPECT_THAT(source.log(),
              ElementsAre("loki `logs`: query 'lines': no stream of the last hour matches "
                          "{service_name=\"shop\"}; the streams there have the labels host, job"));
  server_.Push({{"service_name", "shop"}}, RealNs(), "one }");
  EXPECT_EQ(source.Poll(), "");
  EXPECT_EQ(source.Poll(), "");
  EXPECT_THAT(source.log(), SizeIs(2));
  EXPECT_EQ(source.log().back(), "loki `logs`: query 'lines': lines come now");
}

TEST_F(LokiReadingTest, AnAnswerOfOtherTypesAboutItsStreamsTellsNothing) {
  std::atomic<int> asked = 0;
  server_.SetFault([&](const fakes::LokiRequest& request) -> std::unique_ptr<fakes::LokiReply> {
    if (request.path != "/loki/api/v1/series") return nullptr;
    ++asked;
    return std::make_unique<fakes::LokiReply>(
        fakes::LokiReply{.body = R"({"status": 1, "data": 2})"});
  });
  Harness source(server_.url(), {{"logs", {{"lines", "{job=\"shop\"}"}}}});
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source.Poll(), "");
    return asked > 0;
  }));
  EXPECT_THAT(source.log(), IsEmpty());
}

TEST_F(LokiReadingTest, LinesThatLokiGotLateAreFoundWithinTheOverlap) {
  const auto source = Start();
  EXPECT_EQ(source->Poll(), "");
  const int64_t before_ns = RealNs();
  EXPECT_TRUE(Eventually([&] { return RealNs() > before_ns + 50 * kMs; }));
  EXPECT_EQ(source->Poll(), "");
  server_.Push(kShop, before_ns + 10 * kMs, "late");
  EXPECT_EQ(source->Poll(), "");
  EXPECT_THAT(source->Lines(), ElementsAre("late"));
}

TEST_F(LokiReadingTest, ReadsOnWhereOneAnswerDoesNotHoldAll) {
  const auto source = Start({{"limit", 10}});
  EXPECT_EQ(source->Poll(), "");
  const int64_t at_ns = RealNs();
  // Three lines at each moment: the end of a page falls between lines of one moment.
  for (int i = 0; i < 200; ++i)
    server_.Push({{"app", "shop"}, {"pod", std::to_string(i % 3)}}, at_ns + i / 3, Numbered(i));
  EXPECT_EQ(source->Poll(), "");
  EXPECT_EQ(source->Lines(), NumberedUpTo(200));
}

TEST_F(LokiReadingTest, OneMomentWithMoreLinesThanAnAnswerHoldsDoesNotStopIt) {
  const auto source = Start({{"limit", 10}});
  EXPECT_EQ(source->Poll(), "");
  const int64_t at_ns = RealNs();
  for (int i = 0; i < 30; ++i) server_.Push(kShop, at_ns, Numbered(i));
  server_.Push(kShop, at_ns + 1000, "after");
  EXPECT_EQ(source->Poll(), "");
  EXPECT_THAT(source->Lines(), ::testing::Contains("after"));
  EXPECT_GT(source->host().MetricTotal("unread_moments_total"), 0) << "and it is counted";
}

TEST_F(LokiReadingTest, AsksForFewerLinesWhereLokiAllowsFewer) {
  const auto source = Start({{"limit", 20'000}});
  EXPECT_EQ(source->Poll(), "");
  server_.Push(kShop, RealNs(), "one");
  EXPECT_EQ(source->Poll(), "");
  EXPECT_THAT(source->Lines(), ElementsAre("one"));
  EXPECT_THAT(server_.requests().back().query, HasSubstr("limit=5000"));
}

TEST_F(LokiReadingTest, HistoryIsReadOnceAndPollsGoOnWhereItEnds) {
  const int64_t now_ns = RealNs();
  server_.Push(kShop, now_ns - 3600 * kSecond, "too old");
  for (int i = 0; i < 20; ++i) server_.Push(kShop, now_ns - (20 - i) * kSecond, Numbered(i));
  const auto source = Start({{"limit", 10}, {"log_history", 60 * kSecond}});
  EXPECT_EQ(source->Backfill(now_ns - 7200 * kSecond, now_ns), "");
  EXPECT_EQ(source->Lines(), NumberedUpTo(20));
  server_.Push(kShop, now_ns + 1, Numbered(20));
  EXPECT_EQ(source->Poll(), "");
  EXPECT_EQ(source->Lines(), NumberedUpTo(21));
}

TEST_F(LokiReadingTest, AfterALongAbsenceItSaysWhatItLeavesOut) {
  const auto source = Start({{"max_catch_up", 2 * kSecond}, {"overlap", 0}});
  const int64_t now_ns = RealNs();
  EXPECT_EQ(source->Backfill(now_ns - 100 * kSecond, now_ns - 100 * kSecond), "");
  server_.Push(kShop, now_ns - 50 * kSecond, "left out");
  server_.Push(kShop, now_ns, "kept");
  EXPECT_EQ(source->Poll(), "");
  EXPECT_THAT(source->Lines(), ElementsAre("kept"));
  ASSERT_EQ(source->log().size(), 1u);
  EXPECT_THAT(source->log()[0], HasSubstr("older than max_catch_up"));
}

// How much time a question is about.
int64_t SpanOf(const fakes::LokiRequest& request) {
  const auto number = [&](const std::string& name) {
    const size_t at = request.query.find(name);
    return at == std::string::npos ? 0 : std::stoll(request.query.substr(at + name.size()));
  };
  return number("&end=") - number("&start=");
}

TEST_F(LokiReadingTest, APastThatLokiDoesNotReadAtOnceIsReadInPieces) {
  const int64_t now_ns = RealNs();
  for (int i = 0; i < 30; ++i) server_.Push(kShop, now_ns - (30 - i) * 100 * kSecond, Numbered(i));
  server_.SetFault([](const fakes::LokiRequest& request) {
    // As Loki 3 words it.
    return SpanOf(request) < 600 * kSecond
               ? nullptr
               : std::make_unique<fakes::LokiReply>(fakes::LokiReply{
                     400,
                     "the query would read too many bytes (query: 7.2 GB, limit: 1.0 GB); "
                     "consider adding more specific stream selectors or reduce the time "
                     "range of the query"});
  });
  nlohmann::json config = {{"log_history", 3600 * kSecond}};
  config["metrics"] = {{"count", "sum(count_over_time({app=\"shop\"}[60m]))"}};
  const auto source = Start(config);
  EXPECT_EQ(source->Backfill(now_ns - 3300 * kSecond, now_ns), "");
  EXPECT_EQ(source->Lines(), NumberedUpTo(30));
  const auto rows = source->TakeRows();
  ASSERT_GT(rows.size(), 2900u) << "since the first line";
  for (size_t i = 1; i < rows.size(); ++i) ASSERT_EQ(rows[i].ts_ns, rows[i - 1].ts_ns + kSecond);
  EXPECT_EQ(source->log(), Texts{});
}

TEST_F(LokiReadingTest, AQuestionThatTookTooLongIsAskedAboutLessTheNextTime) {
  const auto source = Start({{"timeout", 300 * kMs}, {"overlap", 0}});
  const int64_t now_ns = RealNs();
  EXPECT_EQ(source->Backfill(now_ns - 1000 * kSecond, now_ns - 1000 * kSecond), "");
  server_.Push(kShop, now_ns - 900 * kSecond, Numbered(0));
  server_.Push(kShop, now_ns - 100 * kSecond, Numbered(1));
  server_.SetFault([](const fakes::LokiRequest& request) {
    return SpanOf(request) < 600 * kSecond ? nullptr
                                           : std::make_unique<fakes::LokiReply>(fakes::LokiReply{
                                                 .body = std::string(1000, ' '), .slow_ms = 100});
  });
  EXPECT_THAT(source->Poll(), HasSubstr("within 0.3 s")) << "and it is told";
  EXPECT_EQ(source->Poll(), "");
  EXPECT_EQ(source->Lines(), NumberedUpTo(2));
}

TEST_F(LokiReadingTest, AQueryThatLokiRefusesIsShownWithItsWordsAndStopsNoOther) {
  Harness source(server_.url(), {{"logs", {{"fine", "{app=\"shop\"}"}, {"open", "{app="}}}});
  EXPECT_THAT(source.Poll(), HasSubstr("query 'open': "));
  server_.Push(kShop, RealNs(), "one");
  EXPECT_THAT(source.Poll(), HasSubstr("parse error at line 1, col 6: syntax error"));
  EXPECT_THAT(source.Lines(), ElementsAre("one"));
  EXPECT_EQ(source.log().size(), 1u);
}

TEST_F(LokiReadingTest, SendsTheTenantAndTheCredentials) {
  const auto source =
      Start({{"tenant", "team-a"}, {"basic_auth", {{"username", "u"}, {"password", "p"}}}});
  EXPECT_EQ(source->Poll(), "");
  const auto headers = server_.requests().back().headers;
  EXPECT_EQ(headers.at("x-scope-orgid"), "team-a");
  EXPECT_EQ(headers.at("authorization"), "Basic dTpw");
  EXPECT_EQ(headers.at("x-loki-response-encoding-flags"), "categorize-labels");
}

}  // namespace
}  // namespace heald::loki
