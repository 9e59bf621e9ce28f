#include "tests/integration/web_server.h"

#include <chrono>
#include <thread>
#include <utility>

#include "plugins/support/http.h"

namespace heald::testing {
namespace {

constexpr int kAttempts = 3;
constexpr std::chrono::seconds kReadyWithin{20};

}  // namespace

WebServer::WebServer(std::filesystem::path folder, std::vector<std::string> command,
                     std::string listen_flag)
    : folder_(std::move(folder)),
      command_(std::move(command)),
      listen_flag_(std::move(listen_flag)) {
  std::filesystem::create_directories(folder_);
}

bool WebServer::Start() {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (port_ == 0 || attempt > 0) port_ = fakes::FreePort();
    std::vector<std::string> command = command_;
    command.push_back(listen_flag_ + "=127.0.0.1:" + std::to_string(port_));
    process_ =
        std::make_unique<fakes::ChildProcess>(std::move(command), (folder_ / "log").string());
    const auto until = std::chrono::steady_clock::now() + kReadyWithin;
    while (process_->Running() && std::chrono::steady_clock::now() < until) {
      if (Ready() && process_->Running()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  return false;
}

bool WebServer::Ready() {
  support::HttpConfig config;
  config.url = url();
  return support::HttpClient(config).Perform({.url = "/-/ready"}).ok();
}

}  // namespace heald::testing
