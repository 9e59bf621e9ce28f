// The prometheus plugin against a real server: the one at HEALD_TEST_PROMETHEUS_URL, or Debian's,
// started here.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <thread>

#include "core/base/units.h"
#include "tests/fakes/fault_proxy.h"
#include "tests/fakes/http_server.h"
#include "tests/fakes/source_harness.h"
#include "tests/integration/prometheus_server.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::prometheus {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::SourceHarness;
using heald::testing::PrometheusServer;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Texts = std::vector<std::string>;

template <typename F>
bool Eventually(F condition, std::chrono::seconds within = std::chrono::seconds(20)) {
  const auto until = steady_clock::now() + within;
  while (!condition()) {
    if (steady_clock::now() > until) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

// Scrapes a tiny target of ours every second.
class LocalServer {
 public:
  LocalServer() {
    std::string pattern = ::testing::TempDir() + "heald-prometheus-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    server_ = std::make_unique<PrometheusServer>(
        folder_, "  - job_name: tiny\n    static_configs: [{targets: ['127.0.0.1:" +
                     std::to_string(target_.port()) + "']}]\n");
    Start();
  }
  ~LocalServer() {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Start() { EXPECT_TRUE(server_->Start()) << "prometheus doesn't become ready"; }
  void Stop() { server_->Stop(); }
  std::string url() const { return server_->url(); }

 private:
  fakes::HttpServer target_{[](const FakeRequest&) {
    return FakeReply{.headers = {{"Content-Type", "text/plain; version=0.0.4"}},
                     .body = "tiny_gauge{color=\"blue\"} 42\ntiny_nan NaN\n"};
  }};
  std::filesystem::path folder_;
  std::unique_ptr<PrometheusServer> server_;
};

// One server for all tests here: a start costs a second.
class PrometheusServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* outside = std::getenv("HEALD_TEST_PROMETHEUS_URL")) {
      url_ = outside;
      return;
    }
    if (!PrometheusServer::Installed())
      GTEST_SKIP() << "prometheus is not installed (apt install prometheus)";
    if (local_ == nullptr) local_ = std::make_unique<LocalServer>();
    url_ = local_->url();
  }
  static void TearDownTestSuite() { local_.reset(); }
  void Start(const nlohmann::json& queries) {
    source_ = std::make_unique<SourceHarness>(
        heald_plugin_v1, "prom",
        nlohmann::json{{"url", url_}, {"interval", kSecond}, {"queries", queries}});
  }

  static inline std::unique_ptr<LocalServer> local_;
  std::string url_;
  std::unique_ptr<SourceHarness> source_;
};

TEST_F(PrometheusServerTest, AnswersVectorsScalarsAndInfinity) {
  Start({{"one", "vector(1)"},
         {"infinite", "1/0"},
         {"nothing", "nosuch_metric"},
         {"not_a_number", "vector(0/0)"},
         {"labelled", "label_replace(vector(3), \"service\", \"ord\\\"ers\", \"\", \"\")"}});
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->TakeTexts(),
            (Texts{"infinite{} inf", "labelled{service=ord\"ers} 3", "one{} 1"}));
  EXPECT_EQ(source_->host().MetricTotal("dropped_samples_total|reason=nan"), 1);
}

TEST_F(PrometheusServerTest, ShowsWhereAQueryIsWrongWhileOthersWork) {
  Start({{"fine", "vector(1)"}, {"open", "up{"}, {"matrix", "up[10s]"}, {"text", "\"x\""}});
  const std::string health = source_->Poll();
  EXPECT_NE(health.find("query 'open': bad_data: 1:4: parse error: "), std::string::npos) << health;
  EXPECT_NE(health.find("query 'matrix': gives a range vector"), std::string::npos) << health;
  EXPECT_NE(health.find("query 'text': gives a string"), std::string::npos) << health;
  EXPECT_EQ(source_->TakeTexts(), Texts{"fine{} 1"});
}

TEST_F(PrometheusServerTest, AcceptsTheShippedQueries) {
  Start(nlohmann::json::object());
  EXPECT_EQ(source_->Poll(), "");
  const int64_t now_ns =
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  EXPECT_EQ(source_->Backfill(now_ns - 60 * kSecond, now_ns), "");
  EXPECT_EQ(source_->log(), Texts{});
}

