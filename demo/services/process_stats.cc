#include "demo/services/process_stats.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace heald::demo {
namespace {

struct Stat {
  double cpu_s = 0;
  double start_s = 0;  // since the epoch
  double resident_bytes = 0;
};

double BootTime() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  return 0;
}

Stat ReadStat() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  Stat stat;
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return stat;
  // Field 3 (state) follows the name; the fields are numbered as in proc(5).
  std::istringstream rest(text.substr(name_end + 1));
  std::string word;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  for (int field = 3; field <= 24 && rest >> word; ++field) {
    if (field == 14 || field == 15) stat.cpu_s += std::stod(word) / ticks;
    if (field == 22) stat.start_s = BootTime() + std::stod(word) / ticks;
    if (field == 24)
      stat.resident_bytes = std::stod(word) * static_cast<double>(sysconf(_SC_PAGESIZE));
  }
  return stat;
}

double OpenFds() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error))
    ++count;
  return count - 1;  // the directory itself
}

double MaxFds() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

prometheus::MetricFamily Family(const char* name, const char* help, prometheus::MetricType type,
                                double value) {
  prometheus::MetricFamily family{name, help, type, {}};
  prometheus::ClientMetric metric;
  metric.counter.value = value;
  metric.gauge.value = value;
  family.metric.push_back(metric);
  return family;
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessStats::Collect() const {
  using prometheus::MetricType;
  const Stat stat = ReadStat();
  return {
      Family("process_cpu_seconds_total", "CPU time of the process, user and system",
             MetricType::Counter, stat.cpu_s),
      Family("process_resident_memory_bytes", "Memory resident in RAM", MetricType::Gauge,
             stat.resident_bytes),
      Family("process_start_time_seconds", "Start of the process, in seconds since the epoch",
             MetricType::Gauge, stat.start_s),
      Family("process_open_fds", "Open file descriptors", MetricType::Gauge, OpenFds()),
      Family("process_max_fds", "Most file descriptors that may be open", MetricType::Gauge,
             MaxFds()),
  };
}

}  // namespace heald::demo
