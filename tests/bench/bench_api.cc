// The API of an agent at work: 200 mixed requests a second, alone and beside 100 live clients of
// whom every fifth never reads, while the pipeline finds, decides and acts. Times count from when a
// request was due, so a delay is not hidden by the requests it holds up. Prints one table.
//   bench_api [seconds per phase]
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

extern char** environ;

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kConnections = 8;
constexpr int kRequestsPerSecond = 200;
constexpr int kLiveClients = 100;
constexpr const char* kPaths[] = {"/api/v1/status",   "/api/v1/incidents?limit=50",
                                  "/api/v1/pipeline", "/api/v1/anomalies?limit=50",
                                  "/api/v1/policies", "/api/v1/executions?limit=50",
                                  "/metrics",         "/healthz"};

std::string Text(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(q * static_cast<double>(values.size())))];
}

class Socket {
 public:
  explicit Socket(uint16_t port, int receive_bytes = 0)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_bytes > 0)
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    const int yes = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    open_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }
  bool open() const { return open_; }
  // The whole answer, empty when there is none.
  std::string Get(const std::string& path) {
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    open_ = open_ && send(fd_, request.data(), request.size(), MSG_NOSIGNAL) > 0;
    std::string answer;
    size_t wanted = std::string::npos;
    while (open_ && answer.size() < wanted) {
      char chunk[65536];
      const ssize_t got = recv(fd_, chunk, sizeof chunk, 0);
      open_ = got > 0;
      if (!open_) return "";
      answer.append(chunk, static_cast<size_t>(got));
      const size_t end = answer.find("\r\n\r\n");
      const size_t length = answer.find("Content-Length: ");
      if (wanted == std::string::npos && end != std::string::npos && length < end)
        wanted = end + 4 + std::strtoul(answer.c_str() + length + 16, nullptr, 10);
    }
    if (answer.find("Connection: Close") != std::string::npos) open_ = false;
    return answer;
  }

 private:
  int fd_;
  bool open_ = false;
};

class Agent {
 public:
  explicit Agent(const std::string& dir) : log_(dir + "/log") {
    std::ofstream(dir + "/api.yaml")
        << "version: 1\nagent: {listen: '127.0.0.1:0', state_dir: state, storm: {incidents: 0}, "
           "plugin_dirs: "
           "['" HEALD_BENCH_PULSE_DIR
           "']}\nsources: {pulse: {plugin: pulse, config: {interval: 50ms}}}\n"
           "detectors: {ill: {plugin: threshold, inputs: [pulse.sick], config: {above: {critical: "
           "0.5}}}}\n"
           "policies: {cure: {inputs: [ill], when: sick > 0.5 and severity >= warning, action: "
           "stamp, mode: enforce, guard: {cooldown: 1ns}}}\n"
           "actions: {stamp: {plugin: stamp, config: {file: '" +
               dir + "/stamps'}}}\n";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, log_.c_str(), O_WRONLY | O_CREAT, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    std::string argv[] = {HEALD_BENCH_PROGRAM, "run", dir + "/api.yaml"};
    char* raw[] = {argv[0].data(), argv[1].data(), argv[2].data(), nullptr};
    if (posix_spawn(&pid_, raw[0], &actions, nullptr, raw, environ) != 0) pid_ = 0;
    posix_spawn_file_actions_destroy(&actions);
    for (const auto began = Clock::now();
         port_ == 0 && Clock::now() - began < std::chrono::seconds(30);) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      const std::string said = Text(log_);
      const std::string mark = "; http://127.0.0.1:";
      if (const size_t at = said.find(mark); at != std::string::npos)
        port_ = static_cast<uint16_t>(std::atoi(said.c_str() + at + mark.size()));
    }
  }
  ~Agent() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  uint16_t port() const { return port_; }
  std::string log() const { return Text(log_); }
  double ResidentMiB() const {
    std::istringstream in(Text("/proc/" + std::to_string(pid_) + "/status"));
    for (std::string line; std::getline(in, line);)
      if (line.rfind("VmRSS:", 0) == 0) return std::stod(line.substr(6)) / 1024;
    return 0;
  }
  // A counter or gauge, with its labels as they are written.
  double Metric(const std::string& name) const {
    const std::string page = Socket(port_).Get("/metrics");
    const size_t at = page.find("\n" + name + " ");
    return at == std::string::npos ? 0 : std::strtod(page.c_str() + at + name.size() + 2, nullptr);
  }

 private:
  const std::string log_;
  pid_t pid_ = 0;
  uint16_t port_ = 0;
};

struct Phase {
  std::vector<double> ms;
  std::map<std::string, std::vector<double>> by_path;
  size_t failed = 0;
};

