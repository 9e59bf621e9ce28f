// How fast the detectors are: the built plugins behind their C tables, 1,024 series interleaved as
// a scrape gives them, 10,240 rows to a batch, one core. Beside them in the same run what the
// numbers are to be held against: a plain copy of the same columns, and a z-score that computes its
// window anew for each sample. Ratios are printed at the end.
#include <benchmark/benchmark.h>
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "heald/testing.h"
#include "tests/sdk/allocation_counter.h"

namespace {

using heald::sdk::testing::FakeHost;
using heald::sdk::testing::FakeSink;

constexpr uint32_t kSeries = 1024;  // whole chunks of the tables: no empty rows are counted
constexpr uint32_t kRounds = 10;
constexpr uint32_t kRows = kSeries * kRounds;
constexpr int64_t kSecondNs = 1'000'000'000;

struct Columns {
  Columns() : series(kRows), ts_ns(kRows), value(kRows) {
    for (uint32_t i = 0; i < kRows; ++i) {
      series[i] = i % kSeries;
      ts_ns[i] = (1 + i / kSeries) * kSecondNs;
      // Ten levels in turn, within two deviations: the steady state, in which nothing is reported.
      value[i] = 0.05 + 0.001 * ((i / kSeries * 7 + i) % 10);
    }
  }
  void NextRounds() {
    for (int64_t& ts : ts_ns) ts += kRounds * kSecondNs;
  }
  heald_samples view() const {
    return {sizeof(heald_samples), 0, series.data(), ts_ns.data(), value.data(), kRows, nullptr};
  }

