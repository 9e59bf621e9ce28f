#include "demo/scenario/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include "core/base/units.h"

extern char** environ;

namespace heald::demo {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::string> Merged(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!extra.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [name, value] : extra) out.push_back(std::string(name).append("=") + value);
  return out;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (std::string& text : strings) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Between fork and exec: only calls that are safe there.
[[noreturn]] void Become(char* const* words, char* const* variables, int log, pid_t parent,
                         const OwnDisk& disk) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);  // it died before the line above
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  static_cast<void>(disk.Mount());
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  close_range(3, ~0U, 0);
  execve(words[0], words, variables);
  const char* why = strerror(errno);
  [[maybe_unused]] ssize_t ignored = write(STDERR_FILENO, why, strlen(why));
  _exit(127);
}

}  // namespace

Result<Child> Child::Start(const std::vector<std::string>& command,
                           const std::map<std::string, std::string>& environment,
                           const std::string& log_file, const OwnDisk& disk) {
  if (access(command.front().c_str(), X_OK) != 0)
    return MakeError(Code::kNotFound, command.front() + ": " + std::strerror(errno));
  const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0)
    return MakeError(Code::kUnavailable, "can't write " + log_file + ": " + std::strerror(errno));
  std::vector<std::string> words = command;
  std::vector<std::string> variables = Merged(environment);
  const std::vector<char*> word_pointers = Pointers(words);
  const std::vector<char*> variable_pointers = Pointers(variables);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) Become(word_pointers.data(), variable_pointers.data(), log, parent, disk);
  const int error = errno;
  close(log);
  if (pid < 0)
    return MakeError(Code::kUnavailable,
                     "can't start " + command.front() + ": " + std::strerror(error));
  return Child(pid);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), end_(std::move(other.end_)) {}

bool Child::Running() {
  if (pid_ <= 0 || !end_.empty()) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  end_ = WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                           : "signal " + std::to_string(WTERMSIG(status)) + " (" +
                                 strsignal(WTERMSIG(status)) + ")";
  return false;
}

void Child::Signal(int signal) const {
  if (pid_ > 0 && end_.empty()) kill(pid_, signal);
}

bool Child::Stop(int64_t patience_ns) {
  if (!Running()) return true;
  Signal(SIGTERM);
  const auto deadline = Clock::now() + std::chrono::nanoseconds(patience_ns);
  bool killed = false;
  while (Running()) {
    if (!killed && Clock::now() >= deadline) {
      Signal(SIGKILL);
      killed = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return !killed;
}

}  // namespace heald::demo
