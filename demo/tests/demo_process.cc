#include "demo/tests/demo_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "core/base/units.h"

extern char** environ;

namespace heald::demo {
namespace {

constexpr int kCannotStart = 127;

int64_t Now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<char*> Pointers(std::vector<std::string>* strings) {
  std::vector<char*> pointers;
  for (std::string& string : *strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// This process's environment without chaos and a place for traces, and with `extra`.
std::vector<std::string> Environment(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    if (name != "CHAOS_ENABLED" && name != "FAILURE_RATE" && name != "LATENCY_SPIKE_RATE" &&
        !name.starts_with("OTEL_") && extra.count(name) == 0)
      result.push_back(text);
  }
  for (const auto& [name, value] : extra)
    result.push_back(std::string(name).append("=").append(value));
  return result;
}

std::vector<std::string> ServiceArguments(const std::string& service,
                                          std::vector<std::string> more) {
  std::vector<std::string> arguments = {"--service", service, "--port", "0"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

DemoProcess::DemoProcess(const std::string& program, const std::vector<std::string>& arguments,
                         const std::map<std::string, std::string>& environment) {
  const std::string path = program.find('/') != std::string::npos
                               ? program
                               : std::string(HEALD_BINARY_DIR) + "/bin/" + program;
  std::vector<std::string> words = {path};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = Environment(environment);
  const std::vector<char*> argv = Pointers(&words);
  const std::vector<char*> envp = Pointers(&variables);
  const std::string failure = "cannot start " + path;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    // A test that is killed takes it along.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(kCannotStart);
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    execve(path.c_str(), argv.data(), envp.data());
    [[maybe_unused]] const ssize_t told = write(STDERR_FILENO, failure.data(), failure.size());
    _exit(kCannotStart);
  }
  close(ends[1]);
  output_fd_ = ends[0];
  if (pid_ < 0) exit_code_ = kCannotStart;
}

DemoProcess::~DemoProcess() {
  if (exit_code_ < 0) {
    Signal(SIGKILL);
    Wait(10 * kSecond);
  }
  if (output_fd_ >= 0) close(output_fd_);
}

void DemoProcess::Signal(int signal) {
  if (pid_ > 0 && exit_code_ < 0) kill(pid_, signal);
}

bool DemoProcess::Read(int64_t timeout_ns) {
  if (!open_) return false;
  pollfd wait{output_fd_, POLLIN, 0};
  if (poll(&wait, 1, static_cast<int>(std::max<int64_t>(0, timeout_ns) / kMillisecond)) <= 0)
    return true;
  char buffer[4096];
  const ssize_t count = read(output_fd_, buffer, sizeof buffer);
  if (count > 0) output_.append(buffer, static_cast<size_t>(count));
  open_ = count > 0;
  return open_;
}

int DemoProcess::Wait(int64_t timeout_ns) {
  const int64_t deadline = Now() + timeout_ns;
  while (exit_code_ < 0 && pid_ > 0) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      while (Read(0) && Now() < deadline) {
      }
      break;
    }
    if (Now() >= deadline) return -1;
    if (!Read(5 * kMillisecond)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return exit_code_;
}

bool DemoProcess::WaitForOutput(const std::string& text, int64_t timeout_ns) {
  const int64_t deadline = Now() + timeout_ns;
  while (output_.find(text) == std::string::npos)
    if (Now() >= deadline || !Read(deadline - Now())) return false;
  return true;
}

DemoService::DemoService(const std::string& service, std::vector<std::string> arguments,
                         const std::map<std::string, std::string>& environment)
    : DemoProcess("heald-demo-service", ServiceArguments(service, std::move(arguments)),
                  environment) {
  if (!WaitForOutput(" (docs at", 10 * kSecond)) return;
  const size_t start = output().find("http://");
  url_ = output().substr(start, output().find(' ', start) - start);
}

}  // namespace heald::demo
