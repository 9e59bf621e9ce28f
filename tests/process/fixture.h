// What the tests of the process action share: a state folder, free ports, waiting with a deadline.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "plugins/actions/process/probe.h"
#include "plugins/actions/process/service.h"
#include "plugins/support/log_file.h"
#include "plugins/support/proc.h"

namespace heald::process::testing {

using support::BootId;
using support::FindByEnvironment;
using support::KillRemains;
using support::LogTail;
using support::ProcessStat;
using support::ReadStat;
using support::RotateLog;

inline const std::string kStub = std::string(HEALD_BINARY_DIR) + "/tests/process_stub";
inline const std::string kHolder = std::string(HEALD_BINARY_DIR) + "/tests/process_holder";

inline bool WaitFor(const std::function<bool()>& condition,
                    std::chrono::milliseconds within = std::chrono::seconds(10)) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

inline int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

inline bool Runs(pid_t pid) {
  ProcessStat stat;
  return pid > 0 && ReadStat(pid, &stat) && stat.state != 'Z';
}

class ProcessFixture : public ::testing::Test {
 protected:
  ProcessFixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "heald-proc-XXXXXX").string();
    state_dir_ = mkdtemp(pattern.data());
  }
  // Whatever a failed test left running carries its folder in the marker.
  ~ProcessFixture() override {
    for (const std::string name : {"svc", "other"})
      for (const ProcessStat& left : FindByEnvironment(kServiceVariable, state_dir_ + "/" + name))
        kill(left.pid, SIGKILL);
    std::filesystem::remove_all(state_dir_);
  }

  ServiceSpec Spec(std::vector<std::string> arguments = {}) const {
    ServiceSpec spec;
    spec.name = "svc";
    spec.command.argv = {kStub};
    spec.command.argv.insert(spec.command.argv.end(), arguments.begin(), arguments.end());
    spec.command.log_file = state_dir_ + "/svc.log";
    spec.ready.timeout = std::chrono::seconds(5);
    return spec;
  }
  // With a port of its own that it answers on.
  ServiceSpec ListeningSpec(std::vector<std::string> arguments = {}) const {
    const int port = FreePort();
    arguments.insert(arguments.end(), {"--port", std::to_string(port)});
    ServiceSpec spec = Spec(std::move(arguments));
    spec.ready.port = port;
    return spec;
  }
  std::unique_ptr<Service> Make(const ServiceSpec& spec) {
    const auto prober = std::make_shared<Prober>([] { return false; });
    return std::make_unique<Service>(
        spec, state_dir_, [prober](const Readiness& ready) { return prober->Check(ready); },
        [this](bool, const std::string& message) {
          const std::lock_guard lock(mutex_);
          log_.push_back(message);
        });
  }
  bool Logged(const std::string& part) {
    const std::lock_guard lock(mutex_);
    for (const std::string& line : log_)
      if (line.find(part) != std::string::npos) return true;
    return false;
  }
  static bool WaitReady(const Service& service) {
    return WaitFor([&] { return service.status().phase == Phase::kReady; });
  }
  size_t Copies() const { return FindByEnvironment(kServiceVariable, state_dir_ + "/svc").size(); }

  std::string state_dir_;
  std::mutex mutex_;
  std::vector<std::string> log_;
};

}  // namespace heald::process::testing
