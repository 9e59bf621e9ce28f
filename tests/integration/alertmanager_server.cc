#include "tests/integration/alertmanager_server.h"

#include <unistd.h>

#include <fstream>

namespace heald::testing {
namespace {

constexpr const char* kAlertmanager = "/usr/bin/prometheus-alertmanager";

}  // namespace

bool AlertmanagerServer::Installed() {
  return access(kAlertmanager, X_OK) == 0;
}

AlertmanagerServer::AlertmanagerServer(const std::filesystem::path& folder,
                                       const std::string& receiver_url)
    : WebServer(folder,
                {kAlertmanager, "--config.file=" + (folder / "alertmanager.yml").string(),
                 "--storage.path=" + (folder / "data").string(), "--cluster.listen-address="},
                "--web.listen-address") {
  std::ofstream(folder / "alertmanager.yml")
      << "route: {receiver: heald, group_by: [alertname], group_wait: 0s, group_interval: 1s, "
         "repeat_interval: 2s}\n"
         "receivers:\n"
         "  - name: heald\n"
         "    webhook_configs: [{url: '"
      << receiver_url << "', send_resolved: true}]\n";
}

}  // namespace heald::testing
