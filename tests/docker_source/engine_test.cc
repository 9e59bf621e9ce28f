// The docker source against a Docker Engine that the test starts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/docker_source/harness.h"
#include "tests/fakes/fault_proxy.h"
#include "tests/integration/docker_engine.h"

namespace heald::docker {
namespace {

using heald::testing::DockerEngine;
using nlohmann::json;
using ::testing::HasSubstr;

class DockerSourceEngineTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { engine_ = std::make_unique<DockerEngine>(); }
  static void TearDownTestSuite() { engine_.reset(); }
  void SetUp() override {
    if (!engine_->Available()) GTEST_SKIP() << engine_->why();
  }
  void TearDown() override {
    source_.reset();
    if (!engine_->Available()) return;
    for (const json& container : engine_->Api("GET", "/containers/json?all=true"))
      engine_->Api("DELETE", "/containers/" + container.value("Id", "") + "?force=true");
  }
  void Start() { source_ = std::make_unique<Harness>(engine_->url()); }
  static json Running(const std::string& script) {
    return {{"Cmd", {"/bin/sh", "-c", "trap 'exit 0' TERM; " + script}}};
  }

  static inline std::unique_ptr<DockerEngine> engine_;
  std::unique_ptr<Harness> source_;
};

TEST_F(DockerSourceEngineTest, MeasuresWhatAContainerUses) {
  json body = Running("while :; do :; done");
  body["HostConfig"]["NanoCpus"] = 200'000'000;
  body["HostConfig"]["Memory"] = 64 << 20;
  body["Labels"] = {{"com.docker.compose.service", "busy"}};
  ASSERT_NE(engine_->RunContainer("busy-1", body), "");
  Start();
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_EQ(source_->Poll(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(1600))
      << "it measures once a second; its own deltas would take two";
  EXPECT_EQ(source_->Value("running busy-1"), 1);
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source_->Poll(), "");
    return source_->Value("cpu_ratio busy-1") > 0.3;
  })) << ::testing::PrintToString(source_->Latest());
  EXPECT_LT(source_->Value("cpu_ratio busy-1"), 2);
  EXPECT_GT(source_->Value("memory_bytes busy-1"), 0);
  EXPECT_GT(source_->Value("memory_ratio busy-1"), 0);
  EXPECT_LT(source_->Value("memory_ratio busy-1"), 1);
  EXPECT_GE(source_->Value("pids busy-1"), 1);
}

TEST_F(DockerSourceEngineTest, CountsCrashesAndTheRestartsOfTheEngineButNoStop) {
  json body = Running("sleep 0.3; exit 3");
  body["HostConfig"]["RestartPolicy"] = {{"Name", "always"}};
  Start();
  ASSERT_EQ(source_->Poll(), "");
  ASSERT_NE(engine_->RunContainer("loop", body), "");
  ASSERT_NE(engine_->RunContainer("calm", Running("while :; do sleep 0.1; done")), "");
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source_->Poll(), "");
    return source_->Value("crashes loop") >= 3 && source_->Value("restarts loop") >= 2;
  })) << ::testing::PrintToString(source_->Latest());
  EXPECT_EQ(source_->Value("exit_code loop"), 3);
  engine_->Api("POST", "/containers/calm/restart?t=5");
  engine_->Api("POST", "/containers/calm/stop?t=5");
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source_->Poll(), "");
    return source_->Value("exit_code calm") == 0;
  }));
  EXPECT_EQ(source_->Value("crashes calm"), 0);
  EXPECT_EQ(source_->Value("restarts calm"), 0);
}

TEST_F(DockerSourceEngineTest, AnEndAndABadHealthShowWithoutAPoll) {
  ASSERT_NE(engine_->RunContainer("web", Running("while :; do sleep 0.1; done")), "");
  json sick = Running("while :; do sleep 0.1; done");
  sick["Healthcheck"] = {{"Test", {"CMD", "/bin/false"}},
                         {"Interval", 200'000'000},
                         {"Timeout", kSecond},
                         {"Retries", 1}};
  Start();
  ASSERT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->Value("running web"), 1);
  ASSERT_NE(engine_->RunContainer("sick", sick), "");
  EXPECT_TRUE(Eventually([&] { return source_->Value("healthy sick") == 0; }));
  engine_->Api("POST", "/containers/web/kill?signal=9");
  EXPECT_TRUE(Eventually([&] { return source_->Value("running web") == 0; }));
  EXPECT_EQ(source_->Value("exit_code web"), 137);
  ASSERT_EQ(source_->Poll(), "");
  EXPECT_EQ(source_->Value("crashes web"), 0) << "someone asked for it";
  EXPECT_EQ(source_->Value("healthy sick"), 0);
}

