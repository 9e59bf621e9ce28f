#include "core/agent/trace_feed.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <utility>

#include "core/agent/incident_trace.h"

namespace heald::agent {
namespace {

constexpr size_t kEventsAtOnce = 256;
constexpr uint64_t kSaveEvery =
    1000;  // rows without a span, so that a start needn't read them again

}  // namespace

TraceFeed::TraceFeed(StoreLocation location, const Clock& clock)
    : location_(std::move(location)),
      clock_(clock),
      path_((std::filesystem::path(location_.state_dir) / "traces_sent").string()) {}

TraceFeed::~TraceFeed() {
  if (reader_ != nullptr && seq_ != saved_seq_) Save();
}

bool TraceFeed::Open() {
  if (reader_ != nullptr) return true;
  Result<std::unique_ptr<StoreReader>> reader = OpenStoreReader(location_);
  if (!reader) return false;
  reader_ = std::move(*reader);
  if (Begin()) return true;
  reader_.reset();
  return false;
}

Status TraceFeed::Begin() {
  const Result<AuditEnds> ends = reader_->Ends();
  if (!ends) return ends.error();
  if (store_id_ == ends->store_id) return {};
  store_id_ = ends->store_id;
  std::string id;
  uint64_t seq = 0;
  const bool known = static_cast<bool>(std::ifstream(path_) >> id >> seq);
  seq_ = saved_seq_ = known && id == store_id_ && seq <= ends->seq ? seq : ends->seq;
  if (!known || id != store_id_) Save();
  return {};
}

void TraceFeed::Save() {
  const std::string fresh = path_ + ".new";
  // Where it can't be written the last ones are sent once more after a restart, as the same spans.
  if (std::ofstream(fresh, std::ios::trunc) << store_id_ << ' ' << seq_ << std::endl)
    std::rename(fresh.c_str(), path_.c_str());
  saved_seq_ = seq_;
}

std::vector<tracing::Span> TraceFeed::Next(size_t most) {
  std::vector<tracing::Span> spans;
  while (Open()) {
    const Result<std::vector<AuditEvent>> events = reader_->Events(seq_, kEventsAtOnce);
    if (!events) {
      reader_.reset();
      break;
    }
    if (events->empty()) break;
    std::map<uint64_t, std::optional<Chain>> chains;
    for (const AuditEvent& event : *events) {
      if (spans.size() >= most) break;
      if (event.incident != 0 && EndsASpan(event.kind)) {
        if (event.ts_ns < clock_.NowNs() - kOldestNs) {
          ++skipped_;
        } else {
          auto at = chains.find(event.incident);
          if (at == chains.end()) {
            Result<std::optional<Chain>> chain = reader_->ChainOf(event.incident);
            if (!chain) {
              reader_.reset();
              return {};
            }
            at = chains.emplace(event.incident, std::move(*chain)).first;
          }
          // One that retention has deleted has no trace any more.
          if (at->second)
            for (tracing::Span& span : SpansOf(*at->second, event))
              spans.push_back(std::move(span));
        }
      }
      shown_seq_ = event.seq;
    }
    if (!spans.empty()) return spans;
    seq_ = shown_seq_;
    if (seq_ - saved_seq_ >= kSaveEvery) Save();
  }
  return spans;
}

void TraceFeed::Done() {
  seq_ = shown_seq_;
  Save();
}

}  // namespace heald::agent
