// A real Alertmanager of the test's own: Debian's, on a free port, with its data in the given
// folder. Used by the tests of the alertmanager source. Thread rule: one thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "tests/fakes/child_process.h"

namespace heald::testing {

class AlertmanagerServer {
 public:
  static bool Installed();

  // Posts to that receiver: at once, changes after a second, and again every two.
  AlertmanagerServer(std::filesystem::path folder, const std::string& receiver_url);

  // False when it doesn't get ready. Keeps its data and, where it is still free, its port.
  bool Start();
  void Stop() { process_.reset(); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  bool Ready();

  std::filesystem::path folder_;
  std::unique_ptr<fakes::ChildProcess> process_;
  int port_ = 0;
};

}  // namespace heald::testing
