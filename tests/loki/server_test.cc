// The loki plugin against a real server, the one at HEALD_TEST_LOKI_URL, or else the fake one.
// Lines go in by the push API under a label of this run's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>

#include "plugins/support/http.h"
#include "tests/loki/harness.h"

namespace heald::loki {
namespace {

using nlohmann::json;

class LokiServerTest : public ::testing::Test {
 protected:
  LokiServerTest() {
    const char* const outside = std::getenv("HEALD_TEST_LOKI_URL");
    if (outside == nullptr) fake_ = std::make_unique<fakes::LokiServer>();
    url_ = outside != nullptr ? outside : fake_->url();
    support::HttpConfig config;
    config.url = url_;
    if (const char* const tenant = std::getenv("HEALD_TEST_LOKI_TENANT")) {
      tenant_ = tenant;
      config.headers["X-Scope-OrgID"] = tenant;
    }
    http_ = std::make_unique<support::HttpClient>(config);
    run_ = "heald-" + std::to_string(getpid()) + "-" + std::to_string(RealNs());
  }
  std::string selector() const { return "{run=\"" + run_ + "\"}"; }
  void Push(const std::vector<std::pair<int64_t, std::string>>& lines,
            const std::string& level = "info") {
    json values = json::array();
    for (const auto& [ts_ns, line] : lines) values.push_back({std::to_string(ts_ns), line});
    support::HttpRequest request;
    request.method = "POST";
    request.url = "/loki/api/v1/push";
    request.headers = {{"Content-Type", "application/json"}};
    request.body =
        json{{"streams", {{{"stream", {{"run", run_}, {"level", level}}}, {"values", values}}}}}
            .dump();
    const support::HttpResult result = http_->Perform(request);
    ASSERT_TRUE(result.ok()) << result.error.Sentence() << result.response.body;
  }
  std::unique_ptr<Harness> Start(json more) {
    if (!tenant_.empty()) more["tenant"] = tenant_;
    return std::make_unique<Harness>(url_, std::move(more));
  }

  std::unique_ptr<fakes::LokiServer> fake_;
  std::unique_ptr<support::HttpClient> http_;
  std::string url_;
  std::string tenant_;
  std::string run_;
};

TEST_F(LokiServerTest, GivesEachPushedLineOnceByRange) {
  const auto source = Start({{"logs", {{"lines", selector()}}}, {"limit", 100}});
  EXPECT_EQ(source->Poll(), "");
  int written = 0;
  for (int round = 0; round < 4; ++round) {
    std::vector<std::pair<int64_t, std::string>> lines;
    for (int i = 0; i < 150; ++i) lines.emplace_back(RealNs() + i, Numbered(written++));
    Push(lines);
    EXPECT_EQ(source->Poll(), "");
  }
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source->Poll(), "");
    return source->Lines().size() >= 600;
  }));
  EXPECT_EQ(source->Poll(), "");
  EXPECT_EQ(source->Lines(), NumberedUpTo(600));
}

TEST_F(LokiServerTest, GivesEachPushedLineOnceByTail) {
  const auto source =
      Start({{"logs", {{"lines", selector()}}}, {"tail", true}, {"overlap", 2 * kSecond}});
  EXPECT_EQ(source->Poll(), "");
  int written = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::pair<int64_t, std::string>> lines;
    for (int i = 0; i < 20; ++i) lines.emplace_back(RealNs() + i, Numbered(written++));
    Push(lines, round % 2 == 0 ? "info" : "error");
    if (round % 5 == 0) {
      EXPECT_EQ(source->Poll(), "");
    }
  }
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source->Poll(), "");
    return source->Lines().size() >= 400;
  }));
  EXPECT_EQ(source->Lines(), NumberedUpTo(400));
}

TEST_F(LokiServerTest, GivesLinesAsTheyWerePushed) {
  const auto source = Start({{"logs", {{"lines", selector()}}}});
  EXPECT_EQ(source->Poll(), "");
  const std::string odd = "caf\xc3\xa9 \xe2\x98\x83 \"quoted\" \\ tab\t end";
  Push({{RealNs(), odd}});
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source->Poll(), "");
    return !source->Lines().empty();
  }));
  EXPECT_EQ(source->Lines(), Texts{odd});
}

TEST_F(LokiServerTest, CountsPushedLinesByMetricQuery) {
  const auto source =
      Start({{"metrics", {{"count", "sum by (level)(count_over_time(" + selector() + "[10m]))"}}}});
  Push({{RealNs() - 2 * kSecond, "a"}, {RealNs() - 2 * kSecond + 1, "b"}}, "error");
  Texts texts;
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source->Poll(), "");
    for (std::string& text : source->TakeTexts()) texts.push_back(std::move(text));
    return !texts.empty() && texts.back() == "count{level=error} 2";
  })) << ::testing::PrintToString(texts);
}

TEST_F(LokiServerTest, ReadsHistoryAndGoesOn) {
  const int64_t now_ns = RealNs();
  std::vector<std::pair<int64_t, std::string>> lines;
  for (int i = 0; i < 50; ++i) lines.emplace_back(now_ns - (50 - i) * kSecond, Numbered(i));
  Push(lines);
  const auto source = Start({{"logs", {{"lines", selector()}}}, {"limit", 20}});
  EXPECT_EQ(source->Backfill(now_ns - 120 * kSecond, now_ns), "");
  EXPECT_EQ(source->Lines(), NumberedUpTo(50));
  Push({{RealNs(), Numbered(50)}});
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source->Poll(), "");
    return source->Lines().size() >= 51;
  }));
  EXPECT_EQ(source->Lines(), NumberedUpTo(51));
}

TEST_F(LokiServerTest, ShowsTheServersWordsAboutAWrongQuery) {
  const auto source = Start({{"logs", {{"open", "{run="}}}});
  EXPECT_THAT(source->Poll(), ::testing::HasSubstr("parse error at line 1, col 6"));
}

}  // namespace
}  // namespace heald::loki
