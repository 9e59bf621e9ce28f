// From the bytes that Prometheus pushes to columns, one core: uncompress, read the message, know
// the series by their labels, commit. 10,000 series with ten labels each in requests of 500, as
// Prometheus sends them; `wanted`: how many in a hundred were asked for.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "heald/testing.h"
#include "plugins/sources/remote_write/intake.h"
#include "tests/remote_write/messages.h"

namespace {

using namespace heald;
using remote_write::Intake;

constexpr int kSeries = 10'000;
constexpr int kAtOnce = 500;
constexpr int kRounds = 20;

std::vector<std::string> Requests(int64_t now_ms, int round, int64_t wanted) {
  std::vector<std::string> requests;
  for (int from = 0; from < kSeries; from += kAtOnce) {
    std::vector<remote_write::PushedSeries> series;
    for (int i = from; i < from + kAtOnce; ++i)
      series.push_back({{{"__name__", i % 100 < wanted ? "http_requests_total" : "other_total"},
                         {"cluster", "production-eu-west-1"},
                         {"code", "200"},
                         {"container", "server"},
                         {"endpoint", "http-metrics"},
                         {"instance", "10.0." + std::to_string(i / 250) + ".7:9100"},
                         {"job", "node"},
                         {"namespace", "shop"},
                         {"pod", "orders-7d9f8b6c5d-" + std::to_string(i)},
                         {"service", "orders"}},
                        {{now_ms + round * 1000, i + round * 3.5}}});
    requests.push_back(remote_write::Compressed(remote_write::MessageOf(series)));
  }
  return requests;
}

void Push(Intake& intake, const std::vector<std::string>& requests, const sdk::Sink& sink,
          std::string* message) {
  for (const std::string& request : requests) {
    if (!remote_write::Uncompress(request, message).empty()) std::abort();
    intake.Take(*message, sink);
  }
}

void RemoteWrite(benchmark::State& state) {
  sdk::testing::FakeHost host;
  remote_write::RemoteWriteConfig config;
  config.metrics["requests"].gauge = "http_requests_total";
  const int64_t now_ms = host.now_ns() / 1'000'000;
  const std::vector<std::string> known = Requests(now_ms, 0, state.range(0));
  std::vector<std::string> requests;
  for (int round = 1; round <= kRounds; ++round)
    for (std::string& request : Requests(now_ms, round, state.range(0)))
      requests.push_back(std::move(request));
  std::string message;
  for (auto _ : state) {
    state.PauseTiming();
    auto sink = std::make_unique<sdk::testing::FakeSink>(host);
    auto intake = std::make_unique<Intake>(host.host(), config);
    Push(*intake, known, sdk::Sink(sink->table()), &message);
    state.ResumeTiming();
    Push(*intake, requests, sdk::Sink(sink->table()), &message);
    state.PauseTiming();
    const auto expected = static_cast<size_t>(kSeries * (kRounds + 1) * state.range(0) / 100);
    if (sink->TakeRows().size() != expected) std::abort();
    intake.reset();
    sink.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kSeries * kRounds);
}
BENCHMARK(RemoteWrite)->ArgName("wanted")->Arg(100)->Arg(5)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
