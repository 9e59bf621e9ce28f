// What a node emits: samples to those who asked for them, lines, findings.
#include <algorithm>

#include "core/pipeline/node.h"

namespace heald {
namespace {

constexpr int64_t kCongestedRetryNs = 100 * kMillisecond;
constexpr size_t kMaxLines = 65'536;  // of one call

// An error where somebody who mustn't lose anything is behind.
Status RoomFor(const Edges& edges) {
  for (const Edge& edge : edges) {
    if (!edge.to->Congested()) continue;
    Error error = MakeError(Code::kFull, "node " + edge.to->spec().name + " is behind");
    error.retryable = true;
    error.retry_after_ns = kCongestedRetryNs;
    return error;
  }
  return {};
}

}  // namespace

Result<SampleBatch*> Node::Reserve(uint64_t rows) {
  if (Status room = RoomFor(*CurrentEdges()); !room) return room.error();
  return new SampleBatch(index_, rows, backfilling_.load(std::memory_order_relaxed));
}

Status Node::Commit(SampleBatch* raw, uint64_t rows) {
  const BatchRef batch(raw);
  if (rows == 0) return {};
  const int64_t now_ns = clock_.MonotonicNs();
  uint32_t name = 0;  // of all rows, unless mixed
  bool mixed = false;
  uint64_t kept = 0;
  for (uint64_t i = 0; i < rows; ++i) {
    const uint32_t handle = batch->series[i];
    const SeriesTable::Series* series = series_.Get(handle);
    if (series == nullptr || series->owner != index_) continue;
    SeriesTable::Touch(series, now_ns, batch->value[i], batch->ts_ns[i]);
    if (kept != i) {
      batch->series[kept] = handle;
      batch->ts_ns[kept] = batch->ts_ns[i];
      batch->value[kept] = batch->value[i];
    }
    if (kept == 0) name = series->name;
    mixed |= name != series->name;
    ++kept;
  }
  const uint64_t stale = rows - kept;
  stale_.fetch_add(stale, std::memory_order_relaxed);
  out_.fetch_add(kept, std::memory_order_relaxed);
  batch->rows = kept;
  batch->born_ns = now_ns;
  if (kept != 0) {
    if (events_.WantsSamples(spec_)) events_.OnSamples(spec_, *batch);
    for (const Edge& edge : *CurrentEdges()) {
      const auto wanted = [&edge](uint32_t id) {
        return std::find(edge.names.begin(), edge.names.end(), id) != edge.names.end();
      };
      if (edge.names.empty() || (!mixed && wanted(name)))
        edge.to->PushSamples(batch);
      else if (mixed)
        PushPart(*batch, edge, wanted);
    }
  }
  if (stale != 0)
    return MakeError(Code::kStaleSeries,
                     std::to_string(stale) + " rows were under expired handles");
  return {};
}

// The rows of a mixed batch that the edge asks for, as a batch of their own.
void Node::PushPart(const SampleBatch& batch, const Edge& edge,
                    const std::function<bool(uint32_t)>& wanted) {
  std::vector<uint64_t> rows;
  for (uint64_t i = 0; i < batch.rows; ++i) {
    const SeriesTable::Series* series = series_.Get(batch.series[i]);
    if (series != nullptr && wanted(series->name)) rows.push_back(i);
  }
  if (rows.empty()) return;
  const BatchRef part(new SampleBatch(index_, rows.size(), batch.backfill));
  for (const uint64_t i : rows) {
    part->series[part->rows] = batch.series[i];
    part->ts_ns[part->rows] = batch.ts_ns[i];
    part->value[part->rows++] = batch.value[i];
  }
  part->born_ns = batch.born_ns;
  edge.to->PushSamples(part);
}

std::shared_ptr<const Edges> Node::CurrentEdges() const {
  const std::lock_guard lock(mutex_);
  return edges_;
}

// All or nothing, so that whoever has the lines can hand them over again.
Status Node::Logs(std::vector<LogLine> lines) {
  if (lines.empty()) return {};
  if (lines.size() > kMaxLines)
    return MakeError(Code::kInvalid, "at most 65536 lines can be handed over at once");
  const std::shared_ptr<const Edges> edges = CurrentEdges();
  if (Status room = RoomFor(*edges); !room) return room;
  const int64_t now_ns = clock_.MonotonicNs();
  constexpr uint32_t kNoName = UINT32_MAX;
  std::vector<uint32_t> names;  // of each line's stream
  names.reserve(lines.size());
  for (const LogLine& line : lines) {
    if (line.stream == kNoSeries) {
      names.push_back(kNoName);
      continue;
    }
    const SeriesTable::Series* stream = series_.Get(line.stream);
    if (stream == nullptr || stream->owner != index_) {
      stale_.fetch_add(1, std::memory_order_relaxed);
      return MakeError(Code::kStaleSeries, "a line's stream has expired: intern it again");
    }
    // Alive, but without a value: it isn't a series of numbers.
    SeriesTable::Touch(stream, now_ns, stream->value.load(std::memory_order_relaxed),
                       stream->ts_ns.load(std::memory_order_relaxed));
    names.push_back(stream->name);
  }
  out_.fetch_add(lines.size(), std::memory_order_relaxed);
  const bool backfill = backfilling_.load(std::memory_order_relaxed);
  const auto all = std::make_shared<const std::vector<LogLine>>(std::move(lines));
  for (const Edge& edge : *edges) {
    const auto wanted = [&edge](uint32_t name) {
      return edge.names.empty() ||
             std::find(edge.names.begin(), edge.names.end(), name) != edge.names.end();
    };
    if (std::all_of(names.begin(), names.end(), wanted)) {
      edge.to->PushLogs({all, backfill, now_ns});
      continue;
    }
    std::vector<LogLine> part;
    for (size_t i = 0; i < all->size(); ++i)
      if (wanted(names[i])) part.push_back((*all)[i]);
    if (!part.empty())
      edge.to->PushLogs(
          {std::make_shared<const std::vector<LogLine>>(std::move(part)), backfill, now_ns});
  }
  return {};
}

// Findings made from history are held until live data confirms them; those that clear before are
// never seen.
Status Node::Findings(std::vector<Finding> findings) {
  for (Finding& finding : findings) {
    finding.node = spec_.name;
    finding.arrived_ns = batch_born_ns_.load(std::memory_order_relaxed);
    finding.id = spec_.name + "/" + epoch_ + "/" + finding.id;
    const bool live = !backfilling_.load(std::memory_order_relaxed) &&
                      live_batch_.load(std::memory_order_relaxed);
    {
      const std::lock_guard lock(held_mutex_);
      if (!live) {
        if (finding.state == FindingState::kClear)
          held_.erase(finding.id);
        else
          held_[finding.id] = std::move(finding);
        continue;
      }
      if (const auto at = held_.find(finding.id); at != held_.end()) {
        held_.erase(at);
        if (finding.state == FindingState::kClear) continue;
        finding.state = FindingState::kOpen;
      }
    }
    out_.fetch_add(1, std::memory_order_relaxed);
    events_.OnFinding(std::move(finding));
  }
  return {};
}

}  // namespace heald
