// The whole loop with real processes: heald, the services, traffic, faults.
#include "demo/scenario/scenarios.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/base/units.h"
#include "demo/scenario/places.h"
#include "demo/scenario/remains.h"
#include "demo/services/profile.h"
#include "demo/support/http_client.h"
#include "demo/tests/demo_process.h"

namespace heald::demo {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kProgram = "heald-demo-scenario";

std::string Pipeline() {
  return std::string(HEALD_SOURCE_DIR) + "/configs/demo.yaml";
}

// Free ports and an own state folder for an interactive run, removed at the end.
class DemoScenarioRunTest : public ::testing::Test {
 protected:
  DemoScenarioRunTest() : places_(*PrivatePlaces(Pipeline())) {}
  ~DemoScenarioRunTest() override {
    EndRemains(places_.state_dir);
    // A heald whose parent was killed may still be closing its journal.
    std::error_code error;
    for (int i = 0; i < 200 && std::filesystem::exists(places_.state_dir, error); ++i) {
      std::filesystem::remove_all(places_.state_dir, error);
      if (error) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  std::map<std::string, std::string> Variables() const { return places_.environment(); }
  std::vector<std::string> Arguments() const { return {"--pipeline", Pipeline()}; }

  // True when in time nothing of this run is left.
  bool AllGone() const {
    for (int i = 0; i < 200; ++i) {
      if (FindRemains(places_.state_dir).empty()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  // The heald that runs the services; 0 when there is none.
  pid_t Agent() const {
    for (const Remain& remain : FindRemains(places_.state_dir))
      if (remain.agent != 0) return remain.agent;
    return 0;
  }

  Places places_;
};

class DemoScenarioTest : public ::testing::TestWithParam<std::string> {};

TEST_P(DemoScenarioTest, HealsInTime) {
  DemoProcess run(kProgram, {"--scenario", GetParam(), "--json", "--pipeline", Pipeline()});
  ASSERT_EQ(run.Wait(100 * kSecond), 0) << run.output();
  const json result = json::parse(run.output(), nullptr, false);
  ASSERT_TRUE(result.is_object()) << run.output();
  EXPECT_EQ(result["missing"], "");
  double before_s = 0;
  for (const char* step : {"finding", "decision", "issued", "ready", "verified"}) {
    ASSERT_TRUE(result["seconds"].contains(step)) << step << " in " << run.output();
    EXPECT_GE(result["seconds"][step], before_s) << step;
    before_s = result["seconds"][step];
  }
  EXPECT_LT(before_s, GetParam() == "leak" ? kLeakHealedWithinS : kHealedWithinS);
}

INSTANTIATE_TEST_SUITE_P(, DemoScenarioTest,
                         ::testing::Values("latency", "errors", "crash", "hang", "orders", "leak",
                                           "crash-loop", "certificate", "drift"),
                         [](const auto& scenario) {
                           std::string name = scenario.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(DemoScenarioListTest, NamesEveryScenarioThatIsTested) {
  DemoProcess list(kProgram, {"--scenario", "list"});
  ASSERT_EQ(list.Wait(10 * kSecond), 0);
  EXPECT_EQ(Scenarios().size(), 12U);
  for (const Scenario& scenario : Scenarios())
    EXPECT_THAT(list.output(), HasSubstr(scenario.fault));
  DemoProcess wrong(kProgram, {"--scenario", "flood"});
  EXPECT_EQ(wrong.Wait(10 * kSecond), 2);
  EXPECT_THAT(wrong.output(), HasSubstr("no scenario 'flood'"));
}

// configs/demo.yaml with every `from` made `to`, in a folder that goes at the end: a scenario that
// fails keeps its state folder, and here nobody will read it.
class ChangedPipeline {
 public:
  ChangedPipeline(const std::string& from, const std::string& to) {
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
    std::ifstream in(Pipeline());
    std::string text((std::istreambuf_iterator<char>(in)), {});
    Replace(&text, "- demo-upkeep.yaml", "- " HEALD_SOURCE_DIR "/configs/demo-upkeep.yaml");
    Replace(&text, from, to);
    std::ofstream(file()) << text;
  }
  ~ChangedPipeline() { std::filesystem::remove_all(folder_); }

  const std::string& folder() const { return folder_; }
  std::string file() const { return folder_ + "/pipeline.yaml"; }

 private:
  static void Replace(std::string* text, const std::string& from, const std::string& to) {
    size_t at = text->find(from);
    ASSERT_NE(at, std::string::npos) << from;
    for (; at != std::string::npos; at = text->find(from, at + to.size()))
      text->replace(at, from.size(), to);
  }

  std::string folder_ = ::testing::TempDir() + "demo-honesty-XXXXXX";
};

// What makes the other tests mean something.
TEST(DemoScenarioHonestyTest, FailsWhenHealdMayNotAct) {
  const ChangedPipeline shadow("mode: enforce", "mode: shadow");
  DemoProcess run(kProgram,
                  {"--scenario", "crash", "--json", "--limit", "8s", "--pipeline", shadow.file()},
                  {{"TMPDIR", shadow.folder()}});
  EXPECT_EQ(run.Wait(60 * kSecond), 1) << run.output();
  EXPECT_THAT(run.output(), HasSubstr("no step 'decision'"));
  EXPECT_THAT(run.output(), HasSubstr("kept in " + shadow.folder()));
}

TEST(DemoScenarioHonestyTest, FailsWhenALeakIsSeenOnlyAtTheLimit) {
  const ChangedPipeline late("when: probability > 0.8",
                             "when: probability > 0.8 and resident_memory_bytes > 268435456");
  DemoProcess run(kProgram, {"--scenario", "leak", "--json", "--pipeline", late.file()},
                  {{"TMPDIR", late.folder()}});
  EXPECT_EQ(run.Wait(90 * kSecond), 1) << run.output();
  EXPECT_THAT(run.output(), HasSubstr("heald did nothing before the limit"));
}

TEST(DemoScenarioSilenceTest, DoesNothingForAMinuteOfSteadyLoad) {
  DemoProcess run(kProgram, {"--silence", "60s", "--pipeline", Pipeline()});
  EXPECT_EQ(run.Wait(110 * kSecond), 0) << run.output();
  EXPECT_THAT(run.output(), HasSubstr("no decision, no action"));
}

TEST_F(DemoScenarioRunTest, NamesWhoHoldsAPortAndStartsNothing) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(places_.ports.at("users"));
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  DemoProcess run(kProgram, Arguments(), Variables());
  EXPECT_EQ(run.Wait(10 * kSecond), 1);
  close(fd);
  EXPECT_THAT(run.output(), HasSubstr("port " + std::to_string(places_.ports.at("users")) +
                                      " (users) is taken by pid " + std::to_string(getpid())));
  EXPECT_THAT(run.output(), HasSubstr("set HEALD_DEMO_USERS_PORT"));
  EXPECT_THAT(run.output(), HasSubstr("Nothing was started."));
  EXPECT_TRUE(FindRemains(places_.state_dir).empty());
}

TEST_F(DemoScenarioRunTest, RefusesAStateFolderThatIsNotItsOwn) {
  std::ofstream(places_.state_dir + "/letter.txt") << "dear";
  DemoProcess run(kProgram, Arguments(), Variables());
  EXPECT_EQ(run.Wait(10 * kSecond), 1);
  EXPECT_THAT(run.output(), HasSubstr("is not empty and not the demo's"));
  EXPECT_TRUE(std::filesystem::exists(places_.state_dir + "/letter.txt"));
}

TEST_F(DemoScenarioRunTest, ShowsTheRepairAndLeavesNothingAfterCtrlC) {
  DemoProcess run(kProgram, Arguments(), Variables());
  ASSERT_TRUE(run.WaitForOutput("healthy. Break one:", 60 * kSecond)) << run.output();
  HttpClient client;
  const std::string chaos = places_.targets()[2].url + "/chaos";
  ASSERT_TRUE(client.Send("PUT", chaos, R"({"latency_ms": 1500})", kSecond).ok());
  ASSERT_TRUE(run.WaitForOutput("after the fault.", 30 * kSecond)) << run.output();
  EXPECT_THAT(run.output(), HasSubstr("payments  latency_p99"));
  EXPECT_THAT(run.output(), HasSubstr("policy restart_sick → restart payments"));
  EXPECT_THAT(run.output(), HasSubstr("guards: cooldown ok"));
  EXPECT_THAT(run.output(), HasSubstr("ready after"));
  EXPECT_THAT(run.output(), HasSubstr("verified: payments latency_p99"));
  run.Signal(SIGINT);
  EXPECT_EQ(run.Wait(20 * kSecond), 0) << run.output();
  EXPECT_THAT(FindRemains(places_.state_dir), ::testing::IsEmpty());
}

TEST_F(DemoScenarioRunTest, LeavesNothingWhenItIsKilledItself) {
  DemoProcess run(kProgram, Arguments(), Variables());
  ASSERT_TRUE(run.WaitForOutput("learning what normal", 30 * kSecond)) << run.output();
  ASSERT_FALSE(FindRemains(places_.state_dir).empty());
  run.Signal(SIGKILL);
  run.Wait(10 * kSecond);
  EXPECT_TRUE(AllGone());
}

TEST_F(DemoScenarioRunTest, AdoptsWhatAKilledHealdLeft) {
  DemoProcess run(kProgram, Arguments(), Variables());
  ASSERT_TRUE(run.WaitForOutput("learning what normal", 30 * kSecond)) << run.output();
  const pid_t agent = Agent();
  ASSERT_NE(agent, 0);
  {
    DemoProcess twin(kProgram, Arguments(), Variables());
    EXPECT_EQ(twin.Wait(10 * kSecond), 1);
    EXPECT_THAT(twin.output(), HasSubstr("a demo runs already"));
  }
  kill(agent, SIGKILL);
  EXPECT_EQ(run.Wait(20 * kSecond), 1);
  EXPECT_THAT(run.output(), HasSubstr("heald ended with signal 9"));
  EXPECT_THAT(run.output(), HasSubstr("The services go on without it"));
  const auto left = FindRemains(places_.state_dir);
  ASSERT_EQ(left.size(), 3U);

  DemoProcess again(kProgram, Arguments(), Variables());
  ASSERT_TRUE(again.WaitForOutput("learning what normal", 30 * kSecond)) << again.output();
  EXPECT_THAT(again.output(), HasSubstr("adopts the 3 services"));
  for (const Remain& remain : FindRemains(places_.state_dir))
    EXPECT_THAT(left, ::testing::Contains(::testing::Field(&Remain::pid, remain.pid)));
  again.Signal(SIGTERM);
  EXPECT_EQ(again.Wait(20 * kSecond), 0);
  EXPECT_TRUE(AllGone());
}

}  // namespace
}  // namespace heald::demo
