// A real server of the test's own that says at /-/ready when it may be used: Debian's, on a free
// port. Base of the servers beside it. Thread rule: one thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/fakes/child_process.h"

namespace heald::testing {

class WebServer {
 public:
  // False when it doesn't get ready. Keeps its data and, where it is still free, its port.
  bool Start();
  void Stop() { process_.reset(); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 protected:
  // Writes its log into the folder. It is told where to listen by `listen_flag`=host:port.
  WebServer(std::filesystem::path folder, std::vector<std::string> command,
            std::string listen_flag);
  ~WebServer() = default;

 private:
  bool Ready();

  const std::filesystem::path folder_;
  const std::vector<std::string> command_;
  const std::string listen_flag_;
  std::unique_ptr<fakes::ChildProcess> process_;
  int port_ = 0;
};

}  // namespace heald::testing
