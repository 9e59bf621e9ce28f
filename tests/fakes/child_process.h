// A real server as a child of a test; gone when the test is, however that ends.
// Thread rule: one thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace heald::fakes {

class ChildProcess {
 public:
  // Starts argv[0] (a path) with its output in log_file.
  ChildProcess(const std::vector<std::string>& argv, const std::string& log_file);
  ~ChildProcess() { Stop(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  bool Running();
  // SIGTERM, and SIGKILL after five seconds.
  void Stop();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

// A loopback port that was free a moment ago.
int FreePort();

}  // namespace heald::fakes
