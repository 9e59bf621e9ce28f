// Reading and writing a recording of a thousand series every 15 s; the argument is its hours.
#include <benchmark/benchmark.h>

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "plugins/support/recording/history_file.h"
#include "plugins/support/recording/recording_writer.h"

namespace heald::recording {
namespace {

constexpr uint32_t kSeries = 1000;
constexpr int64_t kStepNs = 15'000'000'000;

std::string PathOf(bool gzip) {
  return "/tmp/heald-bench-recording-" + std::to_string(getpid()) + (gzip ? ".jsonl.gz" : ".jsonl");
}

uint64_t Write(const std::string& path, bool gzip, int64_t hours) {
  std::string error;
  const auto writer = RecordingWriter::Create(path, gzip, {0, "bench", {}}, &error);
  if (!writer) std::abort();
  for (uint32_t i = 0; i < kSeries; ++i)
    writer->Declare({"prom", "latency_p99", {{"service", "s" + std::to_string(i)}}});
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> value(-3, 0.5);
  std::vector<RecordedSample> samples(kSeries);
  for (int64_t step = 0; step < hours * 240; ++step) {
    for (uint32_t i = 0; i < kSeries; ++i) samples[i] = {i, value(random)};
    writer->Add(1'763'800'000'000'000'000 + step * kStepNs, samples);
  }
  if (!writer->Finish(0)) std::abort();
  return writer->samples_total();
}

void Read(benchmark::State& state, bool gzip) {
  const std::string path = PathOf(gzip);
  const uint64_t written = Write(path, gzip, state.range(0));
  uint64_t samples = 0;
  for (auto _ : state) {
    std::string error;
    const auto file = HistoryFile::Open(path, &error);
    Moment moment;
    double sum = 0;
    for (samples = 0; file->Next(&moment) == Step::kNext; samples += moment.samples.size())
      for (const RecordedSample& sample : moment.samples) sum += sample.value;
    benchmark::DoNotOptimize(sum);
    if (samples != written) state.SkipWithError("not all of it was read");
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * samples));
  if (std::FILE* file = std::fopen(path.c_str(), "rb")) {
    std::fseek(file, 0, SEEK_END);
    state.counters["bytes_per_sample"] =
        static_cast<double>(std::ftell(file)) / static_cast<double>(written);
    std::fclose(file);
  }
  std::remove(path.c_str());
}

void WriteOnly(benchmark::State& state, bool gzip) {
  uint64_t samples = 0;
  for (auto _ : state) samples = Write(PathOf(gzip), gzip, state.range(0));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * samples));
  std::remove(PathOf(gzip).c_str());
}

BENCHMARK_CAPTURE(Read, plain, false)->Arg(24)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Read, gzip, true)->Arg(24)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(WriteOnly, gzip, true)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace heald::recording

BENCHMARK_MAIN();
