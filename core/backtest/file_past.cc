#include "core/backtest/file_past.h"

#include <algorithm>
#include <cmath>

#include "core/model/suggest.h"

namespace heald::backtest {
namespace {

constexpr size_t kNamed = 6;

}  // namespace

Result<std::unique_ptr<FilePast>> FilePast::Open(const std::string& path, const PipelineSpec& spec,
                                                 const SpanWanted& wanted) {
  Result<std::unique_ptr<History>> file = History::Open(path);
  if (!file) return file.error();
  std::unique_ptr<FilePast> past(new FilePast(path, spec, std::move(*file)));
  if (Status status = past->FindBegin(wanted); !status) return status.error();
  return past;
}

Status FilePast::FindBegin(const SpanWanted& wanted) {
  if (Status status = Read(); !status) return status;
  if (read_ == nullptr) return MakeError(Code::kNotFound, path_ + " has no samples");
  const int64_t first_ns = read_->ts_ns;
  span_.from_ns = wanted.from_ns.value_or(first_ns + wanted.warmup_ns.value_or(0));
  span_.begin_ns = span_.from_ns - wanted.warmup_ns.value_or(SpanWanted::kWarmupNs);
  span_.to_ns = wanted.to_ns.value_or(INT64_MAX);
  int64_t last_ns = first_ns;
  while (read_ != nullptr && read_->ts_ns < span_.begin_ns) {
    last_ns = read_->ts_ns;
    if (Status status = Read(); !status) return status;
  }
  if (read_ == nullptr)
    return MakeError(Code::kNotFound, path_ + " has nothing in that time: it is from " +
                                          FormatTime(first_ns) + " to " + FormatTime(last_ns));
  if (read_->ts_ns >= span_.to_ns)
    return MakeError(Code::kNotFound,
                     path_ + " has nothing in that time: it begins at " + FormatTime(first_ns));
  span_.begin_ns = std::min(read_->ts_ns, span_.from_ns);
  return {};
}

Status FilePast::Read() {
  const Result<const Moment*> read = file_->Next();
  if (!read) return read.error();
  read_ = *read;
  return {};
}

// Moments of the same time are one. Later ones with an earlier time are of no use: the detectors
// have gone on.
Result<const PastMoment*> FilePast::Next(Replay& replay) {
  moment_.samples.clear();
  while (read_ != nullptr && (read_->ts_ns < span_.to_ns || read_->ts_ns <= last_ns_)) {
    if (!moment_.samples.empty() && read_->ts_ns > moment_.ts_ns) break;
    const bool goes_on = !moment_.samples.empty() && read_->ts_ns == moment_.ts_ns;
    if (goes_on || read_->ts_ns > last_ns_) {
      last_ns_ = moment_.ts_ns = read_->ts_ns;
      if (Status status = Take(replay); !status) return status.error();
    } else {
      out_of_order_ += read_->samples.size();
    }
    if (Status status = Read(); !status) return status.error();
  }
  return moment_.samples.empty() ? nullptr : &moment_;
}

Status FilePast::Take(Replay& replay) {
  for (const RecordedSample& sample : read_->samples) {
    if (std::isnan(sample.value)) continue;
    if (sample.series >= routes_.size()) routes_.resize(file_->series().size());
    const Route& route = routes_[sample.series];
    if (!route.known)
      if (Status status = FindRoute(sample.series, replay); !status) return status;
    if (route.series != kNoSeries)
      moment_.samples.push_back({route.series, moment_.ts_ns, sample.value});
  }
  return {};
}

Status FilePast::FindRoute(size_t index, Replay& replay) {
  const RecordedSeries& recorded = file_->series()[index];
  Route& route = routes_[index];
  route.known = true;
  const Result<SourceOutput> output = names_.Resolve(recorded.source, recorded.name);
  if (!output && output.error().code != Code::kNotFound)
    return MakeError(Code::kInvalid, path_ + ": " + output.error().message);
  if (!output) {
    if (std::find(unread_.begin(), unread_.end(), recorded.name) == unread_.end())
      unread_.push_back(recorded.name);
    return {};
  }
  ++read_count_;
  Labels labels;
  for (const auto& [name, value] : recorded.labels.items()) labels.Set(name, value);
  const Result<uint32_t> made = replay.Intern(output->source, output->output, labels);
  if (made)
    route.series = *made;
  else
    ++refused_;
  return {};
}

std::string FilePast::why_nothing() const {
  if (read_count_ != 0 || unread_.empty()) return {};
  return path_ + ": the pipeline reads none of what it has (" + JoinNames(unread_, kNamed) +
         "). It reads " + names_.Wanted() +
         ": name series so, with labels as in latency_p99{service='payments'}";
}

std::vector<std::string> FilePast::notes() const {
  std::vector<std::string> notes;
  if (!unread_.empty())
    notes.push_back("left out, as nothing reads them: " + JoinNames(unread_, kNamed));
  if (out_of_order_ != 0)
    notes.push_back(std::to_string(out_of_order_) +
                    " samples left out: they come after later ones");
  if (refused_ != 0)
    notes.push_back(std::to_string(refused_) + " series left out: more than max_series");
  if (!file_->remark().empty()) notes.push_back(file_->remark());
  return notes;
}

}  // namespace heald::backtest
