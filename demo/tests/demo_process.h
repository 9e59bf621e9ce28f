// A program of the demo as a child process: output captured, killed when the test ends. Used by the
// process tests.
// Thread rule: one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace heald::demo {

// For a call to a service, or its end.
inline constexpr int64_t kTimeout_ns = 5'000'000'000;

class DemoProcess {
 public:
  // `program` is looked for among the programs built, unless it is a path.
  DemoProcess(const std::string& program, const std::vector<std::string>& arguments,
              const std::map<std::string, std::string>& environment = {});
  ~DemoProcess();
  DemoProcess(const DemoProcess&) = delete;
  DemoProcess& operator=(const DemoProcess&) = delete;

  void Signal(int signal);
  // The exit code, 128 + n when signal n ended it, -1 when it still runs after the time-out.
  int Wait(int64_t timeout_ns);
  // True when `text` appears in the output (stdout and stderr) in time.
  bool WaitForOutput(const std::string& text, int64_t timeout_ns);
  const std::string& output() const { return output_; }
  pid_t pid() const { return pid_; }

 private:
  // Reads what is there, for at most `timeout_ns`; false at the end of the output.
  bool Read(int64_t timeout_ns);

  pid_t pid_ = -1;
  int output_fd_ = -1;
  bool open_ = true;
  int exit_code_ = -1;
  std::string output_;
};

// heald-demo-service on a free port, ready.
class DemoService : public DemoProcess {
 public:
  explicit DemoService(const std::string& service, std::vector<std::string> arguments = {},
                       const std::map<std::string, std::string>& environment = {});
  const std::string& url() const { return url_; }  // empty when it did not start

 private:
  std::string url_;
};

}  // namespace heald::demo
