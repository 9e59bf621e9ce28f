#include "plugins/support/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "plugins/support/proc.h"

extern "C" char** environ;  // NOLINT: posix_spawn wants it

namespace heald::support {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// glibc got wrappers for these only in 2.36 and 2.37; the agent runs on older ones too.
int PidfdOpen(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

constexpr auto kPidfd = static_cast<idtype_t>(3);  // P_PIDFD

std::string ErrnoText(int error) {
  std::array<char, 128> buffer{};
  return strerror_r(error, buffer.data(), buffer.size());
}

std::string SearchPath(const Command& command) {
  if (const auto at = command.env.find("PATH"); at != command.env.end()) return at->second;
  const char* path = getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nothing here sets it
  return path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
}

// The file that argv[0] names; empty when there is none in PATH.
std::string Resolve(const Command& command) {
  const std::string& name = command.argv.front();
  if (name.find('/') != std::string::npos) {
    if (name.front() == '/' || command.cwd.empty()) return name;
    return command.cwd + "/" + name;
  }
  const std::string path = SearchPath(command);
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find(':', begin), path.size());
    std::string file = path.substr(begin, end - begin) + "/" + name;
    if (access(file.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(file)) return file;
    begin = end + 1;
  }
  return "";
}

std::vector<std::string> MergedEnvironment(const Command& command,
                                           const std::map<std::string, std::string>& markers) {
  std::map<std::string, std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      merged.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  for (const auto& [name, value] : command.env) merged[name] = value;
  for (const auto& [name, value] : markers) merged[name] = value;
  std::vector<std::string> lines;
  lines.reserve(merged.size());
  for (const auto& [name, value] : merged) lines.emplace_back(name).append("=").append(value);
  return lines;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// File actions and attributes of one posix_spawn, freed in any case.
struct SpawnSetup {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

}  // namespace

std::string Command::Fingerprint() const {
  // FNV-1a over everything that makes another process; the separator keeps ["ab"] from ["a","b"].
  uint64_t hash = 14695981039346656037ULL;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    hash = (hash ^ 0xffU) * 1099511628211ULL;
  };
  for (const std::string& argument : argv) add(argument);
  add(cwd);
  for (const auto& [name, value] : env) {
    add(name);
    add(value);
  }
  return std::to_string(hash);
}

std::string ShownCommand(const std::vector<std::string>& argv) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-";
  std::string text;
  for (const std::string& argument : argv) {
    if (!text.empty()) text += ' ';
    if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) {
      text += argument;
      continue;
    }
    text += '\'';
    for (const char c : argument) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    text += '\'';
  }
  return text;
}

std::string CheckCommand(const Command& command) {
  if (command.argv.empty() || command.argv.front().empty()) return "command is empty";
  if (!command.cwd.empty() && !std::filesystem::is_directory(command.cwd))
    return "cwd '" + command.cwd + "' is not a folder";
  const std::string file = Resolve(command);
  if (file.empty())
    return "'" + command.argv.front() + "' is not in PATH (" + SearchPath(command) + ")";
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return "'" + file + "': " + ErrnoText(errno);
  if (!S_ISREG(info.st_mode)) return "'" + file + "' is not a file";
  if (access(file.c_str(), X_OK) != 0) return "'" + file + "' is not executable (chmod +x it)";
  return "";
}

Child::Child(Child&& other) noexcept {
  *this = std::move(other);
}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  Close();
  pid_ = std::exchange(other.pid_, 0);
  start_ticks_ = other.start_ticks_;
  pidfd_ = std::exchange(other.pidfd_, -1);
  exit_text_ = std::move(other.exit_text_);
  return *this;
}

Child::~Child() {
  Close();
}

void Child::Close() {
  if (pidfd_ >= 0) close(pidfd_);
  pidfd_ = -1;
  pid_ = 0;
}

