// The loop that heals, on real servers only: a demo service in a container of a Docker Engine,
// scraped by Prometheus, repaired by heald through the Engine's API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

#include "demo/scenario/traffic.h"
#include "demo/services/profile.h"
#include "demo/support/http_client.h"
#include "tests/agent/fixture.h"
#include "tests/fakes/child_process.h"
#include "tests/integration/docker_engine.h"
#include "tests/integration/prometheus_server.h"

namespace heald::testing {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

constexpr int64_t kPatience = 20'000'000'000;
constexpr size_t kMinSamples = 10;  // zscore's own default
constexpr const char* kService = "payments";
constexpr const char* kContainer = "shop-payments";
constexpr const char* kImage = "heald/demo-service:test";

double SecondsSince(steady_clock::time_point then) {
  return std::chrono::duration<double>(steady_clock::now() - then).count();
}

// A folder with the demo's service, the libraries that it is linked to, and nothing else.
void MakeServiceTree(const std::filesystem::path& tree) {
  const std::string program = std::string(HEALD_BINARY_DIR) + "/bin/heald-demo-service";
  std::filesystem::create_directories(tree / "bin");
  std::filesystem::create_directories(tree / "tmp");
  std::filesystem::copy_file(program, tree / "bin/heald-demo-service");
  demo::DemoProcess ldd("/usr/bin/ldd", {program});
  ASSERT_EQ(ldd.Wait(kPatience), 0) << ldd.output();
  std::istringstream words(ldd.output());
  for (std::string word; words >> word;) {
    if (word.front() != '/') continue;
    const std::filesystem::path file = tree / word.substr(1);
    std::filesystem::create_directories(file.parent_path());
    std::filesystem::copy_file(word, file, std::filesystem::copy_options::overwrite_existing);
  }
}

json Names(const json& list, const char* key) {
  json names = json::array();
  for (const json& item : list) names.push_back(item.value(key, ""));
  return names;
}

class IntegrationDockerTest : public AgentTest {
 protected:
  static void SetUpTestSuite() {
    engine_ = std::make_unique<DockerEngine>();
    if (!engine_->Available()) return;
    const std::filesystem::path tree = engine_->folder() / "service";
    MakeServiceTree(tree);
    ASSERT_EQ(engine_->ImportTree(tree, kImage), "");
  }
  static void TearDownTestSuite() { engine_.reset(); }

  void SetUp() override {
    if (!engine_->Available()) GTEST_SKIP() << engine_->why();
    ASSERT_TRUE(PrometheusServer::Installed()) << "apt install prometheus";
    port_ = fakes::FreePort();
    RunService();
    prometheus_.emplace(dir_ + "/prometheus",
                        "  - job_name: shop\n"
                        "    static_configs: [{targets: ['127.0.0.1:" +
                            std::to_string(port_) + "'], labels: {service: " + kService + "}}]\n");
    ASSERT_TRUE(prometheus_->Start());
    traffic_.emplace(std::vector<demo::Target>{{kService, ServiceUrl()}});
  }
  void TearDown() override {
    traffic_.reset();
    if (!engine_->Available()) return;
    for (const json& container : engine_->Api("GET", "/containers/json?all=true"))
      engine_->Api("DELETE", "/containers/" + container.value("Id", "") + "?force=true");
  }

  void RunService() {
    container_id_ = engine_->RunContainer(
        kContainer,
        {{"Image", kImage},
         {"Cmd",
          {"/bin/heald-demo-service", "--service", kService, "--port", std::to_string(port_)}}});
    ASSERT_NE(container_id_, "");
    demo::HttpClient client;
    ASSERT_TRUE(Eventually([&] {
      const auto health = client.Send("GET", ServiceUrl() + "/health", "", kPatience);
      return health.ok() && health->status == 200;
    }));
  }
  std::string ServiceUrl() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // Slow for every request, until the process ends.
  void BreakService() {
    demo::HttpClient client;
    const json fault = {{"latency_ms", demo::FindProfile(kService)->fault_latency_ms},
                        {"latency_rate", 1.0}};
    const auto reply = client.Send("PUT", ServiceUrl() + "/chaos", fault.dump(), kPatience);
    ASSERT_TRUE(reply.ok() && reply->status == 200);
  }