// HEALD_TEST_OUTAGE_SECONDS=30 makes it a long one.
TEST_F(DockerSourceEngineTest, AnEngineThatIsRestartedIsStaleMeanwhileAndNothingIsCountedTwice) {
  json body = Running("while [ ! -e /tmp/end ]; do sleep 0.1; done; rm /tmp/end; exit 3");
  body["HostConfig"]["RestartPolicy"] = {{"Name", "always"}};
  ASSERT_NE(engine_->RunContainer("web", body), "");
  Start();
  ASSERT_EQ(source_->Poll(), "");
  const json exec = engine_->Api("POST", "/containers/web/exec", {{"Cmd", {"touch", "/tmp/end"}}});
  engine_->Api("POST", "/exec/" + exec.value("Id", "") + "/start", {{"Detach", true}});
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source_->Poll(), "");
    return source_->Value("crashes web") == 1 && source_->Value("restarts web") == 1;
  }));

  engine_->Stop();
  const auto gone = std::chrono::steady_clock::now();
  const char* const text =
      std::getenv("HEALD_TEST_OUTAGE_SECONDS");  // NOLINT(concurrency-mt-unsafe)
  const auto outage = std::chrono::seconds(text != nullptr ? std::atoi(text) : 0);
  source_->rows();
  for (int polls = 0; polls < 2 || std::chrono::steady_clock::now() < gone + outage; ++polls) {
    EXPECT_THAT(source_->Poll(), ::testing::AnyOf(HasSubstr("nobody listens on "),
                                                  HasSubstr("there is no socket ")));
    if (outage.count() != 0) std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  const size_t rows = source_->rows();
  EXPECT_NE(source_->Poll(), "");
  EXPECT_EQ(source_->rows(), rows) << "stale, not zero";

  ASSERT_EQ(engine_->StartAgain(), "");
  ASSERT_EQ(source_->Poll(), "") << "the first look after its return";
  EXPECT_GT(source_->rows(), rows);
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source_->Poll(), "");
    return source_->Value("running web") == 1;
  }));
  EXPECT_EQ(source_->Value("crashes web"), 1) << "the Engine's own shutdown is no crash";
  EXPECT_EQ(source_->Value("restarts web"), 1);
  // The stream is there again too.
  engine_->Api("POST", "/containers/web/stop?t=5");
  EXPECT_TRUE(Eventually([&] { return source_->Value("exit_code web") == 0; }));
}

TEST_F(DockerSourceEngineTest, WhateverBecomesOfItsAnswersEachCrashCountsOnce) {
  json body = Running("while [ ! -e /tmp/end ]; do sleep 0.05; done; rm /tmp/end; exit 3");
  body["HostConfig"]["RestartPolicy"] = {{"Name", "always"}};
  fakes::FaultProxy proxy(engine_->socket_path());
  source_ = std::make_unique<Harness>(proxy.url(), json{{"timeout", 20 * kSecond}});
  // A real Engine on a busy machine takes its time; what never answers isn't waited for.
  const auto look = [&] { return source_->Poll(std::chrono::seconds(20)); };
  for (const fakes::Fault fault : fakes::kFaults) {
    const std::string name = "web-" + std::string(ToString(fault));
    const auto inspect = [&] { return engine_->Api("GET", "/containers/" + name + "/json"); };
    ASSERT_NE(engine_->RunContainer(name, body), "");
    ASSERT_EQ(look(), "");
    proxy.Set(fault);
    const json exec =
        engine_->Api("POST", "/containers/" + name + "/exec", {{"Cmd", {"touch", "/tmp/end"}}});
    engine_->Api("POST", "/exec/" + exec.value("Id", "") + "/start", {{"Detach", true}});
    EXPECT_NE(source_->Poll(std::chrono::milliseconds(1500)), "") << name;
    EXPECT_TRUE(Eventually([&] { return inspect()["RestartCount"] == 1; })) << name;
    proxy.Set(fakes::Fault::kNone);
    EXPECT_EQ(look(), "") << "the first look after " << name;
    EXPECT_TRUE(Eventually([&] {
      EXPECT_EQ(look(), "");
      return source_->Value("crashes " + name) >= 1 && source_->Value("running " + name) == 1;
    })) << name;
  }
  EXPECT_EQ(look(), "");
  for (const fakes::Fault fault : fakes::kFaults)
    EXPECT_EQ(source_->Value("crashes web-" + std::string(ToString(fault))), 1) << ToString(fault);
}

TEST_F(DockerSourceEngineTest, AContainerBeyondItsMemoryIsToldAsThat) {
  json body = {{"Cmd", {"/bin/sh", "-c", "x=12345678; while :; do x=$x$x; done"}}};
  body["HostConfig"]["Memory"] = 16 << 20;
  Start();
  ASSERT_EQ(source_->Poll(), "");
  ASSERT_NE(engine_->RunContainer("greedy", body), "");
  ASSERT_TRUE(Eventually([&] {
    EXPECT_EQ(source_->Poll(), "");
    return source_->Value("exit_code greedy") > 0;
  }));
  const json state = engine_->Api("GET", "/containers/greedy/json")["State"];
  EXPECT_EQ(source_->Value("crashes greedy"), 1);
  if (state["OOMKilled"] != true)
    GTEST_SKIP() << "this machine's Engine doesn't tell of memory: " << state.dump();
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source_->Poll(), "");
    return source_->Value("oom_kills greedy") >= 1;
  }));
}

}  // namespace
}  // namespace heald::docker
