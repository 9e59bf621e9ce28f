#include "core/plugin/host.h"

#include <algorithm>
#include <utility>

#include "core/plugin/convert.h"
#include "core/plugin/http_extension.h"

namespace heald::plugin {
namespace {

constexpr uint64_t kMaxRows = 65'536;

Emitter& Out(void* ctx) {
  return *static_cast<Emitter*>(ctx);
}

}  // namespace

NodeHost::NodeHost(const Shared& shared, NodeContext& node, std::string state_dir)
    : shared_(shared), node_(node), state_dir_(std::move(state_dir)) {
  table_.size = sizeof table_;
  table_.abi_major = HEALD_ABI_MAJOR;
  table_.abi_minor = HEALD_ABI_MINOR;
  table_.ctx = this;
  table_.log = [](void* ctx, uint32_t level, heald_str message, const heald_label* fields,
                  uint64_t count) {
    NodeHost& self = Of(ctx);
    std::vector<std::pair<std::string_view, std::string_view>> copy;
    for (uint64_t i = 0; i < count; ++i)
      copy.emplace_back(FromC(fields[i].name), FromC(fields[i].value));
    self.shared_.services->Log(self.node_.spec().name, std::min<uint32_t>(level, HEALD_LOG_ERROR),
                               FromC(message), copy);
  };
  table_.metric = [](void* ctx, uint32_t kind, heald_str name, heald_str help, heald_labels labels,
                     uint64_t* metric, heald_error* error) {
    NodeHost& self = Of(ctx);
    const Result<uint64_t> id = self.shared_.services->Metric(
        self.node_.spec().name, kind, FromC(name), FromC(help), FromC(labels));
    if (!id) return ToC(id.error(), error);
    *metric = *id;
    return int32_t{HEALD_OK};
  };
  table_.metric_record = [](void* ctx, uint64_t metric, double value) {
    Of(ctx).shared_.services->Record(metric, value);
  };
  table_.series_intern = [](void* ctx, heald_labels labels, heald_series* series,
                            heald_error* error) {
    NodeHost& self = Of(ctx);
    const Labels copy = FromC(labels);
    if (copy.size() != labels.count)
      return ToC(MakeError(Code::kInvalid, "a label name is repeated in " + copy.ToString()),
                 error);
    const Result<uint32_t> handle = self.shared_.series->Intern(
        self.node_.index(), copy, self.node_.spec().max_series, self.shared_.clock->MonotonicNs());
    if (!handle) return ToC(handle.error(), error);
    *series = *handle;
    return int32_t{HEALD_OK};
  };
  table_.series_labels = [](void* ctx, heald_series series, heald_labels* labels) {
    static thread_local std::vector<heald_label> items;
    const SeriesTable::Series* known = Of(ctx).shared_.series->Get(series);
    if (known == nullptr) return int32_t{HEALD_STALE_SERIES};
    items.clear();
    for (const Labels::Pair& pair : known->labels.pairs())
      items.push_back({ToC(pair.first), ToC(pair.second)});
    *labels = {items.data(), items.size()};
    return int32_t{HEALD_OK};
  };
  table_.now_ns = [](void* ctx) { return Of(ctx).shared_.clock->NowNs(); };
  table_.monotonic_ns = [](void* ctx) { return Of(ctx).shared_.clock->MonotonicNs(); };
  table_.cancelled = [](void* ctx) { return Of(ctx).node_.cancelled() ? 1 : 0; };
  table_.state_dir = [](void* ctx) { return ToC(Of(ctx).state_dir_); };
  table_.node_name = [](void* ctx) { return ToC(Of(ctx).node_.spec().name); };
  table_.retain = [](void*, void* batch) { static_cast<SampleBatch*>(batch)->Retain(); };
  table_.release = [](void*, void* batch) { static_cast<SampleBatch*>(batch)->Release(); };
  table_.get_extension = [](void*, heald_str id) -> const void* {
    return FromC(id) == HEALD_EXT_HTTP ? HttpExtension() : nullptr;
  };
}

NodeSink::NodeSink(Emitter& emitter) {
  table_.size = sizeof table_;
  table_.ctx = &emitter;
  table_.reserve = [](void* ctx, uint64_t rows, heald_batch* batch, heald_error* error) {
    if (rows > kMaxRows)
      return ToC(MakeError(Code::kInvalid, "at most 65536 rows can be reserved at once"), error);
    const Result<SampleBatch*> reserved = Out(ctx).Reserve(rows);
    if (!reserved) return ToC(reserved.error(), error);
    batch->series = (*reserved)->series.data();
    batch->ts_ns = (*reserved)->ts_ns.data();
    batch->value = (*reserved)->value.data();
    batch->capacity = rows;
    batch->batch = *reserved;
    return int32_t{HEALD_OK};
  };
  table_.commit = [](void* ctx, heald_batch* batch, uint64_t rows, heald_error* error) {
    auto* const columns = static_cast<SampleBatch*>(std::exchange(batch->batch, nullptr));
    if (columns == nullptr)
      return ToC(MakeError(Code::kInvalid, "this batch was committed before"), error);
    if (rows > columns->series.size()) {
      columns->Release();
      return ToC(MakeError(Code::kInvalid, "more rows committed than reserved"), error);
    }
    const Status status = Out(ctx).Commit(columns, rows);
    return status ? int32_t{HEALD_OK} : ToC(status.error(), error);
  };
  table_.logs = [](void* ctx, const heald_log_line* lines, uint64_t count, uint64_t stride,
                   heald_error* error) {
    std::vector<LogLine> copy;
    copy.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      heald_log_line known;
      if (!ReadSized(reinterpret_cast<const char*>(lines) + i * stride, stride, &known))
        return ToC(MakeError(Code::kInvalid,
                             "the log line has fields that this host doesn't know: update heald"),
                   error);
      copy.push_back(FromC(known));
    }
    const Status status = Out(ctx).Logs(std::move(copy));
    return status ? int32_t{HEALD_OK} : ToC(status.error(), error);
  };
  table_.findings = [](void* ctx, const heald_finding* findings, uint64_t count, uint64_t stride,
                       heald_error* error) {
    std::vector<Finding> copy;
    copy.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      heald_finding known;
      if (!ReadSized(reinterpret_cast<const char*>(findings) + i * stride, stride, &known))
        return ToC(MakeError(Code::kInvalid,
                             "the finding has fields that this host doesn't know: update heald"),
                   error);
      Result<Finding> finding = FromC(known);
      if (!finding) return ToC(finding.error(), error);
      copy.push_back(std::move(*finding));
    }
    const Status status = Out(ctx).Findings(std::move(copy));
    return status ? int32_t{HEALD_OK} : ToC(status.error(), error);
  };
}

}  // namespace heald::plugin
