#include "core/backtest/recorder.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace heald::backtest {
namespace {

// A sample may be late by half an interval without being missed.
constexpr int64_t kMissedHalves = 5;
constexpr uint32_t kExpired = UINT32_MAX;

}  // namespace

Recorder::Recorder(std::string path, const std::vector<Source>& sources, const SeriesTable& table)
    : path_(std::move(path)), part_(path_ + ".part"), sources_(sources), table_(table) {}

Result<std::unique_ptr<Recorder>> Recorder::Create(const std::string& path,
                                                   const std::vector<Source>& sources,
                                                   const SeriesTable& table, const std::string& by,
                                                   int64_t now_ns) {
  std::unique_ptr<Recorder> recorder(new Recorder(path, sources, table));
  recording::RecordingWriter::Head head{now_ns, by, {}};
  for (const Source& source : sources) head.outputs[source.name] = source.outputs;
  std::string error;
  recorder->writer_ =
      recording::RecordingWriter::Create(recorder->part_, path.ends_with(".gz"), head, &error);
  if (!recorder->writer_) return MakeError(Code::kUnavailable, error);
  return recorder;
}

void Recorder::Add(std::string_view source, uint32_t series, int64_t ts_ns, double value) {
  const auto at = std::find_if(sources_.begin(), sources_.end(),
                               [source](const Source& s) { return s.name == source; });
  if (at == sources_.end()) return;
  const std::lock_guard lock(mutex_);
  rows_.push_back({series, static_cast<uint32_t>(at - sources_.begin()), ts_ns, value});
}

uint32_t Recorder::NumberOf(const Row& row) {
  if (const auto at = by_handle_.find(row.handle); at != by_handle_.end()) return at->second;
  const SeriesTable::Series* const found = table_.Get(row.handle);
  if (found == nullptr) return kExpired;
  const auto [at, added] =
      by_labels_.try_emplace({row.source, found->labels}, static_cast<uint32_t>(series_.size()));
  by_handle_[row.handle] = at->second;
  if (!added) return at->second;
  recording::RecordedSeries series;
  series.source = sources_[row.source].name;
  Labels labels;
  for (const auto& [name, value] : found->labels.pairs()) {
    if (name == "__name__") {
      series.name = value;
      continue;
    }
    series.labels.Set(name, value);
    labels.Set(name, value);
  }
  series_.push_back({series.source + "." + series.name + (labels.empty() ? "" : labels.ToString()),
                     sources_[row.source].interval_ns, 0});
  ++summary_.series;
  writer_->Declare(series);
  return at->second;
}

void Recorder::Account(uint32_t number, int64_t ts_ns) {
  Series& series = series_[number];
  if (series.last_ns != 0 && series.interval_ns != 0 &&
      (ts_ns - series.last_ns) * 2 > series.interval_ns * kMissedHalves) {
    ++summary_.gaps;
    if (ts_ns - series.last_ns > summary_.longest.to_ns - summary_.longest.from_ns)
      summary_.longest = {series.name, series.last_ns, ts_ns};
  }
  series.last_ns = std::max(series.last_ns, ts_ns);
  summary_.from_ns = summary_.samples == 0 ? ts_ns : std::min(summary_.from_ns, ts_ns);
  summary_.to_ns = summary_.samples == 0 ? ts_ns : std::max(summary_.to_ns, ts_ns);
  ++summary_.samples;
}

void Recorder::WriteRows(std::vector<Row>& rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.ts_ns < b.ts_ns; });
  for (size_t i = 0; i < rows.size();) {
    const int64_t ts_ns = rows[i].ts_ns;
    samples_.clear();
    for (; i < rows.size() && rows[i].ts_ns == ts_ns; ++i) {
      const uint32_t number = NumberOf(rows[i]);
      if (number == kExpired) continue;
      samples_.push_back({number, rows[i].value});
      Account(number, ts_ns);
    }
    writer_->Add(ts_ns, samples_);
  }
}

Status Recorder::WriteUntil(int64_t until_ns) {
  std::vector<Row> ready;
  {
    const std::lock_guard lock(mutex_);
    const auto old = std::stable_partition(
        rows_.begin(), rows_.end(), [until_ns](const Row& row) { return row.ts_ns >= until_ns; });
    ready.assign(old, rows_.end());
    rows_.erase(old, rows_.end());
  }
  WriteRows(ready);
  if (writer_->Flush()) return {};
  return MakeError(Code::kUnavailable, writer_->error());
}

Status Recorder::Finish(int64_t now_ns) {
  if (Status status = WriteUntil(INT64_MAX); !status) return status;
  if (!writer_->Finish(now_ns)) return MakeError(Code::kUnavailable, writer_->error());
  if (std::rename(part_.c_str(), path_.c_str()) != 0)
    return MakeError(Code::kUnavailable,
                     "can't give " + part_ + " its name " + path_ + ": " + std::strerror(errno));
  return {};
}

void Recorder::Discard() {
  writer_.reset();
  std::remove(part_.c_str());
}

}  // namespace heald::backtest
