#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "heald/testing.h"
#include "plugins/actions/exec/exec_action.h"
#include "plugins/support/proc.h"
#include "tests/fakes/problems.h"

namespace heald::exec {
namespace {

using fakes::ProblemsIn;
using sdk::EffectState;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ExecTest : public ::testing::Test {
 protected:
  ExecTest() { request_.decision = "d1"; }

  sdk::Effect Execute(const Config& config) {
    ExecAction action(host_.host(), config);
    return action.Execute(request_, action.MakePlan(request_, config), config);
  }
  sdk::Effect Observe(const Config& config) {
    ExecAction action(host_.host(), config);
    return action.Observe(request_, {}, config);
  }
  static Config Shell(const std::string& script) {
    Config config;
    config.command = {"/bin/sh", "-c", script};
    return config;
  }
  std::string Path(const std::string& name) const {
    return std::string(host_.host().StateDir()) + "/" + name;
  }
  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  support::RunJournal Journal() const {
    return support::RunJournal(std::string(host_.host().StateDir()));
  }

  sdk::testing::FakeHost host_;
  sdk::Request request_;
};

TEST_F(ExecTest, PassesArgumentsAsTheyAreAndKeepsTheOutput) {
  Config config;
  config.command = {"/bin/echo", "a b", "$(id)", "; rm -rf /", "*"};
  const sdk::Effect effect = Execute(config);
  EXPECT_EQ(effect.state, EffectState::kDone);
  EXPECT_EQ(effect.detail, "/bin/echo: exit code 0; output: a b $(id) ; rm -rf / *");
}

TEST_F(ExecTest, ReportsTheCommandAsPeopleWouldTypeIt) {
  sdk::detail::CallLog log;
  log.Begin();
  Execute(Shell("echo it\\'s done; exit 3"));
  const std::span<const heald_call> calls = log.End();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(sdk::detail::View(calls[0].call), "/bin/sh -c 'echo it\\'\\''s done; exit 3'");
  EXPECT_EQ(sdk::detail::View(calls[0].answer), "exit code 3");
}

TEST_F(ExecTest, OtherExitCodesFailUnlessExpected) {
  Config config = Shell("echo disk is full >&2; exit 3");
  const sdk::Effect effect = Execute(config);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, AllOf(HasSubstr("exit code 3"), HasSubstr("disk is full")));
  request_.decision = "d2";
  config.expected_exit_codes = {0, 3};
  EXPECT_EQ(Execute(config).state, EffectState::kDone);
}

TEST_F(ExecTest, RunsInItsFolderWithItsEnvironment) {
  Config config = Shell("pwd; echo $COLOUR");
  config.cwd = "/usr";
  config.env = {{"COLOUR", "blue"}};
  EXPECT_THAT(Execute(config).detail, HasSubstr("output: /usr\nblue"));
}

TEST_F(ExecTest, KillsTheWholeGroupAtItsTimeout) {
  // The host's clock jumps past the timeout once the program has told its child's pid.
  Config config = Shell("sleep 100 & echo $! > " + Path("pid") + ".new; mv " + Path("pid") +
                        ".new " + Path("pid") + "; wait");
  std::thread clock([this] {
    while (!std::filesystem::exists(Path("pid")))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    host_.Advance(sdk::Seconds(60));
  });
  const sdk::Effect effect = Execute(config);
  clock.join();
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("killed after 20000 ms (timeout)"));
  const pid_t grandchild = std::stoi(Read(Path("pid")));
  support::ProcessStat stat;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (support::ReadStat(grandchild, &stat) && stat.state != 'Z' &&
         std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(!support::ReadStat(grandchild, &stat) || stat.state == 'Z');
}

TEST_F(ExecTest, StopsWhenTheAgentStops) {
  host_.Cancel();
  EXPECT_THAT(Execute(Shell("sleep 100")).detail, HasSubstr("the agent stops"));
}

TEST_F(ExecTest, OneDecisionIsRunOnce) {
  const Config config = Shell("echo x >> " + Path("count"));
  EXPECT_EQ(Observe(config).state, EffectState::kAbsent);
  EXPECT_EQ(Execute(config).state, EffectState::kDone);
  EXPECT_EQ(Execute(config).state, EffectState::kDone) << "the kept result";
  EXPECT_EQ(Observe(config).state, EffectState::kDone);
  EXPECT_EQ(Read(Path("count")), "x\n");
}

TEST_F(ExecTest, KilledDuringTheRunItIsUnknownAndNotRunAgain) {
  Journal().Write("d1", {});
  const Config config = Shell("echo x >> " + Path("count"));
  const sdk::Effect effect = Observe(config);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("its result isn't known; it is not run again"));
  EXPECT_THROW(Execute(config), sdk::Failure);
  EXPECT_FALSE(std::filesystem::exists(Path("count")));
}

TEST_F(ExecTest, KilledDuringTheRunTheObserverDecides) {
  Journal().Write("d1", {});
  Config config = Shell("exit 0");
  config.observe_command = {"/bin/sh", "-c", "exit 0"};
  EXPECT_EQ(Observe(config).state, EffectState::kDone);
  config.observe_command = {"/bin/sh", "-c", "echo not there; exit 1"};
  const sdk::Effect effect = Observe(config);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_THAT(effect.detail, HasSubstr("not there"));
}

TEST_F(ExecTest, RunThatOutlivesTheAgentIsWaitedFor) {
  support::ProcessStat self;
  ASSERT_TRUE(support::ReadStat(getpid(), &self));
  Journal().Write("d1", {self.pid, self.start_ticks, {}});
  EXPECT_EQ(Observe(Shell("exit 0")).state, EffectState::kPending);
}

TEST_F(ExecTest, DryRunSaysThatTheProgramIsMissing) {
  Config config;
  config.command = {"/no/such/program"};
  ExecAction action(host_.host(), config);
  const sdk::Effect effect = action.DryRun(request_, {}, config);
  EXPECT_EQ(effect.state, EffectState::kFailed);
  EXPECT_EQ(effect.detail, "'/no/such/program': No such file or directory");
  EXPECT_THAT(Execute(config).detail, HasSubstr("No such file or directory"));
}

TEST_F(ExecTest, LabelMustNotBecomeAnOption) {
  Config written;
  written.command = {"/bin/echo", "--service", "${target.service}"};
  ExecAction action(host_.host(), written);
  for (const char* value : {"", "--all", "-x"}) {
    Config filled = written;
    filled.command[2] = value;
    EXPECT_THROW(action.MakePlan(request_, filled), sdk::Failure) << value;
  }
  Config filled = written;
  filled.command[2] = "payments";
  EXPECT_EQ(action.MakePlan(request_, filled).summary, "run /bin/echo --service payments");
}

TEST_F(ExecTest, PlaceholdersStandAlone) {
  Config config;
  config.command = {"${target.program}", "--service=${target.service}", "${a}${b}", "${target.x}"};
  EXPECT_THAT(ProblemsIn<ExecAction>(config),
              ElementsAre(HasSubstr("/command/0: the program must be written out"),
                          HasSubstr("/command/1: '--service=${target.service}' mixes"),
                          HasSubstr("/command/2: '${a}${b}' mixes")));
}

TEST_F(ExecTest, DamagedJournalIsAnErrorAndNotASecondRun) {
  std::ofstream(Path("run-d1.json")) << "{";
  EXPECT_THROW(Execute(Shell("exit 0")), sdk::Failure);
}

}  // namespace
}  // namespace heald::exec
