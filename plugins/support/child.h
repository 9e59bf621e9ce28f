// One child process: starting it, waiting for it, ending it with everything it started. Works the
// same for children of this agent and for those of an agent that died (adopted by pid).
// Thread rule: an object belongs to one thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace heald::support {

struct Command {
  std::vector<std::string> argv;
  std::string cwd;                         // empty: the agent's
  std::map<std::string, std::string> env;  // on top of the agent's
  std::string log_file;                    // stdout and stderr are appended here

  // Equal for equal commands; tells an adopted child of an older configuration.
  std::string Fingerprint() const;
};

// The program and its arguments, quoted where a shell would need it: for people to repeat it.
std::string ShownCommand(const std::vector<std::string>& argv);

// Why `command` can't be started, naming the file; empty when it can.
std::string CheckCommand(const Command& command);

class Child {
 public:
  Child() = default;
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  // Starts the command in a session of its own, with only the markers and `command.env` added to
  // the agent's environment. On failure the child is empty and *problem says why.
  static Child Start(const Command& command, const std::map<std::string, std::string>& markers,
                     std::string* problem);
  // Takes over a running process; empty if it isn't that process any more.
  static Child Adopt(pid_t pid, uint64_t start_ticks);

  explicit operator bool() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  uint64_t start_ticks() const { return start_ticks_; }

  // Waits until the process ended, `wake_fd` is readable or the time is over. True: it ended and
  // was reaped; exit_text() says how.
  bool WaitExit(std::chrono::milliseconds timeout, int wake_fd);
  // "exit code 3", "signal 9 (Killed)"; "ended" for an adopted one, whose code only its parent got.
  const std::string& exit_text() const { return exit_text_; }

  // SIGTERM to the group, SIGKILL after `patience`, then KillRemains. Returns when the leader is
  // reaped.
  void Stop(std::chrono::milliseconds patience, const std::string& variable,
            const std::string& value);

 private:
  void Reap();
  void Close();

  pid_t pid_ = 0;
  uint64_t start_ticks_ = 0;
  int pidfd_ = -1;
  std::string exit_text_;
};

// Ends what the leader of `group` left behind when it ended; the environment variable proves that
// the group is still ours.
void KillRemains(pid_t group, const std::string& variable, const std::string& value);

}  // namespace heald::support