Phase Ask(uint16_t port, double seconds) {
  std::vector<Phase> parts(kConnections);
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (int c = 0; c < kConnections; ++c)
      threads.emplace_back([&, c] {
        auto socket = std::make_unique<Socket>(port);
        const int total = static_cast<int>(seconds * kRequestsPerSecond);
        for (int i = c; i < total; i += kConnections) {
          const auto due = start + std::chrono::microseconds(i * (1'000'000 / kRequestsPerSecond));
          std::this_thread::sleep_until(due);
          if (!socket->open()) socket = std::make_unique<Socket>(port);
          const char* const path =
              kPaths[static_cast<size_t>(i / kConnections + c) % std::size(kPaths)];
          const std::string answer = socket->Get(path);
          Phase& part = parts[static_cast<size_t>(c)];
          part.ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - due).count());
          part.by_path[path].push_back(part.ms.back());
          if (answer.compare(0, 12, "HTTP/1.1 200") != 0) ++part.failed;
        }
      });
  }
  Phase all;
  for (const Phase& part : parts) {
    all.ms.insert(all.ms.end(), part.ms.begin(), part.ms.end());
    all.failed += part.failed;
    for (const auto& [path, ms] : part.by_path)
      all.by_path[path].insert(all.by_path[path].end(), ms.begin(), ms.end());
  }
  return all;
}

// Clients of the live stream until it goes out of scope.
class Audience {
 public:
  explicit Audience(uint16_t port) {
    constexpr int kSmall = 4096;
    const std::string request = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (int i = 0; i < kLiveClients; ++i) {
      const bool deaf = i % 5 == 0;
      clients_.push_back(std::make_unique<Socket>(port, deaf ? kSmall : 0));
      send(clients_.back()->fd(), request.data(), request.size(), MSG_NOSIGNAL);
      if (!deaf) reading_.push_back({clients_.back()->fd(), POLLIN, 0});
    }
    reader_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        if (poll(reading_.data(), reading_.size(), 100) <= 0) continue;
        for (pollfd& waiting : reading_) {
          char chunk[65536];
          if ((waiting.revents & (POLLIN | POLLHUP)) == 0) continue;
          const ssize_t got = recv(waiting.fd, chunk, sizeof chunk, 0);
          if (got > 0) {
            bytes_ += static_cast<uint64_t>(got);
          } else {
            waiting.fd = -1;
            ++lost_;
          }
        }
      }
    });
  }
  double MiB() const { return static_cast<double>(bytes_) / 1024 / 1024; }
  size_t reading() const { return reading_.size(); }
  int lost() const { return lost_; }

 private:
  std::vector<std::unique_ptr<Socket>> clients_;
  std::vector<pollfd> reading_;
  std::atomic<uint64_t> bytes_{0};
  std::atomic<int> lost_{0};
  std::jthread reader_;
};

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 20;
  std::string pattern = (fs::temp_directory_path() / "heald-bench-XXXXXX").string();
  const std::string dir = mkdtemp(pattern.data());
  const Agent agent(dir);
  if (agent.port() == 0) {
    std::fprintf(stderr, "it didn't start:\n%s", agent.log().c_str());
    return 1;
  }
  Ask(agent.port(), 1);  // the first of everything
  const Phase before = Ask(agent.port(), seconds);
  const double memory_alone = agent.ResidentMiB();
  const double events_before = agent.Metric("heald_live_events_total");
  const auto began = Clock::now();
  Phase live;
  double memory_live = 0, heard_mib = 0;
  int lost = 0;
  size_t reading = 0;
  {
    const Audience audience(agent.port());
    live = Ask(agent.port(), seconds);
    memory_live = agent.ResidentMiB();
    heard_mib = audience.MiB();
    lost = audience.lost();
    reading = audience.reading();
  }
  const double took = std::chrono::duration<double>(Clock::now() - began).count();
  const double events = agent.Metric("heald_live_events_total") - events_before;
  const double dropped = agent.Metric("heald_live_clients_ended_total{reason=\"slow\"}");
  const Phase after = Ask(agent.port(), seconds);

  std::vector<double> alone = before.ms;
  alone.insert(alone.end(), after.ms.begin(), after.ms.end());
  std::printf("| %-34s | %13s | %24s | %7s |\n|---|---|---|---|\n", "200 mixed requests a second",
              "100 listening", "nobody, before and after", "ratio");
  const auto row = [](const char* what, double value, double base, const char* unit) {
    std::printf("| %-34s | %9.2f %-3s | %20.2f %-3s | %6.2f× |\n", what, value, unit, base, unit,
                value / base);
  };
  row("time to the whole answer, p50", Quantile(live.ms, 0.5), Quantile(alone, 0.5), "ms");
  row("time to the whole answer, p99", Quantile(live.ms, 0.99), Quantile(alone, 0.99), "ms");
  row("time to the whole answer, max", Quantile(live.ms, 1), Quantile(alone, 1), "ms");
  row("resident memory", memory_live, memory_alone, "MiB");
  for (const auto& [path, ms] : live.by_path)
    row((path + ", p99").c_str(), Quantile(ms, 0.99), Quantile(before.by_path.at(path), 0.99),
        "ms");
  std::printf(
      "\n%zu requests, %zu failed. %.0f events in %.0f s, %.1f MiB to %zu clients that read; %d of "
      "these lost, %.0f of %d that never read dropped.\n",
      live.ms.size() + alone.size(), live.failed + before.failed + after.failed, events, took,
      heard_mib, reading, lost, dropped, kLiveClients / 5);
  fs::remove_all(dir);
  const bool good = live.failed + before.failed + after.failed == 0 && lost == 0;
  return good ? 0 : 1;
}
