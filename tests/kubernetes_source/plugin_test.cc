// The kubernetes source behind its C tables, against an API server with controllers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "core/base/units.h"
#include "plugins/sources/kubernetes/settings.h"
#include "tests/fakes/kubernetes/server.h"
#include "tests/fakes/source_harness.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::kubernetes {
namespace {

using namespace std::chrono_literals;
using fakes::KubernetesServer;
using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Value;

template <typename F>
bool Eventually(F condition) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

class KubernetesSourceTest : public ::testing::Test {
 protected:
  ~KubernetesSourceTest() override {
    source_.reset();
    if (!kept_.empty()) std::filesystem::remove_all(kept_);
  }
  void Start(json config = json::object()) {
    config["api_server"] = server_.url();
    config["bearer_token"] = "agent";
    config["interval"] = kSecond;
    if (!config.contains("settle")) config["settle"] = 0;
    source_ = std::make_unique<fakes::SourceHarness>(heald_plugin_v1, "kubernetes", config, kept_);
  }
  // Ends it and keeps its state for the next Start.
  void End() {
    if (kept_.empty()) {
      std::string pattern = ::testing::TempDir() + "heald-source-XXXXXX";
      kept_ = mkdtemp(pattern.data());
    }
    std::filesystem::copy(std::string(source_->host().host().StateDir()), kept_,
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
    source_.reset();
  }
  // How often this was told: "open CrashLoopBackOff", with a label "pod=web-1" of its target.
  size_t Told(const std::string& what, const std::string& metric, const std::string& label = "") {
    for (const auto& finding : source_->sink().TakeFindings()) told_.push_back(finding);
    size_t count = 0;
    for (const auto& finding : told_) {
      const char* const kWords[] = {"open", "update", "clear"};
      bool fits = label.empty();
      for (const auto& [name, value] : finding.target.items()) fits |= name + "=" + value == label;
      const auto state = static_cast<uint32_t>(finding.state) - HEALD_FINDING_OPEN;
      count += fits && finding.metric == metric && what == kWords[state] ? 1 : 0;
    }
    return count;
  }
  bool Tells(const std::string& what, const std::string& metric, const std::string& label = "") {
    return Eventually([&] {
      source_->Poll();
      return Told(what, metric, label) > 0;
    });
  }

  KubernetesServer server_;
  std::unique_ptr<fakes::SourceHarness> source_;
  std::vector<sdk::Finding> told_;
  std::string kept_;
};

TEST_F(KubernetesSourceTest, SeesACrashLoopBeginAndEnd) {
  server_.Deploy("prod", "web", 2, "web:crash");
  Start();
  EXPECT_TRUE(Tells("open", "CrashLoopBackOff", "deployment=web"));
  // Each watch begins by itself.
  for (const char* expected :
       {"pod_waiting{deployment=web,namespace=prod,pod=web-",
        "replicas_desired{deployment=web,namespace=prod} 2", "node_ready{node=node-1} 1"}) {
    std::vector<std::string> samples;
    EXPECT_TRUE(Eventually([&] {
      EXPECT_EQ(source_->Poll(), "");
      samples = source_->TakeTexts();
      return Value(samples, Contains(HasSubstr(expected)));
    })) << expected << ", not " << ::testing::PrintToString(samples);
  }
  server_.Patch(
      "Deployment", "prod", "web",
      {{"spec",
        {{"template", {{"spec", {{"containers", {{{"name", "main"}, {"image", "web:2"}}}}}}}}}}});
  EXPECT_TRUE(Eventually([&] {
    source_->Poll();
    return Told("clear", "CrashLoopBackOff") == Told("open", "CrashLoopBackOff");
  }));
}

TEST_F(KubernetesSourceTest, SeesWhatANodeLacks) {
  Start();
  EXPECT_TRUE(Eventually([&] { return source_->Poll().empty() && !source_->TakeRows().empty(); }));
  server_.SetNodeCondition("node-2", "DiskPressure", true, "KubeletHasDiskPressure");
  EXPECT_TRUE(Tells("open", "DiskPressure", "node=node-2"));
  server_.SetNodeCondition("node-2", "DiskPressure", false, "KubeletHasNoDiskPressure");
  EXPECT_TRUE(Tells("clear", "DiskPressure", "node=node-2"));
  EXPECT_EQ(Told("open", "DiskPressure"), 1u);
}

TEST_F(KubernetesSourceTest, AnOutageIsSaidAndLosesNothing) {
  server_.Deploy("prod", "web", 1, "web:crash");
  Start();
  EXPECT_TRUE(Tells("open", "CrashLoopBackOff"));
  server_.Stop();
  std::string trouble;
  EXPECT_TRUE(Eventually([&] { return !(trouble = source_->Poll()).empty(); }));
  EXPECT_THAT(trouble, HasSubstr("connection refused by " + server_.url()));
  source_->TakeRows();
  EXPECT_NE(source_->Poll(), "");
  EXPECT_THAT(source_->TakeTexts(), ::testing::IsEmpty()) << "what isn't known isn't told";
  server_.SetNodeCondition("node-1", "MemoryPressure", true, "x");
  server_.Start();
  EXPECT_TRUE(Tells("open", "MemoryPressure", "node=node-1"));
  EXPECT_TRUE(Eventually([&] { return source_->Poll().empty(); }));
  EXPECT_EQ(Told("open", "CrashLoopBackOff"), 1u);
  EXPECT_EQ(Told("clear", "CrashLoopBackOff"), 0u);
}

TEST_F(KubernetesSourceTest, AServerThatHangsIsSeenThoughItsConnectionsStand) {
  Start();
  EXPECT_TRUE(Eventually([&] { return source_->Poll().empty() && !source_->TakeRows().empty(); }));
  server_.Fail({.match = "GET /", .times = 10'000, .delay = 2s});
  std::string trouble;
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(Eventually([&] { return !(trouble = source_->Poll()).empty(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
  EXPECT_THAT(trouble, HasSubstr("can't get version"));
  source_->TakeRows();
  EXPECT_NE(source_->Poll(), "");
  EXPECT_THAT(source_->TakeTexts(), ::testing::IsEmpty()) << "what is old isn't told as new";
  server_.ClearFaults();
  EXPECT_TRUE(Eventually([&] { return source_->Poll().empty() && !source_->TakeRows().empty(); }));
}

TEST_F(KubernetesSourceTest, AGapInTheHistoryIsClosedByAList) {
  server_.Deploy("prod", "web", 1, "web:crash");
  Start();
  EXPECT_TRUE(Tells("open", "CrashLoopBackOff"));
  server_.ExpireWatches();
  server_.Delete("Deployment", "prod", "web");
  EXPECT_TRUE(Tells("clear", "CrashLoopBackOff"));
  EXPECT_EQ(Told("open", "CrashLoopBackOff"), 1u);
}

TEST_F(KubernetesSourceTest, MissingRightsAreNamedAndTheRestGoesOn) {
  server_.Refuse("list", "nodes");
  server_.Deploy("prod", "web", 1, "web:crash");
  Start();
  EXPECT_TRUE(Tells("open", "CrashLoopBackOff"));
  EXPECT_TRUE(Eventually([&] {
    return source_->Poll().find(
               "add to a ClusterRole that is bound to it: - {apiGroups: [\"\"], "
               "resources: [\"nodes\"], verbs: [\"list\"]}") != std::string::npos;
  })) << source_->Poll();
}

// What `heald rbac` makes of the schema is enough, and no more than the README says.
TEST_F(KubernetesSourceTest, WorksWithTheRightsThatItsSchemaNames) {
  const json rules = json::parse(sdk::ConfigSchema<SourceConfig>()).at("x-rbac").at("rules");
  json granted = json::array();
  for (const std::string& name : SourceConfig().resources)
    for (json rule : rules.at(name)) {
      EXPECT_EQ(rule.at("scope"), name == "nodes" ? "cluster" : "namespace");
      EXPECT_EQ(rule.at("verbs"), json({"list", "watch"}));
      rule.erase("scope");
      granted.push_back(rule);
    }
  const json name = {{"name", "watcher"}};
  const std::string api = "rbac.authorization.k8s.io";
  server_.Create({{"apiVersion", api + "/v1"},
                  {"kind", "ClusterRole"},
                  {"metadata", name},
                  {"rules", granted}});
  server_.Create({{"apiVersion", api + "/v1"},
                  {"kind", "ClusterRoleBinding"},
                  {"metadata", name},
                  {"subjects", {{{"kind", "User"}, {"name", "agent"}}}},
                  {"roleRef", {{"apiGroup", api}, {"kind", "ClusterRole"}, {"name", "watcher"}}}});
  server_.UseRbac();
  server_.Deploy("prod", "web", 1, "web:crash");
  Start();
  EXPECT_TRUE(Tells("open", "CrashLoopBackOff"));
  EXPECT_TRUE(Eventually([&] { return source_->Poll().empty() && !source_->TakeRows().empty(); }))
      << source_->Poll();
}

TEST_F(KubernetesSourceTest, WatchesOnlyTheNamespacesThatAreNamed) {
  server_.Deploy("prod", "web", 1, "web:crash");
  server_.Deploy("dev", "toy", 1, "toy:crash");
  Start({{"namespaces", {"prod"}}, {"resources", {"pods"}}});
  EXPECT_TRUE(Tells("open", "CrashLoopBackOff", "namespace=prod"));
  EXPECT_EQ(source_->Poll(), "");
  EXPECT_EQ(Told("open", "CrashLoopBackOff", "namespace=dev"), 0u);
  EXPECT_EQ(server_.CountRequests("/api/v1/pods"), 0u);
}

TEST_F(KubernetesSourceTest, ARestartClearsWhatWasRepairedMeanwhile) {
  server_.Deploy("prod", "web", 1, "web:crash");
  Start();
  EXPECT_TRUE(Tells("open", "CrashLoopBackOff"));
  const uint64_t id = told_.back().id;
  End();
  server_.Delete("Deployment", "prod", "web");
  EXPECT_TRUE(server_.WaitUntil([&] { return server_.List("Pod", "prod").empty(); }));
  told_.clear();
  Start();
  EXPECT_TRUE(Tells("clear", "CrashLoopBackOff"));
  EXPECT_EQ(told_.back().id, id);
  EXPECT_EQ(Told("open", "CrashLoopBackOff"), 0u);
}

TEST(KubernetesSourceSettingsTest, SayWhatIsWrong) {
  SourceConfig config;
  config.api_server = "http://k";
  EXPECT_TRUE(CheckConfig(config).empty());
  config.resources = {"pods", "secrets", "pods"};
  config.namespaces = {"prod"};
  config.exclude_namespaces = {"dev"};
  std::vector<std::string> pointers;
  for (const auto& problem : CheckConfig(config)) pointers.push_back(problem.pointer);
  EXPECT_EQ(pointers,
            (std::vector<std::string>{"/resources/1", "/resources/2", "/exclude_namespaces"}));
  config.namespaces = std::vector<std::string>(21, "a");
  config.exclude_namespaces.clear();
  config.resources = {"pods"};
  ASSERT_EQ(CheckConfig(config).size(), 1u);
  EXPECT_THAT(CheckConfig(config)[0].message, HasSubstr("20 are the most"));
}

}  // namespace
}  // namespace heald::kubernetes
