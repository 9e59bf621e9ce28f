#include "demo/scenario/own_disk.h"

#include <gmock/gmock.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace heald::demo {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;
constexpr int kNotAllowed = 77;

class DemoOwnDiskTest : public ::testing::Test {
 protected:
  DemoOwnDiskTest() {
    mkdtemp(folder_.data());
    fs::permissions(folder_, fs::perms::all);
  }
  ~DemoOwnDiskTest() override { fs::remove_all(folder_); }

  // What a child does with a disk of 8 MiB here; 0: all was well.
  int UseInChild(uid_t user) const {
    const pid_t pid = fork();
    if (pid == 0) {
      if (user != getuid() && (setgid(user) != 0 || setuid(user) != 0)) _exit(kNotAllowed);
      prctl(PR_SET_DUMPABLE, 1);  // setuid took it away, and with it the files of /proc/self
      if (!OwnDisk(folder_, 8).Mount()) _exit(kNotAllowed);
      struct statvfs space {};
      if (statvfs(folder_.c_str(), &space) != 0) _exit(1);
      if (space.f_blocks * space.f_frsize != 8 << 20) _exit(2);
      std::ofstream(folder_ + "/full") << std::string(9 << 20, 'x');
      _exit(fs::file_size(folder_ + "/full") <= 8 << 20 ? 0 : 3);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string folder_ = ::testing::TempDir() + "demo-disk-XXXXXX";
};

TEST_F(DemoOwnDiskTest, IsSmallAndNobodyElseSeesIt) {
  const int end = UseInChild(getuid());
  if (end == kNotAllowed) GTEST_SKIP() << "nothing can be mounted here";
  EXPECT_EQ(end, 0);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(DemoOwnDiskTest, NeedsNoRoot) {
  if (getuid() != 0) GTEST_SKIP() << "the other test is one without root";
  const int end = UseInChild(kNobody);
  if (end == kNotAllowed) GTEST_SKIP() << "unprivileged user namespaces aren't allowed here";
  EXPECT_EQ(end, 0);
  EXPECT_TRUE(fs::is_empty(folder_));
}

}  // namespace
}  // namespace heald::demo
