// `heald test`: what it says of tests that fail, and of tests that are written wrongly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "demo/tests/demo_process.h"

namespace heald::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kPatience = 20'000'000'000;

class AgentPipelineTestsTest : public ::testing::Test {
 protected:
  AgentPipelineTestsTest() {
    std::string pattern = ::testing::TempDir() + "heald-tests-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    std::ofstream(dir_ + "/p.yaml") << R"(version: 1
agent: {state_dir: state}
sources:
  prom: {plugin: prometheus, config: {url: 'http://127.0.0.1:1', queries: {up: up}}}
detectors:
  down: {plugin: threshold, inputs: [prom.up], config: {below: {critical: 1}}}
policies:
  cure:
    inputs: [down]
    action: restart
    mode: approve
    guard: {cooldown: 5m}
    verify: {within: 1m}
actions:
  restart: {plugin: http, config: {url: 'http://127.0.0.1:1/restart'}}
)";
  }
  ~AgentPipelineTestsTest() override { std::filesystem::remove_all(dir_); }

  // The exit code; the output is in `output`.
  int Run(const std::string& tests, std::vector<std::string> more = {}) {
    std::ofstream(dir_ + "/p_test.yaml") << tests;
    std::vector<std::string> arguments = {"test", dir_ + "/p.yaml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    demo::DemoProcess process("heald", arguments);
    const int code = process.Wait(kPatience);
    output = process.output();
    return code;
  }

  std::string dir_;
  std::string output;
};

constexpr const char* kFeed = R"(
    feed:
      - {series: 'prom.up{service="a"}', every: 10s, values: 1x5 0x30, after: {restart: 1x5}}
)";

TEST_F(AgentPipelineTestsTest, AnApprovedActionHealsAndADeniedOneDoesNot) {
  EXPECT_EQ(Run(std::string("tests:\n  - name: yes") + kFeed + R"(
    do: [{at: 90s, approve: cure}]
    expect:
      - decision: {policy: cure, verdict: awaits_approval}
      - execution: {action: restart, state: verified, target: {service: a}}
      - incident: {state: resolved}
  - name: no)" + kFeed +
                R"(
    do: [{at: 90s, deny: cure}]
    never:
      - execution: {}
)"),
            0)
      << output;
  EXPECT_THAT(output, HasSubstr("2 of 2 passed"));
}

TEST_F(AgentPipelineTestsTest, ATargetThatFailsIsPretended) {
  for (const auto& [result, state] : {std::pair("failed", "failed"), std::pair("absent", "failed"),
                                      std::pair("refused", "failed")})
    EXPECT_EQ(Run(std::string("tests:\n  - name: x") + kFeed +
                  "    actions: {restart: {result: " + result +
                  "}}\n    do: [{at: 90s, approve: cure}]\n    expect: [{execution: {state: " +
                  state + "}}]\n    never: [{execution: {state: verified}}]\n"),
              0)
        << result << ": " << output;
}

TEST_F(AgentPipelineTestsTest, AFailureNamesItsLineAndTellsWhatHappened) {
  EXPECT_EQ(Run(std::string("tests:\n  - name: fails") + kFeed + R"(
    expect:
      - execution: {}
      - decision: {policy: cure}
        count: 3
    never:
      - finding: {severity: critical}
)"),
            1);
  EXPECT_THAT(
      output,
      AllOf(HasSubstr("FAILED  fails"), HasSubstr("p_test.yaml:7: did not happen: execution"),
            HasSubstr("p_test.yaml:8: happened 1 time, not 3: decision policy=cure"),
            HasSubstr("p_test.yaml:11: happened, 1 time: finding severity=critical"),
            HasSubstr("+1m  finding  a  up 0, expected at least 1"), HasSubstr("0 of 1 passed")));
}

