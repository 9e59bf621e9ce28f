// A real Alertmanager of the test's own: Debian's, on a free port, with its data in the given
// folder. Used by the tests of the alertmanager source. Thread rule: one thread.
#pragma once

#include "tests/integration/web_server.h"

namespace heald::testing {

class AlertmanagerServer : public WebServer {
 public:
  static bool Installed();

  // Posts to that receiver: at once, changes after a second, and again every two.
  AlertmanagerServer(const std::filesystem::path& folder, const std::string& receiver_url);
};

}  // namespace heald::testing
