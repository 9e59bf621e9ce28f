#include "demo/scenario/remains.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>

namespace heald::demo {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVariable = "HEALD_SERVICE_ID=";  // <state folder>/…/<service>

// The marker in a process's environment; empty when there is none or it is another user's.
std::string MarkerOf(const fs::path& process) {
  std::ifstream file(process / "environ", std::ios::binary);
  for (std::string entry; std::getline(file, entry, '\0');)
    if (entry.starts_with(kVariable)) return entry.substr(kVariable.size());
  return "";
}

// Its parent where that is heald; an orphan's parent is init or whoever stands in for it.
pid_t AgentOf(const fs::path& process) {
  std::ifstream status(process / "status");
  pid_t parent = 0;
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("PPid:")) parent = std::stoi(line.substr(5));
  std::string name;
  std::ifstream comm("/proc/" + std::to_string(parent) + "/comm");
  std::getline(comm, name);
  return name == "heald" ? parent : 0;
}

}  // namespace

std::vector<Remain> FindRemains(const std::string& state_dir) {
  std::vector<Remain> out;
  std::error_code error;
  for (fs::directory_iterator process("/proc", error), end; !error && process != end;
       process.increment(error)) {
    const std::string pid = process->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string marker = MarkerOf(process->path());
    if (marker.starts_with(state_dir + "/"))
      out.push_back(
          {std::stoi(pid), marker.substr(marker.rfind('/') + 1), AgentOf(process->path())});
  }
  return out;
}

void EndRemains(const std::string& state_dir) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::seconds(3);
  int signal = SIGTERM;
  for (auto left = FindRemains(state_dir); !left.empty(); left = FindRemains(state_dir)) {
    if (Clock::now() >= deadline) signal = SIGKILL;
    for (const Remain& remain : left) kill(remain.pid, signal);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace heald::demo
