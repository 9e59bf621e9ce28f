// PostgreSQL goes away while one service after another falls ill, and comes back: nothing is lost,
// nothing doubled. HEALD_TEST_OUTAGE_SECONDS: for how long; the long run has it away for a minute.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>

#include "tests/agent/fixture.h"
#include "tests/fakes/postgres_server.h"

namespace heald::testing {
namespace {

constexpr int64_t kStormPatience = 30'000'000'000;
constexpr int kServices = 8;
constexpr int kPassing = 7;  // the one that recovers by itself while the store is away

int OutageSeconds() {
  const char* const text = std::getenv("HEALD_TEST_OUTAGE_SECONDS");
  return text == nullptr ? 3 : std::atoi(text);
}

class AgentStoreStormTest : public AgentTest {
 protected:
  AgentStoreStormTest()
      : services_page_(
            [this](const fakes::FakeRequest&) { return fakes::FakeReply{.body = Page()}; }) {}

  void WritePipeline(const std::string& store) {
    const std::string script = dir_ + "/service.sh";
    std::ofstream(script) << "#!/bin/sh\necho $1 >> " << dir_ << "/starts\nexec sleep 1000\n";
    chmod(script.c_str(), 0755);
    std::string services;
    for (int i = 0; i < kServices; ++i)
      services += std::string(i == 0 ? "" : ", ") + Name(i) + ": {command: ['" + script + "', '" +
                  Name(i) + "'], stop_timeout: 1s}";
    Write(
        "version: 1\n"
        "agent: {listen: '127.0.0.1:0', state_dir: state, store: '" +
        store +
        "'}\n"
        "sources:\n"
        "  page:\n"
        "    plugin: scrape\n"
        "    config: {targets: ['" +
        services_page_.url() +
        "/metrics'], interval: 1s, metrics: {sick: {gauge: sick, by: [service]}}}\n"
        "detectors:\n"
        "  ill: {plugin: threshold, inputs: [page.sick], config: {above: {critical: 0.5}}}\n"
        "policies:\n"
        "  cure:\n"
        "    inputs: [ill]\n"
        "    when: sick > 0.5\n"
        "    action: restart\n"
        "    mode: enforce\n"
        "    guard: {cooldown: 10m}\n"
        "    verify: {within: 60s}\n"
        "actions:\n"
        "  restart:\n"
        "    plugin: process\n"
        "    config: {on_agent_exit: stop, services: {" +
        services + "}}\n");
  }
  static std::string Name(int i) { return "s" + std::to_string(i); }
  int StartsOf(int i) const {
    const std::vector<std::string> all = Starts();
    return static_cast<int>(std::count(all.begin(), all.end(), Name(i)));
  }
  void FallIll(int from, int to) {
    for (int i = from; i < to; ++i) ill_[i] = true;
  }
  double Metric(const std::string& name) {
    const std::string page = GetText("/metrics");
    const size_t at = page.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(page.substr(at + name.size() + 2));
  }
  size_t Resolved() {
    const nlohmann::json page = Get("/api/v1/incidents?limit=100");
    size_t count = 0;
    if (!page.is_object()) return 0;
    for (const nlohmann::json& incident : page["incidents"])
      count += incident["state"] == "resolved";
    return count;
  }

  // Ill until it was started once more.
  std::array<std::atomic<bool>, kServices> ill_{};

 private:
  std::string Page() {
    std::string page = "# TYPE sick gauge\n";
    for (int i = 0; i < kServices; ++i)
      page +=
          "sick{service=\"" + Name(i) + "\"} " + (ill_[i] && StartsOf(i) < 2 ? "1" : "0") + "\n";
    return page;
  }
  fakes::HttpServer services_page_;
};

TEST_F(AgentStoreStormTest, LosesNothingAndDoublesNothing) {
  if (!fakes::PostgresServer::Installed()) GTEST_SKIP() << "PostgreSQL isn't installed";
  fakes::PostgresServer server;
  WritePipeline(server.Url("heald"));
  StartAndWait();
  ASSERT_TRUE(Eventually([this] { return Starts().size() == kServices; }));
  FallIll(0, 2);
  ASSERT_TRUE(Eventually([this] { return Resolved() == 2; }, 30)) << agent().output();

  const auto back = std::chrono::steady_clock::now() + std::chrono::seconds(OutageSeconds());
  server.Stop();
  FallIll(2, kPassing);
  FallIll(kPassing, kPassing + 1);
  ASSERT_TRUE(Eventually([this] { return Metric("heald_incidents_open") == kServices - 2; }))
      << agent().output();
  ill_[kPassing] = false;
  ASSERT_TRUE(Eventually([this] { return Metric("heald_incidents_open") == kServices - 3; }))
      << agent().output();
  while (std::chrono::steady_clock::now() < back) {
    ASSERT_EQ(Starts().size(), static_cast<size_t>(kServices + 2))
        << "it acted without its journal";
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_GT(Metric("heald_journal_held_changes"), 0);
  server.Start();

  ASSERT_TRUE(Eventually([this] { return Resolved() == kServices; }, 60)) << agent().output();
  ASSERT_TRUE(Eventually([this] { return Metric("heald_journal_held_changes") == 0; }));
  EXPECT_EQ(Metric("heald_journal_lost_changes_total"), 0);
  for (int i = 0; i < kServices; ++i) EXPECT_EQ(StartsOf(i), i == kPassing ? 1 : 2) << Name(i);
  const nlohmann::json page = Get("/api/v1/incidents?limit=100");
  ASSERT_EQ(page["incidents"].size(), static_cast<size_t>(kServices));
  for (const nlohmann::json& incident : page["incidents"]) {
    const nlohmann::json chain =
        Get("/api/v1/incidents/" + std::to_string(incident["id"].get<int>()));
    std::multiset<std::string> events;
    for (const nlohmann::json& event : chain["timeline"]) events.insert(event["event"]);
    for (const char* once :
         {"incident.opened", "incident.resolved", "finding.opened", "finding.cleared"})
      EXPECT_EQ(events.count(once), 1u) << once << chain.dump(1);
    EXPECT_LE(events.count("execution.issued"), 1u) << chain.dump(1);
  }
  demo::DemoProcess verify("heald", {"audit", "verify", dir_ + "/pipeline.yaml"});
  EXPECT_EQ(verify.Wait(kStormPatience), 0) << verify.output();
}

}  // namespace
}  // namespace heald::testing
