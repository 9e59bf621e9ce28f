#include "core/backtest/source_past.h"

#include <algorithm>
#include <mutex>

#include "core/backtest/past_names.h"

namespace heald::backtest {
namespace {

constexpr int64_t kSliceNs = kHour;
constexpr size_t kSliceRows = 1u << 20;  // more make the next slices shorter
constexpr int64_t kDefaultIntervalNs = 15 * kSecond;

bool IsRead(const PipelineSpec& spec, const PastNames& names, const NodeSpec& source) {
  const auto reads_some = [&](const NodeSpec& node) {
    return node.kind == Kind::kDetector && node.enabled &&
           std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](const InputRef& input) { return input.node == source.name; });
  };
  return std::any_of(spec.nodes.begin(), spec.nodes.end(), reads_some) ||
         std::any_of(source.outputs.begin(), source.outputs.end(),
                     [&](const std::string& output) { return names.Reads(source.name, output); });
}

}  // namespace

// A source, and what it said of the slice.
class SourcePast::Node final : public NodeContext, public Emitter {
 public:
  Node(uint32_t index, const NodeSpec& spec) : index_(index), spec_(spec) {}

  // NodeContext
  uint32_t index() const override { return index_; }
  const NodeSpec& spec() const override { return spec_; }
  bool cancelled() const override { return false; }

  // Emitter
  Result<SampleBatch*> Reserve(uint64_t rows) override {
    return new SampleBatch(index_, rows, true);
  }
  Status Commit(SampleBatch* raw, uint64_t rows) override {
    const BatchRef batch(raw);
    const std::lock_guard lock(mutex_);
    for (uint64_t i = 0; i < rows; ++i)
      rows_.push_back({batch->series[i], batch->ts_ns[i], batch->value[i]});
    return {};
  }
  Status Logs(std::vector<LogLine>) override { return {}; }
  Status Findings(std::vector<Finding>) override {
    return MakeError(Code::kUnsupported, "a source emits no findings");
  }

  Status Start(InstanceFactory& factory, const char* otherwise) {
    Result<std::unique_ptr<SourceInstance>> made = factory.MakeSource(*this);
    if (!made) return Named(made.error());
    instance_ = std::move(*made);
    if (!instance_->can_backfill())
      return MakeError(Code::kUnsupported, "source " + spec_.name + " (plugin " + spec_.plugin +
                                               ") can't look back: " + otherwise);
    if (const Status status = instance_->Start(*this); !status) return Named(status.error());
    started_ = true;
    return {};
  }
  int64_t IntervalNs() {
    return instance_->polled() ? std::max(instance_->IntervalNs(), kMillisecond)
                               : kDefaultIntervalNs;
  }
  Status Read(int64_t from_ns, int64_t to_ns, std::vector<ReplaySample>* rows) {
    const Status status = instance_->Backfill(from_ns, to_ns);
    if (!status) return Named(status.error());
    const std::lock_guard lock(mutex_);
    for (const ReplaySample& row : rows_)
      if (row.ts_ns >= from_ns && row.ts_ns < to_ns) rows->push_back(row);
    rows_.clear();
    return {};
  }
  ~Node() override {
    if (started_) instance_->Stop();
  }

 private:
  Error Named(const Error& error) const {
    Error named = error;
    named.message = "source " + spec_.name + ": " + error.message;
    return named;
  }

  const uint32_t index_;
  const NodeSpec& spec_;
  std::unique_ptr<SourceInstance> instance_;
  bool started_ = false;
  std::mutex mutex_;
  std::vector<ReplaySample> rows_;  // guarded by mutex_
};

SourcePast::SourcePast(const Span& span)
    : span_(span), slice_ns_(kSliceNs), next_slice_ns_(span.begin_ns) {}

SourcePast::~SourcePast() = default;

Status SourcePast::Start(const PipelineSpec& spec, InstanceFactory& factory,
                         const std::function<bool(const NodeSpec&)>& wanted,
                         const char* otherwise) {
  for (size_t i = 0; i < spec.nodes.size(); ++i) {
    const NodeSpec& node = spec.nodes[i];
    if (node.kind != Kind::kSource || !node.enabled || !wanted(node)) continue;
    auto& made = nodes_.emplace_back(std::make_unique<Node>(static_cast<uint32_t>(i), node));
    if (Status status = made->Start(factory, otherwise); !status) return status;
    interval_ns_ = std::max(interval_ns_, made->IntervalNs());
  }
  // Whole intervals, so that every slice goes on with the grid of the one before.
  slice_ns_ = std::max(kSliceNs / interval_ns_, int64_t{1}) * interval_ns_;
  return {};
}

Result<std::unique_ptr<SourcePast>> SourcePast::Open(const PipelineSpec& spec,
                                                     InstanceFactory& factory, const Span& span) {
  std::unique_ptr<SourcePast> past(new SourcePast(span));
  const PastNames names(spec);
  if (Status status = past->Start(
          spec, factory, [&](const NodeSpec& node) { return IsRead(spec, names, node); },
          "give a recording or a CSV file with --input");
      !status)
    return status.error();
  if (past->nodes_.empty())
    return MakeError(Code::kUnsupported, "no detector of the pipeline reads a source");
  return past;
}

Result<std::unique_ptr<SourcePast>> SourcePast::OpenAll(const PipelineSpec& spec,
                                                        InstanceFactory& factory,
                                                        const Span& span) {
  std::unique_ptr<SourcePast> past(new SourcePast(span));
  if (Status status = past->Start(
          spec, factory, [](const NodeSpec&) { return true; },
          "name the others with --source, or record it live");
      !status)
    return status.error();
  return past;
}

Status SourcePast::ReadSlice() {
  rows_.clear();
  at_ = 0;
  const int64_t end_ns = std::min(next_slice_ns_ + slice_ns_, span_.to_ns);
  for (const auto& node : nodes_)
    if (Status status = node->Read(next_slice_ns_, end_ns, &rows_); !status) return status;
  next_slice_ns_ = end_ns;
  if (rows_.size() > kSliceRows)
    slice_ns_ = std::max(slice_ns_ / 2 / interval_ns_, int64_t{1}) * interval_ns_;
  std::stable_sort(rows_.begin(), rows_.end(),
                   [](const ReplaySample& a, const ReplaySample& b) { return a.ts_ns < b.ts_ns; });
  return {};
}

Result<const PastMoment*> SourcePast::Next() {
  while (at_ == rows_.size() && next_slice_ns_ < span_.to_ns)
    if (Status status = ReadSlice(); !status) return status.error();
  if (at_ == rows_.size()) return static_cast<const PastMoment*>(nullptr);
  moment_.ts_ns = rows_[at_].ts_ns;
  moment_.samples.clear();
  for (; at_ < rows_.size() && rows_[at_].ts_ns == moment_.ts_ns; ++at_)
    moment_.samples.push_back(rows_[at_]);
  return &moment_;
}

}  // namespace heald::backtest
