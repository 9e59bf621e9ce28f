#include "core/telemetry/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "core/telemetry/names.h"

namespace heald {
namespace {

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenFds() {
  std::error_code ignored;
  double count = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", ignored), end; !ignored && it != end;
       it.increment(ignored))
    ++count;
  return count > 0 ? count - 1 : 0;  // without the one that reads the folder
}

// 0 when /proc does not tell.
double StartSeconds() {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  const size_t name_end = line.rfind(')');  // the name may hold spaces
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  double start_ticks = 0;
  fields >> start_ticks;

  std::ifstream system("/proc/stat");
  double boot_seconds = 0;
  while (system >> skipped)
    if (skipped == "btime") system >> boot_seconds;
  return boot_seconds + start_ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::string Compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

}  // namespace

void AddProcessMetrics(Metrics& metrics, std::string_view version) {
  metrics
      .Get(names::kBuildInfo, {{"version", std::string(version)}, {"compiler", Compiler()}},
           Lifetime::kPermanent)
      .Record(1);
  metrics.Get(names::kProcessStart, {}, Lifetime::kPermanent).Record(StartSeconds());
  metrics.AddCollector([cpu = metrics.Get(names::kProcessCpu),
                        memory = metrics.Get(names::kProcessMemory),
                        fds = metrics.Get(names::kProcessFds)]() mutable {
    cpu.Add(CpuSeconds() - cpu.value());
    memory.Record(ResidentBytes());
    fds.Record(OpenFds());
  });
}

void RecordReload(Metrics& metrics, bool applied, int64_t now_ns) {
  metrics.Get(names::kReloadOk, {}, Lifetime::kPermanent).Record(applied ? 1 : 0);
  if (applied)
    metrics.Get(names::kReloadTime, {}, Lifetime::kPermanent)
        .Record(static_cast<double>(now_ns) / kSecond);
}

}  // namespace heald
