#include "plugins/notifiers/log/log_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace heald::log_notifier {

LogWriter::~LogWriter() {
  Close();
}

void LogWriter::Close() {
  if (fd_ >= 0 && !to_stdout()) close(fd_);
  fd_ = -1;
}

// The name leads to another file than the one that is open, or to none: rotated.
bool LogWriter::Moved() const {
  struct stat open_file {};
  struct stat named {};
  if (stat(path_.c_str(), &named) != 0 || fstat(fd_, &open_file) != 0) return true;
  return named.st_ino != open_file.st_ino || named.st_dev != open_file.st_dev;
}

std::string LogWriter::Open() {
  if (to_stdout()) {
    fd_ = STDOUT_FILENO;
    return "";
  }
  if (fd_ >= 0 && Moved()) Close();
  if (fd_ >= 0) return "";
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  return fd_ >= 0 ? "" : path_ + ": " + std::generic_category().message(errno);
}

std::string LogWriter::Append(std::string_view line) {
  if (std::string problem = Open(); !problem.empty()) return problem;
  std::string text(line);
  text += '\n';
  const off_t before = to_stdout() ? -1 : lseek(fd_, 0, SEEK_END);
  size_t done = 0;
  int error = 0;
  while (done < text.size() && error == 0) {
    const ssize_t written = write(fd_, text.data() + done, text.size() - done);
    if (written >= 0)
      done += static_cast<size_t>(written);
    else if (errno != EINTR)
      error = errno;
  }
  if (error == 0 && sync_ && !to_stdout() && fsync(fd_) != 0) error = errno;
  if (error == 0) return "";
  // Half a line would spoil the one that the host sends again.
  if (before >= 0 && done > 0 && done < text.size()) [[maybe_unused]]
    const int cut = ftruncate(fd_, before);
  const std::string name = to_stdout() ? "stdout" : path_;
  Close();
  return name + ": " + std::generic_category().message(error);
}

}  // namespace heald::log_notifier
