// A real Prometheus pushes: to the plugin alone, where every sample can be counted, and to a whole
// agent under a sender's token. With HEALD_TEST_PROMETHEUS_URL and HEALD_TEST_RECEIVE_LISTEN the
// agent is pushed to by the one there, which must write `up` to the latter at /receive/push.
#include <gmock/gmock.h>

#include <cstdlib>

#include "core/api/token_edit.h"
#include "core/base/clock.h"
#include "core/base/units.h"
#include "tests/agent/fixture.h"
#include "tests/fakes/child_process.h"
#include "tests/fakes/fault_proxy.h"
#include "tests/fakes/source_harness.h"
#include "tests/integration/prometheus_server.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::testing {
namespace {

using nlohmann::json;

// A page with a number that goes up by one with each scrape, so each sample is known by its value.
class CountingPage {
 public:
  std::string address() const { return server_.url().substr(7); }
  double scrapes() const { return count_; }

 private:
  std::atomic<int> count_{0};
  fakes::HttpServer server_{[this](const fakes::FakeRequest&) {
    return fakes::FakeReply{.headers = {{"Content-Type", "text/plain; version=0.0.4"}},
                            .body = "scrapes " + std::to_string(++count_) + "\n"};
  }};
};

std::string RemoteWrite(const std::string& url, const std::string& more = "") {
  return "remote_write:\n"
         "  - url: '" +
         url + "'\n" + more +
         "    queue_config: {batch_send_deadline: 200ms, min_backoff: 50ms, max_backoff: 200ms, "
         "retry_on_http_429: true}\n";
}

std::string ScrapeOf(const std::string& address) {
  return "  - {job_name: count, static_configs: [{targets: ['" + address + "']}]}\n";
}

class RemoteWritePrometheusTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PrometheusServer::Installed())
      GTEST_SKIP() << "prometheus is not installed (apt install prometheus)";
    std::string pattern = ::testing::TempDir() + "heald-remote-write-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    source_ = std::make_unique<fakes::SourceHarness>(
        heald_plugin_v1, "push",
        json{{"metrics", {{"scrapes", {{"gauge", "scrapes"}}}}}, {"max_body", 1 << 20}});
    source_->host().SetNow(SystemClock().NowNs() + kHour);
    server_ = std::make_unique<PrometheusServer>(
        dir_ + "/prometheus", ScrapeOf(page_.address()) + RemoteWrite(way_.url() + "/write"));
    ASSERT_TRUE(server_->Start()) << "prometheus doesn't become ready";
  }
  void TearDown() override {
    server_.reset();
    if (!dir_.empty() && !HasFailure()) std::filesystem::remove_all(dir_);
  }
  // What came so far, in its order.
  std::vector<double> Values() {
    const std::lock_guard lock(mutex_);
    for (const auto& row : source_->TakeRows()) values_.push_back(row.value);
    return values_;
  }
  void ExpectEachOnce() {
    const std::vector<double> values = Values();
    ASSERT_FALSE(values.empty());
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], values[0] + i) << "at " << i;
  }
  bool Reaches(double value) {
    return Eventually([&] {
      const std::vector<double> values = Values();
      return !values.empty() && values.back() >= value;
    });
  }

  std::string dir_;
  CountingPage page_;
  std::mutex mutex_;
  std::unique_ptr<fakes::SourceHarness> source_;  // under mutex_
  std::vector<double> values_;
  std::atomic<int> fault_{0};
  std::atomic<int> faults_{0};
  fakes::HttpServer listener_{[this](const fakes::FakeRequest& request) {
    const int fault = fault_;
    if (fault != 0) ++faults_;
    if (fault == 503) return fakes::FakeReply{.status = 503, .headers = {{"Retry-After", "0"}}};
    const std::lock_guard lock(mutex_);
    const auto answer = source_->listener().Post("", request.body, request.headers);
    // Taken, and the answer is lost.
    if (fault == 2) return fakes::FakeReply{.close_silently = true};
    return fakes::FakeReply{.status = answer.status, .body = answer.body};
  }};
  fakes::FaultProxy way_{listener_.port()};
  std::unique_ptr<PrometheusServer> server_;
};

