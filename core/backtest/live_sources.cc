#include "core/backtest/live_sources.h"

namespace heald::backtest {
namespace {

RunnerOptions OptionsOf(const std::string& state_dir) {
  RunnerOptions options;
  options.state_dir = state_dir;
  options.pool_threads = 1;
  return options;
}

}  // namespace

LiveSources::LiveSources(const std::string& state_dir, const Clock& clock, SeriesTable& series,
                         InstanceFactory& factory, Recorder& recorder)
    : recorder_(recorder), runner_(OptionsOf(state_dir), clock, series, factory, *this) {}

void LiveSources::OnSamples(const NodeSpec& source, const SampleBatch& batch) {
  for (uint64_t i = 0; i < batch.rows; ++i)
    recorder_.Add(source.name, batch.series[i], batch.ts_ns[i], batch.value[i]);
}

bool LiveSources::Stop(int64_t within_ns) {
  const bool ended = runner_.StopSources(within_ns);
  return runner_.Stop(within_ns) && ended;
}

}  // namespace heald::backtest