  // Detector and policy come from the test; the policy is called cure and its action restart.
  void WritePipeline(const std::string& detectors, const std::string& policy) {
    Write(
        "version: 1\n"
        "agent: {listen: '127.0.0.1:0', state_dir: state}\n"
        "sources:\n"
        "  prom:\n"
        "    plugin: prometheus\n"
        "    config:\n"
        "      url: " +
        prometheus_->url() +
        "\n"
        "      interval: 1s\n"
        "      queries:\n"
        "        latency_p99: >-\n"
        "          histogram_quantile(0.99, sum by (service, le)\n"
        "          (rate(http_request_duration_seconds_bucket[5s])))\n"
        "        up: min by (service) (up)\n"
        "detectors:\n" +
        detectors + "policies:\n  cure:\n" + policy +
        "    action: restart\n"
        "    mode: enforce\n"
        "    verify: {within: 20s}\n"
        "actions:\n"
        "  restart:\n"
        "    plugin: docker\n"
        "    config:\n"
        "      url: " +
        engine_->url() +
        "\n"
        "      operation: restart\n"
        "      container: shop-${target.service}\n"
        "      stop_timeout: 2s\n"
        "      stable_for: 1s\n"
        "notifiers:\n"
        "  events: {plugin: log, inputs: [cure, sick], config: {path: '" +
        dir_ + "/events.jsonl'}}\n");
  }

  // The detector has seen this many samples and says that it has learnt enough.
  bool Watches(size_t samples) {
    const json status = Get("/api/v1/status");
    if (!status.is_object() || status.value("learning", true)) return false;
    return std::any_of(status["nodes"].begin(), status["nodes"].end(), [&](const json& node) {
      return node["name"] == "sick" && node["records_in"] >= samples;
    });
  }
  std::string StartedAt() {
    return engine_->Api("GET", "/containers/" + container_id_ + "/json")
        .value("/State/StartedAt"_json_pointer, "");
  }
  // How often the Engine has started the container, by its own records.
  size_t StartCount() {
    support::HttpConfig config;
    config.url = engine_->url();
    const json filters = {
        {"type", {"container"}}, {"event", {"start"}}, {"container", {container_id_}}};
    support::HttpRequest request;
    request.url = "/events?since=0&until=" + std::to_string(time(nullptr) + 1) +
                  "&filters=" + support::UrlEncode(filters.dump());
    const std::string body = support::HttpClient(config).Perform(request).response.body;
    return static_cast<size_t>(std::count(body.begin(), body.end(), '\n'));
  }
  json Chain() {
    const json chain = Get("/api/v1/incidents/1");
    return chain.is_object() && chain.contains("decisions") ? chain : json();
  }
  bool Resolved() {
    const json chain = Chain();
    return chain.is_object() && chain["state"] == "resolved";
  }
  // Whether the last decision was refused, by this guard, with a reason that has the text in it.
  bool Refused(const std::string& guard, const std::string& text) {
    const json chain = Chain();
    if (chain.is_null() || chain["decisions"].empty()) return false;
    const json& last = chain["decisions"].back();
    if (last["verdict"] != "refused") return false;
    return std::any_of(last["guards"].begin(), last["guards"].end(), [&](const json& verdict) {
      return verdict["guard"] == guard && verdict["allowed"] == false &&
             verdict["reason"].get<std::string>().find(text) != std::string::npos;
    });
  }
  std::string ExplainText() {
    demo::DemoProcess explain("heald", {"explain", "1", dir_ + "/pipeline.yaml"});
    EXPECT_EQ(explain.Wait(kPatience), 0) << explain.output();
    return explain.output();
  }
  std::vector<json> Events() const {
    std::vector<json> events;
    std::ifstream in(dir_ + "/events.jsonl");
    for (std::string line; std::getline(in, line) && !in.eof();)  // a line being written waits
      events.push_back(json::parse(line));
    return events;
  }
  // "finding open", "decision act", "outcome verified", …
  std::vector<std::string> EventWords() const {
    std::vector<std::string> words;
    for (const json& event : Events()) {
      const std::string kind = event["kind"];
      words.push_back(kind + " " + event[kind].value(kind == "decision" ? "verdict" : "state", ""));
    }
    return words;
  }

