// A new life of the agent goes on where the last one was, however that ended: nothing is lost or
// doubled at the seam. The earlier life isn't told to stop, as kill -9 doesn't tell either.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "plugins/sources/loki/position.h"
#include "tests/loki/harness.h"

namespace heald::loki {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LokiRestartTest : public ::testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<Harness> Live(Harness* before = nullptr,
                                const std::string& query = "{app=\"shop\"}",
                                nlohmann::json more = nlohmann::json::object()) {
    more["logs"] = {{"lines", query}};
    more["tail"] = GetParam();
    more["overlap"] = kSecond;
    return std::make_unique<Harness>(server_.url(), more, before);
  }
  void Write(int count) {
    for (int i = 0; i < count; ++i) server_.Push(kShop, RealNs(), Numbered(written_++));
  }
  // All that was written so far, from several lives together.
  void ExpectAll(const std::vector<Harness*>& lives) {
    Texts lines;
    EXPECT_TRUE(Eventually([&] {
      EXPECT_EQ(lives.back()->Poll(), "");
      lines.clear();
      for (Harness* life : lives)
        for (const std::string& line : life->Lines()) lines.push_back(line);
      return lines.size() >= static_cast<size_t>(written_);
    }));
    EXPECT_EQ(lives.back()->Poll(), "");
    for (const std::string& line : lives.back()->Lines())
      if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    EXPECT_EQ(lines, NumberedUpTo(written_));
  }

  fakes::LokiServer server_;
  int written_ = 0;
};

TEST_P(LokiRestartTest, GoesOnWhereItWas) {
  const auto first = Live();
  EXPECT_EQ(first->Poll(), "");
  Write(20);
  ExpectAll({first.get()});
  server_.CutTails(true);  // the first life is over
  const size_t before = first->Lines().size();
  Write(10);
  server_.CutTails(false);
  const auto second = Live(first.get());
  EXPECT_EQ(second->Poll(), "");
  EXPECT_TRUE(Eventually([&] { return second->Lines().size() >= 10; }));
  Write(10);
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(second->Poll(), "");
    return second->Lines().size() >= 20;
  }));
  EXPECT_EQ(second->Poll(), "");
  Texts expected;
  for (int i = static_cast<int>(before); i < written_; ++i) expected.push_back(Numbered(i));
  EXPECT_EQ(second->Lines(), expected);
}

TEST_P(LokiRestartTest, ABackfillDoesNotRepeatWhatWasHandedOn) {
  const auto first = Live();
  EXPECT_EQ(first->Poll(), "");
  Write(20);
  ExpectAll({first.get()});
  server_.CutTails(true);
  const auto second = Live(first.get());
  EXPECT_EQ(second->Backfill(RealNs() - 60 * kSecond, RealNs()), "");
  EXPECT_EQ(second->Poll(), "");
  EXPECT_THAT(second->Lines(), IsEmpty());
}

TEST_P(LokiRestartTest, AnotherQueryBeginsAnew) {
  const auto first = Live();
  EXPECT_EQ(first->Poll(), "");
  Write(5);
  ExpectAll({first.get()});
  const auto second = Live(first.get(), "{app=\"shop\"} |= \"line\"");
  EXPECT_EQ(second->Poll(), "");
  EXPECT_EQ(second->Poll(), "");
  EXPECT_THAT(second->Lines(), IsEmpty());
}

TEST_P(LokiRestartTest, APositionThatIsCutCostsNoMoreThanItsEnd) {
  const auto first = Live();
  EXPECT_EQ(first->Poll(), "");
  Write(5);
  ExpectAll({first.get()});
  server_.CutTails(true);
  const std::string path = std::string(first->host().host().StateDir()) + "/lines-lines.position";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
  const auto second = Live(first.get());
  EXPECT_EQ(second->Poll(), "");
  EXPECT_LE(second->Lines().size(), 1u) << "the last record";
}

INSTANTIATE_TEST_SUITE_P(Ways, LokiRestartTest, ::testing::Bool(),
                         [](const auto& tail) { return tail.param ? "Tailed" : "Polled"; });

TEST(LokiRestartTest, ValuesOfAnOutageOfTheAgentAreReadAfterwards) {
  fakes::LokiServer server;
  const nlohmann::json config{{"metrics", {{"lines", "sum(count_over_time({app=\"shop\"}[1m]))"}}}};
  server.Push(kShop, RealNs() - 10 * kSecond, "line");
  Harness first(server.url(), config);
  EXPECT_EQ(first.Poll(), "");
  std::vector<int64_t> times;
  const auto take = [&](Harness& life) {
    for (const auto& row : life.TakeRows()) times.push_back(row.ts_ns / kSecond);
  };
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(first.Poll(), "");
    take(first);
    return !times.empty();
  }));
  const int64_t killed_ns = RealNs();
  EXPECT_TRUE(Eventually([&] { return RealNs() > killed_ns + 2500 * kMs; }));
  Harness second(server.url(), config, &first);
  EXPECT_EQ(second.Poll(), "");
  take(second);
  ASSERT_GE(times.size(), 3u);
  for (size_t i = 1; i < times.size(); ++i) EXPECT_EQ(times[i], times[i - 1] + 1);
}

TEST(LokiPositionTest, IsWhatWasWrittenAndAppended) {
  const std::string path = ::testing::TempDir() + "heald-position-" + std::to_string(getpid());
  {
    Position position(path, "query");
    EXPECT_EQ(position.Load().floor_ns, 0);
    position.Write({5, 6, {{77, 7}}});
    const std::pair<uint64_t, int64_t> lines[] = {{88, 8}, {99, 9}};
    position.HandedOn(lines);
    position.ReadTo(10);
    EXPECT_EQ(position.error(), "");
    EXPECT_FALSE(position.Grown(3));
  }
  const Position::Saved saved = Position(path, "query").Load();
  EXPECT_EQ(saved.floor_ns, 5);
  EXPECT_EQ(saved.read_to_ns, 10);
  EXPECT_EQ(saved.handed_on, (Position::Lines{{77, 7}, {88, 8}, {99, 9}}));
  EXPECT_EQ(Position(path, "other").Load().floor_ns, 0);
  std::filesystem::remove(path);
}

TEST(LokiPositionTest, SaysWhyItCannotBeWritten) {
  Position position("/nonexistent/position", "query");
  position.Write({5, 6, {}});
  EXPECT_EQ(position.error(), "/nonexistent/position: No such file or directory");
}

}  // namespace
}  // namespace heald::loki
