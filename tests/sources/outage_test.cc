// A server that is stopped in the middle and comes back: scripted ones for every polled source, and
// a real Prometheus. HEALD_TEST_OUTAGE_SECONDS=30 makes it the outage of a machine that is
// restarted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/integration/prometheus_server.h"
#include "tests/sources/polled.h"

namespace heald::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

// Polls once an interval while the server is away.
void SufferAnOutage(PolledRun& run, const std::string& url) {
  const auto until = steady_clock::now() + OutageTime();
  size_t lines = 0;
  for (int polls = 0; polls < 2 || steady_clock::now() < until; ++polls) {
    const auto next = steady_clock::now() + std::chrono::seconds(1);
    ASSERT_THAT(run.Poll(milliseconds(200)), HasSubstr("connection refused by " + url));
    ASSERT_EQ(run.TakeRows(), 0u) << "stale, not zero and not repeated";
    if (polls == 0) lines = run.log_lines();
    ASSERT_EQ(run.log_lines(), lines) << run.log().back();
    if (polls > 0) std::this_thread::sleep_until(std::min(next, until));
  }
}

class SourceOutageTest : public ::testing::TestWithParam<size_t> {};

TEST_P(SourceOutageTest, IsToldAndOverWithTheFirstPollAfterIt) {
  const PolledSource& source = Polled()[GetParam()];
  const auto server = source.serve();
  PolledRun run(source, server->url());
  for (int outage = 0; outage < 2; ++outage) {
    ASSERT_EQ(run.Poll(), "");
    ASSERT_GT(run.TakeRows(), 0u);
    const size_t lines = run.log_lines();
    server->Stop();
    SufferAnOutage(run, server->url());
    server->Start();
    EXPECT_EQ(run.Poll(), "") << "within one interval";
    EXPECT_GT(run.TakeRows(), 0u);
    EXPECT_EQ(run.log_lines(), lines + 2) << "one line when it began, one when it was over";
    EXPECT_THAT(run.log().back(), HasSubstr("answers again after "));
  }
  EXPECT_EQ(run.disorder(), "");
  if (source.catches_up) {
    EXPECT_EQ(run.longest_gap_ns(), kSecond) << "what was left out came afterwards";
  }
}

INSTANTIATE_TEST_SUITE_P(Polled, SourceOutageTest, ::testing::Range<size_t>(0, Polled().size()),
                         [](const auto& test) { return Polled()[test.param].name; });

// The sources that read a Prometheus: its answers, and its own page.
class PrometheusOutageTest : public ::testing::TestWithParam<std::string> {};

TEST_P(PrometheusOutageTest, OfARealServerIsOverWithTheFirstPollAfterIt) {
  if (!PrometheusServer::Installed())
    GTEST_SKIP() << "prometheus is not installed (apt install prometheus)";
  std::string pattern = ::testing::TempDir() + "heald-outage-XXXXXX";
  const std::filesystem::path folder = mkdtemp(pattern.data());
  {
    PrometheusServer server(folder, "");
    ASSERT_TRUE(server.Start());
    const PolledSource prometheus{
        "prometheus", {}, [](const std::string& url) {
          return nlohmann::json{{"url", url}, {"queries", {{"one", "vector(time())"}}}};
        }};
    const PolledSource scrape{"scrape",
                              {},
                              [](const std::string& url) {
                                return nlohmann::json{
                                    {"targets", {url + "/metrics"}},
                                    {"metrics", {{"heap", {{"gauge", "go_memstats_sys_bytes"}}}}}};
                              },
                              "up"};
    PolledRun run(GetParam() == "scrape" ? scrape : prometheus, server.url());
    ASSERT_EQ(run.Poll(), "");
    ASSERT_GT(run.TakeRows(), 0u);
    const std::string url = server.url();
    server.Stop();
    SufferAnOutage(run, url);
    ASSERT_TRUE(server.Start());
    ASSERT_EQ(server.url(), url) << "the port was taken meanwhile";
    EXPECT_EQ(run.Poll(), "");
    EXPECT_GT(run.TakeRows(), 0u);
    EXPECT_EQ(run.disorder(), "");
    EXPECT_EQ(run.log_lines(), 2u);
  }
  std::filesystem::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(Readers, PrometheusOutageTest, ::testing::Values("prometheus", "scrape"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace heald::testing