Child Child::Start(const Command& command, const std::map<std::string, std::string>& markers,
                   std::string* problem) {
  Child child;
  *problem = CheckCommand(command);
  if (!problem->empty()) return child;
  const std::string file = Resolve(command);
  // Opened here and not by the child, so that the message can name the file.
  const int log = open(command.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) {
    *problem = "log_file '" + command.log_file + "': " + ErrnoText(errno);
    return child;
  }
  SpawnSetup setup;
  posix_spawn_file_actions_addopen(&setup.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&setup.actions, log, 1);
  posix_spawn_file_actions_adddup2(&setup.actions, log, 2);
  posix_spawn_file_actions_addclosefrom_np(&setup.actions, 3);
  if (!command.cwd.empty())
    posix_spawn_file_actions_addchdir_np(&setup.actions, command.cwd.c_str());
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&setup.attributes, &none);
  posix_spawnattr_setsigdefault(&setup.attributes, &all);
  posix_spawnattr_setflags(
      &setup.attributes,
      static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> environment = MergedEnvironment(command, markers);
  const std::string absolute = std::filesystem::absolute(file).string();
  pid_t pid = 0;
  const int error = posix_spawn(&pid, absolute.c_str(), &setup.actions, &setup.attributes,
                                Pointers(arguments).data(), Pointers(environment).data());
  close(log);
  if (error != 0) {
    *problem = "cannot start '" + file + "': " + ErrnoText(error) +
               (error == ENOEXEC ? " (a script needs a #! line)" : "");
    return child;
  }
  ProcessStat stat;
  ReadStat(pid, &stat);  // can't fail: nobody but us reaps it
  child.pid_ = pid;
  child.start_ticks_ = stat.start_ticks;
  child.pidfd_ = PidfdOpen(pid);
  return child;
}

Child Child::Adopt(pid_t pid, uint64_t start_ticks) {
  Child child;
  const int pidfd = PidfdOpen(pid);
  // Checked after opening: from here on the pidfd names this process, whatever becomes of the pid.
  if (pidfd < 0 || !IsAlive(pid, start_ticks)) {
    if (pidfd >= 0) close(pidfd);
    return child;
  }
  child.pid_ = pid;
  child.start_ticks_ = start_ticks;
  child.pidfd_ = pidfd;
  return child;
}

bool Child::WaitExit(milliseconds timeout, int wake_fd) {
  std::array<pollfd, 2> fds{pollfd{pidfd_, POLLIN, 0}, pollfd{wake_fd, POLLIN, 0}};
  poll(fds.data(), fds.size(), static_cast<int>(timeout.count()));
  if ((fds[0].revents & POLLIN) == 0) return false;
  Reap();
  return true;
}

void Child::Reap() {
  siginfo_t info{};
  exit_text_ = "ended";
  if (waitid(kPidfd, static_cast<id_t>(pidfd_), &info, WEXITED) == 0) {
    if (info.si_code == CLD_EXITED)
      exit_text_ = "exit code " + std::to_string(info.si_status);
    else
      exit_text_ =
          "signal " + std::to_string(info.si_status) + " (" + sigdescr_np(info.si_status) + ")";
  }
  Close();
}

void Child::Stop(milliseconds patience, const std::string& variable, const std::string& value) {
  if (pid_ <= 0) return;
  const pid_t group = pid_;
  const auto until = steady_clock::now() + patience;
  bool ended = WaitExit(milliseconds(0), -1);
  if (!ended) kill(-group, SIGTERM);
  while (!ended && steady_clock::now() < until) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
    ended = WaitExit(left + milliseconds(1), -1);
  }
  while (!ended) {
    kill(-group, SIGKILL);
    ended = WaitExit(milliseconds(1000), -1);
  }
  KillRemains(group, variable, value);
}

void KillRemains(pid_t group, const std::string& variable, const std::string& value) {
  for (const ProcessStat& left : FindByEnvironment(variable, value))
    if (left.group == group) kill(left.pid, SIGKILL);
}

}  // namespace heald::support
