#include "tests/integration/alertmanager_server.h"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "plugins/support/http.h"

namespace heald::testing {
namespace {

constexpr const char* kBinary = "/usr/bin/prometheus-alertmanager";
constexpr int kAttempts = 3;
constexpr std::chrono::seconds kReadyWithin{20};

}  // namespace

bool AlertmanagerServer::Installed() {
  return access(kBinary, X_OK) == 0;
}

AlertmanagerServer::AlertmanagerServer(std::filesystem::path folder,
                                       const std::string& receiver_url)
    : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / "alertmanager.yml")
      << "route: {receiver: heald, group_by: [alertname], group_wait: 0s, group_interval: 1s, "
         "repeat_interval: 2s}\n"
         "receivers:\n"
         "  - name: heald\n"
         "    webhook_configs: [{url: '"
      << receiver_url << "', send_resolved: true}]\n";
}

bool AlertmanagerServer::Start() {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (port_ == 0 || attempt > 0) port_ = fakes::FreePort();
    process_ = std::make_unique<fakes::ChildProcess>(
        std::vector<std::string>{
            kBinary, "--config.file=" + (folder_ / "alertmanager.yml").string(),
            "--storage.path=" + (folder_ / "data").string(),
            "--cluster.listen-address=", "--web.listen-address=127.0.0.1:" + std::to_string(port_)},
        (folder_ / "log").string());
    const auto until = std::chrono::steady_clock::now() + kReadyWithin;
    while (process_->Running() && std::chrono::steady_clock::now() < until) {
      if (Ready() && process_->Running()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  return false;
}

bool AlertmanagerServer::Ready() {
  support::HttpConfig config;
  config.url = url();
  return support::HttpClient(config).Perform({.url = "/-/ready"}).ok();
}

}  // namespace heald::testing
