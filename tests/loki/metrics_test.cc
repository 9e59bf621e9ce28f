// Values by LogQL: every step once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/loki/harness.h"

namespace heald::loki {
namespace {

const nlohmann::json kCount{{"count", "sum by (app)(count_over_time({app=\"shop\"}[10m]))"}};

TEST(LokiMetricsTest, GivesEachStepOnceAndAfterAnOutageAlsoThoseInBetween) {
  fakes::LokiServer server;
  server.Push(kShop, RealNs() - 60 * kSecond, "x");
  Harness source(server.url(), {{"metrics", kCount}});
  std::vector<int64_t> steps;
  const auto poll = [&] {
    const std::string health = source.Poll(std::chrono::milliseconds(300));
    for (const auto& row : source.TakeRows()) {
      EXPECT_EQ(row.name, "count");
      EXPECT_EQ(row.labels, (sdk::LabelSet{{"app", "shop"}}));
      EXPECT_EQ(row.value, 1);
      steps.push_back(row.ts_ns);
    }
    return health;
  };
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(poll(), "");
    return steps.size() >= 2;
  }));
  server.Stop();
  EXPECT_TRUE(Eventually([&] { return poll().find("connection refused") == 0; }));
  const int64_t away_ns = RealNs();
  EXPECT_TRUE(Eventually([&] { return RealNs() > away_ns + 2 * kSecond; }));
  server.Start();
  EXPECT_TRUE(Eventually([&] { return poll().empty() && steps.size() >= 5; }));
  for (size_t i = 1; i < steps.size(); ++i) EXPECT_EQ(steps[i], steps[i - 1] + kSecond) << i;
  EXPECT_EQ(steps[0] % kSecond, 0);
}

TEST(LokiMetricsTest, HistoryComesInTheOrderOfTimeAndPollsGoOnWhereItEnds) {
  fakes::LokiServer server;
  const int64_t now_ns = RealNs();
  server.Push(kShop, now_ns - 900 * kSecond, "x");
  nlohmann::json metrics = kCount;
  metrics["more"] = "sum(count_over_time({app=\"shop\"}[30m]))";
  Harness source(server.url(), {{"metrics", metrics}});
  EXPECT_EQ(source.Backfill(now_ns - 1000 * kSecond, now_ns), "");
  const auto rows = source.TakeRows();
  ASSERT_GT(rows.size(), 1000u) << "more than one piece";
  for (size_t i = 1; i < rows.size(); ++i)
    if (i % 720 != 0) {
      ASSERT_LE(rows[i - 1].ts_ns, rows[i].ts_ns) << i;
    }
  std::vector<int64_t> more;
  for (const auto& row : rows)
    if (row.name == "more") more.push_back(row.ts_ns);
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source.Poll(), "");
    const auto next = source.TakeRows();
    for (const auto& row : next)
      if (row.name == "more") more.push_back(row.ts_ns);
    return !next.empty();
  }));
  for (size_t i = 1; i < more.size(); ++i) ASSERT_EQ(more[i], more[i - 1] + kSecond) << i;
}

TEST(LokiMetricsTest, AQueryForLinesAmongThemIsToldApartAndGarbageIsCalledByItsName) {
  fakes::LokiServer server;
  std::string body = R"({"status":"success","data":{"resultType":"streams","result":[]}})";
  server.SetFault([&](const fakes::LokiRequest&) {
    return std::make_unique<fakes::LokiReply>(fakes::LokiReply{200, body});
  });
  Harness source(server.url(), {{"metrics", kCount}});
  EXPECT_THAT(source.Poll(), ::testing::HasSubstr("gives lines where values are needed: put it "
                                                  "under logs"));
  body = "<html>hello</html>";
  std::string said;
  EXPECT_TRUE(Eventually([&] {  // once a step is due
    said = source.Poll();
    return said.find("gives lines") == said.npos;
  }));
  EXPECT_THAT(said, ::testing::HasSubstr("the answer is not what Loki writes"));
}

}  // namespace
}  // namespace heald::loki
