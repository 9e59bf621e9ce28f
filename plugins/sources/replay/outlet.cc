#include "plugins/sources/replay/outlet.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "plugins/support/intern.h"

namespace heald::replay {
namespace {

constexpr std::chrono::milliseconds kWaitForRoom{10};

}  // namespace

void Outlet::Add(const recording::Moment& moment, int64_t ts_ns) {
  for (const recording::RecordedSample& sample : moment.samples)
    rows_.push_back({sample.series, ts_ns, sample.value});
}

heald_series Outlet::HandleOf(uint32_t series) {
  if (handles_.size() <= series) handles_.resize(tape_.series().size(), HEALD_SERIES_NONE);
  if (handles_[series] != HEALD_SERIES_NONE) return handles_[series];
  const recording::RecordedSeries& recorded = tape_.series()[series];
  return handles_[series] = support::InternIfRoom(host_, recorded.name, recorded.labels, refused_);
}

bool Outlet::Flush(sdk::Sink& sink) {
  if (rows_.empty()) return true;
  try {
    sdk::BatchWriter batch = sink.Reserve(rows_.size());
    for (const Row& row : rows_)
      if (const heald_series series = HandleOf(row.series); series != HEALD_SERIES_NONE)
        batch.Add(series, row.ts_ns, row.value);
    if (!batch.Commit()) handles_.clear();
  } catch (const sdk::Failure& failed) {
    if (failed.code() != HEALD_FULL) throw;
    return false;
  }
  rows_.clear();
  return true;
}

void Outlet::FlushAll(sdk::Sink& sink) {
  while (!Flush(sink)) {
    if (host_.Cancelled()) throw sdk::Failure(HEALD_CANCELLED, "stopped while reading history");
    std::this_thread::sleep_for(kWaitForRoom);
  }
}

}  // namespace heald::replay
