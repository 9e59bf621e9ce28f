// A backtest of a day of a thousand series at 15 s: how long it takes beside reading the file
// alone, and how much memory. The pipeline has an adaptive detector and bounds over all series, and
// policies whose condition reads samples; now and then a series is in trouble for ten minutes.
//   bench_backtest [SERIES [HOURS]]
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/backtest/backtest_run.h"
#include "core/backtest/history.h"
#include "core/backtest/summary.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"

namespace heald::backtest {
namespace {

constexpr int64_t kBeginS = 1'795'305'600;
constexpr int64_t kStepS = 15;
constexpr int kTroubleRows = 40;

constexpr const char* kPipeline = R"(version: 1
agent: {state_dir: state}
sources:
  prom: {plugin: prometheus, config: {url: 'http://127.0.0.1:1', interval: 15s, queries: {latency: x}}}
detectors:
  unusual: {plugin: baseline, inputs: [prom.latency]}
  slow: {plugin: threshold, inputs: [prom.latency], config: {above: {critical: 0.5}}}
policies:
  cure:
    inputs: [unusual, slow]
    when: latency > 0.4 and severity >= warning
    action: restart
    mode: enforce
    guard: {for: 30s, cooldown: 10m, max_per_hour: 3}
    verify: {within: 2m}
  watch: {inputs: [unusual], action: restart, mode: shadow}
actions:
  restart: {plugin: http, config: {url: 'http://127.0.0.1:1/restart'}}
)";

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double PeakMiB() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// The same each time.
class Noise {
 public:
  double Next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 40) / (1 << 24) - 0.5;
  }

 private:
  uint64_t state_ = 1;
};

uint64_t Generate(const std::string& path, int series, int hours) {
  std::ofstream out(path);
  std::string line = "timestamp";
  for (int s = 0; s < series; ++s) line += ",latency{service='s" + std::to_string(s) + "'}";
  out << line << '\n';
  Noise noise;
  const int rows = hours * 3600 / static_cast<int>(kStepS);
  for (int row = 0; row < rows; ++row) {
    line = std::to_string(kBeginS + row * kStepS);
    const double season = 0.03 * std::sin(row * 2 * M_PI / 5760);
    for (int s = 0; s < series; ++s) {
      // Two of a thousand at a time.
      const bool trouble = row > 400 && (row / kTroubleRows * 7919 + s * 31) % 500 == 0;
      char cell[32];
      std::snprintf(cell, sizeof cell, ",%.4f",
                    0.1 + season + 0.02 * noise.Next() + (trouble ? 0.8 : 0));
      line += cell;
    }
    out << line << '\n';
  }
  return static_cast<uint64_t>(rows) * static_cast<uint64_t>(series);
}

int Measure(int series, int hours) {
  std::string folder = (std::filesystem::temp_directory_path() / "heald-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  const std::string path = folder + "/day.csv";
  const uint64_t samples = Generate(path, series, hours);
  const plugin::Loader plugins(HEALD_BENCH_PLUGIN_DIR, {}, "");
  const ProcessEnvironment environment;
  LoadResult loaded = LoadPipelineText(kPipeline, "bench.yaml", folder, plugins, environment);
  std::fputs(FormatText(loaded.diagnostics).c_str(), stderr);
  int code = 1;
  if (loaded.spec) {
    auto begin = std::chrono::steady_clock::now();
    double cpu = CpuSeconds();
    Result<std::unique_ptr<History>> file = History::Open(path);
    uint64_t read = 0;
    while (file) {
      const Result<const Moment*> moment = (*file)->Next();
      if (!moment || *moment == nullptr) break;
      read += (*moment)->samples.size();
    }
    const double read_s = SecondsSince(begin);
    const double read_cpu_s = CpuSeconds() - cpu;
    const double before_mib = PeakMiB();
    begin = std::chrono::steady_clock::now();
    cpu = CpuSeconds();
    BacktestOptions options;
    options.input = path;
    options.scratch_dir = folder;
    Result<Backtest> run = RunBacktest(*loaded.spec, plugins, options);
    if (!run) {
      std::fprintf(stderr, "%s\n", run.error().message.c_str());
    } else {
      const double run_s = SecondsSince(begin);
      const double run_cpu_s = CpuSeconds() - cpu;
      const Summary sum = Summarize(*run, {}, 5 * kMinute);
      std::printf("%llu samples of %d series, %d h, file %.0f MiB\n",
                  static_cast<unsigned long long>(samples), series, hours,
                  static_cast<double>(std::filesystem::file_size(path)) / (1 << 20));
      std::printf("reading alone   %6.2f s (cpu %.2f s)\n", read_s, read_cpu_s);
      std::printf("backtest        %6.2f s (cpu %.2f s), %.1f times reading, %.0f ns a sample\n",
                  run_s, run_cpu_s, run_cpu_s / read_cpu_s,
                  run_cpu_s * 1e9 / static_cast<double>(samples));
      std::printf("found           %zu findings, %llu incidents, %zu acts\n",
                  run->ledger->findings.size(), static_cast<unsigned long long>(sum.incidents),
                  run->ledger->acts.size());
      std::printf("memory          %.0f MiB at most, %.0f before it began\n", PeakMiB(),
                  before_mib);
      code = read == samples && run->samples == samples ? 0 : 1;
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return code;
}

}  // namespace
}  // namespace heald::backtest

int main(int argc, char** argv) {
  const int series = argc > 1 ? std::atoi(argv[1]) : 1000;
  const int hours = argc > 2 ? std::atoi(argv[2]) : 24;
  if (series < 1 || hours < 1) {
    std::fprintf(stderr, "usage: bench_backtest [SERIES [HOURS]]\n");
    return 2;
  }
  return heald::backtest::Measure(series, hours);
}
