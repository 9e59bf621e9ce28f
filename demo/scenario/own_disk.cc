#include "demo/scenario/own_disk.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <string_view>
#include <utility>

namespace heald::demo {
namespace {

std::string Same(unsigned id) {
  return std::to_string(id) + " " + std::to_string(id) + " 1";
}

bool Write(const char* file, std::string_view text) {
  const int fd = open(file, O_WRONLY | O_CLOEXEC);
  const bool done =
      fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0) close(fd);
  return done;
}

}  // namespace

OwnDisk::OwnDisk(std::string folder, size_t mib)
    : folder_(std::move(folder)),
      options_("mode=0700,size=" + std::to_string(mib) + "m"),
      users_(Same(getuid())),
      groups_(Same(getgid())) {}

bool OwnDisk::Mount() const {
  if (folder_.empty()) return false;
  if (unshare(CLONE_NEWNS) != 0) {
    // Without root's rights: those of a user namespace of its own.
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || !Write("/proc/self/setgroups", "deny") ||
        !Write("/proc/self/uid_map", users_) || !Write("/proc/self/gid_map", groups_))
      return false;
  }
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("heald-demo", folder_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
               options_.c_str()) == 0;
}

}  // namespace heald::demo
