// The agent as a process: sample-in to action-call latency, start-up, and resident memory with
// every plugin loaded; each beside a baseline from the same run. Prints one table.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

extern char** environ;

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

pid_t Spawn(std::vector<std::string> argv, const std::string& log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  std::vector<char*> raw;
  for (std::string& argument : argv) raw.push_back(argument.data());
  raw.push_back(nullptr);
  pid_t pid = 0;
  if (posix_spawn(&pid, raw[0], &actions, nullptr, raw.data(), environ) != 0) pid = -1;
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

void End(pid_t pid) {
  kill(pid, SIGTERM);
  waitpid(pid, nullptr, 0);
}

std::string Text(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// MiB, from /proc.
double ResidentMiB(pid_t pid) {
  std::istringstream in(Text("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(in, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::stod(line.substr(6)) / 1024;
  return 0;
}

// Time until the agent says that it runs; negative: it never did.
double WaitForStart(const std::string& log, Clock::time_point began) {
  while (Seconds(began) < 30) {
    if (Text(log).find("; http://") != std::string::npos) return Seconds(began);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return -1;
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(q * static_cast<double>(values.size())))];
}

// Two threads handing one byte through pipes: what any hand-over costs on this machine.
std::vector<double> HandOvers(size_t n) {
  int there[2];
  int back[2];
  if (pipe(there) != 0 || pipe(back) != 0) return {};
  std::thread other([&] {
    for (char c; read(there[0], &c, 1) == 1;)
      if (write(back[1], &c, 1) != 1) break;
  });
  std::vector<double> times;
  for (size_t i = 0; i < n; ++i) {
    char c = 'x';
    const auto began = Clock::now();
    if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1) break;
    times.push_back(Seconds(began) * 1e6);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  close(there[1]);
  other.join();
  for (const int fd : {there[0], back[0], back[1]}) close(fd);
  return times;
}

}  // namespace

int main(int argc, char** argv) {
  const size_t wanted = argc > 1 ? std::stoul(argv[1]) : 1000;
  std::string pattern = (fs::temp_directory_path() / "heald-bench-XXXXXX").string();
  const std::string dir = mkdtemp(pattern.data());
  const std::string log = dir + "/log";
  const std::string stamps = dir + "/stamps";
  const std::string heald = HEALD_BENCH_PROGRAM;

  std::ofstream(dir + "/latency.yaml")
      << "version: 1\nagent: {listen: '127.0.0.1:0', state_dir: state, log: {level: warning}, "
         "plugin_dirs: ['" HEALD_BENCH_PULSE_DIR
         "']}\nsources: {pulse: {plugin: pulse, config: {interval: 10ms}}}\n"
         "detectors: {ill: {plugin: threshold, inputs: [pulse.sick], config: {above: {critical: "
         "0.5}}}}\n"
         "policies: {cure: {inputs: [ill], when: sick > 0.5 and severity >= warning, action: "
         "stamp, mode: enforce, guard: {cooldown: 1ns}}}\n"
         "actions: {stamp: {plugin: stamp, config: {file: '" +
             stamps + "'}}}\n";
  pid_t pid = Spawn({heald, "run", dir + "/latency.yaml"}, log);
  std::vector<double> latency;
  for (const auto began = Clock::now(); Seconds(began) < 60 && latency.size() < wanted;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    std::ifstream in(stamps);
    latency.clear();
    for (double ns; in >> ns;) latency.push_back(ns / 1e3);
  }
  End(pid);
  if (latency.size() < wanted) {
    std::fprintf(stderr, "only %zu actions in 60 s; the agent said:\n%s", latency.size(),
                 Text(log).c_str());
    return 1;
  }

  std::ofstream(dir + "/all.yaml")
      << "version: 1\nagent: {listen: '127.0.0.1:0', state_dir: state2}\n"
         "sources:\n  s: {plugin: scrape, config: {targets: ['http://127.0.0.1:9/metrics']}}\n"
         "  p: {plugin: prometheus, config: {url: 'http://127.0.0.1:9'}}\n"
         "detectors:\n  z: {plugin: zscore, inputs: [s, p]}\n  t: {plugin: threshold, inputs: [s, "
         "p], config: {above: {critical: 1e9}}}\n"
         "policies:\n  a: {inputs: [z, t], action: alert}\n  b: {inputs: [z], action: run}\n  c: "
         "{inputs: [z], action: call}\n"
         "  d: {inputs: [z], action: containers}\n  e: {inputs: [z], action: services}\n"
         "actions:\n  run: {plugin: exec, config: {command: ['/bin/true']}}\n  call: {plugin: "
         "http, config: {url: 'http://127.0.0.1:9/'}}\n"
         "  containers: {plugin: docker, config: {operation: restart, container: x}}\n  services: "
         "{plugin: process, config: {services: {x: {command: ['/bin/sleep', '60'], autostart: false}}}}\n"
         "  alert: {plugin: alert}\nnotifiers:\n  l: {plugin: log, inputs: [z], config: {path: '" +
             dir + "/events'}}\n";
  std::vector<double> starts;
  double resident = 0;
  for (int i = 0; i < 5; ++i) {
    const auto began = Clock::now();
    pid = Spawn({heald, "run", dir + "/all.yaml"}, log);
    const double took = WaitForStart(log, began);
    if (took < 0) {
      std::fprintf(stderr, "it didn't start:\n%s", Text(log).c_str());
      return 1;
    }
    starts.push_back(took * 1e3);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    resident = std::max(resident, ResidentMiB(pid));
    End(pid);
  }
  // The same program that only prints its version: loading it and its libraries.
  std::vector<double> version;
  for (int i = 0; i < 5; ++i) {
    const auto began = Clock::now();
    pid = Spawn({heald, "--version"}, log);
    waitpid(pid, nullptr, 0);
    version.push_back(Seconds(began) * 1e3);
  }
  const std::vector<double> hand_over = HandOvers(500);
  pid = Spawn({"/bin/sleep", "5"}, log);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const double sleep_resident = ResidentMiB(pid);
  End(pid);

  const auto row = [](const char* what, double value, const char* unit, const char* baseline,
                      double base) {
    std::printf("| %-38s | %8.1f %-3s | %-32s | %8.2f %-3s | %6.1f× |\n", what, value, unit,
                baseline, base, unit, value / base);
  };
  std::printf("| %-38s | %12s | %-32s | %12s | %7s |\n|---|---|---|---|---|\n", "whole process",
              "value", "baseline in the same run", "value", "ratio");
  row("sample in to action call, p50", Quantile(latency, 0.5), "us",
      "byte there and back by pipe, p50", Quantile(hand_over, 0.5));
  row("sample in to action call, p99", Quantile(latency, 0.99), "us",
      "byte there and back by pipe, p99", Quantile(hand_over, 0.99));
  row("start-up with all plugins, median", Quantile(starts, 0.5), "ms", "heald --version, median",
      Quantile(version, 0.5));
  row("resident memory with all plugins", resident, "MiB", "/bin/sleep", sleep_resident);
  fs::remove_all(dir);
  return 0;
}
