// Columns of samples on their way through the pipeline. The host owns them; a batch lives as long
// as someone holds a reference, so a slow consumer keeps its batch without a copy. Thread rule:
// filled by one thread, read-only once published; the count is safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

namespace heald {

class SampleBatch {
 public:
  SampleBatch(uint32_t owner_node, uint64_t rows, bool backfill_batch)
      : owner(owner_node), backfill(backfill_batch), series(rows), ts_ns(rows), value(rows) {}

  void Retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void Release() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  const uint32_t owner;  // index of the source node
  const bool backfill;   // history: learnt from, never acted on
  int64_t born_ns = 0;   // monotonic time of the commit
  uint64_t rows = 0;
  std::vector<uint32_t> series;
  std::vector<int64_t> ts_ns;
  std::vector<double> value;

 private:
  ~SampleBatch() = default;
  std::atomic<uint32_t> references_{1};
};

// Holds one reference.
class BatchRef {
 public:
  BatchRef() = default;
  explicit BatchRef(SampleBatch* adopted) : batch_(adopted) {}
  BatchRef(const BatchRef& other) : batch_(other.batch_) {
    if (batch_ != nullptr) batch_->Retain();
  }
  BatchRef(BatchRef&& other) noexcept : batch_(std::exchange(other.batch_, nullptr)) {}
  BatchRef& operator=(BatchRef other) noexcept {
    std::swap(batch_, other.batch_);
    return *this;
  }
  ~BatchRef() {
    if (batch_ != nullptr) batch_->Release();
  }
  SampleBatch* get() const { return batch_; }
  SampleBatch* operator->() const { return batch_; }
  SampleBatch& operator*() const { return *batch_; }
  explicit operator bool() const { return batch_ != nullptr; }

 private:
  SampleBatch* batch_ = nullptr;
};

}  // namespace heald