  std::vector<heald_series> series;
  std::vector<int64_t> ts_ns;
  std::vector<double> value;
};

const heald_component& Load(const std::string& name) {
  const std::string path = std::string(HEALD_BENCH_PLUGIN_DIR) + "/heald_detector_" + name + ".so";
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const void* const symbol = library == nullptr ? nullptr : dlsym(library, HEALD_PLUGIN_SYMBOL);
  if (symbol == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(1);
  }
  return *static_cast<const heald_plugin*>(symbol)->components[0];
}

void Must(int32_t code, const heald_error& error) {
  if (code == HEALD_OK) return;
  std::fprintf(stderr, "%s\n", error.message);
  std::exit(1);
}

// per_entity: how many series have the same `instance`; 0: none has that label.
void Detect(benchmark::State& state, const std::string& name, const heald_value& config,
            uint32_t per_entity = 0) {
  FakeHost host;
  FakeSink sink(host);
  for (uint32_t i = 0; per_entity != 0 && i < kSeries; ++i)
    host.host().Intern("metric_" + std::to_string(i % per_entity),
                       {{"instance", "host-" + std::to_string(i / per_entity)}});
  heald_error error = heald::sdk::detail::NewError();
  const heald_component& component = Load(name);
  const auto& table = *static_cast<const heald_detector_vtable*>(component.vtable);
  Columns columns;
  const heald_samples samples = columns.view();

  const int64_t before = heald::testing::LiveBytes();
  void* self = nullptr;
  Must(component.create(host.table(), &config, &self, &error), error);
  Must(table.samples(self, &samples, sink.table(), &error), error);
  const int64_t bytes = heald::testing::LiveBytes() - before;
  const uint64_t allocations = heald::testing::Allocations();
  for (auto _ : state) {
    state.PauseTiming();
    columns.NextRounds();
    state.ResumeTiming();
    Must(table.samples(self, &samples, sink.table(), &error), error);
  }
  state.counters["allocations"] = static_cast<double>(heald::testing::Allocations() - allocations);
  state.counters["bytes_per_series"] = static_cast<double>(bytes) / kSeries;
  state.SetItemsProcessed(state.iterations() * kRows);
  if (!sink.findings().empty()) state.SkipWithError("reported findings: not the steady state");
  component.destroy(self);
}

heald_member Member(std::string_view key, heald_value value) {
  return {heald::sdk::detail::Str(key), value};
}

void Zscore(benchmark::State& state) {
  heald_value window{};
  window.kind = HEALD_VALUE_INT;
  window.as.integer = state.range(0);
  heald_value robust{};
  robust.kind = HEALD_VALUE_BOOL;
  robust.as.integer = state.range(1);
  const heald_member members[] = {Member("window", window), Member("robust", robust)};
  heald_value config{};
  config.kind = HEALD_VALUE_MAP;
  config.as.map = members;
  config.count = 2;
  Detect(state, "zscore", config);
}
BENCHMARK(Zscore)->ArgNames({"window", "robust"})->Args({20, 0})->Args({200, 0})->Args({20, 1});

void Threshold(benchmark::State& state) {
  heald_value half{};
  half.kind = HEALD_VALUE_DOUBLE;
  half.as.number = 0.5;
  const heald_member warning = Member("warning", half);
  heald_value bounds{};
  bounds.kind = HEALD_VALUE_MAP;
  bounds.as.map = &warning;
  bounds.count = 1;
  const heald_member above = Member("above", bounds);
  heald_value config = bounds;
  config.as.map = &above;
  Detect(state, "threshold", config);
}
BENCHMARK(Threshold);

// far: no line leads to the threshold; near: one has to be judged at every step.
void Trend(benchmark::State& state) {
  heald_value threshold{};
  threshold.kind = HEALD_VALUE_DOUBLE;
  threshold.as.number = state.range(0) != 0 ? 0.062 : 0.5;
  const heald_member above = Member("above", threshold);
  heald_value config{};
  config.kind = HEALD_VALUE_MAP;
  config.as.map = &above;
  config.count = 1;
  Detect(state, "trend", config);
}
BENCHMARK(Trend)->ArgName("near")->Arg(0)->Arg(1);

// Without a config; 38 series to an instance, and each by itself.
void Baseline(benchmark::State& state) {
  heald_value config{};
  config.kind = HEALD_VALUE_MAP;
  Detect(state, "baseline", config, static_cast<uint32_t>(state.range(0)));
}
BENCHMARK(Baseline)->ArgName("per_entity")->Arg(38)->Arg(0);

void CopyColumns(benchmark::State& state) {
  const Columns from;
  Columns to;
  for (auto _ : state) {
    std::copy(from.series.begin(), from.series.end(), to.series.begin());
    std::copy(from.ts_ns.begin(), from.ts_ns.end(), to.ts_ns.begin());
    std::copy(from.value.begin(), from.value.end(), to.value.begin());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK(CopyColumns);

void NaiveZscore(benchmark::State& state) {
  const auto window = static_cast<uint32_t>(state.range(0));
  const Columns columns;
  struct Ring {
    std::vector<double> value;
    uint32_t next = 0;
  };
  std::vector<Ring> rings(kSeries, Ring{std::vector<double>(window), 0});
  uint64_t anomalies = 0;
  for (auto _ : state) {
    for (uint32_t i = 0; i < kRows; ++i) {
      Ring& ring = rings[columns.series[i]];
      double mean = 0;
      for (const double v : ring.value) mean += v;
      mean /= window;
      double squares = 0;
      for (const double v : ring.value) squares += (v - mean) * (v - mean);
      const double deviation = std::sqrt(squares / (window - 1));
      if (std::fabs(columns.value[i] - mean) > 3 * deviation) ++anomalies;
      ring.value[ring.next] = columns.value[i];
      if (++ring.next == window) ring.next = 0;
    }
    benchmark::DoNotOptimize(anomalies);
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK(NaiveZscore)->ArgName("window")->Arg(20)->Arg(200);

class Ratios : public benchmark::ConsoleReporter {
 public:
  Ratios() : ConsoleReporter(OO_Tabular) {}
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs)
      if (const auto at = run.counters.find("items_per_second"); at != run.counters.end())
        rates_[run.benchmark_name()] = at->second;
  }
  void Finalize() override {
    constexpr const char* kBaselines[] = {"NaiveZscore/window:20", "NaiveZscore/window:200",
                                          "CopyColumns"};
    for (const auto& [name, rate] : rates_) {
      if (std::count(std::begin(kBaselines), std::end(kBaselines), name) != 0) continue;
      for (const char* baseline : kBaselines)
        if (const auto at = rates_.find(baseline); at != rates_.end())
          std::printf("%-26s %7.3f times the speed of %s\n", name.c_str(), rate / at->second,
                      baseline);
    }
  }

 private:
  std::map<std::string, double> rates_;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  Ratios ratios;
  benchmark::RunSpecifiedBenchmarks(&ratios);
  return 0;
}
