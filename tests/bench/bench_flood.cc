// The agent as a process in a flood: 10,000 targets get sick in one scrape under 1,000 policies.
// How soon it acts, how long a page takes meanwhile, its memory, how fast it ends. One table.
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "plugins/support/http.h"
#include "tests/fakes/child_process.h"
#include "tests/fakes/http_server.h"

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

// Targets to watch, and what is called to repair them.
class Farm {
 public:
  explicit Farm(size_t targets)
      : server_([this, targets](const heald::fakes::FakeRequest& request) {
          const std::lock_guard lock(mutex_);
          if (request.path == "/act") {
            acts_.push_back(Clock::now());
            return heald::fakes::FakeReply{.body = "done"};
          }
          std::string page = "# TYPE lat gauge\n";
          for (size_t i = 0; i < targets; ++i)
            page += "lat{service=\"t" + std::to_string(i) + "\"} " + value_ + "\n";
          if (value_ == "3" && served_sick_ == Clock::time_point()) served_sick_ = Clock::now();
          return heald::fakes::FakeReply{.body = page};
        }) {}
  std::string url() const { return server_.url(); }
  void GetSick() {
    const std::lock_guard lock(mutex_);
    value_ = "3";
  }
  // Since the scrape that brought it; the calls so far.
  std::pair<Clock::time_point, std::vector<Clock::time_point>> Seen() const {
    const std::lock_guard lock(mutex_);
    return {served_sick_, acts_};
  }

 private:
  mutable std::mutex mutex_;
  std::string value_ = "0.1";
  Clock::time_point served_sick_;
  std::vector<Clock::time_point> acts_;
  heald::fakes::HttpServer server_;
};

std::string Pipeline(const std::string& farm, int port, size_t policies) {
  std::string text = "version: 1\nagent: {listen: '127.0.0.1:" + std::to_string(port) +
                     "', state_dir: state, group_by: [service], storm: {incidents: 0}, log: "
                     "{level: error}}\nsources:\n  s: {plugin: scrape, config: {targets: ['" +
                     farm +
                     "/metrics'], interval: 5s, metrics: {lat: {gauge: lat, by: [service]}}}}\n"
                     "detectors:\n  slow: {plugin: threshold, inputs: [s.lat], config: {above: "
                     "{warning: 1, critical: 5}}}\nactions:\n  restart: {plugin: http, config: "
                     "{url: '" +
                     farm + "/act?t=${target.service}'}}\npolicies:\n";
  for (size_t i = 0; i < policies; ++i) {
    const std::string n = std::to_string(i);
    text += "  p" + n + ": {inputs: [slow], when: 'lat > 1 and service == \"t" + n +
            "\"', action: restart, mode: enforce, guard: {cooldown: 1h}, verify: {within: 10m}}\n";
  }
  return text;
}

double ResidentMiB(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::stod(line.substr(6)) / 1024;
  return 0;
}

// Seconds that GET /status takes, and the incidents that it tells; negative: no answer.
std::pair<double, size_t> AskStatus(const std::string& url) {
  heald::support::HttpClient client{heald::support::HttpConfig{}};
  heald::support::HttpRequest request;
  request.url = url + "/api/v1/status";
  const auto began = Clock::now();
  const heald::support::HttpResult result = client.Perform(request);
  const double took = Seconds(began);
  const auto page = nlohmann::json::parse(result.response.body, nullptr, false);
  if (!page.is_object() || !page.contains("open_incidents")) return {-1, 0};
  return {took, page["open_incidents"].get<size_t>()};
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(q * static_cast<double>(values.size())))];
}

}  // namespace

int main(int argc, char** argv) {
  const size_t targets = argc > 1 ? std::stoul(argv[1]) : 10'000;
  const size_t policies = argc > 2 ? std::stoul(argv[2]) : 1'000;
  std::string pattern = (fs::temp_directory_path() / "heald-flood-XXXXXX").string();
  const std::string dir = mkdtemp(pattern.data());
  Farm farm(targets);
  const int port = heald::fakes::FreePort();
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  std::ofstream(dir + "/flood.yaml") << Pipeline(farm.url(), port, policies);
  heald::fakes::ChildProcess agent({HEALD_BENCH_PROGRAM, "run", dir + "/flood.yaml"}, dir + "/log");

  std::vector<double> idle;
  for (const auto began = Clock::now(); Seconds(began) < 30 && idle.size() < 50;) {
    if (const double took = AskStatus(url).first; took >= 0) idle.push_back(took);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  farm.GetSick();
  std::vector<double> busy;
  double resident = 0;
  double opened = 0;
  for (const auto began = Clock::now(); Seconds(began) < 120;) {
    const auto [took, open] = AskStatus(url);
    const auto [served, acts] = farm.Seen();
    resident = std::max(resident, ResidentMiB(agent.pid()));
    if (served != Clock::time_point()) busy.push_back(took < 0 ? 1e9 : took);
    if (open >= targets && opened == 0) opened = Seconds(served);
    if (opened != 0 && acts.size() >= std::min(targets, policies)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const auto [served, acts] = farm.Seen();
  if (idle.empty() || opened == 0 || acts.size() < std::min(targets, policies)) {
    std::fprintf(stderr, "%zu of %zu done in 2 minutes; see %s/log\n", acts.size(), policies,
                 dir.c_str());
    return 1;
  }
  const auto since = [served = served](Clock::time_point at) {
    return std::chrono::duration<double>(at - served).count();
  };
  const auto stopping = Clock::now();
  agent.Stop();
  const double stop = Seconds(stopping);

  std::printf("| %zu targets sick in one scrape, %zu policies | value |\n|---|---|\n", targets,
              policies);
  const auto row = [](const char* what, double value, const char* unit) {
    std::printf("| %-45s | %9.3f %s |\n", what, value, unit);
  };
  row("scrape to first action call", since(acts.front()), "s");
  row("scrape to last action call", since(*std::max_element(acts.begin(), acts.end())), "s");
  row("scrape to the last incident", opened, "s");
  row("GET /status before, p50", Quantile(idle, 0.5) * 1e3, "ms");
  row("GET /status meanwhile, p50", Quantile(busy, 0.5) * 1e3, "ms");
  row("GET /status meanwhile, p99", Quantile(busy, 0.99) * 1e3, "ms");
  row("GET /status meanwhile, longest", Quantile(busy, 1) * 1e3, "ms");
  row("... to before, p50 to p50", Quantile(busy, 0.5) / Quantile(idle, 0.5), "x");
  row("resident memory", resident, "MiB");
  row("SIGTERM to the end", stop, "s");
  fs::remove_all(dir);
  return 0;
}
