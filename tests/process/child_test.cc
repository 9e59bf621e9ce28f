#include "plugins/support/child.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/process/fixture.h"

namespace heald::process::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class ProcessChildTest : public ProcessFixture {
 protected:
  Child Start(std::vector<std::string> argv) {
    Command command{std::move(argv), "", {}, state_dir_ + "/svc.log"};
    return Child::Start(command, {{std::string(kServiceVariable), state_dir_ + "/svc"}}, &problem_);
  }
  void Stop(Child& child, milliseconds patience) {
    child.Stop(patience, std::string(kServiceVariable), state_dir_ + "/svc");
  }
  std::string File(const std::string& name, const std::string& text, mode_t mode) const {
    const std::string path = state_dir_ + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  std::string problem_;
};

TEST_F(ProcessChildTest, NamesTheFileThatIsMissing) {
  EXPECT_FALSE(Start({"/no/such/program"}));
  EXPECT_EQ(problem_, "'/no/such/program': No such file or directory");
  EXPECT_FALSE(Start({"heald-no-such-program"}));
  EXPECT_THAT(problem_, HasSubstr("'heald-no-such-program' is not in PATH ("));
}

TEST_F(ProcessChildTest, SaysThatAFileIsNotExecutable) {
  EXPECT_FALSE(Start({File("plain", "text", 0644)}));
  EXPECT_THAT(problem_, HasSubstr("is not executable (chmod +x it)"));
  EXPECT_FALSE(Start({File("script", "echo no interpreter line\n", 0755)}));
  EXPECT_THAT(problem_, HasSubstr("Exec format error (a script needs a #! line)"));
}

TEST_F(ProcessChildTest, SaysThatTheFolderIsMissing) {
  Command command{{"/bin/true"}, "/no/such/folder", {}, state_dir_ + "/svc.log"};
  EXPECT_FALSE(Child::Start(command, {}, &problem_));
  EXPECT_EQ(problem_, "cwd '/no/such/folder' is not a folder");
}

TEST_F(ProcessChildTest, ReportsExitCodeAndSignal) {
  Child child = Start({kStub, "--exit", "3"});
  ASSERT_TRUE(child) << problem_;
  ASSERT_TRUE(child.WaitExit(milliseconds(5000), -1));
  EXPECT_EQ(child.exit_text(), "exit code 3");
  child = Start({kStub});
  kill(child.pid(), SIGKILL);
  ASSERT_TRUE(child.WaitExit(milliseconds(5000), -1));
  EXPECT_EQ(child.exit_text(), "signal 9 (Killed)");
}

TEST_F(ProcessChildTest, RunsInASessionOfItsOwnWithoutOurDescriptors) {
  const int leaked = open("/dev/null", O_RDONLY);  // on purpose without close-on-exec
  Child child = Start({kStub});
  ASSERT_TRUE(child) << problem_;
  EXPECT_EQ(getsid(child.pid()), child.pid());
  EXPECT_FALSE(std::filesystem::exists("/proc/" + std::to_string(child.pid()) + "/fd/" +
                                       std::to_string(leaked)));
  Stop(child, milliseconds(2000));
  close(leaked);
}

TEST_F(ProcessChildTest, KillsWhatIgnoresSigterm) {
  Child child = Start({kStub, "--ignore-term", "--say", "up"});
  ASSERT_TRUE(child) << problem_;
  ASSERT_TRUE(WaitFor([&] { return std::filesystem::file_size(state_dir_ + "/svc.log") > 0; }));
  Stop(child, milliseconds(50));
  EXPECT_EQ(child.exit_text(), "signal 9 (Killed)");
}

TEST_F(ProcessChildTest, EndsGrandchildrenEvenAfterTheirParent) {
  Child child = Start({kStub, "--child"});
  ASSERT_TRUE(WaitFor([&] { return Copies() == 2; }));
  Stop(child, milliseconds(2000));
  EXPECT_TRUE(WaitFor([&] { return Copies() == 0; }));

  child = Start({kStub, "--child"});
  ASSERT_TRUE(WaitFor([&] { return Copies() == 2; }));
  const pid_t group = child.pid();
  kill(child.pid(), SIGKILL);
  ASSERT_TRUE(child.WaitExit(milliseconds(5000), -1));
  KillRemains(group, std::string(kServiceVariable), state_dir_ + "/svc");
  EXPECT_TRUE(WaitFor([&] { return Copies() == 0; }));
}

TEST_F(ProcessChildTest, AdoptsOnlyTheVeryProcess) {
  Child child = Start({kStub});
  EXPECT_TRUE(Child::Adopt(child.pid(), child.start_ticks()));
  EXPECT_FALSE(Child::Adopt(child.pid(), child.start_ticks() + 1));
  Stop(child, milliseconds(2000));
}

TEST_F(ProcessChildTest, TellsCommandsApart) {
  const Command one{{"a", "b"}, "", {}, ""};
  EXPECT_EQ(one.Fingerprint(), (Command{{"a", "b"}, "", {}, "/log"}.Fingerprint()));
  EXPECT_NE(one.Fingerprint(), (Command{{"ab"}, "", {}, ""}.Fingerprint()));
  EXPECT_NE(one.Fingerprint(), (Command{{"a", "b"}, "/", {}, ""}.Fingerprint()));
  EXPECT_NE(one.Fingerprint(), (Command{{"a", "b"}, "", {{"A", "1"}}, ""}.Fingerprint()));
}

}  // namespace
}  // namespace heald::process::testing
