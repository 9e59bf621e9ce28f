// The whole agent on a recording: what happened then is found now, and said, and not acted on.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/agent/fixture.h"

namespace heald::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class AgentReplayTest : public AgentTest {
 protected:
  // A service that is well for a minute and then not, every second a sample.
  void WriteHistory(const std::string& name) {
    std::string text = "timestamp,\"latency_p99{service='a'}\",\"latency_p99{service='b'}\"\n";
    for (int i = 0; i < 100; ++i) {
      const double usual = 0.05 + 0.002 * (i % 5);
      text += std::to_string(1'700'000'000 + i) + "," + std::to_string(i < 60 ? usual : 1.5) + "," +
              std::to_string(usual) + "\n";
    }
    Write(text, name);
  }
  std::string Pipeline(const std::string& config) {
    std::string text = HealingPipeline();
    const size_t sources = text.find("sources:");
    const size_t actions = text.find("actions:");
    return text.substr(0, sources) +
           "sources:\n"
           "  past: {plugin: replay, config: " +
           config +
           "}\n"
           "detectors:\n"
           "  spikes: {plugin: zscore, inputs: [past.latency_p99], when_full: block,\n"
           "           config: {window: 20, sensitivity: 4}}\n"
           "policies:\n"
           "  cure:\n"
           "    inputs: [spikes]\n"
           "    when: latency_p99 > 0.5\n"
           "    action: restart\n"
           "    mode: shadow\n"
           "    guard: {cooldown: 1m}\n"
           "notifiers:\n"
           "  events: {plugin: log, inputs: [spikes, cure], config: {path: '" +
           dir_ + "/events'}}\n" + text.substr(actions);
  }
  std::string Events() const {
    std::ifstream in(dir_ + "/events");
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_F(AgentReplayTest, FindsWhatHappenedThenAndSaysWhatItWouldHaveDone) {
  WriteHistory("history.csv");
  Write(Pipeline("{file: '" + dir_ + "/history.csv', speed: 25}"));
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  ASSERT_TRUE(Eventually([&] { return Events().find("\"would_act\"") != std::string::npos; }))
      << Events() << agent().output();
  EXPECT_THAT(Events(), AllOf(HasSubstr("\"service\":\"a\""), Not(HasSubstr("\"service\":\"b\"")),
                              HasSubstr("restart")));
  const nlohmann::json incidents = Get("/api/v1/incidents")["incidents"];
  ASSERT_EQ(incidents.size(), 1u) << incidents;
  ASSERT_TRUE(agent().WaitForOutput("played to its end", 10'000'000'000)) << agent().output();
  EXPECT_EQ(Starts().size(), 1u) << "nothing was restarted";
}

TEST_F(AgentReplayTest, AllAtOnceGivesTheSame) {
  WriteHistory("history.csv");
  Write(Pipeline("{file: '" + dir_ + "/history.csv', speed: max}"));
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  ASSERT_TRUE(Eventually([&] { return Events().find("\"would_act\"") != std::string::npos; }))
      << Events() << agent().output();
  EXPECT_EQ(Get("/api/v1/incidents")["incidents"].size(), 1u);
}

TEST_F(AgentReplayTest, OldTimesAreStaleAndNeverActedOn) {
  WriteHistory("history.csv");
  Write(Pipeline("{file: '" + dir_ + "/history.csv', speed: max, shift: original}"));
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  ASSERT_TRUE(Eventually([&] { return Events().find("\"finding\"") != std::string::npos; }))
      << Events() << agent().output();
  ASSERT_TRUE(agent().WaitForOutput("played to its end", 10'000'000'000)) << agent().output();
  EXPECT_THAT(Events(), Not(HasSubstr("\"would_act\"")));
}

TEST_F(AgentReplayTest, NothingIsStartedWithAFileThatIsntThere) {
  Write(Pipeline("{file: '" + dir_ + "/none.csv'}"));
  Start();
  EXPECT_EQ(agent().Wait(20'000'000'000), 1);
  EXPECT_THAT(agent().output(), AllOf(HasSubstr("none.csv: No such file or directory"),
                                      HasSubstr("Nothing was started")));
}

}  // namespace
}  // namespace heald::testing