TEST_F(PrometheusServerTest, TakesLongQueriesInABody) {
  Start({{"long", "vector(5) #" + std::string(20'000, 'x')}});
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->TakeTexts(), Texts{"long{} 5"});
}

TEST_F(PrometheusServerTest, BackfillsMoreThanOneAnswerHolds) {
  Start({{"one", "vector(1)"}, {"clock", "vector(time())"}});
  const int64_t to_ns = 1'700'000'000 * kSecond;
  constexpr int64_t kSteps = 12'000;  // an answer holds 11,000
  EXPECT_EQ(source_->Backfill(to_ns - kSteps * kSecond, to_ns), "");
  const auto rows = source_->TakeRows();
  ASSERT_EQ(rows.size(), 2u * (kSteps + 1));
  int64_t at_ns = to_ns - kSteps * kSecond;
  for (size_t i = 0; i < rows.size(); i += 2, at_ns += kSecond) {
    ASSERT_EQ(rows[i].ts_ns, at_ns);
    ASSERT_EQ(rows[i + 1].ts_ns, at_ns);
    const auto& clock = rows[i].name == "clock" ? rows[i] : rows[i + 1];
    ASSERT_EQ(clock.value, static_cast<double>(at_ns / kSecond));
  }
}

TEST_F(PrometheusServerTest, SeesWhatTheServerScrapesAndSurvivesItsRestart) {
  if (local_ == nullptr) GTEST_SKIP() << "an outside server can't be stopped from here";
  Start({{"tiny", "tiny_gauge"}, {"nan", "tiny_nan"}});
  const std::string row = "tiny{color=blue,instance=" + std::string("127.0.0.1:");
  const auto sees = [&] {
    EXPECT_EQ(source_->Poll(), "");
    const Texts texts = source_->TakeTexts();
    return texts.size() == 1 && texts[0].starts_with(row) && texts[0].ends_with(",job=tiny} 42");
  };
  EXPECT_TRUE(Eventually(sees));
  local_->Stop();
  EXPECT_EQ(source_->Poll(milliseconds(200)), "connection refused by " + url_);
  EXPECT_TRUE(source_->TakeRows().empty());
  local_->Start();
  ASSERT_EQ(local_->url(), url_) << "the port was taken meanwhile";
  EXPECT_TRUE(Eventually(sees)) << "the first good poll after the restart brings values";
  EXPECT_EQ(source_->log().size(), 2u);
}

// Each sample that a real server gave is there once, whatever happened to the answers between.
TEST_F(PrometheusServerTest, WhateverBecomesOfItsAnswersTheNextRoundIsGood) {
  fakes::FaultProxy proxy(std::stoi(url_.substr(url_.rfind(':') + 1)));
  source_ = std::make_unique<SourceHarness>(heald_plugin_v1, "prom",
                                            nlohmann::json{{"url", proxy.url()},
                                                           {"interval", kSecond},
                                                           {"timeout", kSecond / 2},
                                                           {"queries", {{"one", "vector(1)"}}}});
  const std::map<fakes::Fault, std::string> words = {
      {fakes::Fault::kGarbage, "not valid HTTP"}, {fakes::Fault::kHalf, "broke off in the middle"},
      {fakes::Fault::k500, "status 500"},         {fakes::Fault::k429, "status 429"},
      {fakes::Fault::kSlow, "no complete answer"},      {fakes::Fault::kRefuse, "connection refused"}};
  for (const fakes::Fault fault : fakes::kFaults) {
    EXPECT_EQ(source_->Poll(), "") << "before " << ToString(fault);
    EXPECT_EQ(source_->TakeTexts(), Texts{"one{} 1"});
    proxy.Set(fault);
    for (int i = 0; i < 2; ++i) {
      const std::string health = source_->Poll();
      EXPECT_NE(health.find(words.at(fault)), std::string::npos)
          << ToString(fault) << ": " << health;
    }
    EXPECT_EQ(source_->TakeTexts(), Texts{});
    proxy.Set(fakes::Fault::kNone);
  }
  EXPECT_EQ(source_->Poll(), "");
}

}  // namespace
}  // namespace heald::prometheus
