#include "plugins/sources/replay/tape.h"

#include <algorithm>

#include "plugins/support/recording/series_name.h"

namespace heald::replay {

using recording::HistoryFile;
using recording::Moment;
using recording::RecordedSample;
using recording::RecordedSeries;
using recording::Step;

bool IsSelected(const std::vector<std::string>& sources, std::string_view source) {
  return sources.empty() || source.empty() ||
         std::find(sources.begin(), sources.end(), source) != sources.end();
}

void Tape::OpenNext() {
  std::string error;
  file_ = HistoryFile::Open(contents_.files[next_file_], &error);
  if (!file_) throw sdk::Failure(HEALD_INVALID, error);
  ++next_file_;
  numbers_.clear();
}

uint32_t Tape::SeriesOf(uint32_t in_file) {
  if (numbers_.size() <= in_file) numbers_.resize(file_->series().size(), kNotSeen);
  uint32_t& number = numbers_[in_file];
  if (number != kNotSeen) return number;
  RecordedSeries series = file_->series()[in_file];
  if (!IsSelected(contents_.sources, series.source)) return number = kUnselected;
  for (const auto& [label, value] : contents_.labels) series.labels.Set(label, value);
  const auto [at, added] =
      known_.try_emplace({series.name, series.labels}, static_cast<uint32_t>(series_.size()));
  if (added)
    series_.push_back(std::move(series));
  else if (series_[at->second].source != series.source)
    throw sdk::Failure(HEALD_INVALID, SeriesName(series) + " was recorded from source '" +
                                          series_[at->second].source + "' and from '" +
                                          series.source + "': choose one with sources");
  return number = at->second;
}

// False: the open file has no more.
bool Tape::ReadMoment() {
  switch (file_->Next(&read_)) {
    case Step::kEnd:
      if (!file_->remark().empty()) contents_.on_remark(file_->remark());
      return false;
    case Step::kFailed:
      broken_ = file_->error();
      throw sdk::Failure(HEALD_INVALID, broken_);
    case Step::kNext:
      break;
  }
  moment_.ts_ns = read_.ts_ns;
  moment_.samples.clear();
  for (const RecordedSample& sample : read_.samples)
    if (const uint32_t number = SeriesOf(sample.series); number != kUnselected)
      moment_.samples.push_back({number, sample.value});
  return true;
}

const Moment* Tape::Peek() {
  if (!broken_.empty()) throw sdk::Failure(HEALD_INVALID, broken_);
  while (!ready_) {
    if (!file_) {
      if (next_file_ == contents_.files.size()) return nullptr;
      OpenNext();
    }
    if (ReadMoment())
      ready_ = !moment_.samples.empty();
    else
      file_.reset();
  }
  return &moment_;
}

void Tape::Rewind() {
  file_.reset();
  next_file_ = 0;
  ready_ = false;
}

}  // namespace heald::replay