  static inline std::unique_ptr<DockerEngine> engine_;
  int port_ = 0;
  std::string container_id_;
  std::optional<PrometheusServer> prometheus_;
  std::optional<demo::Traffic> traffic_;
};

TEST_F(IntegrationDockerTest, RestartsASlowContainerAndClosesTheIncident) {
  WritePipeline(
      "  sick:\n"
      "    plugin: zscore\n"
      "    inputs: [prom.latency_p99]\n"
      "    config: {window: 60, sensitivity: 4, min_deviation: 0.05, direction: above,\n"
      "             clear_after: 1}\n",
      "    inputs: [sick]\n"
      "    when: latency_p99 > 0.5 and severity >= warning\n"
      "    guard: {for: 2s, cooldown: 1m, max_per_hour: 3}\n");
  StartAndWait();
  ASSERT_TRUE(Eventually([&] { return Watches(kMinSamples); }, 40)) << agent().output();
  const std::string started_at = StartedAt();
  ASSERT_EQ(StartCount(), 1u);

  const auto broken = steady_clock::now();
  BreakService();
  ASSERT_TRUE(Eventually([&] { return Resolved(); }, 60)) << Chain().dump(2) << agent().output();
  const double healed_s = SecondsSince(broken);
  std::printf("fault to verified recovery: %.1f s\n", healed_s);
  RecordProperty("fault_to_recovery_s", std::to_string(healed_s));
  EXPECT_LT(healed_s, demo::kHealedWithinS);

  EXPECT_EQ(StartCount(), 2u) << "one restart, no more";
  EXPECT_NE(StartedAt(), started_at);
  EXPECT_EQ(demo::Unwell({kService, ServiceUrl()}), "");

  const json chain = Chain();
  std::vector<json> acts;
  for (const json& decision : chain["decisions"])
    if (decision["verdict"] == "act") acts.push_back(decision);
  ASSERT_THAT(acts, SizeIs(1)) << chain.dump(2);
  ASSERT_THAT(chain["findings"], SizeIs(1));
  EXPECT_EQ(chain["findings"][0]["state"], "clear");
  EXPECT_EQ(chain["target"], json({{"service", kService}}));
  const json& decision = acts[0];
  EXPECT_EQ(decision["finding"], chain["findings"][0]["id"]);
  EXPECT_EQ(decision["plan"]["target_uid"], container_id_);
  EXPECT_THAT(Names(decision["guards"], "guard"),
              IsSupersetOf({"switch", "fresh_data", "for", "cooldown", "max_per_hour"}));
  for (const json& verdict : decision["guards"]) EXPECT_EQ(verdict["allowed"], true) << verdict;
  EXPECT_EQ(Names(chain["outcomes"], "state"), json({"verified"}));
  EXPECT_THAT(Names(chain["timeline"], "event"),
              IsSupersetOf({"finding.opened", "incident.opened", "decision.act", "execution.issued",
                            "execution.observed", "execution.verified", "incident.resolved"}));

  EXPECT_THAT(ExplainText(),
              AllOf(HasSubstr("incident #1  payments  resolved"), HasSubstr("decision.act"),
                    HasSubstr("execution.issued"), HasSubstr("execution.observed"),
                    HasSubstr("execution.verified"), HasSubstr("restart container shop-payments"),
                    HasSubstr("guard    ok   cooldown")));
  const std::vector<std::string> expected = {
      "finding open", "finding clear",  "incident open",    "incident resolved",
      "decision act", "outcome issued", "outcome observed", "outcome verified"};
  EXPECT_TRUE(Eventually([&] { return ::testing::Value(EventWords(), IsSupersetOf(expected)); }))
      << ::testing::PrintToString(EventWords());
}

TEST_F(IntegrationDockerTest, DoesNothingWhilePrometheusIsAwayAndGoesOnAfterwards) {
  WritePipeline(
      "  sick: {plugin: threshold, inputs: [prom.latency_p99], config: {above: {critical: 0.5}}}\n",
      "    inputs: [sick]\n"
      "    when: latency_p99 > 0.5\n"
      "    guard: {for: 8s, cooldown: 1m}\n");
  StartAndWait();
  BreakService();
  ASSERT_TRUE(Eventually([&] { return !Chain().is_null(); }, 30)) << agent().output();

  // The condition holds, but not for long enough when its data ends.
  prometheus_->Stop();
  const auto gone = steady_clock::now();
  int status = 0;
  ASSERT_TRUE(Eventually([&] {
    const json ready = Get("/readyz", &status);
    return status == 503 &&
           ::testing::Value(
               ready["checks"],
               Contains(json{{"name", "source prom"},
                             {"ok", false},
                             {"detail", "connection refused by " + prometheus_->url()}}));
  })) << Get("/readyz").dump()
      << agent().output();
  EXPECT_TRUE(Eventually([&] { return Refused("fresh_data", "no fresh value of latency_p99"); }))
      << Chain().dump(2);
  while (SecondsSince(gone) < 10) {
    Get("/healthz", &status);
    ASSERT_EQ(status, 200) << agent().output();
    ASSERT_EQ(StartCount(), 1u) << Chain().dump(2);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  EXPECT_THAT(Chain()["outcomes"], IsEmpty());

  const std::string url = prometheus_->url();
  ASSERT_TRUE(prometheus_->Start());
  ASSERT_EQ(prometheus_->url(), url) << "its port was taken meanwhile";
  const auto back = steady_clock::now();
  ASSERT_TRUE(Eventually([&] { return Get("/readyz", &status), status == 200; }))
      << agent().output();
  const double seen_s = SecondsSince(back);
  std::printf("Prometheus back to source ready: %.1f s\n", seen_s);
  EXPECT_LT(seen_s, 2.5) << "one interval, and time for the answer";

  EXPECT_TRUE(Eventually([&] { return Resolved(); }, 60)) << Chain().dump(2) << agent().output();
  EXPECT_EQ(StartCount(), 2u);
}

TEST_F(IntegrationDockerTest, SaysThatTheContainerIsGone) {
  WritePipeline("  sick: {plugin: threshold, inputs: [prom.up], config: {below: {critical: 1}}}\n",
                "    inputs: [sick]\n"
                "    when: up == 0\n"
                "    guard: {for: 1s, cooldown: 1m}\n");
  StartAndWait();
  ASSERT_TRUE(Eventually([&] { return Watches(1); }));
  traffic_.reset();
  engine_->Api("DELETE", "/containers/" + container_id_ + "?force=true");
  ASSERT_TRUE(
      Eventually([&] { return Refused("plan", "docker: no container 'shop-payments'"); }, 30))
      << Chain().dump(2) << agent().output();
  EXPECT_THAT(ExplainText(), HasSubstr("NO   plan: docker: no container 'shop-payments'"));
  EXPECT_TRUE(
      Eventually([&] { return ::testing::Value(EventWords(), Contains("decision refused")); }));

  // Someone else brings it back.
  RunService();
  EXPECT_TRUE(Eventually([&] { return Resolved(); }, 30)) << Chain().dump(2) << agent().output();
  EXPECT_THAT(Chain()["outcomes"], IsEmpty()) << "heald did nothing";
  int status = 0;
  Get("/readyz", &status);
  EXPECT_EQ(status, 200);
}

}  // namespace
}  // namespace heald::testing