TEST_F(AgentPipelineTestsTest, MistakesAreToldAllAtOnceAndNothingRuns) {
  EXPECT_EQ(Run(R"(tests:
  - name: x
    feed:
      - {series: 'prom.upp{service="a"}', values: 1y2, after: {restrat: 1x2}}
      - {series: 'prim.up{a=b}', values: 1+1}
    do:
      - {at: 5m, approve: cur}
      - {at: 5m}
    expect:
      - finding: {detector: dwn}
        decision: {}
  - name: nothing expected
    feed: [{series: prom.up, values: 1x3}]
)"),
            1);
  EXPECT_THAT(output,
              AllOf(HasSubstr("p_test.yaml:4:18: error: source 'prom' has no query 'upp'"),
                    HasSubstr("'1y2' is no value: write 1, _, 0.5x10 or 0+2x30"),
                    HasSubstr("there is no action 'restrat'"), HasSubstr("did you mean 'restart'?"),
                    HasSubstr("there is no source 'prim'"), HasSubstr("'a=b' is no label"),
                    HasSubstr("'1+1': a step needs a value and xN"),
                    HasSubstr("there is no policy 'cur'")));
  EXPECT_THAT(output,
              AllOf(HasSubstr("write approve:, deny:, switch: or mode:"),
                    HasSubstr("p_test.yaml:10:9: error: this must be one of"),
                    HasSubstr("p_test.yaml:12:5: error: test 'nothing expected' expects nothing")));
}

TEST_F(AgentPipelineTestsTest, LogLinesAreFedInTurnWithTheirNumbers) {
  std::ofstream(dir_ + "/p.yaml") << R"(version: 1
agent: {state_dir: state}
sources:
  loki: {plugin: loki, config: {url: 'http://127.0.0.1:1', logs: {app: '{app="a"}', other: '{app="b"}'}}}
detectors:
  news: {plugin: log_patterns, inputs: [loki.app], config: {learn: 1m}}
  unread: {plugin: log_patterns, inputs: [loki.other]}
policies:
  tell: {inputs: [news, unread], action: alert, mode: shadow}
)";
  EXPECT_EQ(Run(R"(tests:
  - name: news
    logs:
      - {stream: 'loki.app{app="a"}', every: 1s, times: 200, lines: ['ok {n}', 'fine {n} of {n}']}
      - {stream: 'loki.app{app="a"}', from: 150s, every: 1s, lines: ['FATAL {n} broke', 'FATAL {n} broke']}
    expect:
      - finding: {detector: news, metric: new_log_templates, target: {app: a}}
        between: [150s, 150s]
        count: 1
    never:
      - finding: {detector: unread}
)"),
            0)
      << output;
  EXPECT_EQ(Run(R"(tests:
  - name: mistakes
    logs:
      - {stream: 'loki.ap{app="a"}', lines: [x]}
      - {stream: 'lokki.app', lines: [x], every: 1s}
    never: [{finding: {}}]
  - name: nothing
    never: [{finding: {}}]
)"),
            1);
  EXPECT_THAT(output,
              AllOf(HasSubstr("p_test.yaml:4:18: error: source 'loki' has no query 'ap'"),
                    HasSubstr("there is no source 'lokki'"), HasSubstr("did you mean 'loki'?"),
                    HasSubstr("test 'nothing' feeds nothing")));
}

TEST_F(AgentPipelineTestsTest, OutputForMachines) {
  EXPECT_EQ(Run(std::string("tests:\n  - name: x") + kFeed + "    expect: [{finding: {}}]\n",
                {"--format", "json"}),
            0);
  const nlohmann::json json = nlohmann::json::parse(output);
  EXPECT_EQ(json["tests"][0]["name"], "x");
  EXPECT_EQ(json["tests"][0]["passed"], true);
  EXPECT_FALSE(json["tests"][0]["story"].empty());
}

TEST_F(AgentPipelineTestsTest, WithoutTestsItSaysWhereToWriteThem) {
  demo::DemoProcess process("heald", {"test", dir_ + "/p.yaml"});
  EXPECT_EQ(process.Wait(kPatience), 1);
  EXPECT_THAT(process.output(), HasSubstr("p_test.yaml"));
}

}  // namespace
}  // namespace heald::testing
