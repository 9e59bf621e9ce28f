// A real Prometheus of the test's own: Debian's, on a free port, with its data in the given folder.
// Used by the tests of the prometheus source and of the whole agent. Thread rule: one thread.
#pragma once

#include "tests/integration/web_server.h"

namespace heald::testing {

class PrometheusServer : public WebServer {
 public:
  static bool Installed();

  // scrape_configs: the list's YAML, indented by two. Every second unless it says otherwise.
  PrometheusServer(const std::filesystem::path& folder, const std::string& scrape_configs);
};

}  // namespace heald::testing
