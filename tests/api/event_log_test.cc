#include "core/api/event_log.h"

#include <gtest/gtest.h>

namespace heald::api {
namespace {

constexpr size_t kMany = 1 << 20;

std::string All(const EventLog& log, EventCursor& cursor, size_t size = kMany) {
  std::string all;
  while (const Bytes bytes = log.Next(cursor, size)) all += *bytes;
  return all;
}

TEST(ApiEventLogTest, WritesEventsAsTheStandardSays) {
  EXPECT_EQ(EventText("finding", "e-1", "{\"a\":1}"),
            "id: e-1\nevent: finding\ndata: {\"a\":1}\n\n");
  EXPECT_EQ(EventText("finding", "", "{}\n"), "event: finding\ndata: {}\n\n");
  EXPECT_EQ(EventText("finding", "", ""), "event: finding\ndata: \n\n");
  EXPECT_EQ(EventText("e", "", "a\nb\r\nc\rd"), "event: e\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
}

TEST(ApiEventLogTest, GivesEachKeptEventOnceAndInOrder) {
  EventLog log("e", 10, kMany);
  EventCursor cursor = log.End();
  log.Keep("x", "1");
  EventCursor late = log.End();
  log.Keep("x", "2");
  const std::string second = "id: e-2\nevent: x\ndata: 2\n\n";
  EXPECT_EQ(All(log, cursor), "id: e-1\nevent: x\ndata: 1\n\n" + second);
  EXPECT_EQ(All(log, late), second);
  EXPECT_EQ(log.Next(cursor, kMany), nullptr);
}

TEST(ApiEventLogTest, SharesTheBytesOfASingleEvent) {
  EventLog log("e", 10, kMany);
  EventCursor one = log.End(), other = log.End();
  log.Keep("x", "1");
  EXPECT_EQ(log.Next(one, kMany), log.Next(other, kMany));
}

TEST(ApiEventLogTest, GivesPiecesOfAboutTheSizeAskedFor) {
  EventLog log("e", 100, kMany);
  EventCursor cursor = log.End();
  for (int i = 0; i < 20; ++i) log.Keep("x", std::string(100, 'x'));
  const size_t whole = log.BytesBehind(cursor);
  const Bytes first = log.Next(cursor, 300);
  EXPECT_GE(first->size(), 300u);
  EXPECT_LT(first->size(), 500u);
  EXPECT_EQ(log.BytesBehind(cursor), whole - first->size());
  EXPECT_EQ(log.Next(cursor, 0), nullptr);
}

TEST(ApiEventLogTest, OfPassingEventsOnlyTheLatestOfEachName) {
  EventLog log("e", 10, kMany);
  EventCursor cursor = log.End();
  log.Pass("a", "1");
  log.Pass("b", "1");
  log.Pass("a", "2");
  log.Keep("x", "1");
  EXPECT_EQ(All(log, cursor),
            "id: e-1\nevent: x\ndata: 1\n\nevent: b\ndata: 1\n\nevent: a\ndata: 2\n\n");
  log.Pass("b", "2");
  EXPECT_EQ(All(log, cursor), "event: b\ndata: 2\n\n");
  EventCursor fresh = log.End();
  EXPECT_EQ(All(log, fresh), "");  // they say how things were before it came
}

TEST(ApiEventLogTest, KnowsWhereAClientWas) {
  EventLog log("e", 3, kMany);
  EXPECT_EQ(log.After("e-0")->next, 1u);
  EXPECT_EQ(log.IdBefore(log.End()), "e-0");
  for (int i = 1; i <= 5; ++i) log.Keep("x", std::to_string(i));
  EXPECT_EQ(log.IdBefore(log.End()), "e-5");
  EXPECT_EQ(log.After("e-5")->next, 6u);
  EXPECT_EQ(log.After("e-2")->next, 3u);  // 3 to 5 are kept
  for (const char* id : {"e-1", "e-0", "e-6", "f-4", "e-", "e-x", "e-4x", "e4", "e", "", "e--1",
                         "e-99999999999999999999"})
    EXPECT_FALSE(log.After(id)) << id;
}

TEST(ApiEventLogTest, IsBoundedInNumberAndBytes) {
  EventLog few("e", 2, kMany);
  EventCursor cursor = few.End();
  for (int i = 0; i < 2; ++i) few.Keep("x", "1");
  EXPECT_TRUE(few.Holds(cursor));
  few.Keep("x", "1");
  EXPECT_FALSE(few.Holds(cursor));

  EventLog small("e", 100, 1000);
  EventCursor start = small.End();
  for (int i = 0; i < 50; ++i) small.Keep("x", std::string(80, 'x'));
  EXPECT_FALSE(small.Holds(start));
  EXPECT_LE(small.BytesBehind(start), 1000u);
  EventCursor last = small.End();
  small.Keep("x", std::string(5000, 'x'));  // the newest is there whatever its size
  EXPECT_GT(All(small, last).size(), 5000u);
}

}  // namespace
}  // namespace heald::api