TEST_F(RemoteWritePrometheusTest, EachSampleComesOnceWhateverBecomesOfTheAnswers) {
  ASSERT_TRUE(Reaches(2));
  for (const fakes::Fault fault : fakes::kFaults) {
    const double before = page_.scrapes();
    way_.Set(fault);
    EXPECT_TRUE(Eventually([&] {
      return (way_.met() > 0 || fault == fakes::Fault::kRefuse) && page_.scrapes() > before;
    })) << ToString(fault);
    way_.Set(fakes::Fault::kNone);
    EXPECT_TRUE(Reaches(before + 2)) << ToString(fault);
  }
  ExpectEachOnce();
}

TEST_F(RemoteWritePrometheusTest, EachSampleComesOnceThroughAnOutage) {
  ASSERT_TRUE(Reaches(2));
  for (const int fault : {503, 2}) {
    const double before = page_.scrapes();
    faults_ = 0;
    fault_ = fault;
    EXPECT_TRUE(Eventually([&] { return faults_ >= 2 && page_.scrapes() >= before + 1; }));
    fault_ = 0;
    EXPECT_TRUE(Reaches(before + 2)) << fault;
  }
  ExpectEachOnce();
}

class RemoteWriteAgentTest : public AgentTest {
 protected:
  void SetUp() override {
    // That a server has an address doesn't say that it writes to us.
    const char* listen = std::getenv("HEALD_TEST_RECEIVE_LISTEN");
    const bool outside = listen != nullptr && std::getenv("HEALD_TEST_PROMETHEUS_URL") != nullptr;
    listen_ = outside ? listen : "127.0.0.1:" + std::to_string(fakes::FreePort());
    if (!outside && !PrometheusServer::Installed())
      GTEST_SKIP() << "prometheus is not installed (apt install prometheus)";
    Write(
        "version: 1\n"
        "agent: {listen: '" +
        listen_ +
        "', state_dir: state}\n"
        "sources:\n"
        "  push:\n"
        "    plugin: remote_write\n"
        "    config: {metrics: {alive: {gauge: up}, sick: {gauge: sick}}}\n"
        "detectors:\n"
        "  ill: {plugin: threshold, inputs: [push.sick], config: {above: {critical: 0.5}}}\n"
        "policies:\n"
        "  tell: {inputs: [ill], when: sick > 0.5, action: alert, mode: enforce}\n");
    SetSick([this] { return sick_.load(); });
    if (!outside) {
      viewer_ = TokenFor("anna", api::Role::kViewer);
      server_ = std::make_unique<PrometheusServer>(
          dir_ + "/prometheus",
          ScrapeOf(page_.url().substr(7)) +
              RemoteWrite("http://" + listen_ + "/receive/push",
                          "    authorization: {credentials: '" +
                              TokenFor("prometheus", api::Role::kSender) + "'}\n"));
      ASSERT_TRUE(server_->Start()) << "prometheus doesn't become ready";
    }
    ASSERT_NO_FATAL_FAILURE(StartAndWait());
  }
  std::string TokenFor(const std::string& name, api::Role role) {
    const auto token =
        api::CreateToken(dir_ + "/state", {name, role, SystemClock().NowNs(), 0, "test"});
    EXPECT_TRUE(token.ok()) << token.error().message;
    return token.ok() ? token->text : "";
  }
  json Look(const std::string& path) {
    support::HttpClient client{support::HttpConfig{}};
    support::HttpRequest request;
    request.url = url_ + path;
    if (!viewer_.empty()) request.headers = {{"Authorization", "Bearer " + viewer_}};
    return json::parse(client.Perform(request).response.body, nullptr, false);
  }
  size_t OpenFindings() { return Look("/api/v1/anomalies?state=open")["anomalies"].size(); }
  uint64_t Out() {
    const json status = Look("/api/v1/status");
    for (const json& node : status["nodes"])
      if (node["name"] == "push") return node["records_out"];
    return 0;
  }

  std::string listen_;
  std::string viewer_;
  std::unique_ptr<PrometheusServer> server_;
  std::atomic<bool> sick_{false};
};

TEST_F(RemoteWriteAgentTest, ADetectorSeesWhatIsPushedAlsoAfterAKill) {
  ASSERT_TRUE(Eventually([&] { return Out() > 0; }, 60)) << agent().output();
  if (server_ == nullptr) return;  // what the outside one watches isn't ours to make sick
  sick_ = true;
  ASSERT_TRUE(Eventually([&] { return OpenFindings() == 1; })) << agent().output();
  agent().Signal(SIGKILL);
  agent().Wait(kMinute);
  sick_ = false;
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  EXPECT_TRUE(Eventually([&] { return Out() > 0 && OpenFindings() == 0; }, 40)) << agent().output();
}

}  // namespace
}  // namespace heald::testing
