// A queue with a limit between two stages. Used by the runner, one per consumer.
// Thread rule: safe from any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace heald {

enum class WhenFull { kBlock, kDropOldest };

template <typename T>
class BoundedQueue {
 public:
  BoundedQueue(size_t capacity, WhenFull when_full) : capacity_(capacity), when_full_(when_full) {}

  // False: the queue is full (kBlock) or closed, and the item stays with the caller.
  [[nodiscard]] bool TryPush(T& item) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    if (items_.size() >= capacity_) {
      if (when_full_ == WhenFull::kBlock) {
        ++refused_;
        return false;
      }
      items_.pop_front();
      ++dropped_;
    }
    items_.push_back(std::move(item));
    ready_.notify_one();
    return true;
  }

  std::optional<T> TryPop() {
    const std::lock_guard lock(mutex_);
    return PopLocked();
  }

  // Waits for an item; empty once closed and drained.
  std::optional<T> Pop() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return closed_ || !items_.empty(); });
    return PopLocked();
  }

  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    ready_.notify_all();
  }

  size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }
  uint64_t dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }
  uint64_t refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }
  size_t capacity() const { return capacity_; }

 private:
  std::optional<T> PopLocked() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }

  const size_t capacity_;
  const WhenFull when_full_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  // Guarded by mutex_:
  std::deque<T> items_;
  uint64_t dropped_ = 0;
  uint64_t refused_ = 0;
  bool closed_ = false;
};

}  // namespace heald
