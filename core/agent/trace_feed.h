// What of the journal isn't sent as spans yet: follows the audit trail, whose numbers have no gaps,
// and remembers in state_dir how far the receiver has it. So nothing is lost while the receiver or
// the agent is away, and the journal is the queue. Used by the agent. Thread rule: the exporter's
// thread; skipped_total from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/store/open.h"
#include "core/telemetry/span_exporter.h"

namespace heald::agent {

class TraceFeed final : public tracing::SpanSource {
 public:
  // Older than this is skipped: a receiver that was away for long gets what is of use.
  static constexpr int64_t kOldestNs = kDay;

  TraceFeed(StoreLocation location, const Clock& clock);
  ~TraceFeed() override;

  std::vector<tracing::Span> Next(size_t most) override;
  void Done() override;
  // Events of which no spans were made as they were too old.
  uint64_t skipped_total() const { return skipped_; }

 private:
  // False: the journal can't be read now.
  bool Open();
  // At the first start traces begin now; so they do with another journal.
  Status Begin();
  void Save();

  const StoreLocation location_;
  const Clock& clock_;
  const std::string path_;
  std::unique_ptr<StoreReader> reader_;
  std::string store_id_;
  uint64_t seq_ = 0;        // the receiver has all up to this row
  uint64_t shown_seq_ = 0;  // ... and when it has what Next gave
  uint64_t saved_seq_ = 0;
  std::atomic<uint64_t> skipped_{0};
};

}  // namespace heald::agent
