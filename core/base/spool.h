// Texts waiting on disk until someone has taken them: notices for their notifier, changes for the
// journal while its store is away. One file that only grows: each text is a record with a checksum,
// and so is each mark that one was taken; it is cut to nothing once all are taken and rewritten
// when most of it is marks. What Push took survives a kill of the process, a torn or damaged record
// costs that record alone, and beyond the limit the oldest are dropped and counted. Thread rule:
// safe from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace heald {

inline constexpr uint64_t kSpoolBytes = uint64_t{64} << 20;

class Spool {
 public:
  struct Item {
    uint64_t seq = 0;
    std::string text;
  };
  struct Stats {
    size_t items = 0;
    uint64_t bytes = 0;    // of those
    uint64_t dropped = 0;  // since it was opened
  };

  // Takes up what the file holds; makes the file when there is none.
  static Result<std::unique_ptr<Spool>> Open(std::string path, uint64_t max_bytes = kSpoolBytes);
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool();

  // In the file when it returns, and if that can't be written, in memory. Either way it is taken;
  // the error says what isn't as it should be.
  Status Push(std::string_view text);
  // The oldest ones, at most so many and (but for the first) at most so many bytes.
  std::vector<Item> Peek(size_t count, uint64_t bytes);
  // These are taken; they won't come again.
  void Done(std::span<const uint64_t> seqs);

  bool empty() const;
  Stats stats() const;
  // What was wrong with the file that Open took up; empty: nothing.
  const std::string& damage() const { return damage_; }

 private:
  struct Entry {
    uint64_t seq = 0;
    uint64_t offset = 0;  // of the record; 0: only in memory
    uint32_t bytes = 0;   // of the text
    std::string text;     // empty when it is in the file
  };

  Spool(std::string path, int fd, uint64_t max_bytes)
      : path_(std::move(path)), max_bytes_(max_bytes), fd_(fd) {}
  Status Load();
  // All below with mutex_ held.
  bool Append(std::string_view record);
  bool Write(Entry& entry, std::string_view text);
  bool Forget(uint64_t seq, std::string* marks);
  void Settle(const std::string& marks);
  void Rewrite();
  bool ReadText(const Entry& entry, std::string* text) const;

  const std::string path_;
  const uint64_t max_bytes_;
  std::string damage_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  int fd_;
  uint64_t size_ = 0;  // of the file's good part
  uint64_t live_bytes_ = 0;
  uint64_t next_seq_ = 1;
  uint64_t dropped_ = 0;
  size_t in_memory_ = 0;  // entries that aren't in the file
  std::deque<Entry> entries_;
};

}  // namespace heald
