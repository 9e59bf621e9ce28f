#include "tests/integration/prometheus_server.h"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "plugins/support/http.h"

namespace heald::testing {
namespace {

constexpr const char* kBinary = "/usr/bin/prometheus";
constexpr int kAttempts = 3;
constexpr std::chrono::seconds kReadyWithin{20};

}  // namespace

bool PrometheusServer::Installed() {
  return access(kBinary, X_OK) == 0;
}

PrometheusServer::PrometheusServer(std::filesystem::path folder, const std::string& scrape_configs)
    : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / "prometheus.yml")
      << "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"
      << scrape_configs;
}

bool PrometheusServer::Start() {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (port_ == 0 || attempt > 0) port_ = fakes::FreePort();
    process_ = std::make_unique<fakes::ChildProcess>(
        std::vector<std::string>{kBinary, "--config.file=" + (folder_ / "prometheus.yml").string(),
                                 "--storage.tsdb.path=" + (folder_ / "data").string(),
                                 "--web.listen-address=127.0.0.1:" + std::to_string(port_)},
        (folder_ / "log").string());
    const auto until = std::chrono::steady_clock::now() + kReadyWithin;
    while (process_->Running() && std::chrono::steady_clock::now() < until) {
      if (Ready() && process_->Running()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  return false;
}

bool PrometheusServer::Ready() {
  support::HttpConfig config;
  config.url = url();
  return support::HttpClient(config).Perform({.url = "/-/ready"}).ok();
}

}  // namespace heald::testing
