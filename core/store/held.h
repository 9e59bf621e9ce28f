// Changes that happened while the store was away, in their order, until they are in it. With a
// folder they wait in a file there, so that they outlive the process; without one in memory. Used
// by core/remedy/journal.h. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/base/spool.h"
#include "core/store/file_lock.h"
#include "core/store/store.h"

namespace heald {

inline constexpr uint64_t kHeldBytes = uint64_t{256} << 20;

class HeldChanges {
 public:
  // In memory, a bounded number.
  HeldChanges() = default;
  // In `state_dir`, by the store's id; takes up what an earlier process left there. What another
  // agent's writing has made obsolete is put aside, never dropped: then `note` says so.
  static Result<std::unique_ptr<HeldChanges>> Open(const std::string& state_dir, const Store& store,
                                                   uint64_t max_bytes = kHeldBytes);

  // An error: the file doesn't take it, or others had to go for it; it is held all the same.
  Status Push(const Change& change);
  // The oldest ones made one, at most so many; those up to number `known` are forgotten, because
  // the store has them.
  Change Take(size_t count, uint64_t known);
  // The ones last taken are in the store.
  void Done();

  bool empty() const { return size() == 0; }
  size_t size() const;
  uint64_t bytes() const { return spool_ == nullptr ? 0 : spool_->stats().bytes; }
  // Changes that had to go because there was no more room, or couldn't be read.
  uint64_t lost_total() const;
  // Of those that were seen so far; all of them once it is empty.
  uint64_t last_number() const { return last_number_; }
  // Whether they outlive the process.
  bool durable() const { return spool_ != nullptr; }
  const std::string& note() const { return note_; }

 private:
  static void Append(Change&& change, Change* all);

  FileLock lock_;
  std::unique_ptr<Spool> spool_;  // null: in memory
  std::deque<Change> memory_;
  std::vector<uint64_t> taken_;  // places in the spool
  size_t taken_count_ = 0;
  uint64_t last_number_ = 0;
  uint64_t lost_total_ = 0;
  std::string note_;
};

}  // namespace heald
