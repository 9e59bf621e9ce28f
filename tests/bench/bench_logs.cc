// How many log lines log_patterns takes in a second: through its C table, 1,000 lines to a batch,
// one core. `kinds`: different lines of one length, most of which share a place of the tree.
// `words`: whether lines differ in words without a digit, which no memory of whole lines helps
// with: the slowest that lines can be.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "heald/testing.h"
#include "plugins/detectors/log_patterns/detector.h"

namespace {

using heald::log_patterns::Config;
using heald::log_patterns::Detector;
namespace sdk = heald::sdk;

constexpr size_t kLines = 50'000;
constexpr size_t kBatch = 1000;
constexpr int64_t kSecondNs = 1'000'000'000;

// Letters only, so that nothing is masked.
std::string Word(uint64_t number) {
  std::string word;
  for (int i = 0; i < 6; ++i, number /= 26) word += static_cast<char>('a' + number % 26);
  return word;
}

std::vector<std::string> Texts(size_t kinds, bool words) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < kLines; ++i) {
    const size_t kind = i * 7 % kinds;
    const std::string varies = words ? Word(i * 7919) : std::to_string(i);
    // Words of its own in the larger part of a line, or all kinds would be one template.
    std::string text = "2026-11-22T10:" + std::to_string(i % 60) + ":07.123Z INFO ";
    for (size_t word = 1; word <= 12; ++word) text += Word(kind * 7919 * word + word) + " ";
    texts.push_back(text + "id=" + varies + " path=/items/" + std::to_string(i));
  }
  return texts;
}

void Logs(benchmark::State& state) {
  sdk::testing::FakeHost host;
  sdk::testing::FakeSink sink(host);
  Detector detector(host.host(), Config{});
  const std::vector<std::string> texts =
      Texts(static_cast<size_t>(state.range(0)), state.range(1) != 0);
  std::vector<heald_log_line> lines(kLines);
  size_t bytes = 0;
  for (size_t i = 0; i < kLines; ++i) {
    lines[i].size = sizeof lines[i];
    lines[i].stream =
        host.host().Intern("app", {{"service", "shop"}, {"pod", std::to_string(i % 20)}});
    lines[i].line = sdk::detail::Str(texts[i]);
    bytes += texts[i].size();
  }
  int64_t now_ns = host.now_ns();
  for (auto _ : state) {
    state.PauseTiming();
    now_ns += 30 * kSecondNs;
    host.Advance({now_ns - host.now_ns()});
    for (heald_log_line& line : lines) line.ts_ns = now_ns;
    state.ResumeTiming();
    for (size_t at = 0; at < kLines; at += kBatch) {
      heald_error error = sdk::detail::NewError();
      if (Detector::VTable()->logs(&detector, &lines[at], kBatch, sizeof lines[at], sink.table(),
                                   &error) != HEALD_OK) {
        std::fprintf(stderr, "%s\n", error.message);
        std::exit(1);
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kLines));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
  state.counters["templates"] = static_cast<double>(detector.templates().size());
}
BENCHMARK(Logs)->ArgNames({"kinds", "words"})->Args({50, 0})->Args({1000, 0})->Args({50, 1})->Args({1000, 1});

}  // namespace

BENCHMARK_MAIN();
