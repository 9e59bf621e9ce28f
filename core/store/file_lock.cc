#include "core/store/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace heald {

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

Result<FileLock> FileLock::Take(const std::string& file) {
  const std::string path = file + ".lock";
  FileLock lock;
  lock.fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (lock.fd_ < 0)
    return MakeError(Code::kDenied, "store " + file + ": can't open " + path + ": " +
                                        std::strerror(errno) +
                                        ": make its folder writable for this user, or choose "
                                        "another agent.state_dir");
  if (flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    char holder[16] = {};
    const ssize_t size = read(lock.fd_, holder, sizeof holder - 1);
    const std::string pid = size > 0 ? std::string(holder, static_cast<size_t>(size)) : "";
    return MakeError(Code::kConflict,
                     "store " + file + " is in use by another heald" +
                         (pid.empty() ? "" : " (process " + pid + ")") +
                         ": stop that one, or give this one a state_dir of its own");
  }
  // Only a help for the message above; the lock is what counts.
  const std::string pid = std::to_string(getpid());
  if (ftruncate(lock.fd_, 0) == 0 && pwrite(lock.fd_, pid.data(), pid.size(), 0) < 0) errno = 0;
  return lock;
}

}  // namespace heald
